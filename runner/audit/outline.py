"""One run as a table: its steps in order, what each came to, and the orders that it sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.audit.records import Record
from runner.audit.sent import Fill, SeenOrder, Sent, mapping
from runner.effects import Json


@dataclass(slots=True)
class StepRow:
    """One step. `status` is the step's, or `open` while the log does not say; `began_at` and
    `ended_at` are the run's time, empty where the log does not say; `args` are as evaluated.
    `records` are the first and the last record that name the step."""

    path: str
    id: str = ""
    name: str = ""
    action: str = ""
    status: str = "open"
    args: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    error: Any = None
    reason: str = ""  # why it was skipped
    began_at: str = ""
    ended_at: str = ""
    records: tuple[int, int] = (0, 0)

    def to_data(self) -> dict[str, Json]:
        return {
            "path": self.path,
            "id": self.id or None,
            "name": self.name or None,
            "action": self.action,
            "status": self.status,
            "args": dict(self.args),
            "outputs": dict(self.outputs),
            "error": self.error,
            "reason": self.reason or None,
            "began_at": self.began_at or None,
            "ended_at": self.ended_at or None,
            "records": list[Json](self.records),
        }


@dataclass(slots=True)
class Outline:
    """A whole run. Nothing in it is made fit for a terminal."""

    header: Mapping[str, Any] = field(default_factory=dict)
    bound: Mapping[str, Any] = field(default_factory=dict)
    finished: Mapping[str, Any] = field(default_factory=dict)
    steps: dict[str, StepRow] = field(default_factory=dict)  # by path, in the order they began
    sent: Sent = field(default_factory=Sent)
    fills: list[Fill] = field(default_factory=list)
    started: str = ""  # wall time

    @property
    def orders(self) -> list[SeenOrder]:
        return list(self.sent.orders.values())

    def named(self, step: str) -> list[StepRow]:
        """The steps of a path or an id: an id may have run more than once."""
        return [row for row in self.steps.values() if step in (row.path, row.id)]


def outline(records: Iterable[Record]) -> Outline:
    """The table of a run's records, as far as they go."""
    found = Outline()
    for record in records:
        found.fills += found.sent.see(record)
        data = record.data
        match record.type:
            case "run.started":
                found.header, found.started = data, record.ts
            case "run.bound":
                found.bound = data
            case "run.finished":
                found.finished = data
        if record.step:
            _take(found, record)
    return found


def _take(found: Outline, record: Record) -> None:
    path, data, at = str(record.step), record.data, found.sent.at
    row = found.steps.setdefault(path, StepRow(path, began_at=at, records=(record.seq, 0)))
    row.records = (row.records[0], record.seq)
    if record.type not in ("step.started", "step.finished", "step.skipped"):
        return
    row.id = str(data.get("id") or row.id)
    row.name = str(data.get("name") or row.name)
    row.action = str(data.get("action") or row.action)
    if record.type == "step.started":
        row.args = mapping(data.get("args"))
    elif record.type == "step.finished":
        row.status, row.ended_at = str(data.get("status")), at
        row.outputs, row.error = mapping(data.get("outputs")), data.get("error")
    else:
        row.status, row.ended_at, row.reason = "skipped", at, str(data.get("reason", ""))


def order_data(order: SeenOrder) -> dict[str, Json]:
    """One order as `--json` shows it: its terms as the broker last gave them, and its dollars."""
    dollars = order.dollars
    return {
        "client_order_id": order.client_order_id,
        "order_id": order.order_id or None,
        "step": order.step,
        "leg_of": order.leg_of or None,
        "sent_at": order.sent_at,
        "seen_at": order.seen_at or None,
        "status": order.status,
        "reason": order.reason or None,
        **{key: value for key, value in order.terms.items() if key != "status"},
        "dollars": None if dollars is None else f"{dollars:f}",
    }
