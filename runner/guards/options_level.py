"""The account's options level must allow the strategy."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard
from runner.guards.holding import beyond_holding

CODE = "options_level"
COVERED, BUYING, SPREADS = 1, 2, 3
TAKES = {
    COVERED: "selling covered calls and cash-secured puts",
    BUYING: "buying calls and puts",
    SPREADS: "orders of several legs",
}
CONTRACT = "AAPL261218C00200000"


def judge(one: Judged) -> Verdict | None:
    """Refuses an option order that opens something above the account's level, or an account that
    does not say its level. Says nothing of other orders."""
    if one.asset_class != "us_option":
        return None
    if not one.draft.several and beyond_holding(one) == 0:
        return let_pass(CODE, "closing takes no level")
    selling = one.draft.side == "sell"
    return _judge(one, SPREADS if one.draft.several else COVERED if selling else BUYING)


def _judge(one: Judged, needed: int) -> Verdict:
    configuration = one.bounds.configuration
    level = one.world.account.options_trading_level
    most = configuration.max_options_trading_level if configuration is not None else None
    values = {"options_trading_level": level, "max_options_trading_level": most, "needed": needed}
    if level is None:
        return refuse(CODE, "the broker does not say the account's options level", **values)
    allowed = level if most is None else min(level, most)
    words = f"level {needed} is for {TAKES[needed]}"
    if allowed < needed:
        return refuse(CODE, f"{words}, and the account has level {allowed:f}", **values)
    return let_pass(CODE, f"{words}; the account has level {allowed:f}", **values)


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """The same of the whole order: whatever its legs do, it takes the level of spreads."""
    return judge(replace(legs[-1], draft=draft))


def known_bad(one: Judged) -> Judged:
    """An option bought on an account that may trade none."""
    body = {"symbol": CONTRACT, "side": "buy", "type": "market", "time_in_force": "day", "qty": "1"}
    account = replace(one.world.account, options_trading_level=Decimal(0))
    world = replace(one.world, account=account)
    bounds = replace(one.bounds, expected=Decimal(0))
    return replace(one, draft=Draft(CONTRACT, "buy", body), world=world, bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="an opening option order above the account's level, or when the level is not known",
    default="level 1 sells covered, level 2 buys, level 3 trades several legs",
    reason="The broker refuses it in the middle of the run.",
    source="Alpaca options trading page, 2026-09-16: trading levels (facts page 2.3)",
    judge_legs=judge_legs,
)
