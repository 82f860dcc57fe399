"""Where a value of a decision came from, and how old it was when it was decided by.

A value is followed back through the log: from its name to the step that gave it, from there to the
answer of the broker that carried it, or to the decision by which the step was given it, and so on.
An answer counts as the origin only where a value of the same name, or of the broker's name for it,
is equal. Otherwise the step made the value itself, and what the step had read is named instead:
nothing is guessed.

Ages are by the run's clock, which stands still between outcomes: the time of the last outcome
before the decision, less the time of the outcome that told the value, or, where a quote or a trade
says when it was made, less that.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from runner.audit.readings import Reading, carried, same
from runner.audit.records import Record
from runner.audit.sent import mapping
from runner.effects import Json
from runner.world import moment


@dataclass(frozen=True, slots=True)
class Origin:
    """One value and where it came from.

    `kind`: `parameter`, `output`, `decision`, `answer`, `reading` (what a step read before it made
    the value), `run`, `literal`, `absent`, `untraced`. `record` is the record that says so, `path`
    where in its data. `age` is in seconds at the decision that the tree is about, by `made` where
    the value says when it was made, else by `told_at`.
    """

    name: str
    kind: str
    value: Any = None
    certainty: str = ""
    step: str = ""
    about: str = ""  # the action, effect or expression that gave it
    record: int | None = None
    path: str = ""
    told_at: str = ""
    made: str = ""
    age: Decimal | None = None
    since_told: Decimal | None = None
    sources: tuple[Origin, ...] = ()

    def to_data(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "kind": self.kind,
            "value": self.value,
            "certainty": self.certainty or None,
            "step": self.step or None,
            "about": self.about or None,
            "record": self.record,
            "path": self.path or None,
            "told_at": self.told_at or None,
            "made_at": self.made or None,
            "age_seconds": _plain(self.age),
            "seconds_since_told": _plain(self.since_told),
            "sources": [one.to_data() for one in self.sources],
        }


class Trail:
    """What a log says of outputs, readings and decisions, to be followed back."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.params: Mapping[str, Any] = {}
        self.started_at = ""
        self.readings: dict[str, list[Reading]] = {}  # by the path of the step that asked
        self.decisions: dict[str, list[tuple[Record, str]]] = {}  # with the run's time
        self.guards: dict[str, list[tuple[Record, str]]] = {}
        self._outputs: dict[str, list[tuple[Record, str]]] = {}  # by the id of the step
        self._skipped: dict[str, Record] = {}
        self._first: Record | None = records[0] if records else None
        at, effect, asked_by = "", "", ""
        for record in records:
            data, step = record.data, record.step or ""
            match record.type:
                case "run.started":
                    self.params = mapping(data.get("params"))
                    self.started_at = at = str(data.get("started_at", ""))
                case "effect.intent":
                    effect, asked_by = str(mapping(data.get("effect")).get("effect")), step
                case "effect.outcome":
                    at = str(data.get("at", at))
                    told = Reading(record.seq, data.get("n", 0), effect, asked_by, at,
                                   mapping(data.get("data")), str(data.get("status")))  # fmt: skip
                    self.readings.setdefault(asked_by, []).append(told)
                case "decision":
                    self.decisions.setdefault(step, []).append((record, at))
                case "guard":
                    self.guards.setdefault(step, []).append((record, at))
                case "step.finished" if data.get("id"):
                    self._outputs.setdefault(str(data["id"]), []).append((record, at))
                case "step.skipped" if data.get("id"):
                    self._skipped[str(data["id"])] = record

    def origin(self, named: Mapping[str, Any], by: Record, at: str) -> Origin:
        """Where one value of a decision came from: `named` is its entry in the record `by`, which
        was decided at `at`."""
        name, value = str(named.get("name", "")), named.get("value")
        certainty = str(named.get("certainty", ""))
        bare = Origin(name, "untraced", value, certainty)
        first, _, rest = name.partition(".")
        if first == "params" and rest in self.params:
            record = self._first.seq if self._first else None
            age = _seconds(self.started_at, at)
            return replace(
                bare,
                kind="parameter",
                record=record,
                path=f"data.params.{rest}",
                told_at=self.started_at,
                age=age,
                since_told=age,
            )
        if first == "run":
            return replace(bare, kind="run")
        if first == "polled":
            readings = self.read_before(by.step or "", by.seq)[-_LOOKED_BACK:]
            sources = self._carriers(rest, value, readings, at)
            return replace(
                bare, kind="output", step=by.step or "", sources=sources, age=_oldest(sources, None)
            )
        if first == "steps":
            return self._output(bare, rest, by, at)
        if name.startswith("ran("):
            return self._ran(bare, by)
        return replace(bare, kind="absent") if value in (None, "none") else bare

    def read_before(self, step: str, seq: int, since: int = 0) -> list[Reading]:
        """What a step had read when a record was written, oldest first."""
        found = self.readings.get(step, [])
        first = bisect_right(found, since, key=_seq)
        return found[first : bisect_left(found, seq, key=_seq)]

    def reading(self, one: Reading, at: str, path: Sequence[str] = (), value: Any = None) -> Origin:
        """A reading, or the value at a path of it, as the origin of something decided at `at`.

        A reading of the whole world names the quote in it as its source.
        """
        part = path[0] if path else one.effect.removeprefix("read_")
        made = one.made(part)
        sources: tuple[Origin, ...] = ()
        quoted = one.made("quote") if one.effect == "read_world" and not path else ""
        if quoted:
            sources = (
                Origin(
                    "quote",
                    "answer",
                    about=one.effect,
                    record=one.seq,
                    path="data.quote",
                    told_at=one.at,
                    made=quoted,
                    age=_seconds(quoted, at),
                    since_told=_seconds(one.at, at),
                ),
            )
        return Origin(
            one.effect,
            "answer" if path else "reading",
            value,
            step=one.step,
            about=one.effect,
            record=one.seq,
            path=".".join(("data", *path)) if path else "",
            told_at=one.at,
            made=made,
            age=_seconds(made or one.at, at),
            since_told=_seconds(one.at, at),
            sources=sources,
        )

    def _output(self, bare: Origin, dotted: str, by: Record, at: str) -> Origin:
        identity, _, output = dotted.partition(".")
        given = [one for one in self._outputs.get(identity, []) if one[0].seq < by.seq]
        if not given:
            record = self._skipped.get(identity)
            seq = record.seq if record is not None and record.seq < by.seq else None
            return replace(bare, kind="absent", record=seq)
        record, told_at = given[-1]
        since = given[-2][0].seq if len(given) > 1 and given[-2][0].step == record.step else 0
        step, data = record.step or "", record.data
        if output not in mapping(data.get("outputs")):
            return replace(bare, kind="absent", step=step, record=record.seq)
        chosen = [
            self._decision(one, when, at)
            for one, when in self.decisions.get(step, [])
            if since < one.seq < record.seq and one.data.get("about") == output
            and same(one.data.get("verdict"), bare.value)
        ]  # fmt: skip
        readings = self.read_before(step, record.seq, since)
        sources = (*chosen[-1:], *self._carriers(output, bare.value, readings, at))
        since_told = _seconds(told_at, at)
        return replace(
            bare,
            kind="output",
            step=step,
            about=str(data.get("action", "")),
            record=record.seq,
            path=f"data.outputs.{output}",
            told_at=told_at,
            age=_oldest(sources, since_told),
            since_told=since_told,
            sources=sources,
        )

    def _decision(self, record: Record, when: str, at: str) -> Origin:
        """An earlier decision, and what it was made from."""
        data, since_told = record.data, _seconds(when, at)
        values = data.get("values")
        return Origin(
            str(data.get("about", "")),
            "decision",
            data.get("verdict"),
            str(data.get("certainty", "")),
            record.step or "",
            str(data.get("expression", "")),
            record.seq,
            told_at=when,
            age=since_told,
            since_told=since_told,
            sources=tuple(
                self.origin(mapping(one), record, at)
                for one in (values if isinstance(values, list) else [])
            ),
        )

    def _ran(self, bare: Origin, by: Record) -> Origin:
        identity = bare.name.removeprefix("ran(").removesuffix(")").removeprefix("steps.")
        known = [one.seq for one, _ in self._outputs.get(identity, []) if one.seq < by.seq]
        skipped = self._skipped.get(identity)
        if skipped is not None and skipped.seq < by.seq:
            known.append(skipped.seq)
        return replace(bare, kind="run", record=max(known, default=None))

    def _carriers(
        self, output: str, value: Any, readings: Sequence[Reading], at: str
    ) -> tuple[Origin, ...]:
        """The latest answer that held the value; all that was read where none did."""
        for one in reversed(readings):
            path = carried(output, value, one.data)
            if path:
                return (self.reading(one, at, path, value),)
        return tuple(self.reading(one, at) for one in readings[-_LOOKED_BACK:])


_LOOKED_BACK = 4
"""How many readings are named for a value that no answer held: a wait may have read thousands."""


def _seq(reading: Reading) -> int:
    return reading.seq


def _seconds(earlier: str, later: str) -> Decimal | None:
    """Seconds between two moments; None when one of them cannot be read."""
    before, after = moment(earlier), moment(later)
    return None if before is None or after is None else _exact(before, after)


def _exact(before: datetime, after: datetime) -> Decimal:
    passed = after - before
    seconds = Decimal(passed.days * 86400 + passed.seconds)
    return seconds + Decimal(passed.microseconds).scaleb(-6)


def _oldest(sources: Sequence[Origin], told: Decimal | None) -> Decimal | None:
    """The age of the oldest thing that a value came from; without any, since it was told."""
    ages = [one.age for one in sources if one.age is not None and one.kind != "decision"]
    return max(ages, default=told)


def _plain(age: Decimal | None) -> str | None:
    return None if age is None else f"{age.normalize():f}"
