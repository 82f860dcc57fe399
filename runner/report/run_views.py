"""Which view a run gets, and the guarantee that no view can harm it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TextIO

from runner.effects import Command, Event, Outcome
from runner.guards.rules import Policy
from runner.language.runbook import Runbook
from runner.machine.result import Result
from runner.report.diagnostics import visible
from runner.report.run_json import Target
from runner.report.run_plain import PlainView
from runner.report.run_resumed import Resumed
from runner.report.run_stream import Outlet
from runner.report.run_summary import last_line
from runner.report.run_words import About


class View(Protocol):
    """The driver's `Observer`, plus how it begins and ends."""

    def start(self) -> None: ...
    def command(self, command: Command, at: datetime) -> None: ...
    def outcome(self, command: Command, outcome: Outcome) -> None: ...
    def event(self, event: Event, at: datetime) -> None: ...
    def asks(self, command: Command, at: datetime) -> None: ...
    def polled(self, command: Command, polls: int, at: datetime) -> None: ...
    def notice(self, command: Command, text: str, at: datetime) -> None: ...
    def signal(self, name: str) -> None: ...
    def conclude(self, result: Result) -> None: ...
    def stop(self) -> None: ...


class Guarded:
    """A view whose errors never reach the run. `errors` holds those that it swallowed.

    Only `Exception` is swallowed: Ctrl-C and the second signal go through.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self.errors: list[Exception] = []
        self.result: Result | None = None

    def start(self) -> None:
        """Begin to show."""
        self._try(self._view.start)

    def command(self, command: Command, at: datetime) -> None:
        """An effect is about to be performed."""
        self._try(lambda: self._view.command(command, at))

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """An effect has come back."""
        self._try(lambda: self._view.outcome(command, outcome))

    def event(self, event: Event, at: datetime) -> None:
        """The machine decided or finished something."""
        self._try(lambda: self._view.event(event, at))

    def asks(self, command: Command, at: datetime) -> None:
        """A person is about to be asked."""
        self._try(lambda: self._view.asks(command, at))

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        """An awaited order had not changed."""
        self._try(lambda: self._view.polled(command, polls, at))

    def notice(self, command: Command, text: str, at: datetime) -> None:
        """Something a person should know."""
        self._try(lambda: self._view.notice(command, text, at))

    def signal(self, name: str) -> None:
        """A first signal arrived."""
        self._try(lambda: self._view.signal(name))

    def conclude(self, result: Result) -> None:
        """Say what the run came to."""
        self.result = result
        self._try(lambda: self._view.conclude(result))

    def stop(self) -> None:
        """Leave the screen as it is and give the terminal back."""
        self._try(self._view.stop)

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - a display must never decide over orders
            self.errors.append(error)


@contextmanager
def view_of(
    stream: TextIO,
    runbook: Runbook,
    run_id: str,
    target: Target,
    log: Path,
    *,
    color: bool,
    resumed: Resumed | None = None,
    policy: Policy | None = None,
) -> Iterator[Guarded]:
    """The view of one run on a stream: live on a terminal, line by line anywhere else.

    Whatever happens to the display, the run goes on. Where the display failed, or its stream was
    closed, stderr says so and what is live.
    """
    about = About(runbook, run_id, target.kind, target.base_url, log, resumed, policy)
    out = Outlet(stream)
    view = Guarded(_view(about, out, color))
    view.start()
    try:
        yield view
    finally:
        view.stop()
        if (out.gone or view.errors) and view.result is not None:
            _say_on_stderr(about, view.result, out.gone or view.errors[0])


def _view(about: About, out: Outlet, color: bool) -> View:
    if out.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
        from runner.report.run_live import LiveView  # noqa: PLC0415 - rich costs time to import

        return LiveView(about, out, color=color)
    return PlainView(about, out, color=color)


def _say_on_stderr(about: About, result: Result, error: Exception) -> None:
    data = {**result.data, "status": result.status}
    live = last_line(data, simulated=about.simulated, log=about.log)
    Outlet(sys.stderr).write(
        f"The display ended early ({visible(repr(error))}); the run went on without it.\n{live}\n"
    )
