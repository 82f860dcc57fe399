"""What each step of a run did, gathered from what was put on record of it.

A log gives it record by record, and so does a machine that is driven without a log: both are
compared by it. A step that is carried out again is another visit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.audit.records import Record
from runner.world import moment

WRITES = ("submit", "replace", "cancel")

Data = Mapping[str, Any]


@dataclass(slots=True)
class Asked:
    """One effect of a step: its canonical form, when it was asked for, and its outcome's data.

    `outcome` is None when it never came. `projected` says that nobody has ever answered it so.
    """

    step: str
    form: Data
    at: datetime
    outcome: Data | None = None
    projected: bool = False

    @property
    def name(self) -> str:
        return str(self.form.get("effect", ""))

    @property
    def writes(self) -> bool:
        return self.name in WRITES

    @property
    def body(self) -> dict[str, Any]:
        """What is sent, without the client order id: that one is another in every run."""
        body = self.form.get("body")
        shown = dict(body) if isinstance(body, Mapping) else {}
        shown.pop("client_order_id", None)
        return shown

    @property
    def order_id(self) -> str:
        """The broker's id of the order that it changes or cancels; empty for a new one."""
        return str(self.form.get("order_id") or "")

    @property
    def status(self) -> str:
        """How it was answered; empty when it was not."""
        return str((self.outcome or {}).get("status", ""))

    @property
    def data(self) -> Data:
        """What it was told."""
        told = (self.outcome or {}).get("data")
        return told if isinstance(told, Mapping) else {}


@dataclass(slots=True)
class Visit:
    """One time that a step was carried out. `path` is empty for what the run does by itself.

    `number` counts the visits of a path from 1. `status` is empty where the visit never ended.
    """

    path: str
    number: int
    began: datetime
    ended: datetime
    action: str = ""
    id: str = ""
    name: str = ""
    status: str = ""
    error: Data | None = None
    args: Data = field(default_factory=dict)
    outputs: Data = field(default_factory=dict)
    decisions: list[Data] = field(default_factory=list)
    guards: list[Data] = field(default_factory=list)
    effects: list[Asked] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, int]:
        return self.path, self.number

    @property
    def writes(self) -> list[Asked]:
        return [one for one in self.effects if one.writes]

    @property
    def took(self) -> timedelta:
        """How long it took by the run's clock."""
        return self.ended - self.began


class Visits:
    """Takes in what a run says and hears, in order. `now` is the run's time."""

    def __init__(self, started_at: datetime) -> None:
        self.now = started_at
        self.all: list[Visit] = []
        self._open: dict[str, Visit] = {}
        self._numbers: dict[str, int] = {}

    def say(self, kind: str, step: str, data: Data) -> None:
        """The run decided or finished something."""
        if kind not in ("step.started", "step.finished", "step.skipped", "decision", "guard"):
            return
        visit = self._visit(step)
        match kind:
            case "decision":
                visit.decisions.append(data)
            case "guard":
                visit.guards.append(data)
            case _:
                visit.action = str(data.get("action") or visit.action)
                visit.id = str(data.get("id") or visit.id)
                visit.name = str(data.get("name") or visit.name)
        if kind == "step.started" and isinstance(data.get("args"), Mapping):
            visit.args = data["args"]
        if kind in ("step.finished", "step.skipped"):
            visit.status = str(data.get("status") or "skipped")
            error = data.get("error")
            visit.error = error if isinstance(error, Mapping) else None
            outputs = data.get("outputs")
            visit.outputs = outputs if isinstance(outputs, Mapping) else {}
            visit.ended = self.now
            del self._open[step]

    def ask(self, step: str, form: Data) -> Asked:
        """The run asks for an effect."""
        asked = Asked(step, form, self.now)
        self._visit(step).effects.append(asked)
        return asked

    def tell(self, asked: Asked, outcome: Data, *, projected: bool = False) -> None:
        """The run is told what became of it."""
        asked.outcome, asked.projected = outcome, projected
        self.pass_to(outcome.get("at"))
        for visit in self._open.values():
            visit.ended = self.now

    def pass_to(self, at: object) -> None:
        """The run's time goes on."""
        self.now = max(self.now, moment(at) or self.now)

    def _visit(self, step: str) -> Visit:
        if step:
            self._open.pop("", None)  # what the run did by itself before its steps is over
        visit = self._open.get(step)
        if visit is None:
            number = self._numbers[step] = self._numbers.get(step, 0) + 1
            visit = self._open[step] = Visit(step, number, self.now, self.now)
            self.all.append(visit)
        return visit


def visits_of(records: Sequence[Record]) -> list[Visit]:
    """What each step of a log's run did, in the order in which they began."""
    if not records:
        return []
    begin = moment(records[0].data.get("started_at")) or moment(records[0].ts)
    assert begin is not None  # a record's own time is one
    visits, asked = Visits(begin), dict[object, Asked]()
    for record in records:
        data, step = record.data, record.step or ""
        if record.type == "effect.intent" and isinstance(data.get("effect"), Mapping):
            asked[data.get("n")] = visits.ask(step, data["effect"])
        elif record.type == "effect.outcome":
            intent = asked.get(data.get("n"))
            if intent is not None:
                visits.tell(intent, data)
        elif record.type == "signal":
            visits.pass_to(data.get("at"))
        else:
            visits.say(record.type, step, data)
    return visits.all
