"""The live view on a real pseudo-terminal: it draws, it ends, and it gives the terminal back."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, cast

import pytest
from rich.console import Console
from rich.live import Live
from unit.report.run_sample import (
    LOG,
    RUN_ID,
    Told,
    about,
    begin,
    buy,
    result,
    runbook,
    wait_for_fill,
    whole_run,
)

from runner.broker.targets import resolve
from runner.drive.signals import LeaveNow
from runner.report.run_live import LiveView
from runner.report.run_stream import Outlet
from runner.report.run_views import view_of

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A pseudo-terminal of a size; all that is written to it is read by a thread."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.master, slave = os.openpty()
        self.resize(columns, lines)
        self.stream = os.fdopen(slave, "w")
        self._read = bytearray()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _pump(self) -> None:
        while True:
            try:
                found = os.read(self.master, 65536)
            except OSError:  # hung up
                return
            if not found:
                return
            self._read += found

    @property
    def written(self) -> str:
        return self._read.decode(errors="replace")

    @property
    def text(self) -> str:
        """What was written, without the sequences that only style."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.written)

    def wait_for(self, text: str) -> None:
        give_up = time.monotonic() + 5
        while text not in self.text:
            assert time.monotonic() < give_up, f"{text!r} was never drawn"
            time.sleep(0.01)

    def close(self) -> str:
        """Hang up; everything that was written."""
        self.stream.close()
        self._thread.join(5)
        os.close(self.master)
        return self.text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    found = Terminal()
    yield found
    if not found.stream.closed:
        found.close()


def console(out: Outlet, width: int = 80) -> Console:
    return Console(file=cast(IO[str], out), width=width, height=24, force_terminal=True,
                   no_color=True, highlight=False, markup=False, emoji=False)  # fmt: skip


def live(terminal: Terminal, clock: Callable[[], float] = time.monotonic) -> LiveView:
    out = Outlet(terminal.stream)
    return LiveView(about(), out, color=False, console=console(out), clock=clock)


def test_the_finished_table_and_the_last_line_stay(terminal: Terminal) -> None:
    view = live(terminal)
    view.start()
    whole_run(Told(view))
    view.conclude(result())
    view.stop()
    shown = terminal.close()
    final = shown[shown.rindex("✓ 1 check_account") :]
    assert "✓ 6 finally: cancel_all" in final
    assert final.rstrip(f"\r\n{SHOW}").endswith("no open order, no position.")
    assert shown.rindex(SHOW) > shown.rindex(HIDE)


@pytest.mark.parametrize("error", [RuntimeError("defect"), KeyboardInterrupt(), LeaveNow("SIGINT")])
def test_the_cursor_comes_back_whatever_ends_the_run(
    terminal: Terminal, error: BaseException
) -> None:
    def run() -> None:
        target = resolve("sim")
        with view_of(terminal.stream, runbook(), RUN_ID, target, LOG, color=True) as view:
            begin(Told(view))
            terminal.wait_for("check_account")
            raise error

    with pytest.raises(type(error)):
        run()
    shown = terminal.close()
    assert HIDE in shown
    assert shown.rindex(SHOW) > shown.rindex(HIDE)


