"""The exchange's own clock: one that moves only when told, and one that flows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol


class Clock(Protocol):
    """What the server needs of a clock. Moments are aware UTC datetimes."""

    virtual: bool

    def now(self) -> datetime:
        """The exchange's time."""

    def request(self) -> datetime:
        """The moment at which one more request is handled."""

    def advance_to(self, moment: datetime) -> None:
        """Moves to `moment`; never backwards."""

    def reset(self, moment: datetime) -> None:
        """Begins again at `moment`, which may be earlier: another scenario, or a restored one."""


class VirtualClock:
    """Time that passes only when told: each request takes `latency`, a jump takes nothing."""

    virtual = True

    def __init__(self, start: datetime, latency: timedelta = timedelta(milliseconds=5)) -> None:
        self._now = start
        self._latency = latency

    def now(self) -> datetime:
        """The exchange's time."""
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """Moves to `moment`; never backwards."""
        self._now = max(self._now, moment)

    def reset(self, moment: datetime) -> None:
        """Begins again at `moment`."""
        self._now = moment

    def request(self) -> datetime:
        """Moves by the latency, so that the stamps of two requests differ."""
        self._now += self._latency
        return self._now


class FlowingClock:
    """Time that passes at wall speed times `speed`, from a start.

    `monotonic` gives nanoseconds that never go back; it is a parameter so that tests decide it.
    """

    virtual = False

    def __init__(
        self,
        start: datetime,
        speed: int | Decimal = 1,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._start = start
        self.speed = _checked(speed)
        self._monotonic = monotonic
        self._origin = monotonic()

    def now(self) -> datetime:
        """The exchange's time."""
        elapsed = int((self._monotonic() - self._origin) * self.speed) // 1000
        return self._start + timedelta(microseconds=elapsed)

    def request(self) -> datetime:
        """The moment a request is handled: now."""
        return self.now()

    def advance_to(self, moment: datetime) -> None:
        """Jumps to `moment` and flows on from there; never backwards."""
        if moment > self.now():
            self.reset(moment)

    def reset(self, moment: datetime) -> None:
        """Flows on from `moment`."""
        self._start, self._origin = moment, self._monotonic()

    def change_speed(self, speed: int | Decimal) -> None:
        """Flows at another speed from now on. Raises ValueError unless it is above 0."""
        speed = _checked(speed)
        self.reset(self.now())
        self.speed = speed

    def wall_seconds(self, moment: datetime) -> float:
        """How long until `moment`, in seconds of wall time; 0 when it has passed."""
        ahead = (moment - self.now()) / timedelta(seconds=1)
        return max(0.0, ahead / float(self.speed))


def _checked(speed: int | Decimal) -> Decimal:
    if speed <= 0:
        raise ValueError(f"the clock's speed must be above 0, not {speed}")
    return Decimal(speed)
