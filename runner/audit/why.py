"""Why a step did what it did: each decision with its values and their origins, and each guard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from runner.audit.origins import Origin, Trail
from runner.audit.readings import Reading
from runner.audit.records import Record
from runner.audit.sent import mapping
from runner.effects import Json
from runner.language.diagnostics import Report
from runner.language.expressions import parse
from runner.language.expressions.syntax import Literal, walk
from runner.language.source import Source, Span
from runner.language.tree import Scalar


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: what it was about, its verdict as text, and every value that it was made from,
    literals included. `at` is the run's time."""

    seq: int
    at: str
    about: str
    expression: str
    verdict: Any
    certainty: str
    values: tuple[Origin, ...]

    def to_data(self) -> dict[str, Json]:
        return {
            "record": self.seq,
            "at": self.at,
            "about": self.about,
            "expression": self.expression,
            "verdict": self.verdict,
            "certainty": self.certainty or None,
            "values": [one.to_data() for one in self.values],
        }


@dataclass(frozen=True, slots=True)
class Guarded:
    """The verdict of one guard, and the values that it judged by."""

    seq: int
    at: str
    guard: str
    verdict: str
    message: str
    values: Mapping[str, Any]

    def to_data(self) -> dict[str, Json]:
        return {
            "record": self.seq,
            "at": self.at,
            "guard": self.guard,
            "verdict": self.verdict,
            "message": self.message or None,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """The guards that judged one order, and the readings that they judged it over."""

    readings: tuple[Origin, ...]
    guards: tuple[Guarded, ...]

    def to_data(self) -> dict[str, Json]:
        return {
            "readings": [one.to_data() for one in self.readings],
            "guards": [one.to_data() for one in self.guards],
        }


@dataclass(frozen=True, slots=True)
class Reasons:
    """One step's reasons. `literals` are the arguments that stand in the runbook as they are."""

    path: str
    id: str
    name: str
    action: str
    at: str
    literals: Mapping[str, Any]
    decisions: tuple[Decided, ...]
    judged: tuple[Judged, ...]

    def to_data(self) -> dict[str, Json]:
        return {
            "path": self.path,
            "id": self.id or None,
            "name": self.name or None,
            "action": self.action,
            "at": self.at,
            "literals": dict(self.literals),
            "decisions": [one.to_data() for one in self.decisions],
            "judged": [one.to_data() for one in self.judged],
        }


def reasons(records: Sequence[Record], paths: Collection[str]) -> list[Reasons]:
    """The reasons of the steps of some paths, in the order of the log."""
    trail = Trail(records)
    told: dict[str, dict[str, Any]] = {}
    at = ""
    for record in records:
        data, path = record.data, record.step or ""
        at = str(data.get("started_at" if record.type == "run.started" else "at", at))
        if path in paths:
            kept = told.setdefault(path, {"at": at})
            if record.type.startswith("step."):
                kept |= {
                    key: data[key] for key in ("id", "name", "action", "args") if data.get(key)
                }
    return [_of_step(trail, path, kept) for path, kept in told.items()]


def _of_step(trail: Trail, path: str, kept: Mapping[str, Any]) -> Reasons:
    decisions = tuple(_decided(trail, *one) for one in trail.decisions.get(path, []))
    about = {one.about for one in decisions}
    computed = {one.expression for one in decisions}
    literals = {
        key: one
        for key, one in mapping(kept.get("args")).items()
        if key not in about and str(one) not in computed
    }
    return Reasons(
        path,
        str(kept.get("id", "")),
        str(kept.get("name", "")),
        str(kept.get("action", "")),
        str(kept["at"]),
        literals,
        decisions,
        tuple(_judged(trail, path)),
    )


def _decided(trail: Trail, record: Record, at: str) -> Decided:
    data = record.data
    values = data.get("values")
    expression = str(data.get("expression", ""))
    return Decided(
        record.seq,
        at,
        str(data.get("about", "")),
        expression,
        data.get("verdict"),
        str(data.get("certainty", "")),
        (
            *(
                trail.origin(mapping(one), record, at)
                for one in (values if isinstance(values, list) else [])
            ),
            *literals(expression),
        ),
    )


@lru_cache(maxsize=64)
def literals(expression: str) -> tuple[Origin, ...]:
    """What an expression holds written out, each once; nothing where it cannot be read. Kept,
    because a wait asks the same thousands of times."""
    scalar = Scalar(expression, Span(1, 1, 1, 1 + len(expression)))
    read = parse(expression, scalar, 0, Report(Source("", expression)))
    if read is None:
        return ()
    written = (read.written(node) for node in walk(read.root) if isinstance(node, Literal))
    return tuple(Origin(one, "literal", one) for one in dict.fromkeys(written))


def _judged(trail: Trail, path: str) -> Iterator[Judged]:
    """The guards of a step, those together between which the step read nothing."""
    group: list[Guarded] = []
    read: list[Reading] = []
    for record, at in trail.guards.get(path, []):
        since = read[-1].seq if read else 0
        new = trail.read_before(path, record.seq, since)
        if new and group:
            yield Judged(_readings(trail, read, group[-1].at), tuple(group))
            group, read = [], []
        read += new
        data = record.data
        group.append(
            Guarded(record.seq, at, str(data.get("guard", "")), str(data.get("verdict", "")),
                    str(data.get("message") or ""), mapping(data.get("values")))
        )  # fmt: skip
    if group:
        yield Judged(_readings(trail, read, group[-1].at), tuple(group))


def _readings(trail: Trail, read: Sequence[Reading], at: str) -> tuple[Origin, ...]:
    """What was read since the last reading of the whole world, which is what orders are judged by;
    writes are no readings."""
    begins = [i for i, one in enumerate(read) if one.effect == "read_world"]
    last = read[begins[-1] :] if begins else read
    return tuple(trail.reading(one, at) for one in last if one.effect.startswith("read_"))
