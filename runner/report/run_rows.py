"""What a run is shown as: a row for each step, and notes that are worth a line of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.language.declare import Action
from runner.language.runbook import Runbook, Step
from runner.report.diagnostics import visible
from runner.report.run_words import label, top_steps


@dataclass(slots=True)
class Row:
    """One step as it is shown. `number` counts the top-level steps; nested ones repeat it."""

    path: str
    number: str
    label: str
    action: Action | None = None
    depth: int = 0
    state: str = "pending"  # running, waiting, then sent, left, or the step's own status
    detail: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    until: datetime | None = None  # of the wait that is on
    sent: list[str] = field(default_factory=list)  # client order ids
    tried: set[str] = field(default_factory=set)  # client order ids, those of changes too
    cancelled: list[str] = field(default_factory=list)  # the broker's ids
    said: str = ""  # the last wait that was told, so that it is told once
    refusal: str = ""  # the broker's words to what may go again, until they are told
    logged: bool = False  # whether it was over before the run was resumed
    condition: str = ""  # the last `when`, or what an `assert` says
    purpose: str = ""  # what a `wait` waits for
    polls: bool = False  # whether it looks again and again
    message: str = ""  # what it asks or tells people: shown whole

    @property
    def running(self) -> bool:
        return self.state in ("running", "waiting")

    @property
    def over(self) -> bool:
        return not self.running and self.state != "pending"

    def elapsed(self, now: datetime | None) -> timedelta | None:
        """The run's time from its start to its end, or to now."""
        end = self.ended or now
        return end - self.began if self.began is not None and end is not None else None

    def begin(self, at: datetime, started: Mapping[str, Any]) -> None:
        """The step runs; what an `assert` or a `wait` is about is kept to be said later."""
        self.state, self.began, self.ended, self.logged = "running", at, None, False
        args = started.get("args")
        if not isinstance(args, Mapping):
            return
        if started.get("action") == "assert":
            self.condition = visible(str(args.get("that", "")))
        if started.get("action") == "wait":
            key = "until" if "until" in args else "for"
            self.purpose = f"{key} {visible(str(args.get(key, '')))}"
            self.polls = "poll" in args


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth saying now. `word` is a state or a verb; a loud one is never missed."""

    row: Row | None
    word: str
    text: str
    loud: bool = False


class Rows:
    """The rows of a run, in the order in which they are shown."""

    def __init__(self, runbook: Runbook) -> None:
        steps = top_steps(runbook)
        self.total = len(steps)
        self.all = [
            Row(step.place, str(index), label(step), step.action)
            for index, step in enumerate(steps, 1)
        ]
        self._by_path = {row.path: row for row in self.all}
        self._actions = {step.action.name: step.action for step in _with_nested(steps)}

    def get(self, path: str) -> Row | None:
        """The row of a path that has been heard of."""
        return self._by_path.get(path)

    def of(self, path: str, data: Mapping[str, Any]) -> Row:
        """The row of a step. A nested one is put below its parent when it is first heard of."""
        if path in self._by_path:
            return self._by_path[path]
        parent = self._parent(path)
        name = visible(str(data.get("name") or data.get("action") or path.rpartition(".")[2]))
        if parent is None:
            return self._insert(Row(path, "", name), len(self.all))
        inside = path[len(parent.path) + 1 :].rpartition(".")[0]
        action = self._actions.get(str(data.get("action")))
        row = Row(path, parent.number, f"{inside} {name}".strip(), action, parent.depth + 1)
        family = f"{parent.path}."
        below = [index for index, one in enumerate(self.all) if one.path.startswith(family)]
        return self._insert(row, max(below, default=self.all.index(parent)) + 1)

    def safe_stop(self) -> Row:
        """The row of what the run does after its steps to leave nothing open."""
        return self._by_path.get("") or self._insert(Row("", "", "safe stop"), len(self.all))

    def _parent(self, path: str) -> Row | None:
        while "." in path:
            path = path.rpartition(".")[0]
            if path in self._by_path:
                return self._by_path[path]
        return None

    def _insert(self, row: Row, index: int) -> Row:
        self.all.insert(index, row)
        self._by_path[row.path] = row
        return row


def _with_nested(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.body is not None:
            yield from _with_nested((*step.body.steps, *step.body.rescue, *step.body.always))
