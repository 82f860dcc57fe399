"""How a run is put into words: steps, orders, amounts, times, and what is wrong.

Everything that came from a file or the broker passes through `visible` before it reaches a screen.
Numbers stay as they were written; only money gets thousands separators, and only here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any

from runner.guards.rules import Policy
from runner.language.declare import Action
from runner.language.kinds import AVERAGE, DURATION, MOMENT, MONEY, Kind
from runner.language.runbook import Argument, Literal, Nested, OrderReference, Runbook, Step
from runner.machine.failures import HALT
from runner.report.diagnostics import visible
from runner.report.run_resumed import Resumed
from runner.report.run_text import average, money, new_york, spoken
from runner.world import Order, decimal, moment

WORD_STYLES = {
    "done": "green",
    "sent": "green",
    "skipped": "dim",
    "waiting": "cyan",
    "running": "cyan",
    "refused": "bold red",
    "failed": "bold red",
    "unknown": "bold red",
    "left": "bold red",
    "offline": "bold red",
    "retrying": "bold red",
}
NOTICEABLE = timedelta(milliseconds=50)
"""Less than this is not shown as time that a step took."""

LOUD = frozenset({"refused", "failed", "unknown", "left"})
"""States that must not be overlooked."""


@dataclass(frozen=True, slots=True)
class About:
    """Which run is shown. `kind` is the target's (sim, paper, live, url), `log` the log's path.

    `policy` is said where it is given: which one holds, and each guard that it turns off.
    """

    runbook: Runbook
    run_id: str
    kind: str
    base_url: str
    log: Path
    resumed: Resumed | None = None
    policy: Policy | None = None

    @property
    def simulated(self) -> bool:
        return self.kind == "sim"

    @property
    def target(self) -> str:
        """The target as a person names it."""
        names = {
            "sim": "the simulated exchange",
            "paper": "Alpaca paper trading",
            "live": "Alpaca LIVE trading, with real money",
        }
        return names.get(self.kind, visible(self.base_url))

    @property
    def heading(self) -> str:
        """What runs where, and how to find it again: whole lines, never broken."""
        name, log = visible(self.runbook.name), visible(str(self.log))
        heading = f"{name} on {self.target}\nrun {self.run_id}\nlog {log}\n{self._ruled}"
        if self.resumed is None:
            return heading
        return f"{heading}{self.resumed.heading}\n"

    @property
    def _ruled(self) -> str:
        """Which policy holds, and each guard that it turns off; a line each."""
        if self.policy is None:
            return ""
        file, home = self.policy.file, str(Path("~").expanduser())
        if home != "/" and file.startswith(f"{home}/"):
            file = f"~{file.removeprefix(home)}"
        off = self.policy.off.items()
        lines = [f"! guard {guard} is turned off: {visible(reason)}\n" for guard, reason in off]
        return f"policy {visible(file) if file else 'built in'}\n{''.join(lines)}"

    def where(self, path: str) -> str:
        """`file:line:column` of a top-level step; empty for any other path."""
        step = next((one for one in top_steps(self.runbook) if one.place == path), None)
        if step is None:
            return ""
        return f"{visible(self.runbook.source.name)}:{step.span.line}:{step.span.column}"


def top_steps(runbook: Runbook) -> tuple[Step, ...]:
    """The steps of the outermost block in the order in which they are written."""
    body = runbook.body
    return (*body.steps, *body.rescue, *body.always)


# ------------------------------------------------------------------------------------ steps


def shown(value: object, kind: Kind | None = None) -> str:
    """One output in words. Averages, which are computed, are cut to six places."""
    text = plain(value)
    if kind is None:
        return text
    if kind.unit == MONEY.unit:
        return money(text)
    if kind == AVERAGE:
        return average(text)
    if kind.name == DURATION.name and re.fullmatch(r"\d+(\.\d+)?s", text):
        return spoken(timedelta(seconds=float(text[:-1])))
    if kind.name == MOMENT.name:
        at = moment(text)
        return new_york(at) if at is not None else text
    return text


def plain(value: object) -> str:
    """A value without the marks of a programming language; of records only how many there are."""
    if isinstance(value, Mapping):
        return ", ".join(f"{visible(str(key))} {plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        if any(isinstance(one, Mapping) for one in value):
            return f"{len(value)} listed"
        return ", ".join(plain(one) for one in value) or "none"
    return str(value).lower() if isinstance(value, bool) else visible(str(value))


def label(step: Step) -> str:
    """What a step is called: its name, else its action and what it is about."""
    called = visible(step.name) or f"{step.action.name} {_subject(step)}".rstrip()
    section = step.place.partition("[")[0]
    return called if section == "steps" else f"{section}: {called}"


def _subject(step: Step) -> str:
    for key in ("order", "symbol", "legs"):
        if key in step.arguments:
            return _named(step.arguments[key])
    return ""


def _named(argument: Argument) -> str:
    content = argument.content
    if isinstance(content, tuple):
        return ", ".join(name for name in map(_named, content) if name)
    if isinstance(content, Nested):
        return _named(content.arguments["symbol"]) if "symbol" in content.arguments else ""
    if isinstance(content, OrderReference):
        leg = "" if content.output == "order_id" else f".{content.output}"
        return visible(f"{content.step_id}{leg}")
    if isinstance(content, Literal) and isinstance(content.value, str):
        return visible(content.value)
    return ""


_SAYS: Mapping[str, tuple[str, ...]] = {
    "check_account": ("equity {equity}", "buying power {buying_power}"),
    "assert_no_pdt_risk": ("{regime}", "{day_trades} day trades", "margin excess {margin_excess}"),
    "check_market": ("{session}", "closes {next_close}"),
    "check_asset": ("{symbol}", "{class}"),
    "check_position": ("{side}", "{qty} held", "average {avg_entry_price}"),
    "check_order": ("{status}", "{filled_qty} filled", "average {filled_avg_price}"),
    "get_quote": ("bid {bid}", "ask {ask}", "{age} old"),
    "cancel_order": ("{status}", "{filled_qty} filled"),
    "list_orders": (
        "open orders: {count}",
        "{buy_qty} to buy",
        "{sell_qty} to sell",
        "oldest {oldest}",
    ),
    "close_all": ("{closed} closed", "{canceled} cancelled"),
    "cancel_all": ("{canceled} cancelled", "{kept} kept", "{already_done} already done"),
    "close_position": ("nothing to close",),
    "wait": ("waited {waited}",),
    "confirm": ("approved by {approved_by}",),
}
"""What is said of an action's outputs. A phrase whose output is absent is left out."""


