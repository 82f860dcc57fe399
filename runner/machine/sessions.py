"""Sessions of the New York market, read from the broker's clock and calendar.

Hours: premarket 4:00 to the open, regular to the close, after hours to 20:00 (four hours after an
early close), overnight from 20:00 to 4:00 Sunday to Friday (facts page 2.4). The broker's calendar
says which days trade and when they open and close.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from runner.effects import ReadCalendar, ReadClock
from runner.machine.failures import refused
from runner.machine.run import Run, Steps
from runner.world import Clock

NEW_YORK = ZoneInfo("America/New_York")
PREMARKET_OPEN = time(4)
AFTERHOURS = timedelta(hours=4)


class Session(Struct, frozen=True):
    """One trading day: its regular open and close, aware, in UTC."""

    day: date
    opens: datetime
    closes: datetime

    @property
    def premarket(self) -> datetime:
        return at_new_york(self.day, PREMARKET_OPEN)

    @property
    def afterhours_end(self) -> datetime:
        return self.closes + AFTERHOURS


def at_new_york(day: date, moment: time) -> datetime:
    """A New York time of day as a UTC moment."""
    return datetime.combine(day, moment, NEW_YORK).astimezone(UTC)


def read_clock(run: Run) -> Steps[Clock]:
    """The broker's clock. Raises `Failure` when it does not say what time it is."""
    data = yield from run.read(ReadClock())
    clock = Clock.read(data or {})
    if clock.timestamp is None or clock.is_open is None:
        raise refused("the broker's clock does not say the time or whether the market is open")
    return clock


def end_of_session(run: Run) -> Steps[datetime]:
    """When the regular session that is on or comes next closes, on the run's clock.

    How long anything is waited for that nobody put an end to. Raises `Failure` when the broker
    does not say.
    """
    clock = yield from read_clock(run)
    if clock.next_close is None or clock.timestamp is None:
        raise refused(
            "the broker's clock does not say when the session ends",
            help="Say how long to wait: `timeout` of await_fill, `give_up_after` of wait.",
        )
    return run.at + (clock.next_close - clock.timestamp)


def read_sessions(
    run: Run, around: datetime, days_before: int = 0, days_after: int = 8
) -> Steps[Sequence[Session]]:
    """Trading days around a moment, oldest first. Raises `Failure` when they cannot be read."""
    today = around.astimezone(NEW_YORK).date()
    start, end = today - timedelta(days=days_before), today + timedelta(days=days_after)
    data = yield from run.read(ReadCalendar(start, end))
    rows = data.get("days") if data is not None else None
    if not isinstance(rows, list):
        raise refused("the broker's calendar could not be read")
    return [_session(row) for row in rows if isinstance(row, Mapping)]


def _session(row: Mapping[str, Any]) -> Session:
    try:
        day = date.fromisoformat(str(row.get("date")))
        opens = time.fromisoformat(str(row.get("open")))
        closes = time.fromisoformat(str(row.get("close")))
    except ValueError:
        words = ", ".join(f"{key} {row.get(key)!r}" for key in ("date", "open", "close"))
        raise refused(f"the broker's calendar has a day that cannot be read: {words}") from None
    return Session(day, at_new_york(day, opens), at_new_york(day, closes))


def name_of(now: datetime, sessions: Sequence[Session]) -> str:
    """Which session a moment lies in: premarket, regular, afterhours, overnight or closed."""
    for session in sessions:
        if session.premarket <= now < session.opens:
            return "premarket"
        if session.opens <= now < session.closes:
            return "regular"
        if session.closes <= now < session.afterhours_end:
            return "afterhours"
    local = now.astimezone(NEW_YORK)
    night_of = local.date() if local.hour >= 20 else local.date() - timedelta(days=1)
    if (local.hour >= 20 or local.hour < 4) and any(
        session.day == night_of + timedelta(days=1) for session in sessions
    ):
        return "overnight"
    return "closed"
