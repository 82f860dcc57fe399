"""A run's records come in the order in which a run writes them."""

from __future__ import annotations

from collections.abc import Iterator

from runner.audit.records import Record, Rule
from runner.audit.rules.watch import Orders, Watch


class Order(Watch):
    """A log starts with `run.started`, belongs to one run, and ends with `run.finished`."""

    rule = Rule.ORDER

    def __init__(self) -> None:
        self._run: str | None = None
        self._previous: str | None = None

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        if self._previous is None:
            self._run = record.run
            if record.type != "run.started":
                yield f"the first record is {record.type}, not run.started"
        elif record.type == "run.started":
            yield "a second run.started: two runs in one log"
        if record.run is None or record.run != self._run:
            yield f"the record belongs to run {record.run}, the log to {self._run}"
        if self._previous == "run.finished" and record.type not in ("run.resumed", "log.recovered"):
            yield f"{record.type} after run.finished, and no run.resumed between them"
        if not (self._previous == "run.finished" and record.type == "log.recovered"):
            self._previous = record.type
