"""How many orders that open risk one run may send."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "max_orders"


def judge(one: Judged) -> Verdict | None:
    """Refuses the order that would be one too many."""
    most = one.bounds.rules.limits.max_orders
    if most is None:
        return None
    sent = one.bounds.tally.orders
    values = {"sent": sent, "max_orders": most}
    if sent + 1 > most:
        return refuse(CODE, f"this would be order {sent + 1} of at most {most:f}", **values)
    return let_pass(CODE, f"order {sent + 1} of at most {most:f}", **values)


def known_bad(one: Judged) -> Judged:
    """The same order when the run has sent all that it may."""
    most = one.bounds.rules.limits.max_orders or Decimal(0)
    tally = replace(one.bounds.tally, orders=int(most))
    return replace(one, bounds=replace(one.bounds, tally=tally))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the run has sent that many orders that open risk",
    default="20",
    reason="A loop that never ends, or a condition that is always true, stops here.",
    source="house rule; FIA best practices 2015, message and execution throttles",
    limit=CODE,
    scope=Scope.WHOLE,
)
