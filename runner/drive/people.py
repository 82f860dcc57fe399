"""What a run has to do with people: asking one on the terminal, and telling them something.

A question is approved by `y` or `yes` and Enter on the terminal, or by `--yes`; everything else is
not approved: another answer, no answer in time, a stop, nobody to ask, an answer that could not be
put on record. What was typed before the question was shown answers nothing.
"""

from __future__ import annotations

import os
import pwd
import select
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TextIO

from runner.audit.errors import AuditError
from runner.audit.ledger import Ledger
from runner.audit.redact import Redactor
from runner.drive.clock import Clock
from runner.drive.notifying import Notifier
from runner.drive.observer import Observer
from runner.drive.signals import LOOK_EVERY, Signals
from runner.effects import Answer, AskPerson, Command, Json, Notify, Status
from runner.machine import Run
from runner.machine.own_orders import OwnOrder
from runner.report.run_question import question_text
from runner.report.run_stream import Outlet

LONGEST_ANSWER = 1024
"""Bytes of a line that are looked at; a longer one approves nothing."""

YES = ("y", "yes")
BY_OPTION = "--yes"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a question. `by` is who answered, empty when nobody did."""

    approved: bool
    by: str = ""
    why: str = ""


class People:
    """Performs `AskPerson` and `Notify`.

    `live` gives this run's open orders; `record` puts a verdict into the ledger and raises
    `AuditError` when it cannot; `yes` approves everything without asking. `monotonic` counts
    seconds.
    """

    def __init__(
        self,
        clock: Clock,
        signals: Signals,
        observer: Observer,
        notifier: Notifier,
        *,
        live: Callable[[], Sequence[OwnOrder]],
        record: Callable[[Mapping[str, Any]], object],
        yes: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._signals = signals
        self._observer = observer
        self._notifier = notifier
        self._live = live
        self._record = record
        self._yes = yes
        self._monotonic = monotonic

    @classmethod
    def of(
        cls,
        run: Run,
        ledger: Ledger,
        clock: Clock,
        signals: Signals,
        observer: Observer,
        *,
        redactor: Redactor,
        yes: bool,
    ) -> People:
        """Those of a run. Its verdicts go into the ledger of its directory."""

        def record(data: Mapping[str, Any]) -> None:
            ledger.append("confirmed", redactor.data(data), run=run.id)

        notifier = Notifier(redactor, os.environ, run_id=run.id, name=run.runbook.name)
        return cls(
            clock, signals, observer, notifier, live=lambda: run.orders.live, record=record, yes=yes
        )

    def ask(self, command: Command, effect: AskPerson) -> Answer:
        """Ask, and put the verdict on record: an approval that cannot be is none. Never fails: a
        defect of ours must not leave orders behind without a safe stop."""
        try:
            verdict = self._put_on_record(command, effect, self._verdict(command, effect))
        except Exception as error:  # noqa: BLE001 - orders may be live
            verdict = Verdict(False, why=f"internal error: {type(error).__name__}: {error}")
        data: dict[str, Json] = {"approved": verdict.approved, "by": verdict.by}
        return Answer(Status.OK, {**data, "why": verdict.why})

    def tell(self, effect: Notify) -> Answer:
        """Hand a message over; the screen has it from the observer. Never fails."""
        try:
            delivered, to, why = self._notifier.send(
                effect.message, stopped=lambda: self._signals.pending
            )
        except Exception as error:  # noqa: BLE001 - a message must not end a run
            why = f"internal error: {type(error).__name__}: {error}"
            delivered, to = False, "terminal"
        return Answer(Status.OK, {"delivered": delivered, "to": to, "why": why})

    def _verdict(self, command: Command, effect: AskPerson) -> Verdict:
        began = self._clock.now()
        if began >= effect.until:
            return Verdict(False, why="its time was over before it could be asked")
        if self._yes:
            return Verdict(True, BY_OPTION)
        obstacle = nobody_to_ask()
        if obstacle:
            return Verdict(False, why=obstacle)
        self._observer.asks(command, began)
        with _keyboard() as keyboard:
            screen = Outlet(sys.stderr)
            width = _width(sys.stderr)
            screen.write(question_text(effect, self._live(), began, width=width))
            if screen.gone:
                return Verdict(False, why="the question could not be shown")
            verdict = self._await_answer(keyboard, began, effect.until)
            if not verdict.by and not self._signals.pending:  # a stop was said already
                screen.write(f"\nNot approved: {verdict.why}.\n")
        return verdict

    def _await_answer(self, keyboard: int, began: datetime, until: datetime) -> Verdict:
        """Wait for a line, a stop or the end of the question's time.

        The clock of an exchange inside this process stands still meanwhile, so the time that the
        person took is counted here, and the clock moves on by it in the end.
        """
        started = self._monotonic()
        while True:
            taken = timedelta(seconds=self._monotonic() - started)
            now = max(self._clock.now(), began + taken)
            if self._signals.pending:
                return Verdict(False, why="the run was stopped before an answer came")
            if now >= until:
                self._clock.sleep_until(until)
                return Verdict(False, why="nobody answered in time")
            line = _line(keyboard)
            if line is not None:
                self._clock.sleep_until(now)
                return _judged(line)

    def _put_on_record(self, command: Command, effect: AskPerson, verdict: Verdict) -> Verdict:
        try:
            self._record(
                {
                    "step": command.step,
                    "question": effect.question,
                    "coming": list(effect.coming),
                    "verdict": "approved" if verdict.approved else "refused",
                    "by": verdict.by,
                    "why": verdict.why,
                }
            )
        except AuditError as error:
            if verdict.approved:
                return Verdict(False, verdict.by, f"the answer could not be recorded: {error}")
        return verdict


def _judged(line: bytes) -> Verdict:
    if not line:
        return Verdict(False, why="the terminal was closed, or the input ended")
    whole = line.endswith(b"\n")
    if whole and line.decode("utf-8", "replace").strip().lower() in YES:
        return Verdict(True, user_name())
    return Verdict(False, user_name(), "the answer was not yes")


# ------------------------------------------------------------------------- the terminal


def nobody_to_ask() -> str:
    """Why nobody can be asked here; empty when somebody can."""
    if not _is_terminal(sys.stdin):
        return "there is no terminal on stdin to answer on"
    if not _is_terminal(sys.stderr):
        return "stderr is not a terminal, so nobody would see the question"
    if not _in_foreground(sys.stdin.fileno()):
        return "the run is in the background of its terminal, where nobody can answer"
    return ""


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and os.isatty(stream.fileno())
    except (OSError, ValueError):
        return False


def _in_foreground(terminal: int) -> bool:
    """Whether reading is ours: from the background it would stop the process, orders and all."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # not the terminal that controls this process: no job control there
        return True


@contextmanager
def _keyboard() -> Iterator[int]:
    """A descriptor of stdin's terminal on which reading never blocks, emptied of what was typed
    before. It is one of its own: the mode of stdin's is shared with the shell."""
    stdin = sys.stdin.fileno()
    try:
        own = os.open(os.ttyname(stdin), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:  # another user's terminal, as after `su`
        own = os.dup(stdin)
    try:
        termios.tcflush(own, termios.TCIFLUSH)
        yield own
    finally:
        os.close(own)


def _line(keyboard: int) -> bytes | None:
    """A line, when one comes within a moment; empty when none can come any more."""
    ready, _, _ = select.select([keyboard], [], [], LOOK_EVERY)
    if not ready:
        return None
    if not _in_foreground(keyboard):
        time.sleep(LOOK_EVERY)
        return None
    try:
        return os.read(keyboard, LONGEST_ANSWER)
    except BlockingIOError:  # somebody else on the terminal took it
        return None
    except OSError:
        return b""


def _width(stream: TextIO) -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80


def user_name() -> str:
    """The name of the user that this process runs as; environment variables do not change it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
