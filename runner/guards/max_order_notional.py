"""The most dollars one order may be worth."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "max_order_notional"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that is worth more, or whose worth cannot be told."""
    most = one.bounds.rules.limits.max_order_notional
    if most is None:
        return None
    worth = one.notional
    if worth is None:
        words = "what the order is worth cannot be told: no recent quote"
        return refuse(CODE, words, max_order_notional=most)
    values = {"notional": worth, "max_order_notional": most}
    if worth > most:
        return refuse(CODE, f"about ${worth:,.2f} is more than ${most:,.2f}", **values)
    return let_pass(CODE, f"about ${worth:,.2f} of at most ${most:,.2f}", **values)


def known_bad(one: Judged) -> Judged:
    """An order for one dollar more than allowed."""
    most = one.bounds.rules.limits.max_order_notional or Decimal(1)
    rules = one.bounds.rules.with_limits(max_order_notional=most)
    bounds = replace(one.bounds, rules=rules)
    return replace(one, draft=one.draft.worth(most + 1), bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the order is worth more, or what it is worth cannot be told",
    default="$10,000",
    reason="The first bound on what a mistake can cost.",
    source="house rule; SEC Rule 15c3-5(c)(1)(i): credit thresholds",
    limit=CODE,
    scope=Scope.WHOLE,
)
