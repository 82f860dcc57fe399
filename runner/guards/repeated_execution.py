"""How many runs of one runbook may open risk within an hour."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.past import some_order

CODE = "repeated_execution"
REPEATS = Decimal(10)
HOUR = timedelta(hours=1)


def judge(one: Judged) -> Verdict | None:
    """Refuses the run that would be one too many, this one included, or when it is not known."""
    bounds = one.bounds
    most = bounds.rules.limits.max_repeats
    most = REPEATS if most is None else most
    if bounds.history is None:
        words = "how often the runbook ran in the last hour cannot be told: the logs cannot be read"
        return refuse(CODE, words, max_repeats=most)
    ours, begun = ("", bounds.runbook), bounds.at - HOUR
    runs = {
        past.run
        for past in bounds.history
        if past.runbook in ours and (past.at is None or past.at > begun)
    }
    number = len(runs) + 1
    values = {"runs": number, "max_repeats": most}
    words = f"run {number} of at most {most:f} of this runbook within an hour"
    if number > most:
        return refuse(CODE, f"this would be {words}", **values)
    return let_pass(CODE, words, **values)


def known_bad(one: Judged) -> Judged:
    """The same order when as many runs as allowed have gone before."""
    most = one.bounds.rules.limits.max_repeats
    number = int(REPEATS if most is None else most)
    history = tuple(
        some_order(one.bounds.at - timedelta(seconds=ago), runbook=one.bounds.runbook)
        for ago in range(number)
    )
    return replace(one, bounds=replace(one.bounds, history=history))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="that many runs of the same runbook have opened risk within an hour, this one "
    "included, or that cannot be told",
    default=f"{REPEATS}",
    reason="A scheduler that starts the same thing again and again.",
    source="house rule; FIA best practices 2015, repeated automated execution throttle",
    limit="max_repeats",
    scope=Scope.WHOLE,
)
