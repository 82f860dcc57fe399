"""How many orders that open risk all runs may send in one day of New York."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import NO_LIMIT, Guard, Scope
from runner.guards.past import day_began, some_order

CODE = "max_day_orders"


def judge(one: Judged) -> Verdict | None:
    """Refuses the order that would be one too many, or when other runs' orders are not known.

    All of this run's own orders count, also those that it sent before midnight.
    """
    most, bounds = one.bounds.rules.limits.max_day_orders, one.bounds
    if most is None:
        return None
    if bounds.history is None:
        words = "what other runs sent today cannot be told: the logs cannot be read"
        return refuse(CODE, words, max_day_orders=most)
    today = day_began(bounds.at)
    others = sum(past.at is None or past.at >= today for past in bounds.history)
    sent = others + bounds.tally.orders
    values = {"by_this_run": bounds.tally.orders, "by_others": others, "max_day_orders": most}
    words = f"order {sent + 1} of at most {most:f} today"
    if sent + 1 > most:
        return refuse(CODE, f"this would be {words}", **values)
    return let_pass(CODE, words, **values)


def known_bad(one: Judged) -> Judged:
    """The same order when as many as allowed were sent today."""
    most = one.bounds.rules.limits.max_day_orders or Decimal(1)
    rules = one.bounds.rules.with_limits(max_day_orders=most)
    history = (some_order(one.bounds.at),) * int(most)
    return replace(one, bounds=replace(one.bounds, rules=rules, history=history))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="all runs of the log directory have sent that many orders today (New York), or that "
    "cannot be told",
    default=NO_LIMIT,
    reason="Many small runs add up to many orders.",
    source="house rule; FIA best practices 2015, message and execution throttles",
    limit=CODE,
    scope=Scope.WHOLE,
)
