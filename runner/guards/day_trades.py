"""Where day trades are limited, nothing is opened that could not be closed on the same day.

The pattern-day-trader rule ended on 2026-06-04 and the broker removed its fields on 2026-07-06.
Where they are present all the same (another environment), the classic rule holds: an account below
25,000 dollars that is flagged, or has used its three day trades, could not get out before the next
session of what it opens now. `max_day_trades` is a budget of the house, under any rule.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "day_trades"
PDT_EQUITY = Decimal(25_000)
PDT_DAY_TRADES = 3


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that opens when the classic rule or the house's budget is used up.

    Fields of the classic rule that are absent altogether mean that it does not apply, which is
    said; half of them, or a count that could not be made, refuse. Crypto was never under it.
    """
    most, counted = one.bounds.rules.limits.max_day_trades, one.bounds.day_trades
    values: dict[str, object] = {}
    if most is not None:
        values = {"house_day_trades": counted, "max_day_trades": most}
        if counted is None:
            words = "the account's day trades of five sessions could not be counted"
            return refuse(CODE, words, **values)
        if counted >= most:
            words = f"{counted} day trades in five sessions, and the house's budget is {most:f}"
            return refuse(CODE, f"{words}: nothing is opened", **values)
    return _classic(one, values)


def _classic(one: Judged, values: dict[str, object]) -> Verdict:
    account = one.world.account
    flagged, count = account.pattern_day_trader, account.daytrade_count
    if one.asset_class == "crypto":
        return let_pass(CODE, "the pattern-day-trader rule was never for crypto", **values)
    if flagged is None and count is None:
        words = "the pattern-day-trader rule does not apply: retired on 2026-06-04, fields absent"
        return let_pass(CODE, words, **values)
    equity = account.last_equity
    values = {**values, "pattern_day_trader": flagged, "daytrade_count": count,
              "last_equity": equity}  # fmt: skip
    if equity is not None and equity >= PDT_EQUITY:
        return let_pass(CODE, f"last equity {equity:f} makes day trades unlimited", **values)
    if flagged is None or count is None or equity is None:
        missing = ", ".join(name for name, value in values.items() if value is None)
        words = f"the account has the day-trading rule, and the broker does not say {missing}"
        return refuse(CODE, words, **values)
    if not flagged and count < PDT_DAY_TRADES:
        return let_pass(CODE, f"{count:f} of {PDT_DAY_TRADES} day trades are used", **values)
    why = "flagged as a pattern day trader" if flagged else f"at {count:f} day trades in five days"
    words = (
        f"the account is {why} with last equity {equity:f}, below {PDT_EQUITY:f}: what this order "
        "opens could not be closed today"
    )
    return refuse(CODE, words, **values)


def known_bad(one: Judged) -> Judged:
    """A stock bought on a flagged account with 10,000 dollars."""
    account = replace(
        one.world.account,
        pattern_day_trader=True,
        daytrade_count=Decimal(4),
        last_equity=Decimal(10_000),
    )
    body = {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": "1"}
    world = replace(one.world, account=account, asset=None)
    return replace(one, draft=Draft("AAPL", "buy", body), world=world)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the classic rule's fields are present and the account below 25,000 dollars is flagged "
    "or at three day trades, or the house's budget of `max_day_trades` is used up",
    default="the classic rule where its fields are present; no budget",
    reason="A position that must be held overnight for want of a day trade is a trap.",
    source="FINRA Rule 4210(f)(8)(B) until 2026-06-04, Regulatory Notice 26-10 (facts page 3); "
    "Alpaca user protection page: not for crypto; the budget is a house rule",
    limit="max_day_trades",
    scope=Scope.WHOLE,
)
