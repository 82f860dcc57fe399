"""New York Stock Exchange sessions: which days, from when to when, and what part of the day it is.

Holidays and early closes come from the `holidays` library (NYSE, PUBLIC and HALF_DAY); the hours
from Alpaca's documentation: pre-market from 4:00, regular 9:30 to 16:00 (13:00 on half days),
after-hours to 20:00 (17:00), overnight 20:00 to 4:00 before a trading day. All moments are UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from runner.sim.wire import NEW_YORK

DAY = timedelta(days=1)


class Phase(StrEnum):
    """The part of the trading day."""

    PREMARKET = "premarket"
    REGULAR = "regular"
    AFTERHOURS = "afterhours"
    OVERNIGHT = "overnight"
    CLOSED = "closed"


class Session(NamedTuple):
    """One trading day. `evening` is 20:00 New York time of the calendar day before."""

    day: date
    evening: datetime
    pre_open: datetime
    open: datetime
    close: datetime
    post_close: datetime


def new_york(day: date, clock: time) -> datetime:
    """The UTC moment of a New York wall time."""
    return datetime.combine(day, clock, NEW_YORK).astimezone(UTC)


KNOWN = {
    2026: ("0101 0119 0216 0403 0525 0619 0703 0907 1126 1225", "1127 1224"),
    2027: ("0101 0118 0215 0326 0531 0618 0705 0906 1125 1224", "1126"),
    2028: ("0117 0221 0414 0529 0619 0704 0904 1123 1225", "0703 1124"),
}
"""Weekdays without a session and half days, as `holidays` has them. Importing it takes longer than
planning a runbook does."""


@lru_cache(maxsize=64)
def closures(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Weekdays without a session, and days that end at 13:00."""
    known = KNOWN.get(year)
    if known is None:
        return computed_closures(year)
    closed, half = (
        frozenset(date(year, int(day[:2]), int(day[2:])) for day in days.split()) for days in known
    )
    return closed, half


def computed_closures(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The same, from the `holidays` library; it may have weekend days too."""
    # Imported here: it takes 0.2 s, which importing this package must not cost.
    from holidays.constants import HALF_DAY, PUBLIC  # noqa: PLC0415
    from holidays.financial.ny_stock_exchange import NewYorkStockExchange  # noqa: PLC0415

    closed = NewYorkStockExchange(years=year, categories=(PUBLIC,))  # type: ignore[no-untyped-call]
    half = NewYorkStockExchange(years=year, categories=(HALF_DAY,))  # type: ignore[no-untyped-call]
    return frozenset(closed), frozenset(half)


def is_half(day: date) -> bool:
    """Whether a day with a session ends early, at 13:00."""
    return day in closures(day.year)[1]


def trading_days(first: date, last: date) -> list[date]:
    """Every day with a session, from a day to another, both included."""
    every = (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
    return [d for d in every if d.weekday() < 5 and d not in closures(d.year)[0]]


@lru_cache(maxsize=4096)
def session(day: date) -> Session | None:
    """The session of a day, or None when the exchange is closed all day."""
    if day.weekday() >= 5:
        return None
    closed, half = closures(day.year)
    if day in closed:
        return None
    early = day in half
    # rule: calendar.sessions
    return Session(
        day=day,
        evening=new_york(day - DAY, time(20)),
        pre_open=new_york(day, time(4)),
        open=new_york(day, time(9, 30)),
        close=new_york(day, time(13) if early else time(16)),
        post_close=new_york(day, time(17) if early else time(20)),
    )


def session_from(day: date) -> Session:
    """The session of this day or the next one after it."""
    found = session(day)
    while found is None:
        day += DAY
        found = session(day)
    return found


def session_before(day: date) -> Session:
    """The last session of an earlier day."""
    day -= DAY
    found = session(day)
    while found is None:
        day -= DAY
        found = session(day)
    return found


def session_after(day: date) -> Session:
    """The first session of a later day."""
    return session_from(day + DAY)


def sessions(first: date, last: date) -> list[Session]:
    """Every session from a day to another, both included."""
    days = (first + n * DAY for n in range((last - first).days + 1))
    return [found for day in days if (found := session(day)) is not None]


@lru_cache(maxsize=1024)
def _local_day(day: int, hour: int) -> date:
    return (datetime.fromordinal(day).replace(hour=hour, tzinfo=UTC)).astimezone(NEW_YORK).date()


def local_day(moment: datetime) -> date:
    """The calendar date in New York ."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return _local_day(moment.toordinal(), moment.hour)


def trading_day(moment: datetime) -> Session:
    """The session a moment belongs to: the one in progress (4:00 to 20:00), else the next."""
    found = session_from(local_day(moment))
    return found if moment < found.post_close else session_after(found.day)


def last_close_before(moment: datetime) -> Session:
    """The last session whose regular hours have ended by `moment`."""
    found = session(local_day(moment))
    if found is not None and found.close <= moment:
        return found
    return session_before(local_day(moment))


def phase(moment: datetime) -> Phase:
    """The part of the trading day at a moment."""
    found = trading_day(moment)
    if moment >= found.close:
        return Phase.AFTERHOURS
    if moment >= found.open:
        return Phase.REGULAR
    if moment >= found.pre_open:
        return Phase.PREMARKET
    if moment >= found.evening:
        return Phase.OVERNIGHT
    return Phase.CLOSED
