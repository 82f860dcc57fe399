"""How many orders that open risk may be sent in 60 seconds, by all runs together."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.past import some_order

CODE = "max_orders_per_minute"
MINUTE = timedelta(seconds=60)


def judge(one: Judged) -> Verdict | None:
    """Refuses the order that would be one too many, or when other runs' orders are not known."""
    most, bounds = one.bounds.rules.limits.max_orders_per_minute, one.bounds
    if most is None:
        return None
    if bounds.history is None:
        words = "what other runs sent in the last minute cannot be told: the logs cannot be read"
        return refuse(CODE, words, max_orders_per_minute=most)
    begun = bounds.at - MINUTE
    sent = sum(past.at is None or past.at > begun for past in (*bounds.sent, *bounds.history))
    values = {"sent": sent, "max_orders_per_minute": most}
    words = f"order {sent + 1} of at most {most:f} in a minute"
    if sent + 1 > most:
        return refuse(CODE, f"this would be {words}", **values)
    return let_pass(CODE, words, **values)


def known_bad(one: Judged) -> Judged:
    """The same order when as many as allowed were sent just now."""
    most = one.bounds.rules.limits.max_orders_per_minute or Decimal(1)
    rules = one.bounds.rules.with_limits(max_orders_per_minute=most)
    sent = (some_order(one.bounds.at),) * int(most)
    return replace(one, bounds=replace(one.bounds, rules=rules, history=(), sent=sent))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="this run and others have sent that many orders in the last 60 seconds, or that "
    "cannot be told",
    default="10",
    reason="A runaway loop is stopped while it is still small.",
    source="house rule; FIA best practices 2015, message and execution throttles; SEC Rule "
    "15c3-5(c)(1)(ii): a short period of time",
    limit=CODE,
    scope=Scope.WHOLE,
)