def test_the_cursor_comes_back_when_ending_the_display_is_itself_interrupted(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(display: Live) -> None:
        raise KeyboardInterrupt

    view = live(terminal)
    view.start()
    with monkeypatch.context() as patch:
        patch.setattr(Live, "stop", interrupted)
        with pytest.raises(KeyboardInterrupt):
            view.stop()
    terminal.wait_for(SHOW)
    view.stop()


def test_a_wait_counts_down_by_itself(terminal: Terminal) -> None:
    seconds = [100.0]
    view = live(terminal, lambda: seconds[0])
    view.start()
    for part in (begin, buy, wait_for_fill):
        part(Told(view))
    terminal.wait_for("1m 00s left")
    seconds[0] += 30
    terminal.wait_for("30s left")
    view.stop()


def test_the_simulated_exchange_has_a_time_of_its_own(terminal: Terminal) -> None:
    seconds = [100.0]
    out = Outlet(terminal.stream)
    view = LiveView(about(kind="sim"), out, color=False, console=console(out),
                    clock=lambda: seconds[0])  # fmt: skip
    for part in (begin, buy, wait_for_fill):
        part(Told(view))
    seconds[0] += 30
    drawn = view.lines(80, 24, ascii_only=False)
    assert "1m 00s left" in str(drawn)


def test_a_signal_is_drawn_at_once_though_nothing_else_happens(terminal: Terminal) -> None:
    view = live(terminal)
    view.start()
    begin(Told(view))
    view.signal("SIGINT")
    terminal.wait_for("SIGINT: stopping safely")
    view.stop()


def test_a_resized_terminal_is_drawn_at_its_new_size(terminal: Terminal) -> None:
    out = Outlet(terminal.stream)
    sized = console(out)
    view = LiveView(about(), out, color=False, console=sized, clock=lambda: 100.0)
    view.start()
    for part in (begin, buy, wait_for_fill):
        part(Told(view))
    terminal.wait_for("s left · new, 0 of 1 filled      ")
    sized.size = sized.size._replace(width=40)
    terminal.wait_for("\n    1m 00s left · new")
    view.stop()


def test_no_colour_means_no_colour(terminal: Terminal) -> None:
    with view_of(terminal.stream, runbook(), RUN_ID, resolve("sim"), LOG, color=False) as view:
        whole_run(Told(view))
        view.conclude(result("failed", 5, error={"message": "x", "cause": "failed"}))
    terminal.close()
    assert not re.search(r"\x1b\[([0-9]+;)*[349][0-7]m", terminal.written)


def test_what_the_broker_says_is_neither_markup_nor_a_command(terminal: Terminal) -> None:
    hostile = "[bold red]x[/] :smile: \x1b[2J\x07 www.example.com 'q' 12"
    view = live(terminal)
    view.start()
    Told(view).finished(1, "steps[1]", "submit_order", "failed", error={"message": hostile})
    view.stop()
    shown = terminal.close()
    assert "[bold red]x[/] :smile: <U+001B>[2J<U+0007> www.example.com 'q' 12" in shown
    assert "\x1b[2J" not in shown


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        out = Outlet(stream)
        view = LiveView(about(), out, color=False, console=console(out))
        view.start()
        begin(Told(view))
        os.close(master)
        for part in (buy, wait_for_fill):
            part(Told(view))
        view.stop()
        view.conclude(result())
        assert isinstance(out.gone, OSError)


def test_a_terminal_that_takes_nothing_does_not_hold_up_the_run() -> None:
    """Ctrl-S stops the terminal: drawing blocks, the run's thread must not."""
    taken = threading.Event()

    class Stopped(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            if threading.current_thread() is not threading.main_thread():
                taken.wait(5)
            return len(text)

    out = Outlet(Stopped())
    view = LiveView(about(), out, color=False, console=Console(
        file=cast(IO[str], out), width=80, height=24, force_terminal=True))  # fmt: skip
    view.start()
    time.sleep(0.2)  # the drawing thread is in its first write now
    began = time.monotonic()
    whole_run(Told(view))
    view.signal("SIGINT")
    assert time.monotonic() - began < 1
    taken.set()
    view.stop()


def test_a_redirected_stderr_still_gets_what_is_written_to_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the log cannot be written, its records go to stderr, which may well be a file."""
    kept = io.StringIO()
    monkeypatch.setattr(sys, "stderr", kept)
    view = live(terminal)
    view.start()
    sys.stderr.write('{"type":"effect.intent"}\n')
    view.stop()
    assert kept.getvalue() == '{"type":"effect.intent"}\n'
    assert sys.stderr is kept
