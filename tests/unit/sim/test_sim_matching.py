"""When an order trades against the tape, and at what price."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

FLAT = {"AAPL": [(0, "100")]}
Make = Callable[..., Any]


def test_a_buy_takes_the_ask_and_a_sell_hits_the_bid(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100", "99.90", "100.10")]})
    assert desk.filled(symbol="AAPL")["filled_avg_price"] == "100.1"
    assert desk.filled(symbol="AAPL", side="sell")["filled_avg_price"] == "99.9"


def test_a_marketable_limit_fills_at_the_better_quote(broker: Make) -> None:
    desk = broker(steps=FLAT)
    assert desk.filled(symbol="AAPL", type="limit", limit_price="105")["filled_avg_price"] == (
        "100.01"
    )


@pytest.mark.parametrize(
    ("side", "limit", "prices", "expected"),
    [
        ("buy", "98", ["100", "98", "97.99"], "98"),
        ("buy", "98", ["100", "90"], "90.01"),
        ("sell", "102", ["100", "102", "102.01"], "102"),
        ("sell", "102", ["100", "110"], "109.99"),
    ],
)
def test_a_resting_limit_fills_once_the_quote_is_within_it(
    broker: Make, side: str, limit: str, prices: list[str], expected: str
) -> None:
    desk = broker(steps={"AAPL": [(60 * n, price) for n, price in enumerate(prices)]})
    order = desk.submit(symbol="AAPL", side=side, type="limit", limit_price=limit)
    assert desk.order(order, after=59)["status"] == "new"
    filled = desk.order(order, after=120)
    assert filled["status"] == "filled"
    assert filled["filled_avg_price"] == expected


@pytest.mark.parametrize(
    ("side", "stop", "through", "expected"),
    [
        ("sell", "95", "94.50", "94.49"),
        ("buy", "105", "105.50", "105.51"),
        ("sell", "95", "95", "94.99"),
        ("buy", "105", "105", "105.01"),
    ],
)
def test_a_stop_is_set_off_by_the_last_price_and_trades_at_the_market(
    broker: Make, side: str, stop: str, through: str, expected: str
) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (60, "97"), (120, "103"), (180, through)]})
    order = desk.submit(symbol="AAPL", side=side, type="stop", stop_price=stop)
    assert desk.order(order, after=170)["status"] == "new"
    filled = desk.order(order, after=20)
    assert filled["status"] == "filled"
    assert filled["filled_avg_price"] == expected


def test_a_stop_limit_waits_for_its_limit_after_its_stop(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (60, "94"), (120, "95.50")]})
    order = desk.submit(
        symbol="AAPL", side="sell", type="stop_limit", stop_price="95", limit_price="95"
    )
    assert desk.order(order, after=110)["status"] == "new"
    filled = desk.order(order, after=20)
    assert filled["status"] == "filled"
    assert Decimal(filled["filled_avg_price"]) >= 95


def test_a_stop_is_not_set_off_outside_regular_hours(broker: Make) -> None:
    desk = broker(start="2026-11-23 15:59", steps={"AAPL": [(0, "100"), (600, "90"), (1200, "99")]})
    order = desk.submit(
        symbol="AAPL", side="sell", type="stop", stop_price="95", time_in_force="gtc"
    )
    desk.go("2026-11-24 10:00")
    assert desk.order(order)["status"] == "new"


@pytest.mark.parametrize(
    ("side", "trail", "prices", "expected"),
    [
        ("sell", {"trail_price": "2"}, ["100", "104", "103", "101.99"], ("104", "102")),
        ("sell", {"trail_percent": "1"}, ["100", "110", "109.50", "108.80"], ("110", "108.9")),
        ("buy", {"trail_price": "2"}, ["100", "96", "97", "98"], ("96", "98")),
    ],
)
def test_a_trailing_stop_follows_the_best_price(
    broker: Make, side: str, trail: dict[str, str], prices: list[str], expected: tuple[str, str]
) -> None:
    desk = broker(steps={"AAPL": [(60 * n, price) for n, price in enumerate(prices)]})
    order = desk.submit(symbol="AAPL", side=side, type="trailing_stop", **trail)
    assert order["hwm"] == "100"
    waiting = desk.order(order, after=150)
    assert waiting["status"] == "new"
    assert (waiting["hwm"], waiting["stop_price"]) == expected
    filled = desk.order(order, after=60)
    assert filled["status"] == "filled"
    assert (filled["hwm"], filled["stop_price"]) == expected


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_a_trailing_stop_on_the_walk_agrees_with_the_tape_second_by_second(
    broker: Make, seed: int
) -> None:
    desk = broker(seed=seed)
    start, tape = desk.exchange.scenario.start, desk.exchange.tape
    order = desk.submit(
        symbol="TSLA", side="sell", type="trailing_stop", trail_percent="0.2", time_in_force="day"
    )
    mark = tape.last("TSLA", start)
    seconds = (start.replace(minute=n // 60 % 60, second=n % 60) for n in range(3600))
    expected = None
    for at in seconds:
        last = tape.last("TSLA", at)
        mark = max(mark, last)
        if last <= (mark * Decimal("0.998")).quantize(Decimal("0.01")):
            expected = at
            break
    assert expected is not None
    desk.at = expected.replace(microsecond=0)
    desk.exchange.advance(expected)
    filled = desk.order(order)
    assert filled["status"] == "filled"
    assert filled["filled_at"][:19] == expected.isoformat()[:19]
    assert Decimal(filled["hwm"]) == mark


def test_extended_hours_orders_trade_before_the_open_and_others_do_not(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-23 08:00")
    early = desk.submit(symbol="AAPL", type="limit", limit_price="101", extended_hours=True)
    regular = desk.submit(symbol="AAPL", type="limit", limit_price="101")
    assert early["expires_at"] == "2026-11-24T01:00:00Z"
    assert desk.order(early, after=1)["status"] == "filled"
    assert desk.order(regular)["status"] == "new"


def test_an_overnight_asset_trades_on_sunday_evening(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100")], "NOXH": [(0, "42")]}, start="2026-11-22 20:30")
    day = desk.submit(symbol="AAPL", type="limit", limit_price="101", extended_hours=True)
    other = desk.submit(symbol="NOXH", type="limit", limit_price="43", extended_hours=True)
    assert (day["status"], other["status"]) == ("pending_new", "accepted")
    assert desk.order(day, after=1)["status"] == "filled"
    desk.go("2026-11-23 04:00")
    assert desk.order(other, after=1)["status"] == "filled"


def test_a_notional_order_fills_for_its_dollars(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.filled(symbol="AAPL", notional="250")
    assert order["qty"] is None
    assert order["notional"] == "250"
    assert order["filled_qty"] == "2.499750024"
    assert Decimal(desk.account()["cash"]) == 100000 - 250


def test_an_order_just_before_the_close_still_fills(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-23 15:59:59")
    desk.wait("0.950")
    order = desk.submit(symbol="AAPL")
    desk.go("2026-11-23 16:00")
    assert desk.order(order)["status"] == "filled"
