"""The view on a terminal: one line a step, redrawn as the run goes on.

The run's thread only updates the progress; rich's own thread draws. So a terminal that is stopped
or slow holds up the drawing and never the run. Texts become `rich.text.Text`, never markup.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import IO, cast

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from runner.effects import Command, Event, Outcome
from runner.machine.result import Result
from runner.report.run_progress import Progress
from runner.report.run_rows import Note
from runner.report.run_screen import Line, Size, screen
from runner.report.run_stream import Outlet
from runner.report.run_summary import render
from runner.report.run_words import About, stopping

REDRAWS = 8  # a second
NOTES = 2  # loud ones that stay in sight
RESOLVED = ("found", "online")  # words that end an alarm
SHOW_CURSOR = "\x1b[?25h"


class LiveView:
    """Shows the run on a terminal. It implements the driver's `Observer`.

    `clock` counts seconds; between two messages a wait counts down by it. The simulated exchange's
    time does not pass by itself, so there the countdown stands still.
    """

    def __init__(
        self,
        about: About,
        out: Outlet,
        *,
        color: bool,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._about = about
        self._out = out
        self._color = color
        self._console = console or Console(
            file=cast(IO[str], out), no_color=not color, highlight=False, markup=False, emoji=False
        )
        self._clock = clock
        self._progress = Progress(about.runbook, about.resumed)
        self._notes: list[Note] = []
        self._heard = clock()
        self._lock = Lock()  # between the run's thread and the drawing one; no output under it
        self._stopping = ""
        self._asking = False  # a question is on the terminal, and nothing is drawn
        self._live = self._display()

    def _display(self) -> Live:
        return Live(
            get_renderable=lambda: _Picture(self),
            console=self._console,
            refresh_per_second=REDRAWS,
            # Only what goes to a terminal may pass through the display: a redirected stderr must
            # still get what is written to it.
            redirect_stdout=_is_terminal(sys.stdout),
            redirect_stderr=_is_terminal(sys.stderr),
        )

    def start(self) -> None:
        """Say what runs where, and begin to draw."""
        self._out.write(self._about.heading)
        self._live.start()

    def command(self, command: Command, at: datetime) -> None:
        """An effect is about to be performed."""
        with self._lock:
            self._keep(self._progress.command(command, at))

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """An effect has come back."""
        with self._lock:
            self._keep(self._progress.outcome(command, outcome))
        self._draw_again()

    def event(self, event: Event, at: datetime) -> None:
        """The machine decided or finished something."""
        with self._lock:
            self._keep(self._progress.event(event, at))

    def asks(self, command: Command, at: datetime) -> None:
        """Leave the terminal to the question, below the picture as it is now."""
        self._asking = True
        self._live.stop()

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        """An awaited order had not changed; the time is taken from it."""
        with self._lock:
            self._progress.polled(at)
            self._heard = self._clock()

    def notice(self, command: Command, text: str, at: datetime) -> None:
        """Something a person should know; it is shown with its step."""
        with self._lock:
            self._notes += self._progress.notice(command, text, at)

    def signal(self, name: str) -> None:
        """The next drawing says that the run stops safely. Called from a signal handler, so it
        takes no lock. While a question stands nothing is drawn, so it is said at once."""
        self._stopping = name
        if self._asking:
            self._out.at_once(f"\n{stopping(name)}\n")

    def conclude(self, result: Result) -> None:
        """Leave the finished table on the screen and print what the run came to."""
        self.stop()
        width = self._console.width
        self._out.write("\n" + render(self._about, result, width=width, color=self._color))

    def stop(self) -> None:
        """Draw once more, all of it, and give the terminal back."""
        self._draw_again()
        with self._lock:
            self._progress.finish()
        try:
            self._live.stop()
        finally:
            if self._console.is_terminal:
                self._out.write(SHOW_CURSOR)

    def lines(self, width: int, height: int, *, ascii_only: bool) -> list[Line]:
        """What to draw now."""
        with self._lock:
            self._progress.stopping = self._stopping
            size = Size(width, None if self._progress.over else height - 1, ascii_only)
            frame = int(self._clock() * REDRAWS)
            notes = [one for one in self._notes if one.row and one.row.running][-NOTES:]
            return screen(self._progress, size, self._now(), frame, notes)

    def _draw_again(self) -> None:
        """Go on drawing below a question that is over."""
        if self._asking:
            self._asking = False
            self._live = self._display()
            self._live.start()

    def _now(self) -> datetime | None:
        at = self._progress.at
        if at is None or self._about.simulated or self._progress.over:
            return at
        return at + timedelta(seconds=self._clock() - self._heard)

    def _keep(self, notes: list[Note]) -> None:
        self._heard = self._clock()
        for note in notes:
            if self._progress.past:
                continue  # no alarm of now
            if note.loud:
                self._notes.append(note)
            elif note.word in RESOLVED:
                self._notes.clear()


class _Picture:
    """Draws the view at whatever size the terminal has at that moment."""

    def __init__(self, view: LiveView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found: list[Line] = []
        with suppress(Exception):  # an error in the drawing thread would print a traceback
            found = self._view.lines(
                options.max_width, console.size.height, ascii_only=options.ascii_only
            )
        for line in found:
            yield Text.assemble(*line, no_wrap=True, overflow="crop", end="\n")


def _is_terminal(stream: object) -> bool:
    try:
        return bool(getattr(stream, "isatty", lambda: False)())
    except ValueError:
        return False
