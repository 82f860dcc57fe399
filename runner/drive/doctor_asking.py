"""How the checks ask the broker, and what is said of a reading that failed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from runner.broker.wire import Wire, WireRequest
from runner.drive.doctor_checks import Check, Subject, problem
from runner.drive.read_only import Look
from runner.effects import Answer, Problem, Reason
from runner.guards.rules import Policy


class Stopwatch:
    """When the last request left and when it was answered, by this side's clock and in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.now: Callable[[], datetime] | None = None
        self.left_at: datetime | None = None
        self._left = self.seconds = 0.0

    def __call__(self, n: int, wire: Wire) -> None:
        del n
        if isinstance(wire, WireRequest):
            self.left_at = self.now() if self.now is not None else None
            self._left = self._monotonic()
        else:
            self.seconds = self._monotonic() - self._left

    @property
    def between(self) -> datetime | None:
        """The moment half-way, which is when the broker most likely answered."""
        if self.left_at is None:
            return None
        return self.left_at + timedelta(seconds=self.seconds) / 2


class Asked(Struct, frozen=True):
    """What the checks are made from: the subject, the look at its target, and the policy."""

    subject: Subject
    look: Look
    watch: Stopwatch
    policy: Policy | None

    @property
    def kind(self) -> str:
        return self.subject.target.kind


def trouble_of(answer: Answer) -> Problem:
    return answer.problem or Problem(Reason.OTHER, "the broker gave no reason")


def unread(name: str, words: str, answer: Answer, todo: str) -> Check:
    """A reading that failed; where the broker did answer, it can be asked."""
    asked = trouble_of(answer).reason in (Reason.UNREADABLE, Reason.NOT_FOUND)
    return problem(name, words, todo, broker=not asked)
