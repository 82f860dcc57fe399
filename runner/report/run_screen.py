"""The live view's picture: which lines, with which styles, fit a screen of a certain size.

Pure: the same progress, size and moment give the same lines. One line for each step; below 60
columns, and for what went wrong, the words go on lines of their own. A runbook longer than the
screen shows a window around the step that runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runner.report.run_progress import Progress
from runner.report.run_rows import Note, Row
from runner.report.run_text import columns, cut, pad, spoken, time_left, wrap
from runner.report.run_words import LOUD, NOTICEABLE, WORD_STYLES, stopping

Segment = tuple[str, str]  # text and style
Line = list[Segment]

INDENT = "  "
NARROW = 60
ELAPSED = 7  # columns: `59m 59s`
MARKS = {"done": "✓", "sent": "✓", "skipped": "-", "pending": "·"}
ASCII_MARKS = {"done": "+", "sent": "+", "skipped": "-", "pending": "."}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_SPINNER = "|/-\\"


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and lines to draw on; `height` is None for as many lines as it takes."""

    width: int
    height: int | None = None
    ascii_only: bool = False


def screen(
    progress: Progress, size: Size, now: datetime | None, frame: int, notes: Sequence[Note] = ()
) -> list[Line]:
    """The lines to show at a moment of the run's time. No line is wider than the size."""
    rows = [row for row in progress.rows.all if _worth_showing(row)]
    painter = _Painter(progress, size, now, frame, max(map(_name_width, rows), default=0))
    blocks = [painter.block(row) for row in rows]
    head, foot = painter.head(), painter.foot(notes)
    if size.height is not None:
        current = next((i for i, row in enumerate(rows) if row is progress.current), 0)
        blocks = _window(blocks, current, size.height - len(head) - len(foot), size.width)
    return head + [line for block in blocks for line in block] + foot


def _worth_showing(row: Row) -> bool:
    """`on_failure` is shown only once something of it happens."""
    return row.state != "pending" or not row.path.startswith("on_failure")


def _name_width(row: Row) -> int:
    return columns(row.label) + len(INDENT) * row.depth


@dataclass(slots=True)
class _Painter:
    progress: Progress
    size: Size
    now: datetime | None
    frame: int
    longest_name: int

    def block(self, row: Row) -> list[Line]:
        """The lines of one step."""
        digits = len(str(self.progress.rows.total))
        style = "cyan" if row.running else WORD_STYLES.get(row.state, "dim")
        style = "dim" if row.logged and row.state not in LOUD else style
        head: Line = [
            (f"{self._mark(row)} ", style),
            (f"{row.number:>{digits}} ", "dim"),
        ]
        room = self.size.width - digits - 3 - ELAPSED - 1
        elapsed = (f" {self._elapsed(row):>{ELAPSED}}", "dim")
        name_style = (
            "bold" if row.running else "dim" if row.logged or row.state == "pending" else ""
        )
        name = INDENT * row.depth + row.label
        below = self._below(row)
        said = self._said(row)
        if self.size.width < NARROW:
            return [[*head, (pad(cut(name, room), room), name_style), elapsed], *said, *below]
        name_room = min(self.longest_name, room * 2 // 5)
        detail = row.state if below else self._detail(row)
        rest = room - name_room - 2
        return [
            [
                *head,
                (pad(cut(name, name_room), name_room) + "  ", name_style),
                (pad(cut(detail, rest), rest), style if below or row.running else ""),
                elapsed,
            ],
            *said,
            *below,
        ]

    def head(self) -> list[Line]:
        """What a resume found, where the run was resumed."""
        note = self.progress.settled
        if note is None:
            return []
        style = "yellow" if note.loud else "cyan"
        return [[(line, style)] for line in self._wrapped(f"{note.word} {note.text}")]

    def foot(self, notes: Sequence[Note]) -> list[Line]:
        """What must not be missed while the run goes on.

        It ends with an empty line: there the terminal's own `^C` cannot wrap and shift the picture.
        """
        if self.progress.over:
            return []
        lines: list[Line] = []
        for note in notes:
            lines += [[(text, "bold red")] for text in self._wrapped(f"! {note.text}")]
        if self.progress.stopping:
            text = stopping(self.progress.stopping)
            lines += [[(line, "yellow")] for line in self._wrapped(text)]
        return [*lines, []]

    def _said(self, row: Row) -> list[Line]:
        """What the step asked or told people, whole; a failure repeats what it was about, and a
        question that stands is on the terminal itself."""
        if not row.message or row.running or row.state in LOUD:
            return []
        return [[(line, "")] for line in self._wrapped(row.message, self._indent)]

    @property
    def _indent(self) -> str:
        narrow = self.size.width < NARROW
        return "    " if narrow else " " * (len(str(self.progress.rows.total)) + 3)

    def _below(self, row: Row) -> list[Line]:
        """The words that need lines of their own."""
        narrow = self.size.width < NARROW
        if row.state in LOUD and row.detail:
            text = row.detail if not narrow else f"{row.state}: {row.detail}"
            return [[(line, "bold red")] for line in self._wrapped(text, self._indent)]
        if narrow and row.running and (detail := self._detail(row)):
            return [[(f"    {cut(detail, self.size.width - 4)}", "cyan")]]
        return []

    def _detail(self, row: Row) -> str:
        """What a step is doing or has found, with the time left first: the end may be cut."""
        if row.until is not None and self.now is not None and row.running:
            return f"{time_left(row.until - self.now)} · {row.detail}"
        orders = self.progress.orders.of(row.sent)
        if row.state == "sent" and orders:
            return "; ".join(f"{one.words} · {one.state} · {one.client_order_id}" for one in orders)
        return row.detail

    def _wrapped(self, text: str, indent: str = "") -> list[str]:
        return [cut(line, self.size.width) for line in wrap(text, self.size.width, indent)]

    def _mark(self, row: Row) -> str:
        if row.running and not self.progress.over:
            frames = ASCII_SPINNER if self.size.ascii_only else SPINNER
            return frames[self.frame % len(frames)]
        marks = ASCII_MARKS if self.size.ascii_only else MARKS
        return marks.get(row.state, "!")

    def _elapsed(self, row: Row) -> str:
        """How long it took; `logged` of what was over before the run was resumed."""
        if row.logged:
            return "logged"
        elapsed = row.elapsed(self.now)
        return spoken(elapsed) if elapsed is not None and elapsed >= NOTICEABLE else ""


def _window(blocks: list[list[Line]], current: int, height: int, width: int) -> list[list[Line]]:
    """The blocks around the current one that fit, with a line for what is above and below."""
    last = len(blocks) - 1

    def fits(low: int, high: int) -> bool:
        lines = sum(len(block) for block in blocks[low : high + 1])
        return lines + (low > 0) + (high < last) <= height

    if not blocks or fits(0, last):
        return blocks
    if not fits(current, current):
        return [blocks[current][: max(height, 0)]]
    low = high = current
    while True:
        up, down = low > 0 and fits(low - 1, high), high < last and fits(low, high + 1)
        if up and (not down or current - low <= 2 * (high - current)):
            low -= 1
        elif down:
            high += 1
        else:
            break
    shown = blocks[low : high + 1]
    if low > 0:
        shown = [[[(cut(f"  … {low} above", width), "dim")]], *shown]
    if high < last:
        shown = [*shown, [[(cut(f"  … {last - high} more", width), "dim")]]]
    return shown
