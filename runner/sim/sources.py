"""Where the last price of a symbol comes from: a script of points, or one set by hand over another.

Prices are integers of a millionth of a dollar; a source has no state that time changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from runner.sim.walk import MICRO


@dataclass(frozen=True, slots=True)
class Point:
    """From `at` on the last price is `price`; `bid` and `ask` when the script gives them."""

    at: datetime
    price: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None


class Source(Protocol):
    """The last price of one symbol, in millionths of a dollar."""

    def last(self, moment: datetime) -> int: ...

    def book(self, moment: datetime) -> tuple[Decimal, Decimal] | None:
        """The scripted bid and ask, or None when they follow from the last price."""

    def moments(
        self, since: datetime, until: datetime, low: int | None, high: int | None
    ) -> Iterator[datetime]:
        """Moments in [since, until) when the price may have changed, in order.

        Stretches in which no last price is at or below `low` or at or above `high` are left out.
        """

    def samples(self, since: datetime, until: datetime) -> list[int]:
        """A handful of prices of the interval, for its bar."""


class Script:
    """A list of points; the price of the first holds before it, of the last for ever after."""

    def __init__(self, points: tuple[Point, ...]) -> None:
        self._points = points
        self._at = [point.at for point in points]

    def _point(self, moment: datetime) -> Point:
        return self._points[max(bisect_right(self._at, moment) - 1, 0)]

    def last(self, moment: datetime) -> int:
        return int(self._point(moment).price * MICRO)

    def book(self, moment: datetime) -> tuple[Decimal, Decimal] | None:
        point = self._point(moment)
        return None if point.bid is None or point.ask is None else (point.bid, point.ask)

    def moments(
        self, since: datetime, until: datetime, low: int | None, high: int | None
    ) -> Iterator[datetime]:
        if since < until:
            yield since
        for at in self._at[bisect_right(self._at, since) :]:
            if at >= until:
                return
            yield at

    def changed(self, moment: datetime) -> datetime | None:
        """When the price that holds at a moment was given; None before the first point."""
        at = self._point(moment).at
        return at if at <= moment else None

    def samples(self, since: datetime, until: datetime) -> list[int]:
        first, last = bisect_right(self._at, since), bisect_right(self._at, until)
        inside = [int(point.price * MICRO) for point in self._points[first:last]]
        return [self.last(since), *inside]


class Pinned:
    """A source whose price is set by hand from some moment on."""

    def __init__(self, before: Source) -> None:
        self._before = before
        self._points: tuple[Point, ...] = ()
        self._after = Script(())

    def pin(self, point: Point) -> None:
        """Sets the price from a moment on; what was set for later is forgotten."""
        self._points = (*(p for p in self._points if p.at < point.at), point)
        self._after = Script(self._points)

    def changed(self, moment: datetime) -> datetime | None:
        """When the price that holds at a moment was given; None when nobody gave it."""
        found = self._of(moment)
        return found.changed(moment) if isinstance(found, Script) else None

    def _of(self, moment: datetime) -> Source:
        return self._before if moment < self._points[0].at else self._after

    def last(self, moment: datetime) -> int:
        return self._of(moment).last(moment)

    def book(self, moment: datetime) -> tuple[Decimal, Decimal] | None:
        return self._of(moment).book(moment)

    def moments(
        self, since: datetime, until: datetime, low: int | None, high: int | None
    ) -> Iterator[datetime]:
        pinned = self._points[0].at
        yield from self._before.moments(since, min(until, pinned), low, high)
        yield from self._after.moments(max(since, pinned), until, low, high)

    def samples(self, since: datetime, until: datetime) -> list[int]:
        pinned = self._points[0].at
        found = self._before.samples(since, min(until, pinned)) if since < pinned else []
        return found + (self._after.samples(max(since, pinned), until) if until > pinned else [])
