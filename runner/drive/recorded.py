"""The recorded driver: answers the machine from a log and demands that it asks the same.

This is the proof that the machine is pure: from the same runbook and the same outcomes it must ask
for every effect again, equal to the last argument, decide the same, and end the same. The first
difference is the result.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from runner.audit.records import Record
from runner.effects import Command, Event, Outcome, Status, canonical
from runner.machine import Result, Steps

Compared = tuple[Command | Event, Record | None, Outcome | None]
"""What the machine said, the record that it equals, and what it is told; None for an event."""

SAID = (
    "run.bound",
    "step.started",
    "step.finished",
    "step.skipped",
    "decision",
    "guard",
    "effect.reconciled",
)
OPTIONAL = ("guard",)
"""What an old log may lack: a guard that it does not know is a note, not a divergence."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a replay parted from its log. `seq` is the record that was expected."""

    seq: int
    step: str
    expected: dict[str, Any]
    actual: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay came to: how many effects and decisions were equal, and the first that was not.

    `complete` is false when the log ends before the run does. `notes` are guards that only one
    side knows.
    """

    effects: int
    decisions: int
    complete: bool
    divergence: Divergence | None = None
    result: Result | None = None
    notes: tuple[str, ...] = ()
    torn: bool = False  # the log's last line was cut off


class Diverged(Exception):  # noqa: N818
    """The machine asks or says something else than the log holds."""

    def __init__(self, divergence: Divergence) -> None:
        super().__init__()
        self.divergence = divergence


class LogEnds(Exception):  # noqa: N818
    """The machine goes on where the log does not. `open` is the intent without an outcome."""

    def __init__(self, open_intent: Record | None = None) -> None:
        super().__init__()
        self.open = open_intent


def replay(records: Sequence[Record], machine: Steps[Result]) -> Replay:
    """Answer a machine from a log's records and compare all it says with them.

    Raises `Untellable` when the log's own words make no outcome.
    """
    comparing = compare(Tape(records), machine)
    while True:
        try:
            next(comparing)
        except StopIteration as end:
            result: Replay = end.value
            return result


def compare(tape: Tape, machine: Steps[Result]) -> Generator[Compared, None, Replay]:
    """The same, one thing that the machine says at a time, each after it was found equal."""
    answer: Outcome | None = None
    try:
        while True:
            said = machine.send(answer)
            if isinstance(said, Event):
                tape.expect_event(said)
                answer = None
            else:
                answer = tape.answer(said)
            yield said, tape.compared, answer
    except StopIteration as end:
        result: Result = end.value
        return tape.finish(result)
    except LogEnds as end:
        if end.open is not None and end.open.data["effect"]["effect"] == "suspend":
            return tape.suspended(machine)
        return Replay(tape.effects, tape.decisions, complete=False, notes=tuple(tape.notes))
    except Diverged as diverged:
        return Replay(
            tape.effects, tape.decisions, False, diverged.divergence, notes=tuple(tape.notes)
        )


class Untellable(Exception):  # noqa: N818
    """A record cannot be told to the machine. `seq` is the record; the text says why."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq


