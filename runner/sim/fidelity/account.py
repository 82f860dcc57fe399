"""What the account is worth, may do, and keeps beside orders."""

from __future__ import annotations

from runner.sim.fidelity.grades import (
    ASSUMED,
    CHOICE,
    DOCUMENTED,
    ERRORS,
    OBSERVED,
    SPEC,
    Rule,
)

RULES_OF_ACCOUNT: tuple[Rule, ...] = (
    # ------------------------------------------------------------------ account
    Rule(
        "account.cash",
        "Cash moves at the fill, in whole cents.",
        OBSERVED,
        "paper API, 2026",
    ),
    Rule(
        "account.buying-power",
        "Buying power is the multiplier times equity, less the positions' value and what open"
        " orders set aside; more than that is refused with 403.",
        DOCUMENTED,
        f"{SPEC} at multiplier 2; assumed to hold alike at 4",
    ),
    Rule(
        "account.collar",
        "A market or stop buy sets aside 2.5 percent above the ask or stop, a short sale the larger"
        " of its limit and 3 percent above the ask.",
        DOCUMENTED,
        "Alpaca order page (2.5 to 4 percent)",
    ),
    Rule(
        "account.margin",
        "Maintenance margin is each asset's percentage, initial margin half, all of what is not"
        " marginable.",
        DOCUMENTED,
        f"{SPEC}; Regulation T",
    ),
    Rule(
        "account.minimum-equity",
        "Below 2,000 dollars of equity there is no margin and no shorting.",
        DOCUMENTED,
        "FINRA Rule 4210(b); Regulation T",
    ),
    Rule(
        "account.shorting",
        "Short sales need a margin account that allows them.",
        OBSERVED,
        ERRORS,
    ),
    Rule("short.allowed", "Short sales need a shortable asset.", OBSERVED, ERRORS),
    Rule(
        "account.last-equity",
        "`last_equity` is taken at the last close's prices and changes at 20:00 New York time.",
        ASSUMED,
        f"{SPEC}; the moment of the change is assumed",
    ),
    Rule(
        "configuration.patch",
        "Nulls and unknown keys of a PATCH change nothing.",
        ASSUMED,
        "alpaca-py sends nulls",
    ),
    Rule(
        "positions.close",
        "Closing a position is a market DAY order; a percentage of whole shares is whole.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "positions.close-all",
        "Closing all answers 207, one row a position; with `cancel_orders` every open order is"
        " canceled at once before.",
        DOCUMENTED,
        f"{SPEC}; at once is assumed",
    ),
    Rule(
        "pdt.legacy",
        "Only with `regime: legacy_pdt`: the three account fields exist, and below 25,000 dollars"
        " the fourth day trade in five sessions is refused with 403/40310100.",
        DOCUMENTED,
        "Alpaca's rules before 2026-06-04",
    ),
    # ------------------------------------------------------------------ beside orders
    Rule(
        "activities.other",
        "Crypto fees and the ends of options are activities of their own types.",
        DOCUMENTED,
        SPEC,
    ),
    Rule(
        "portfolio.history",
        "Equity at each step of sessions, from the fills and the tape; profit within a day against"
        " the close before that day, or with `pnl_reset=no_reset` and for days against the close"
        " before the first step. Of start, end and period at most two. No cash flows.",
        DOCUMENTED,
        f"{SPEC}; rounding is assumed",
    ),
    Rule(
        "watchlists",
        "Watchlists have a unique name and each symbol once.",
        DOCUMENTED,
        f"{SPEC}; the texts are assumed",
    ),
    Rule(
        "announcements",
        "There are no corporate actions: every list of announcements is empty.",
        ASSUMED,
        CHOICE,
    ),
)
