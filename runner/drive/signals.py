"""What asks a run to stop: Ctrl-C, SIGTERM, SIGHUP and the kill switch. A second Ctrl-C leaves."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from runner.machine.failures import HALT

HANDLED = ("SIGINT", "SIGTERM", "SIGHUP")
LEAVES = "SIGINT"
"""Only a person's second Ctrl-C leaves: a closing terminal sends SIGHUP twice, and a system that
shuts down sends SIGTERM and SIGHUP, and neither means that orders should be left behind."""

LOOK_EVERY = 0.02
"""Seconds between two looks at the flag while waiting. No lock that could be waited on is safe to
take in a signal handler: the thread that it interrupts may hold it."""

WATCH_EVERY = 0.25
"""Seconds between two looks at the kill switch while waiting."""


class LeaveNow(BaseException):
    """A second Ctrl-C: leave at once. Not an `Exception`, so that nothing on the way catches it."""


class Signals:
    """What asks the run to stop. The first to ask counts, and the machine is told of it once.

    The handler only notes the signal and says so at once: a blocked read ends only with its
    timeout. A halt is no Ctrl-C: only the second Ctrl-C after it leaves.
    """

    def __init__(self, say: Callable[[str], None] = lambda name: None) -> None:
        self._say = say
        self._name: str | None = None  # set once and never taken back, so that none can be lost
        self._told = False
        self._arrived = 0
        self._leaving = False
        self._may_leave = False
        self._halted: Callable[[], str] | None = None
        self._watched_at = -WATCH_EVERY

    def watch(self, halted: Callable[[], str]) -> None:
        """Have the kill switch ask for the safe stop as well: `halted` says in words who did it,
        when and why, and nothing while nobody did. It is looked at before every effect, and while
        waiting."""
        self._halted = halted

    def announce(self, say: Callable[[str], None]) -> None:
        """Who is told at once when a signal arrives, and now if one has arrived already."""
        self._say = say
        if self._arrived and self._name is not None:
            say(self._name)

    @property
    def pending(self) -> bool:
        """Whether the machine has yet to be told."""
        if time.monotonic() - self._watched_at >= WATCH_EVERY:
            self._look_at_the_switch()
        return self._untold

    def take(self) -> str | None:
        """The name of what asked for a stop, which then counts as told: such as SIGINT, or for the
        kill switch `HALT` and who set it."""
        self._look_at_the_switch()
        if not self._untold:
            return None
        self._told = True
        return self._name

    @property
    def _untold(self) -> bool:
        return self._name is not None and not self._told

    def _look_at_the_switch(self) -> None:
        """Once something has asked, the run stops anyway: what must not be sent is the driver's."""
        if self._halted is None or self._name is not None:
            return
        self._watched_at = time.monotonic()
        words = self._halted()
        if words:
            self._name = self._name or f"{HALT}{words}"
            self._say(self._name)

    def raise_flag(self, name: str) -> None:
        """Ask for the safe stop for a reason of our own, such as a log that cannot be written."""
        self._name = self._name or name

    def wait(self, seconds: float) -> bool:
        """Wait; True when a signal ended it."""
        over = time.monotonic() + seconds
        while not self.pending:
            left = over - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, LOOK_EVERY))
        return True

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handlers for the life of a run; the former ones come back afterwards.

        A SIGHUP that whoever started us has switched off (nohup) stays off.
        """
        former = {}
        if threading.current_thread() is threading.main_thread():
            for name in HANDLED:
                number = getattr(signal, name, None)
                ignored = number is not None and signal.getsignal(number) is signal.SIG_IGN
                if number is not None and not (ignored and name == "SIGHUP"):
                    former[number] = signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Where a second Ctrl-C raises `LeaveNow`. Before, it waits for this; after, it is late."""
        self._may_leave = True
        try:
            if self._leaving:
                raise LeaveNow
            yield
        finally:
            self._may_leave = False

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Where a second Ctrl-C waits for the end: a record is written whole or not at all."""
        outside, self._may_leave = self._may_leave, False
        try:
            yield
        finally:
            self._may_leave = outside
        if outside and self._leaving:
            raise LeaveNow

    def _handle(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        self._arrived += 1
        if self._arrived == 1:
            self._name = self._name or name
            self._say(name)
        elif name == LEAVES:
            self._leaving = True
            if self._may_leave:
                raise LeaveNow