class Tape:
    """The records a machine can be compared with, in order.

    `compared` is the record that the last thing said was equal to; None for a guard that the log
    does not know.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        records = by_the_machine(records)
        self.now: datetime | None = None  # the run's time of the last outcome given
        self._outcomes = {
            record.data["n"]: record for record in records if record.type == "effect.outcome"
        }
        self._finished = next((one for one in records if one.type == "run.finished"), None)
        self._rest = [
            record
            for record in records
            if record.type in SAID
            or record.type == "effect.intent"
            or (record.type == "signal" and "not_performed" in record.data)
        ]
        self._position = 0
        self.compared: Record | None = None
        self.effects = 0
        self.decisions = 0
        self.notes: list[str] = []

    def expect_event(self, event: Event) -> None:
        """The machine says something: the log must say the same next."""
        actual = {"type": event.type, "step": event.step, "data": dict(event.data)}
        self.compared = None
        while True:
            record = self._next()
            if record.type == event.type and _shown(record) == actual:
                self._position += 1
                self.decisions += 1
                self.compared = record
                return
            same_guard = (
                record.type == "guard"
                and event.type == "guard"
                and record.data.get("guard") == event.data.get("guard")
            )
            if event.type in OPTIONAL and not same_guard and self._unknown_guard(event):
                self.notes.append(f"the log does not know the guard {event.data.get('guard')}")
                return
            if record.type in OPTIONAL and not same_guard and event.type not in OPTIONAL:
                self.notes.append(f"this version does not ask the guard {record.data['guard']}")
                self._position += 1
                continue
            raise Diverged(Divergence(record.seq, event.step, _shown(record), actual))

    def _unknown_guard(self, event: Event) -> bool:
        name = event.data.get("guard")
        return event.data.get("verdict") != "refuse" and not any(
            record.type == "guard" and record.data.get("guard") == name for record in self._rest
        )

    def answer(self, command: Command) -> Outcome:
        """The machine asks for an effect: the log's next one must equal it, and answers it."""
        form = canonical(command.effect)
        record = self._next()
        while record.type in OPTIONAL:
            self.notes.append(f"this version does not ask the guard {record.data['guard']}")
            self._position += 1
            record = self._next()
        actual = {"type": "effect.intent", "step": command.step, "data": form}
        if record.type == "signal":
            if record.data["not_performed"] != form:
                raise Diverged(Divergence(record.seq, command.step, _shown(record), actual))
            self._position += 1
            self.compared = record
            told = outcome_told(record, {**record.data, "status": "not_performed"})
            self.now = told.at
            return replace(told, interrupt=record.data["name"])
        expected = {
            "type": record.type,
            "step": record.step or "",
            "data": record.data.get("effect", record.data),
        }
        if expected != actual:
            raise Diverged(Divergence(record.seq, command.step, expected, actual))
        self._position += 1
        self.effects += 1
        self.compared = record
        outcome = self._outcomes.get(record.data["n"])
        if outcome is None:
            raise LogEnds(record)
        told = outcome_told(outcome, outcome.data)
        self.now = told.at
        return told

    def outcome_of(self, intent: Record) -> Record | None:
        """The record of what became of an effect; None for an event, and for an open intent."""
        return self._outcomes.get(intent.data.get("n"))

    def finish(self, result: Result) -> Replay:
        """The machine has ended: so must the log, with the same result."""
        if self._position < len(self._rest):
            record = self._rest[self._position]
            ended = {"type": "run.finished", "step": "", "data": result.data}
            parted = Divergence(record.seq, record.step or "", _shown(record), ended)
            return Replay(self.effects, self.decisions, False, parted, result)
        if self._finished is None:
            return Replay(self.effects, self.decisions, False, None, result, tuple(self.notes))
        recorded = self._finished.data
        actual = {
            "status": result.status,
            "exit_code": result.exit_code,
            "result": result.data,
        }
        divergence: Divergence | None = None
        if {key: recorded[key] for key in actual} != actual:
            divergence = Divergence(self._finished.seq, "", dict(recorded), actual)
        return Replay(
            self.effects, self.decisions, divergence is None, divergence, result, tuple(self.notes)
        )

    def suspended(self, machine: Steps[Result]) -> Replay:
        """The log ends with orders in doubt: the machine must end there too."""
        try:
            assert self.now is not None
            machine.send(Outcome(self.now, Status.OK))
        except StopIteration as end:
            return self.finish(end.value)
        return Replay(self.effects, self.decisions, complete=False, notes=tuple(self.notes))

    def _next(self) -> Record:
        if self._position >= len(self._rest):
            raise LogEnds
        return self._rest[self._position]


def outcome_told(record: Record, data: Mapping[str, Any]) -> Outcome:
    """The outcome that a record holds. Raises `Untellable` where it holds none."""
    try:
        told = Outcome.from_data(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Untellable(record.seq, f"it holds no outcome of an effect: {error}") from error
    if told.at.tzinfo is None:
        raise Untellable(record.seq, "its time does not say its zone")
    return told


def _shown(record: Record) -> dict[str, Any]:
    return {"type": record.type, "step": record.step or "", "data": dict(record.data)}


def by_the_machine(records: Sequence[Record]) -> Sequence[Record]:
    """The records up to where a person stopped the run without the machine, if that was done."""
    for index, record in enumerate(records):
        if record.type == "run.resumed" and record.data.get("mode") == "stop":
            return records[:index]
    return records
