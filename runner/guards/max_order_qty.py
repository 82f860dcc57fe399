"""The most shares one order may be for."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import NO_LIMIT, Guard

CODE = "max_order_qty"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order for more shares; one in dollars is reckoned at the bid."""
    most = one.bounds.rules.limits.max_order_qty
    if most is None:
        return None
    shares = one.draft.shares(one.world)
    if shares is None:
        words = "how many shares the order is for cannot be told: no recent quote"
        return refuse(CODE, words, max_order_qty=most)
    values = {"shares": shares, "max_order_qty": most}
    if shares > most:
        return refuse(CODE, f"{shares:f} shares are more than {most:f}", **values)
    return let_pass(CODE, f"{shares:f} of at most {most:f} shares", **values)


def known_bad(one: Judged) -> Judged:
    """An order for one share more than allowed."""
    most = one.bounds.rules.limits.max_order_qty or Decimal(1)
    limits = one.bounds.rules.with_limits(max_order_qty=most)
    bounds = replace(one.bounds, rules=limits)
    return replace(one, draft=one.draft.sized(most + 1), bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the order is for more shares; an order in dollars is reckoned at the bid",
    default=NO_LIMIT,
    reason="A quantity with a digit too many.",
    source="house rule; SEC Rule 15c3-5(c)(1)(ii): erroneous size",
    limit=CODE,
)
