"""The steps of a plan: one row each, with what it would find, or which orders it would send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.drive.projection import Assumption, PlannedStep
from runner.drive.projection import Line as Way
from runner.language.runbook import Runbook, Step
from runner.report.diagnostics import visible
from runner.report.plan_body import in_words, numbers_of
from runner.report.plan_text import Line, told, wrapped
from runner.report.run_rows import Row, Rows
from runner.report.run_text import columns, cut, pad
from runner.report.run_words import WORD_STYLES, outputs_in_words, plain, top_steps

NARROW = 60
MARKED_APART = ("filled_qty", "remaining_qty")
"""Quantities that are reckoned with before they are shown; what they rest on is the assumption."""

SENDS = {"submit": "sends", "replace": "changes"}
ASSUMED = {"confirm": ("approved", "question"), "notify": ("told", "message")}
"""What a plan asks nobody, and tells nobody: what is assumed of it, and the argument it says."""

VERDICT_STYLES = {"true": "green", "false": "yellow", "cannot tell": "yellow", "sends": "bold"}
NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Told:
    """One row: its number, name, a word of state and the words. A loud one is shown whole."""

    number: str
    name: str
    word: str
    words: str
    loud: bool = False

    @property
    def style(self) -> str:
        return VERDICT_STYLES.get(self.word, WORD_STYLES.get(self.word, "dim"))


class Steps:
    """The steps of a runbook by the numbers and names that a run shows them under."""

    def __init__(self, runbook: Runbook) -> None:
        self._runbook = runbook
        self._rows = Rows(runbook)
        self._written = {step.place: step for step in top_steps(runbook)}

    def of(self, step: PlannedStep) -> Row:
        """The row of a step of a line; nested ones stand below their parents."""
        return self._rows.of(step.path, {"name": step.name, "action": step.action})

    def called(self, path: str) -> str:
        """`step 4`, or `step 4 (2.1)` for a nested one; `the safe stop` for what is no step."""
        if not path:
            return "the safe stop"
        row = self._rows.get(path)
        if row is None or not row.number:
            return f"step {visible(path)}"
        return f"step {row.number}"

    def named(self, path: str) -> str:
        """`step 4 (Buy at the market)`."""
        row = self._rows.get(path)
        return (
            f"{self.called(path)} ({row.label})" if row is not None and path else self.called(path)
        )

    def tell(self, line: Way, steps: Sequence[PlannedStep], *, whole: bool) -> list[Told]:
        """The rows of some steps of a line; with `whole` also those that it does not come to."""
        done = {step.path: step for step in steps}
        for step in steps:
            self.of(step)
        told = []
        for row in self._rows.all:
            planned = done.get(row.path)
            name = "  " * row.depth + row.label
            if planned is not None:
                told.append(self._tell(line, planned, row.number, name))
            elif whole and not row.depth and not row.path.startswith("on_failure"):
                told.append(Told(row.number, name, NOT_REACHED, ""))
        return told

    def _tell(self, line: Way, step: PlannedStep, number: str, name: str) -> Told:
        message = visible(str(step.error.get("message", ""))) if step.error else ""
        if message:
            return Told(number, name, step.status, message, loud=True)
        written = self._written.get(step.path)
        open_choices = [one for one in line.assumed if one.step == step.path and one.kind != "fill"]
        if open_choices:
            return Told(number, name, "cannot tell", "; ".join(map(_taken, open_choices)))
        if step.status == "skipped":
            return Told(number, name, "false", f"{_when(written)}; skipped".lstrip("; "))
        if step.action == "assert" and step.status == "done":
            return Told(number, name, "true", _text(step, "that"))
        if step.action in ASSUMED and step.status == "done":
            word, key = ASSUMED[step.action]
            return Told(number, name, "assumed", f"{word}: {_text(step, key)}")
        sent = [
            (index, order)
            for index, order in enumerate(line.orders, 1)
            if order.step == step.path and order.effect in SENDS
        ]
        if sent:
            numbers = numbers_of(line.orders)
            words = "; ".join(f"order {index}: {in_words(order, numbers)}" for index, order in sent)
            return Told(number, name, SENDS[sent[0][1].effect], words)
        return Told(number, name, step.status, self._found(step))

    def _found(self, step: PlannedStep) -> str:
        row = self._rows.get(step.path)
        kinds = row.action.outputs if row is not None and row.action is not None else {}
        apart = MARKED_APART if step.action == "await_fill" else ()
        words = {
            key: value.value
            if key in apart or value.value is None
            else told(value, kinds[key].kind if key in kinds else None)
            for key, value in step.outputs.items()
        }
        return outputs_in_words(None, step.action, words)


def _taken(choice: Assumption) -> str:
    return f"{visible(choice.about)}: taken as {'true' if choice.holds else 'false'}"


def _when(step: Step | None) -> str:
    return visible(step.when.text.strip()) if step is not None and step.when is not None else ""


def _text(step: PlannedStep, key: str) -> str:
    value = step.args.get(key)
    return plain(value.value) if value is not None else ""


def table(rows: Sequence[Told], width: int | None) -> Iterator[Line]:
    """A line for each step, the words in a column of their own; below the name where it is narrow.

    What went wrong has the whole width.
    """
    digits = max((len(row.number) for row in rows), default=1)
    longest = max((columns(row.name) for row in rows), default=0)
    states = max((columns(row.word) for row in rows), default=0)
    indent = " " * (digits + 4)
    narrow = width is not None and width < NARROW + 1
    name_room = longest if width is None else min(longest, width * 2 // 5)
    if narrow and width is not None:
        name_room = min(longest, width - len(indent) - states - 2)
    taken = len(indent) + name_room + states + 4
    for row in rows:
        head = [
            (f"  {row.number:>{digits}}  ", "dim"),
            (f"{pad(cut(row.name, name_room), name_room)}  ", ""),
        ]
        style = row.style if row.loud else ""
        if width is not None and (narrow or row.loud):
            yield [*head, (row.word, row.style)]
            if row.words:
                yield from ([(text, style)] for text in wrapped(row.words, width, indent))
            continue
        first, *more = wrapped(row.words, None if width is None else width - taken)
        if not first:
            yield [*head, (row.word, row.style)]
            continue
        yield [*head, (pad(row.word, states), row.style), (f"  {first}", style)]
        yield from ([(" " * taken + text, style)] for text in more)
