"""Trading that never stops: each day in New York is a session, from midnight to midnight.

The functions have the names and meanings of those in `calendar`, so that either can be used.
"""

from __future__ import annotations

from datetime import date, time
from functools import lru_cache

from runner.sim.calendar import DAY, Session, new_york


@lru_cache(maxsize=1024)
def session(day: date) -> Session:
    """The session of a day; there always is one."""
    # rule: crypto.hours
    begin, end = new_york(day, time()), new_york(day + DAY, time())
    return Session(day, begin, begin, begin, end, end)


def session_from(day: date) -> Session:
    """The session of this day."""
    return session(day)


def session_before(day: date) -> Session:
    """The session of the day before."""
    return session(day - DAY)


def session_after(day: date) -> Session:
    """The session of the day after."""
    return session(day + DAY)
