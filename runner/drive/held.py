"""What a log holds of a run's readings: each found by step path, canonical hash and occurrence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import convert

from runner.audit.canonical import digest
from runner.audit.records import Record
from runner.drive.recorded import by_the_machine, outcome_told
from runner.effects import (
    EFFECTS,
    Effect,
    Json,
    Outcome,
    Replace,
    Status,
    Submit,
    canonical,
)


class NotHeld(Exception):  # noqa: N818 - it names what the log lacks
    """The log cannot answer; the message says what is asked for, in words."""


class NotProjected(NotHeld):
    """What follows from what the log holds cannot be told."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One effect as the log holds it. `seq` is the record of its intent.

    `told` is None where the log ends before it was answered.
    """

    seq: int
    step: str
    form: dict[str, Json]
    told: Outcome | None

    @property
    def effect(self) -> Effect:
        """The effect of which `form` is the canonical form. Raises `msgspec.ValidationError`."""
        fields: dict[str, Any] = dict(self.form)
        kind = EFFECTS[fields.pop("effect")]
        if kind in (Submit, Replace):  # their bodies are any JSON, which has no closed type
            return kind(**fields)
        return convert(fields, kind, strict=False)


class Held:
    """The effects of a log, given out one by one."""

    def __init__(self, records: Sequence[Record]) -> None:
        records = by_the_machine(records)
        self.finished = any(one.type == "run.finished" for one in records)
        self.entries = tuple(_entries(records))
        self.writes = tuple(
            one for one in self.entries if one.form["effect"] in ("submit", "replace", "cancel")
        )
        self._left: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            self._left.setdefault((entry.step, digest(entry.form)), []).append(entry)
        self.taken = 0
        self.last = 0  # the record of the effect that was given out last

    @property
    def at_its_end(self) -> bool:
        """Whether the log was cut short, and all of it has been given out."""
        return not self.finished and self.taken == len(self.entries)

    def take(self, step: str, effect: Effect) -> Entry | None:
        """The next entry of this very effect at this step, given out once; None without one."""
        waiting = self._left.get((step, digest(canonical(effect))))
        if not waiting:
            return None
        self._take(waiting[0])
        return waiting.pop(0)

    def take_wait(self, step: str, effect: Effect) -> Entry | None:
        """The next wait at this step for the same orders in the same state, however long it was
        meant to last; None without one."""
        meant = _without_end(canonical(effect))
        for (path, _), waiting in self._left.items():
            for entry in waiting if path == step else ():
                if _without_end(entry.form) == meant:
                    waiting.remove(entry)
                    self._take(entry)
                    return entry
        return None

    def _take(self, entry: Entry) -> None:
        self.taken += 1
        self.last = entry.seq

    def before(self, seq: float) -> Iterator[Entry]:
        """The effects that were asked for before a record, and that succeeded."""
        for entry in self.entries:
            if entry.seq < seq and entry.told is not None and entry.told.status is Status.OK:
                yield entry

    def of_kind(self, kind: str) -> Entry | None:
        """The first entry of one kind of effect, wherever it was asked for."""
        return next((one for one in self.entries if one.form["effect"] == kind), None)


def _without_end(form: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in form.items() if name not in ("until", "poll")}


def _entries(records: Sequence[Record]) -> list[Entry]:
    outcomes = {one.data["n"]: one.data for one in records if one.type == "effect.outcome"}
    found = []
    for record in records:
        data, step = record.data, record.step or ""
        if record.type == "effect.intent":
            outcome = outcomes.get(data["n"])
            told = outcome_told(record, outcome) if outcome is not None else None
            found.append(Entry(record.seq, step, data["effect"], told))
        elif record.type == "signal" and "not_performed" in data:
            found.append(Entry(record.seq, step, data["not_performed"], _untold(data)))
    return found


def _untold(data: dict[str, Any]) -> Outcome:
    """What the run was told of an effect that an interruption kept from beginning."""
    at = datetime.fromisoformat(data["at"])
    return Outcome(at, Status.NOT_PERFORMED, interrupt=data["name"])
