"""What the exchange imitates, rule by rule, and how each rule is known.

The registry is the source of `docs/fidelity.md`; a test holds the two together and finds each id
at the code that applies it. Rules stand in one module for each topic.
"""

from __future__ import annotations

from runner.sim.fidelity.account import RULES_OF_ACCOUNT
from runner.sim.fidelity.answers import RULES_OF_ANSWERS
from runner.sim.fidelity.assets import RULES_OF_ASSETS
from runner.sim.fidelity.faults import RULES_OF_FAULTS
from runner.sim.fidelity.grades import GRADES, Rule
from runner.sim.fidelity.market import RULES_OF_MARKET
from runner.sim.fidelity.orders import RULES_OF_ORDERS
from runner.sim.fidelity.trading import RULES_OF_TRADING

RULES: tuple[Rule, ...] = (
    *RULES_OF_ANSWERS,
    *RULES_OF_ORDERS,
    *RULES_OF_TRADING,
    *RULES_OF_ACCOUNT,
    *RULES_OF_MARKET,
    *RULES_OF_FAULTS,
    *RULES_OF_ASSETS,
)

ABSENT: tuple[str, ...] = (
    "IPO orders and tokenization; option orders other than market and limit; level changes",
    "the market data sockets; server-sent events",
    "corporate actions, dividends, interest, fees, borrow costs, margin calls and liquidations",
    "the market's depth: size never moves a price and never limits a fill",
    "halts, auctions' own prices, price bands and the check for limits far from the market",
    "a limit of its own for positions above 600 percent of equity: buying power ends before that",
    "deductions for intraday margin deficits",
    "settlement: proceeds are cash at once",
    "account documents, wallets and transfers",
    "the status pending_review; causes of done_for_day, suspended, stopped, calculated and"
    " accepted_for_bidding other than faults and the control API",
    "`ptp_no_exception_entry`: kept, and without effect",
    "the cut-off for options on their last day, early assignment, and margin calls at expiry",
    "open interest, greeks, and `sma` as brokers compute it",
    "quotes and trades of the past; only the latest are given, and bars",
)


def page() -> str:
    """The text of `docs/fidelity.md`."""
    lines = [
        "# Fidelity of the embedded exchange",
        "",
        "Everything that the embedded exchange answers is simulated. This page lists each rule it",
        "applies and how the rule is known, so that nobody takes a rehearsal for more than it is.",
        "It is written from `runner/sim/fidelity/`, and a test holds the two together.",
        "",
        "| grade | what it means | rules |",
        "|---|---|---|",
    ]
    for grade, meaning in GRADES.items():
        count = sum(rule.grade == grade for rule in RULES)
        lines.append(f"| {grade} | {meaning} | {count} |")
    lines += ["", "## Rules", "", "| rule | what it says | grade | source |", "|---|---|---|---|"]
    lines += [f"| `{r.id}` | {r.sentence} | {r.grade} | {r.source} |" for r in RULES]
    lines += ["", "## Knowingly absent", ""]
    lines += [f"- {sentence}" for sentence in ABSENT]
    return "\n".join(lines) + "\n"
