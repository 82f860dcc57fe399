"""The wall's time as a run sees it: it never goes back and never stands still."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.drive.clock import WallClock
from runner.drive.signals import Signals

HOUR = 3600


class Wall:
    """A wall clock and a monotonic one that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0
        self.nanoseconds = 0

    def pass_by(self, seconds: int, shown: int | None = None) -> None:
        """Let time pass; the wall moves as much, or by what it is set to."""
        self.seconds += seconds if shown is None else shown
        self.nanoseconds += seconds * 1_000_000_000


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock(wall: Wall) -> WallClock:
    return WallClock(Signals(), lambda: wall.seconds, lambda: wall.nanoseconds)


def test_time_passes_as_on_the_wall(wall: Wall, clock: WallClock) -> None:
    start = clock.now()
    wall.pass_by(5)
    assert clock.now() - start == timedelta(seconds=5)
    assert clock.now().timestamp() == wall.seconds


def test_a_wall_that_is_set_back_does_not_hold_the_run_up(wall: Wall, clock: WallClock) -> None:
    start = clock.now()
    wall.pass_by(1, shown=-HOUR)
    assert clock.now() - start == timedelta(seconds=1)
    wall.pass_by(2)
    assert clock.now() - start == timedelta(seconds=3)


def test_a_machine_that_slept_wakes_to_the_time_on_the_wall(wall: Wall, clock: WallClock) -> None:
    start = clock.now()
    wall.pass_by(1, shown=HOUR)
    assert clock.now() - start == timedelta(hours=1)
