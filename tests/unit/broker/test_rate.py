from __future__ import annotations

from unit.broker.broker_server import Clock

from runner.broker.rate import Pace, RateLimit


def test_reads_wait_before_the_reserve_is_touched(clock: Clock) -> None:
    pace = Pace(RateLimit(per_minute=10, reserve=4), clock.sleep, clock.now)
    for _ in range(6):
        pace.before_read()
    assert clock.slept == []
    clock.seconds += 20
    pace.before_read()
    assert clock.slept == [40]


def test_the_window_slides(clock: Clock) -> None:
    pace = Pace(RateLimit(per_minute=3, reserve=1), clock.sleep, clock.now)
    for _ in range(50):
        pace.before_read()
        clock.seconds += 30
    assert clock.slept == []
    pace.before_read()
    pace.before_read()
    assert clock.slept == [30]


def test_writes_never_wait_and_are_counted(clock: Clock) -> None:
    pace = Pace(RateLimit(per_minute=10, reserve=4), clock.sleep, clock.now)
    for _ in range(500):
        pace.before_write()
    assert clock.slept == []
    pace.before_read()
    assert clock.slept == [60]


def test_a_sleep_that_is_cut_short_does_not_spin() -> None:
    slept: list[float] = []
    pace = Pace(RateLimit(per_minute=2, reserve=1), slept.append, lambda: 0.0)
    for _ in range(5):
        pace.before_read()
    assert slept == [60.0] * 4


def test_without_a_limit_nothing_waits(clock: Clock) -> None:
    pace = Pace(None, clock.sleep, clock.now)
    for _ in range(1000):
        pace.before_read()
        pace.before_write()
    assert clock.slept == []
