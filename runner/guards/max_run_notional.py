"""The most dollars all opening orders of one run may be worth together."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "max_run_notional"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that would bring the run's total over the limit, or cannot be valued."""
    most = one.bounds.rules.limits.max_run_notional
    if most is None:
        return None
    worth, sent = one.notional, one.bounds.tally.notional
    if worth is None:
        words = "what the order is worth cannot be told: no recent quote"
        return refuse(CODE, words, max_run_notional=most)
    total = sent + worth
    values = {"sent": sent, "notional": worth, "max_run_notional": most}
    if total > most:
        words = f"the run's orders would be worth about ${total:,.2f}, more than ${most:,.2f}"
        return refuse(CODE, words, **values)
    return let_pass(CODE, f"about ${total:,.2f} of at most ${most:,.2f}", **values)


def known_bad(one: Judged) -> Judged:
    """The same order when the run has spent all that it may."""
    most = one.bounds.rules.limits.max_run_notional or Decimal(0)
    tally = replace(one.bounds.tally, notional=most)
    return replace(one, draft=one.draft.worth(Decimal(1)), bounds=replace(one.bounds, tally=tally))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="all opening orders of the run together would be worth more",
    default="$25,000",
    reason="Many small orders add up to a large one.",
    source="house rule; SEC Rule 15c3-5(c)(1)(i): credit thresholds, in the aggregate",
    limit=CODE,
    scope=Scope.WHOLE,
)
