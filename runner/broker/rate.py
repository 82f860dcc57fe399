"""Staying under the broker's request limit, with room kept for cancelling.

Alpaca allows 200 requests a minute for an account on the trading host, and as many on the data
host (support page of the facts, 2.3). A refused read costs seconds; a refused cancel may cost
money. So reads wait before the limit is reached, and writes never wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec import Struct

WINDOW = 60.0
"""Seconds over which requests are counted."""


class RateLimit(Struct, frozen=True):
    """Requests a minute, and how many of them are kept back for writes."""

    per_minute: int = 200
    reserve: int = 30


class Pace:
    """Counts the requests to one host. `now` gives seconds of any clock that only goes forward."""

    def __init__(
        self, limit: RateLimit | None, sleep: Callable[[float], None], now: Callable[[], float]
    ) -> None:
        self._limit = limit
        self._sleep = sleep
        self._now = now
        self._sent: deque[float] = deque()

    def before_read(self) -> None:
        """Wait until a read leaves the reserve untouched, then count it."""
        if self._limit is None:
            return
        room = self._limit.per_minute - self._limit.reserve
        if self._count() >= room:
            self._sleep(max(0.0, self._sent[-room] + WINDOW - self._now()))
        self._sent.append(self._now())

    def before_write(self) -> None:
        """Count a write. It does not wait: a late cancel is worse than a refused one."""
        if self._limit is not None:
            self._count()
            self._sent.append(self._now())

    def _count(self) -> int:
        while self._sent and self._sent[0] <= self._now() - WINDOW:
            self._sent.popleft()
        return len(self._sent)
