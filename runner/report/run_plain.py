"""The view for pipes, CI and terminals that can do no more: one line for each thing that happens.

A line begins with `!` when it must not be missed, and with `|` when it only repeats the log of a
resumed run. Then come the step's number, its name, a word and the words. A line is never cut or
wrapped, so it can be searched for.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from typing import TextIO

from runner.effects import Command, Event, Outcome
from runner.machine.result import Result
from runner.report.run_progress import Progress
from runner.report.run_rows import Note, Row
from runner.report.run_stream import Outlet
from runner.report.run_summary import render
from runner.report.run_text import columns, pad, paint, spoken
from runner.report.run_words import NOTICEABLE, WORD_STYLES, About, stopping

LONGEST_LABEL = 24
WORD_WIDTH = 8


class PlainView:
    """Writes the run to a stream, line by line. It implements the driver's `Observer`."""

    def __init__(self, about: About, stream: TextIO | Outlet, *, color: bool) -> None:
        self._about = about
        self._out = stream if isinstance(stream, Outlet) else Outlet(stream)
        self._color = color
        self._progress = Progress(about.runbook, about.resumed)
        labels = [columns(row.label) for row in self._progress.rows.all]
        self._label_width = min(max(labels, default=0), LONGEST_LABEL)
        self._digits = len(str(self._progress.rows.total))

    def start(self) -> None:
        """Say what runs where, and how to find it again."""
        self._out.write(self._about.heading)
        if self._about.resumed is not None:
            self._out.write("lines that begin with | happened before\n")

    def command(self, command: Command, at: datetime) -> None:
        """An effect is about to be performed."""
        self._say(self._progress.command(command, at))

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """An effect has come back."""
        self._say(self._progress.outcome(command, outcome))

    def event(self, event: Event, at: datetime) -> None:
        """The machine decided or finished something."""
        self._say(self._progress.event(event, at))

    def asks(self, command: Command, at: datetime) -> None:
        """Nothing to do: nothing is drawn that a question could fall into."""

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        """Nothing to say: a change will come as an outcome."""
        self._progress.polled(at)

    def notice(self, command: Command, text: str, at: datetime) -> None:
        """Something a person should know."""
        self._say(self._progress.notice(command, text, at))

    def signal(self, name: str) -> None:
        """Says at once that the run stops safely. Called from a signal handler."""
        start = "\n" if self._out.isatty() else ""
        self._out.at_once(f"{start}{stopping(name)}\n")

    def conclude(self, result: Result) -> None:
        """Print what the run came to; the last line says what is live."""
        self._say(self._progress.finish())
        width = shutil.get_terminal_size().columns if self._out.isatty() else None
        self._out.write("\n" + render(self._about, result, width=width, color=self._color))

    def stop(self) -> None:
        """Say which steps were left in the middle, where `conclude` did not."""
        self._say(self._progress.finish())

    def _say(self, notes: list[Note]) -> None:
        for note in notes:
            self._out.write(f"{self._line(note)}\n")

    def _line(self, note: Note) -> str:
        mark = "|" if self._progress.past else "!" if note.loud else " "
        if note.row is None:
            return f"{mark}{note.word} {note.text}"
        word = paint(pad(note.word, WORD_WIDTH), WORD_STYLES.get(note.word, ""), color=self._color)
        name = pad(note.row.label, self._label_width)
        return f"{mark}{self._number(note.row)} {name}  {word} {note.text}{_took(note)}".rstrip()

    def _number(self, row: Row) -> str:
        if not row.number:
            return " " * (2 * self._digits + 1)
        return f"{row.number:>{self._digits}}/{self._progress.rows.total}"


def _took(note: Note) -> str:
    """How long the step took, where it took any time."""
    if note.row is None or not note.row.over:
        return ""
    elapsed = note.row.elapsed(None)
    if elapsed is None or elapsed < NOTICEABLE:
        return ""
    return f" ({spoken(elapsed)})" if note.text else f"({spoken(elapsed)})"