def outputs_in_words(action: Action | None, name: str, outputs: Mapping[str, Any]) -> str:
    """What a step found, in one line; empty when it found nothing."""
    if name == "await_fill":
        return _fill(outputs)
    kinds = {key: one.kind for key, one in action.outputs.items()} if action is not None else {}
    known = {visible(key): value for key, value in outputs.items() if value is not None}
    words = {key: shown(value, kinds.get(key)) for key, value in known.items()}
    phrases = _SAYS.get(name)
    if phrases is None:
        return " · ".join(f"{key} {value}" for key, value in list(words.items())[:4])
    return " · ".join(phrase.format(**words) for phrase in phrases if _names(phrase) <= set(words))


def _names(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


def _fill(outputs: Mapping[str, Any]) -> str:
    if outputs.get("status") == "none":
        return "no order was sent"
    filled, left = decimal(outputs.get("filled_qty")), decimal(outputs.get("remaining_qty"))
    price = outputs.get("filled_avg_price")
    if filled is None:
        return ""
    asked = f" of {filled + left:f}" if left is not None else ""
    status = outputs.get("status")
    return (
        f"{filled:f}{asked} filled"
        + (f" at {average(visible(str(price)))}" if price else "")
        + (f", {visible(str(status))}" if status not in (None, "filled") else "")
    )


# ----------------------------------------------------------------------------------- orders


def order_in_words(body: Mapping[str, Any]) -> str:
    """An order as it is meant: `buy 1 AAPL limit 180.00 day`, with its exits or its legs."""
    words = " ".join(visible(one) for one in _order_words(body))
    exits = ", ".join(visible(one) for one in _exits_in_words(body))
    return f"{words} ({exits})" if exits else words


def _exits_in_words(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("order_class") not in (None, "", "simple", "mleg"):
        yield str(body["order_class"])
    profit, loss = body.get("take_profit"), body.get("stop_loss")
    if isinstance(profit, Mapping):
        yield f"take profit {profit.get('limit_price')}"
    if isinstance(loss, Mapping):
        limit = f" limit {loss['limit_price']}" if loss.get("limit_price") is not None else ""
        yield f"stop loss {loss.get('stop_price')}{limit}"


def _legs_in_words(body: Mapping[str, Any]) -> str:
    """`(buy 1 AAPL261218C00200000 + sell 1 …)`; empty for an order that has a symbol of its own."""
    legs = body.get("legs")
    if body.get("symbol") or not isinstance(legs, list):
        return ""
    rows = [leg for leg in legs if isinstance(leg, Mapping)]
    told = [[leg.get(key) for key in ("side", "ratio_qty", "symbol")] for leg in rows]
    parts = [" ".join(str(one) for one in words if one) for words in told]
    return f"({' + '.join(parts) or 'several legs'})"


def _order_words(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("side"):
        yield str(body["side"])
    if body.get("qty") is not None:
        yield str(body["qty"])
    elif body.get("notional") is not None:
        yield f"${money(str(body['notional']))} of"
    legs = _legs_in_words(body)
    if legs:
        yield f"x {legs}" if body.get("qty") is not None else legs
    for key in ("symbol", "type"):
        if body.get(key):
            yield str(body[key])
    prices = {"stop_price": "stop", "limit_price": "limit", "trail_price": "by",
              "trail_percent": "by"}  # fmt: skip
    given = [key for key in prices if body.get(key) is not None]
    for key in given:
        if len(given) > 1 or body.get("type") != prices[key]:
            yield prices[key]
        if legs and key == "limit_price":
            yield _net(str(body[key]))
        else:
            yield f"{body[key]}%" if key == "trail_percent" else str(body[key])
    if body.get("time_in_force"):
        yield str(body["time_in_force"])


def _net(price: str) -> str:
    """The net price of several legs: what is paid for them, or what comes in."""
    number = decimal(price)
    if number is None or number == 0:
        return price
    return f"{abs(number):f} {'debit' if number > 0 else 'credit'}"


def order_state(order: Order) -> str:
    """Where an order stands: `partially_filled, 40 of 100 filled at 189.20`."""
    filled = order.filled_qty
    if order.status == "filled" and filled is not None:
        return f"filled {filled:f}{_at(order.filled_avg_price)}"
    words = visible(order.status) or "of unknown status"
    if filled is None:
        return words
    asked = f" of {order.qty:f}" if order.qty is not None else ""
    return f"{words}, {filled:f}{asked} filled{_at(order.filled_avg_price)}"


def _at(price: Decimal | None) -> str:
    return f" at {price:f}" if price is not None else ""


# ----------------------------------------------------------------------------------- trouble


def broker_in_words(problem: Mapping[str, Any]) -> str:
    """What the broker said, with its status, code and the numbers it gave."""
    status, code = problem.get("status"), problem.get("code")
    facts = [f"HTTP {status}"] if status is not None else []
    facts += [f"code {code}"] if code is not None else []
    extra = problem.get("extra")
    if isinstance(extra, Mapping):
        facts += [f"{key} {plain(value)}" for key, value in extra.items()]
    words = visible(str(problem.get("message", "")))
    return f"{words} ({visible(', '.join(facts))})" if facts else words


def stopping(name: str) -> str:
    """What is said the moment a first signal arrives, or a halt is seen."""
    goes_on = "no further step begins; finishing cleanup."
    if name.startswith(HALT):
        who = visible(name.removeprefix(HALT))
        return f"Halted {who}. Stopping safely: {goes_on} Ctrl-C twice leaves at once."
    leave = "Press Ctrl-C again to leave" if name == "SIGINT" else "Ctrl-C (or kill -INT) leaves"
    return f"{visible(name)}: stopping safely: {goes_on} {leave} at once."
