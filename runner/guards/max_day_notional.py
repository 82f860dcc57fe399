"""The most dollars that the opening orders of all runs may be worth in one day of New York."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.past import day_began, some_order

CODE = "max_day_notional"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that would bring the day's total over the limit, or when it is not known.

    All of this run's own orders count, also those that it sent before midnight.
    """
    most, bounds, worth = one.bounds.rules.limits.max_day_notional, one.bounds, one.notional
    if most is None:
        return None
    if worth is None:
        words = "what the order is worth cannot be told: no recent quote"
        return refuse(CODE, words, max_day_notional=most)
    if bounds.history is None:
        words = "what other runs sent today cannot be told: the logs cannot be read"
        return refuse(CODE, words, max_day_notional=most)
    others, today = Decimal(0), day_began(bounds.at)
    for past in bounds.history:
        if past.at is not None and past.at < today:
            continue
        if past.worth is None:
            words = f"what run {past.run} sent today is worth cannot be told"
            return refuse(CODE, words, max_day_notional=most)
        others += past.worth
    sent = bounds.tally.notional
    total = others + sent + worth
    values = {"by_this_run": sent, "by_others": others, "notional": worth, "max_day_notional": most}
    if total > most:
        words = f"today's orders would be worth about ${total:,.2f}, more than ${most:,.2f}"
        return refuse(CODE, words, **values)
    return let_pass(CODE, f"about ${total:,.2f} of at most ${most:,.2f} today", **values)


def known_bad(one: Judged) -> Judged:
    """The same order when other runs have spent today all that may be spent."""
    most = one.bounds.rules.limits.max_day_notional or Decimal(1)
    rules = one.bounds.rules.with_limits(max_day_notional=most)
    history = (some_order(one.bounds.at, worth=most),)
    bounds = replace(one.bounds, rules=rules, history=history)
    return replace(one, draft=one.draft.worth(Decimal(1)), bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the opening orders of all runs of the log directory would be worth more today (New "
    "York), or that cannot be told",
    default="$50,000",
    reason="Many small runs add up to a large sum.",
    source="house rule; SEC Rule 15c3-5(c)(1)(i): credit thresholds, in the aggregate",
    limit=CODE,
    scope=Scope.WHOLE,
)
