"""Sessions of the New York Stock Exchange."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from runner.sim import calendar
from runner.sim.calendar import Phase


def at(text: str) -> datetime:
    day, clock = text.split()
    return calendar.new_york(
        date.fromisoformat(day), datetime.fromisoformat(f"{day} {clock}").time()
    )


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2026-11-23 03:59", Phase.OVERNIGHT),
        ("2026-11-23 04:00", Phase.PREMARKET),
        ("2026-11-23 09:29", Phase.PREMARKET),
        ("2026-11-23 09:30", Phase.REGULAR),
        ("2026-11-23 15:59", Phase.REGULAR),
        ("2026-11-23 16:00", Phase.AFTERHOURS),
        ("2026-11-23 20:00", Phase.OVERNIGHT),
        ("2026-11-25 20:00", Phase.CLOSED),  # the evening before Thanksgiving
        ("2026-11-26 12:00", Phase.CLOSED),
        ("2026-11-26 20:00", Phase.OVERNIGHT),
        ("2026-11-27 13:00", Phase.AFTERHOURS),
        ("2026-11-27 17:00", Phase.CLOSED),
        ("2026-11-28 12:00", Phase.CLOSED),
        ("2026-11-29 20:00", Phase.OVERNIGHT),
    ],
)
def test_the_part_of_the_day(moment: str, phase: Phase) -> None:
    assert calendar.phase(at(moment)) is phase


def test_daylight_saving_moves_the_session_in_utc() -> None:
    summer, winter = calendar.session(date(2026, 7, 1)), calendar.session(date(2026, 12, 1))
    assert summer is not None
    assert winter is not None
    assert summer.open == datetime(2026, 7, 1, 13, 30, tzinfo=UTC)
    assert winter.open == datetime(2026, 12, 1, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "day", ["2026-01-01", "2026-04-03", "2026-06-19", "2026-07-03", "2026-11-26"]
)
def test_a_holiday_has_no_session(day: str) -> None:
    assert calendar.session(date.fromisoformat(day)) is None


def test_the_trading_day_changes_when_after_hours_end() -> None:
    assert calendar.trading_day(at("2026-11-23 19:59")).day == date(2026, 11, 23)
    assert calendar.trading_day(at("2026-11-23 20:00")).day == date(2026, 11, 24)
    assert calendar.trading_day(at("2026-11-27 17:00")).day == date(2026, 11, 30)


@pytest.mark.parametrize("year", calendar.KNOWN)
def test_the_closures_written_down_are_those_of_the_library(year: int) -> None:
    closed, half = calendar.computed_closures(year)
    weekdays = frozenset(day for day in closed if day.weekday() < 5)
    halves = frozenset(day for day in half if day.weekday() < 5 and day not in weekdays)
    assert calendar.closures(year) == (weekdays, halves)
