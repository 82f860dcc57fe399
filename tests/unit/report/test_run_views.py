"""A view can never harm a run: its errors stay its own, and a closed screen stops nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

import pytest
from unit.report.run_sample import (
    CLIENT_ID,
    LOG,
    RUN_ID,
    Told,
    at,
    begin,
    result,
    runbook,
    whole_run,
)

from runner.broker.targets import resolve
from runner.drive.observer import Nobody
from runner.drive.signals import LeaveNow
from runner.effects import Command, Event, Outcome
from runner.machine.result import Result
from runner.report.run_stream import Outlet
from runner.report.run_views import Guarded, view_of


@pytest.fixture
def broken_pipe() -> Iterator[TextIO]:
    """A pipe that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        yield stream


def test_a_closed_pipe_goes_silent_and_the_end_is_said_on_stderr(
    broken_pipe: TextIO, capsys: pytest.CaptureFixture[str]
) -> None:
    with view_of(broken_pipe, runbook(), RUN_ID, resolve("paper"), LOG, color=False) as view:
        whole_run(Told(view))
        view.signal("SIGINT")
        view.conclude(result("unknown", 8, order={"status": "unknown"}, open_orders=[CLIENT_ID]))
    assert view.errors == []
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("The display ended early (BrokenPipeError")
    assert said[1].startswith(f"UNKNOWN: order {CLIENT_ID}")


def test_a_closed_pipe_does_not_change_the_exit_code() -> None:
    """The interpreter flushes stdout at exit; that must not fail either (it would exit 120)."""
    program = (
        "import sys, time\n"
        "from runner.report.run_stream import Outlet\n"
        "out = Outlet(sys.stdout)\n"
        "for _ in range(3): out.write('x' * 100_000)\n"
        "print('and something else')\n"
        "sys.exit(6)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 6


def test_a_stream_that_was_closed_here_goes_silent() -> None:
    stream = io.StringIO()
    out = Outlet(stream)
    stream.close()
    assert out.write("x") == 1
    assert isinstance(out.gone, ValueError)
    assert not out.isatty()


def test_a_stream_that_cannot_carry_a_character_gets_another() -> None:
    raw = io.BytesIO()
    out = Outlet(io.TextIOWrapper(raw, encoding="ascii"))
    out.write("buy · 1 … ✓ é\n")
    assert raw.getvalue() == b"buy - 1 ... + ?\n"
    assert out.gone is None


class Failing(Nobody):
    """A view with a defect."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def start(self) -> None:
        raise self.error

    def stop(self) -> None:
        raise self.error

    def command(self, command: Command, at: datetime) -> None:
        raise self.error

    def outcome(self, command: Command, outcome: Outcome) -> None:
        raise self.error

    def event(self, event: Event, at: datetime) -> None:
        raise self.error

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        raise self.error

    def signal(self, name: str) -> None:
        raise self.error

    def conclude(self, result: Result) -> None:
        raise self.error


def test_an_error_of_the_display_never_reaches_the_run() -> None:
    view = Guarded(Failing(ZeroDivisionError("display")))
    view.start()
    whole_run(Told(view))
    view.signal("SIGINT")
    view.conclude(result())
    view.stop()
    assert {type(error) for error in view.errors} == {ZeroDivisionError}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LeaveNow("SIGINT"), SystemExit(1)])
def test_leaving_is_never_swallowed(error: BaseException) -> None:
    with pytest.raises(type(error)):
        Guarded(Failing(error)).event(Event("", "run.bound", {}), at(0))


def test_without_a_terminal_the_view_is_plain_and_rich_is_not_imported() -> None:
    program = (
        "import io, sys\n"
        "from run_sample import *\n"
        "from runner.broker.targets import resolve\n"
        "from runner.report.run_views import view_of\n"
        "stream = io.StringIO()\n"
        "with view_of(stream, runbook(), RUN_ID, resolve('sim'), LOG, color=False) as view:\n"
        "    whole_run(Told(view))\n"
        "    view.conclude(result())\n"
        "assert stream.getvalue().endswith('no open order, no position.\\n')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('rich', 'alpaca')]\n"
    )
    here = Path(__file__).resolve()
    search = os.pathsep.join([str(here.parents[3]), str(here.parent)])
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": search}
    )


def test_a_terminal_that_can_do_nothing_gets_the_plain_view(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        with view_of(stream, runbook(), RUN_ID, resolve("sim"), LOG, color=False) as view:
            begin(Told(view))
        printed = b""
        while b" 1/6 check_account" not in printed:
            printed += os.read(master, 65536)
    os.close(master)
    assert b"\x1b" not in printed
    assert b" 1/6 check_account" in printed
