"""The resumed driver: answers the machine from its log up to the end, then live.

Order of operations:

1. What the log holds is answered from it, and must be asked for exactly as it was.
2. The first command without a recorded outcome is answered, not performed: a submit or a replace
   with unknown, because nobody can tell whether it arrived; anything else as not performed.
3. Everything after that is live. The machine settles first what it had sent.
"""

from __future__ import annotations

from collections.abc import Callable

from runner.drive.clock import Clock
from runner.drive.live import LiveDriver
from runner.drive.observer import Observer
from runner.drive.recorded import LogEnds, Tape
from runner.drive.recorder import Recorder
from runner.drive.signals import Signals
from runner.effects import (
    Command,
    Effect,
    Event,
    Json,
    Outcome,
    Problem,
    Reason,
    Replace,
    Status,
    Submit,
)
from runner.machine import Result, Say, Steps

Redo = Callable[[Command, Outcome], None]
"""Has the exchange inside do again what a recorded command did to it."""


class ResumedDriver:
    """Drives one machine to its end. `go_on`: a person said that the steps go on in any case;
    `stop`: what interrupts them at once, such as a signal that came before; `alive_until`: the
    run's time at which the process was last there, where it waited."""

    def __init__(
        self,
        tape: Tape,
        live: LiveDriver,
        clock: Clock,
        recorder: Recorder,
        observer: Observer,
        *,
        go_on: bool,
        stop: str = "",
        redo: Redo | None = None,
        alive_until: str = "",
    ) -> None:
        self._tape = tape
        self._live = live
        self._clock = clock
        self._recorder = recorder
        self._observer = observer
        self._go_on = go_on
        self._stop = stop
        self._redo = redo
        self._alive_until = alive_until
        self._beyond = False  # the log's end has been reached
        self._lost: Effect | None = None  # a write that died, until the machine knows

    @property
    def unanswered(self) -> Effect | None:
        """The effect that has begun and whose outcome the machine has not been told."""
        return self._lost or self._live.unanswered

    def drive(self, machine: Steps[Result], signals: Signals) -> Result:
        """Take the machine through its log and on to its end.

        Raises `Diverged` when it asks for something else than the log holds; nothing was sent. A
        second Ctrl-C raises `LeaveNow`, not before all that the log holds is known.
        """
        answer: Outcome | None = None
        try:
            while not self._beyond:
                answer = self._tell(machine.send(answer))
            with signals.leaving():
                while True:
                    said = machine.send(answer)
                    self._lost = None
                    answer = self._live.tell(said)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _tell(self, said: Say) -> Outcome | None:
        try:
            if isinstance(said, Event):
                self._tape.expect_event(said)
                self._observer.event(said, self._tape.now or self._clock.now())
                return None
            outcome = self._tape.answer(said)
        except LogEnds as end:
            if isinstance(said, Event):
                return self._live.tell(said)
            self._beyond = True
            return self._take_up(said, is_open=end.open is not None)
        if self._redo is not None:
            self._redo(said, outcome)
        self._observer.command(said, outcome.at)
        self._observer.outcome(said, outcome)
        return outcome

    def _take_up(self, command: Command, *, is_open: bool) -> Outcome:
        """Answer the first command that the log has no outcome of."""
        if not is_open:
            self._recorder.intent(command)
        lost = is_open and isinstance(command.effect, Submit | Replace)
        crash = Problem(Reason.CRASH, "the process died before an answer was recorded")
        data: dict[str, Json] = {"go_on": True} if self._go_on else {}
        if self._alive_until:
            data["alive_until"] = self._alive_until
        outcome = Outcome(
            self._clock.now(),
            Status.UNKNOWN if lost else Status.NOT_PERFORMED,
            data,
            crash if lost else None,
            interrupt=self._stop or None,
            resumed=True,
        )
        self._recorder.outcome(command, outcome)
        self._observer.outcome(command, outcome)
        self._lost = command.effect if lost else None
        return outcome
