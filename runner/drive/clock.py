"""The run's clock: the wall for a real broker, the exchange's own for the one inside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from runner.drive.signals import LOOK_EVERY, Signals

if TYPE_CHECKING:
    from runner.sim import Served


class Clock(Protocol):
    """Moments are aware UTC datetimes and never go back. Waits end early when a signal comes."""

    def now(self) -> datetime:
        """The run's time."""

    def sleep_until(self, moment: datetime) -> None:
        """Let time pass until a moment."""

    def wait_for_change(self, pause: timedelta, until: datetime, news: threading.Event) -> None:
        """Let time pass until an order may have changed: until there is `news`, for a pause at
        most, and not past `until`."""


class WallClock:
    """The wall's time. Where the wall is set back, time goes on from where it was: a run must not
    stand still, its orders working, until the wall has caught up.

    `wall` gives seconds since the epoch, `monotonic` nanoseconds that never go back. A resumed run
    goes on from `not_before`, its last moment; `set_back` when the wall is earlier than that.
    `alive` is told the time again and again while the run waits.
    """

    def __init__(
        self,
        signals: Signals,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], int] = time.monotonic_ns,
        not_before: datetime | None = None,
        alive: Callable[[datetime], None] = lambda moment: None,
    ) -> None:
        self._signals = signals
        self._alive = alive
        self._wall, self._monotonic = wall, monotonic
        self._read_at = monotonic()
        self._latest = shown = self._shown()
        self.set_back = not_before is not None and shown < not_before
        if not_before is not None:
            self._latest = max(shown, not_before)

    def now(self) -> datetime:
        """The run's time."""
        before, self._read_at = self._read_at, self._monotonic()
        passed = timedelta(microseconds=(self._read_at - before) // 1000)
        # Ahead of it is a machine that slept: the monotonic clock may have slept with it.
        self._latest = max(self._latest + passed, self._shown())
        return self._latest

    def _shown(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Let time pass; the wall is looked at every second, because a machine may sleep too."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            if self._signals.wait(min(left, 1.0)):
                return
            self._alive(self.now())

    def wait_for_change(self, pause: timedelta, until: datetime, news: threading.Event) -> None:
        """Let a pause pass, or less."""
        self._alive(self.now())
        over = min(self.now() + pause, until)
        while (left := (over - self.now()).total_seconds()) > 0 and not self._signals.pending:
            if news.wait(min(left, LOOK_EVERY)):
                return


class ExchangeClock:
    """The time of the exchange inside this process: waiting jumps, so it costs no time."""

    def __init__(self, served: Served, signals: Signals) -> None:
        self._served = served
        self._signals = signals

    def now(self) -> datetime:
        """The exchange's time."""
        return self._served.now()

    def sleep_until(self, moment: datetime) -> None:
        """Jump to a moment."""
        if not self._signals.pending:
            self._served.sleep_until(moment)

    def wait_for_change(self, pause: timedelta, until: datetime, news: threading.Event) -> None:
        """Jump to the next change of an order, or to `until`: no news comes earlier."""
        if not self._signals.pending:
            self._served.wait_for_change(until)
