from __future__ import annotations

import pytest
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


LIMIT = RateLimit(per_minute=200, reserve=30, for_reads=40)


def used(clock: Clock, requests: int) -> Pace:
    pace = Pace(LIMIT, clock.sleep, clock.now)
    for _ in range(requests):
        pace.before_write()
    return pace


def test_polls_are_free_while_there_is_room(clock: Clock) -> None:
    assert used(clock, 90).spacing(1, news=False) == 0
    assert used(clock, 130).spacing(1, news=True) == 0


def test_what_is_left_of_their_share_is_spread_over_the_minute(clock: Clock) -> None:
    pace = used(clock, 110)
    assert pace.spacing(1, news=False) == 60 / 20
    clock.seconds += 30
    assert pace.spacing(1, news=False) == 30 / 20
    clock.seconds += 30
    assert pace.spacing(1, news=False) == 0


def test_news_may_use_the_share_of_the_other_reads(clock: Clock) -> None:
    pace = used(clock, 150)
    assert pace.spacing(1, news=False) == 5
    assert pace.spacing(1, news=True) == 60 / 20


def test_polls_of_several_orders_leave_the_same_room(clock: Clock) -> None:
    pace = used(clock, 110)
    assert pace.spacing(4, news=False) == 4 * pace.spacing(1, news=False)


def test_what_others_use_of_the_account_counts(clock: Clock) -> None:
    pace = used(clock, 1)
    pace.heard({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "20"})
    assert pace.spacing(1, news=False) == 5
    pace.before_read()
    assert clock.slept == [pytest.approx(11 * 60 / 200)]
    pace.before_read()
    assert sum(clock.slept) == pytest.approx(11 * 60 / 200)


def test_an_account_that_is_allowed_less_keeps_back_less(clock: Clock) -> None:
    pace = used(clock, 1)
    pace.heard({"x-ratelimit-limit": "20", "x-ratelimit-remaining": "10"})
    pace.before_read()
    assert clock.slept == []


def test_headers_that_say_nothing_change_nothing(clock: Clock) -> None:
    pace = used(clock, 1)
    for headers in ({}, {"x-ratelimit-remaining": "0"}, {"x-ratelimit-limit": "many"}):
        pace.heard(headers)
        pace.before_read()
    assert clock.slept == []
    assert pace.spacing(1, news=False) == 0
