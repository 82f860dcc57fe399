"""A seeded price walk that can be asked for any second, and searched without visiting each.

A day is a chain of minutes whose steps come from a hash of seed, symbol and date; a second inside
a minute lies between the minute's ends, plus a bounded disturbance from a hash of that minute. So
each minute and each day has bounds that hold for all of its seconds, and a search for a price
skips what cannot reach it. Steps are parts per million of the day's base price.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b, shake_128
from itertools import accumulate
from struct import unpack
from types import ModuleType

from runner.sim import calendar, continuous

MICRO = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

STEP_REGULAR, STEP_QUIET = 1150, 300  # largest move of a minute, in parts per million
NOISE = 150  # largest disturbance within a minute
GAP = 4000  # largest move from one session's end to the next one's begin


@dataclass(frozen=True, slots=True)
class _Day:
    """One session's minutes: `levels[k]` is the base price times 1 + ppm at minute k's begin."""

    begin: int  # seconds since the epoch
    end: int
    base: int
    levels: tuple[int, ...]
    low: int
    high: int


class Walk:
    """The last price of one symbol, in millionths of a dollar, exact at `start`."""

    def __init__(
        self, symbol: str, price: int, start: datetime, seed: int, *, never_stops: bool = False
    ) -> None:
        self._key = f"{seed}/{symbol}"
        self._never_stops = never_stops
        anchor = self._days.session(calendar.local_day(start))
        if anchor is None or start < anchor.pre_open:
            anchor = self._days.session_before(calendar.local_day(start))
        self._anchor = anchor.day
        ppm = self._ppm(self._steps(anchor), min(_seconds(start), _seconds(anchor.post_close)))
        self._anchor_base = price * MICRO // (MICRO + ppm)
        self._bases: dict[date, int] = {anchor.day: self._anchor_base}
        self._day = lru_cache(maxsize=512)(self._build)

    @property
    def _days(self) -> ModuleType:
        return continuous if self._never_stops else calendar

    # ------------------------------------------------------------------ building days

    def _steps(self, session: calendar.Session) -> _Day:
        """A session's minutes with a base of one dollar."""
        begin, end = _seconds(session.pre_open), _seconds(session.post_close)
        minutes = (end - begin) // 60
        first = (_seconds(session.open) - begin) // 60
        last = (_seconds(session.close) - begin) // 60
        noise = shake_128(f"{self._key}/{session.day}".encode()).digest(2 * minutes)
        drawn = unpack(f">{minutes}H", noise)
        moves = [(draw - 32768) * STEP_QUIET // 32768 for draw in drawn]
        moves[first:last] = [(draw - 32768) * STEP_REGULAR // 32768 for draw in drawn[first:last]]
        levels = tuple(accumulate(moves, initial=0))
        return _Day(begin, end, MICRO, levels, min(levels) - NOISE, max(levels) + NOISE)

    def _build(self, day: date) -> _Day:
        return replace(self._steps(self._days.session_from(day)), base=self._base(day))

    def _base(self, day: date) -> int:
        """The base price of a session, chained from the anchor day, one session at a time."""
        if day in self._bases:
            return self._bases[day]
        known = max(self._bases) if day > self._anchor else min(self._bases)
        while known != day:
            if day > known:
                following = self._days.session_after(known).day
                end = self._bases[known] * (MICRO + self._end_ppm(known)) // MICRO
                self._bases[following] = end * (MICRO + self._gap(following)) // MICRO
                known = following
            else:
                earlier = self._days.session_before(known).day
                end = self._bases[known] * MICRO // (MICRO + self._gap(known))
                self._bases[earlier] = end * MICRO // (MICRO + self._end_ppm(earlier))
                known = earlier
        return self._bases[day]

    def _end_ppm(self, day: date) -> int:
        return self._steps(self._days.session_from(day)).levels[-1]

    def _gap(self, day: date) -> int:
        drawn = blake2b(f"{self._key}/gap/{day}".encode(), digest_size=2).digest()
        return (int.from_bytes(drawn, "big") - 32768) * GAP // 32768

    # ------------------------------------------------------------------ asking

    def _ppm(self, day: _Day, second: int) -> int:
        minute, within = divmod(min(second, day.end) - day.begin, 60)
        if not within:
            return day.levels[minute]
        left, right = day.levels[minute], day.levels[minute + 1]
        return left + (right - left) * within // 60 + self._noise(day.begin // 60 + minute)[within]

    def _noise(self, minute: int) -> tuple[int, ...]:
        return _disturbance(self._key, minute)

    def _price(self, day: _Day, second: int) -> int:
        return day.base * (MICRO + self._ppm(day, second)) // MICRO

    def last(self, moment: datetime) -> int:
        """The price at a moment; between sessions it stays where the last one left it."""
        local = calendar.local_day(moment)
        session = self._days.session(local)
        if session is None or moment < session.pre_open:
            session = self._days.session_before(local)
        return self._price(self._day(session.day), _seconds(moment))

    def book(self, moment: datetime) -> None:
        """Bid and ask follow from the last price."""

    def moments(
        self, since: datetime, until: datetime, low: int | None, high: int | None
    ) -> Iterator[datetime]:
        """Seconds in [since, until) at which the price may be at or beyond `low` or `high`."""
        if since >= until:
            return
        yield since
        session = self._days.session_from(calendar.local_day(since))
        while session.pre_open < until:
            day = self._day(session.day)
            first = max(_seconds(since) + 1, day.begin)
            last = min(_seconds(until - timedelta(microseconds=1)), day.end)
            for second in self._candidates(day, first, last, low, high):
                yield EPOCH + second * SECOND
            session = self._days.session_after(session.day)

    def _candidates(
        self, day: _Day, first: int, last: int, low: int | None, high: int | None
    ) -> Iterator[int]:
        if first > last or not _reaches(day.base, day.low, day.high, low, high):
            return
        minute = (first - day.begin) // 60
        while day.begin + 60 * minute <= last and minute < len(day.levels) - 1:
            left, right = day.levels[minute], day.levels[minute + 1]
            bounds = (min(left, right) - NOISE, max(left, right) + NOISE)
            if _reaches(day.base, *bounds, low, high):
                begin = day.begin + 60 * minute
                yield from range(max(begin, first), min(begin + 59, last) + 1)
            minute += 1

    def samples(self, since: datetime, until: datetime) -> list[int]:
        """The prices at the begin of each minute of an interval."""
        session = self._days.session(calendar.local_day(since))
        if session is None:
            return [self.last(since)]
        day = self._day(session.day)
        first = (max(_seconds(since), day.begin) - day.begin) // 60
        last = (min(_seconds(until), day.end) - day.begin) // 60
        return [day.base * (MICRO + ppm) // MICRO for ppm in day.levels[first : last + 1]]


def _reaches(base: int, least: int, most: int, low: int | None, high: int | None) -> bool:
    """Whether prices between two bounds can be at or below `low`, or at or above `high`.

    A tick is allowed for, because prices are rounded to the penny grid after this.
    """
    if low is None and high is None:
        return True
    slack = 10_000
    if low is not None and base * (MICRO + least) // MICRO - slack <= low:
        return True
    return high is not None and base * (MICRO + most) // MICRO + slack >= high


@lru_cache(maxsize=4096)
def _disturbance(key: str, minute: int) -> tuple[int, ...]:
    drawn = blake2b(f"{key}/{minute}".encode(), digest_size=60).digest()
    return tuple((byte - 128) * NOISE // 128 for byte in drawn)


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // SECOND
