"""The exchange's clocks, and the time of an in-process run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from runner.sim import Exchange, FlowingClock, Request, VirtualClock, default_scenario
from runner.sim.server import Served

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
KEYS = {"apca-api-key-id": "k", "apca-api-secret-key": "s"}
ORDER = b'{"symbol":"AAPL","qty":"1","side":"buy","type":"market","time_in_force":"day"}'


def served(**changes: object) -> Served:
    scenario = default_scenario(**changes)
    return Served(Exchange(scenario), VirtualClock(scenario.start))


def test_a_virtual_clock_moves_only_when_told() -> None:
    clock = VirtualClock(START, timedelta(milliseconds=5))
    assert clock.now() == clock.now() == START
    assert clock.request() == START + timedelta(milliseconds=5)
    clock.advance_to(START)
    assert clock.now() == START + timedelta(milliseconds=5)
    clock.advance_to(START + timedelta(days=1))
    assert clock.now() == START + timedelta(days=1)


def test_a_flowing_clock_follows_its_source_at_its_speed() -> None:
    ticks = [0]
    clock = FlowingClock(START, Decimal("60"), lambda: ticks[0])
    ticks[0] = 1_500_000_000
    assert clock.now() == clock.request() == START + timedelta(seconds=90)
    assert clock.wall_seconds(START + timedelta(seconds=120)) == pytest.approx(0.5)
    assert clock.wall_seconds(START) == 0


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_that_does_not_move_forward_is_refused(speed: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        FlowingClock(START, speed)


def test_waiting_for_a_change_jumps_from_one_to_the_next() -> None:
    run = served()
    until = START + timedelta(hours=1)
    order = run.answer(Request("POST", "/v2/orders", {}, KEYS, ORDER))
    assert order.body["status"] == "pending_new"
    assert run.wait_for_change(until) == START + timedelta(milliseconds=25)
    assert run.wait_for_change(until) == START + timedelta(milliseconds=155)
    assert run.wait_for_change(until) == until
    assert run.now() == until


def test_sleeping_performs_everything_on_the_way() -> None:
    run = served()
    run.answer(Request("POST", "/v2/orders", {}, KEYS, ORDER))
    assert run.sleep_until(START + timedelta(hours=8)) == START + timedelta(hours=8)
    positions = run.answer(Request("GET", "/v2/positions", {}, KEYS)).body
    assert positions[0]["qty"] == "1"


def test_a_busy_virtual_run_waits_for_the_rate_limit_instead_of_being_refused() -> None:
    run = served()
    answers = {run.answer(Request("GET", "/v2/clock", {}, KEYS)).status for _ in range(400)}
    assert answers == {200}
    assert run.now() > START + timedelta(seconds=59)


def test_a_flowing_run_sleeps_in_wall_time() -> None:
    scenario = default_scenario()
    run = Served(Exchange(scenario), FlowingClock(scenario.start, 100_000))
    assert run.sleep_until(START + timedelta(minutes=10)) >= START + timedelta(minutes=10)
    until = run.now() + timedelta(minutes=10)
    assert run.wait_for_change(until) >= until
