"""Prices as a function of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sim import calendar
from runner.sim.sources import Point
from runner.sim.tape import Tape
from runner.sim.walk import Walk

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def walking(seed: int = 0, price: str = "270.00", start: datetime = START) -> Tape:
    return Tape(start, {"X": Decimal(price)}, {}, {}, seed)


def test_the_walk_begins_at_the_given_price_whatever_the_hour() -> None:
    for price in ("270.00", "0.4321", "5000.55"):
        for hours in range(0, 24 * 7, 5):
            start = START + timedelta(hours=hours)
            assert walking(price=price, start=start).last("X", start) == Decimal(price)


def test_the_walk_is_the_same_in_whatever_order_it_is_asked() -> None:
    moments = [START + timedelta(minutes=47 * n) for n in range(-300, 300)]
    forward, backward = walking(), walking()
    prices = [forward.last("X", at) for at in moments]
    assert [backward.last("X", at) for at in reversed(moments)] == prices[::-1]
    assert len(set(prices)) > 100
    other = walking(seed=1)
    assert [other.last("X", at) for at in moments] != prices


def test_the_walk_moves_plausibly_and_stays_on_the_grid() -> None:
    tape = walking()
    prices = [tape.last("X", START + n * SECOND) for n in range(3600)]
    moves = [abs(a - b) for a, b in pairwise(prices)]
    assert max(moves) < prices[0] * Decimal("0.002")
    assert all(price == price.quantize(Decimal("0.01")) for price in prices)


def test_prices_rest_between_sessions() -> None:
    tape = walking()
    evening = START.replace(day=24, hour=2)
    assert tape.last("X", evening) == tape.last("X", evening + timedelta(hours=6))


def test_bid_and_ask_surround_the_last_price() -> None:
    for price, tick in (("270.00", "0.01"), ("0.4321", "0.0001"), ("5000.00", "0.25")):
        quote = walking(price=price).quote("X", START)
        assert (quote.bid, quote.ask) == (
            Decimal(price) - Decimal(tick),
            Decimal(price) + Decimal(tick),
        )
        assert quote.bid_size > 0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 50),
    offset=st.integers(-20_000, 200_000),
    length=st.integers(1, 2500),
    distance=st.integers(-150, 150),
    above=st.booleans(),
)
def test_a_search_finds_what_looking_at_every_second_finds(
    seed: int, offset: int, length: int, distance: int, above: bool
) -> None:
    tape = walking(seed)
    since = START + offset * SECOND
    level = tape.last("X", since) + Decimal(distance) / 100

    def reached(at: datetime) -> bool:
        last = tape.last("X", at)
        return last >= level if above else last <= level

    until = since + length * SECOND
    slow = next((at for at in (since + n * SECOND for n in range(length)) if reached(at)), None)
    bounds = {"high": level} if above else {"low": level}
    assert tape.first("X", since, until, reached, **bounds) == slow


def test_the_very_highest_and_lowest_prices_of_a_day_are_found() -> None:
    for seed in range(6):
        tape = walking(seed)
        close = START.replace(hour=21)
        seconds = [START + n * SECOND for n in range(6 * 3600)]
        prices = [tape.last("X", at) for at in seconds]
        top, bottom = max(prices), min(prices)

        def highest(at: datetime, tape: Tape = tape, top: Decimal = top) -> bool:
            return tape.last("X", at) >= top

        def lowest(at: datetime, tape: Tape = tape, bottom: Decimal = bottom) -> bool:
            return tape.last("X", at) <= bottom

        assert tape.first("X", START, close, highest, high=top) == seconds[prices.index(top)]
        assert tape.first("X", START, close, lowest, low=bottom) == seconds[prices.index(bottom)]
        assert tape.first("X", START, close, lambda _: False, low=bottom, high=top) is None


def test_a_walk_leaves_out_what_cannot_reach_a_price() -> None:
    walk = Walk("X", 270_000_000, START, 0)
    day_end = START.replace(hour=21)
    assert len(list(walk.moments(START, day_end, 100_000_000, None))) == 1
    assert len(list(walk.moments(START, day_end, None, None))) == 6 * 3600


def test_a_script_holds_each_price_until_the_next() -> None:
    points = (
        Point(START, Decimal(100)),
        Point(START + 10 * SECOND, Decimal(101), Decimal("100.50"), Decimal("101.50")),
    )
    tape = Tape(START, {}, {"X": points}, {"X": Decimal(98)}, 0)
    assert tape.last("X", START - timedelta(days=3)) == 100
    assert tape.last("X", START + 9 * SECOND) == 100
    assert tape.quote("X", START + 10 * SECOND).ask == Decimal("101.50")
    assert tape.last("X", START + timedelta(days=30)) == 101
    found = tape.first("X", START, START + 60 * SECOND, lambda at: tape.last("X", at) > 100)
    assert found == START + 10 * SECOND
    assert tape.previous_close("X", START) == 98
    friday = calendar.session_before(calendar.trading_day(START).day)
    assert tape.daily_bar("X", friday, START) is not None
