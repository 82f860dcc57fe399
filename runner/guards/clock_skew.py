"""This machine's clock must agree with the broker's."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "clock_skew"
MOST = timedelta(seconds=5)
REAL = ("paper", "live")


def judge(one: Judged) -> Verdict | None:
    """Refuses when the clocks are further apart, or the broker does not say what time it is.

    The embedded exchange and other servers may keep a time of their own: not judged.
    """
    if one.bounds.rules.target not in REAL:
        return let_pass(CODE, "this target may keep a time of its own")
    most = one.bounds.rules.limits.max_clock_skew or MOST
    theirs, ours = one.world.clock.timestamp, one.bounds.read_at or one.bounds.at
    if theirs is None:
        return refuse(CODE, "the broker does not say what time it is", broker=theirs)
    apart = abs(ours - theirs)
    values = {"broker": theirs.isoformat(), "here": ours.isoformat(),
              "max_clock_skew": _seconds(most)}  # fmt: skip
    words = f"this machine's clock is {_seconds(apart)} from the broker's"
    if apart > most:
        words += f", more than {_seconds(most)}; synchronise it"
        return refuse(CODE, words, **values)
    return let_pass(CODE, words, **values)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}s"


def known_bad(one: Judged) -> Judged:
    """The same order on a machine whose clock is an hour ahead of a real broker's."""
    most = one.bounds.rules.limits.max_clock_skew or MOST
    moment = (one.world.clock.timestamp or one.bounds.at) + most + timedelta(hours=1)
    rules = replace(one.bounds.rules, target="paper")
    return replace(one, bounds=replace(one.bounds, rules=rules, at=moment, read_at=moment))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="on paper and live the two clocks are further apart, or the broker does not say the "
    "time",
    default="5s",
    reason="Waits, deadlines, the age of quotes and the duplicate window are reckoned by both.",
    source="house rule; FINRA Rule 6820: clocks within 50 ms at firms, a second where by hand",
    limit="max_clock_skew",
    scope=Scope.WHOLE,
)
