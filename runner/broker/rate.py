"""Staying under the broker's request limit, with room kept for cancelling.

Alpaca allows 200 requests a minute for an account on the trading host, and as many on the data
host (support page of the facts, 2.3). A refused read costs seconds; a refused cancel may cost
money. So three shares are told apart:

- Writes never wait. `reserve` requests of each minute are theirs alone.
- Reads wait before they would touch that reserve.
- Polls, the reads that are made again and again while orders are awaited, slow down long before, so
  that the reads which an order needs before it is sent find room as well.

An account may have other users: another run, the user's own bot. What the broker says is left, in
`X-RateLimit-Remaining`, counts where it is less than what this side has counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct

WINDOW = 60.0
"""Seconds over which requests are counted."""

LONGEST_SPACING = 5.0
"""Seconds between two polls of one order when everything else has used up the limit."""


class RateLimit(Struct, frozen=True):
    """Requests a minute, and how many of them are kept back: for writes, and from polls for the
    other reads."""

    per_minute: int = 200
    reserve: int = 30
    for_reads: int = 40


class Pace:
    """Counts the requests to one host. `now` gives seconds of any clock that only goes forward."""

    def __init__(
        self, limit: RateLimit | None, sleep: Callable[[float], None], now: Callable[[], float]
    ) -> None:
        self._limit = limit
        self._sleep = sleep
        self._now = now
        self._sent: deque[float] = deque()
        self._told: tuple[float, int, int] | None = None  # when, what was left, of how many

    def before_read(self) -> None:
        """Wait until a read leaves the reserve untouched, then count it."""
        if self._limit is None:
            return
        wait = max(self._until_counted(self._limit), self._until_told(self._limit))
        if wait > 0:
            self._sleep(wait)
        self._sent.append(self._now())

    def before_write(self) -> None:
        """Count a write. It does not wait: a late cancel is worse than a refused one."""
        if self._limit is not None:
            self._count()
            self._sent.append(self._now())

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says of the limit; its header names are in lower case."""
        left = headers.get("x-ratelimit-remaining", "")
        of = headers.get("x-ratelimit-limit", "")
        if self._limit is not None and left.isdecimal() and of.isdecimal():
            self._told = (self._now(), int(left), int(of))

    def spacing(self, reads: int, *, news: bool = False) -> float:
        """Seconds to let pass between two polls of `reads` requests each: 0 while there is room.

        As it runs out, what is left is spread over the time until older requests stop counting.
        Polls for which there is `news` may use the room of the other reads as well.
        """
        limit = self._limit
        if limit is None:
            return 0.0
        kept = limit.reserve + (0 if news else limit.for_reads)
        counted = limit.per_minute - kept - self._count()
        told = self._told_room(limit, kept)
        spacings = [0.0]
        if counted < limit.for_reads:
            spacings.append(self._until_older_end() * reads / max(counted, 1))
        if told < limit.for_reads:
            one = WINDOW / limit.per_minute
            spacings.append(one * reads * limit.for_reads / max(told, 1))
        return min(max(spacings), LONGEST_SPACING * reads)

    def _until_older_end(self) -> float:
        """Seconds until the oldest request that counts no longer does."""
        return self._sent[0] + WINDOW - self._now() if self._sent else 0.0

    def _until_counted(self, limit: RateLimit) -> float:
        """Seconds until a read has room by the count of this side."""
        room = limit.per_minute - limit.reserve
        return self._sent[-room] + WINDOW - self._now() if self._count() >= room else 0.0

    def _until_told(self, limit: RateLimit) -> float:
        """Seconds until a read has room by the broker's count."""
        short = 1 - self._told_room(limit, limit.reserve)
        return max(0.0, short * WINDOW / limit.per_minute)

    def _told_room(self, limit: RateLimit, kept: int) -> float:
        """How many requests the broker has left beyond those kept back.

        It is taken to give back evenly what was used. An account that is allowed less keeps back
        less.
        """
        if self._told is None:
            return limit.per_minute
        at, left, of = self._told
        given_back = (self._now() - at) * limit.per_minute / WINDOW
        return min(of, left + given_back) - kept * min(1.0, of / limit.per_minute)

    def _count(self) -> int:
        while self._sent and self._sent[0] <= self._now() - WINDOW:
            self._sent.popleft()
        return len(self._sent)
