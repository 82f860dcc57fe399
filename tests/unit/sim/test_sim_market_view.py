"""How old market data is: of a closed market, of a feed that lags, of one that has stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Exchange, Request, read_scenario
from runner.sim.faults_reader import read_fault
from runner.sim.wire import encode

CALL = "AAPL261204C00270000"
MOVING = {"AAPL": [(0, "100"), (60, "101"), (120, "102")]}
KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
Make = Callable[..., Any]


def data(desk: Any, path: str, **query: str) -> Any:
    """The JSON of market data, which is not under /v2 for every kind of asset."""
    answer = desk.exchange.apply(Request("GET", path, query, KEYS), desk.at)
    assert answer.status == 200, answer.body
    return json.loads(encode(answer.body))


def quote(desk: Any, symbol: str) -> dict[str, Any]:
    found = data(desk, "/v2/stocks/quotes/latest", symbols=symbol)["quotes"][symbol]
    return dict(found)


# ------------------------------------------------------------------------- hours


@pytest.mark.parametrize(
    ("at", "stamp"),
    [
        ("2026-11-23 10:00:30", "2026-11-23T15:00:30"),  # open
        ("2026-11-23 04:30", "2026-11-23T09:30:00"),  # before the open
        ("2026-11-23 22:00", "2026-11-24T03:00:00"),  # overnight, in which AAPL trades
        ("2026-11-22 12:00", "2026-11-21T01:00:00"),  # Sunday noon: Friday 20:00
        ("2026-11-26 12:00", "2026-11-26T01:00:00"),  # Thanksgiving: Wednesday 20:00
        ("2026-11-27 18:00", "2026-11-27T22:00:00"),  # after a half day: 17:00
    ],
)
def test_a_quote_is_as_old_as_the_last_moment_at_which_its_market_was_open(
    broker: Make, at: str, stamp: str
) -> None:
    assert quote(broker(start=at), "AAPL")["t"].startswith(stamp)


def test_a_stock_that_does_not_trade_overnight_keeps_its_evening_quote(broker: Make) -> None:
    desk = broker(start="2026-11-23 22:00")
    assert quote(desk, "NOXH")["t"].startswith("2026-11-24T01:00:00")


def test_options_have_quotes_of_regular_hours_and_crypto_of_any(broker: Make) -> None:
    desk = broker(start="2026-11-22 12:00")
    option = data(desk, "/v1beta1/options/quotes/latest", symbols=CALL)["quotes"][CALL]
    assert option["t"].startswith("2026-11-20T21:00:00")
    pair = data(desk, "/v1beta3/crypto/us/latest/quotes", symbols="BTC/USD")["quotes"]["BTC/USD"]
    assert pair["t"].startswith("2026-11-22T17:00:00")


def test_a_price_that_is_scripted_on_a_closed_day_is_shown(broker: Make) -> None:
    desk = broker(start="2026-11-22 12:00", steps={"AAPL": [(0, "100"), (600, "90")]})
    assert quote(desk, "AAPL")["t"].startswith("2026-11-22T17:00:00")
    desk.wait(900)
    found = quote(desk, "AAPL")
    assert found["t"].startswith("2026-11-22T17:10:00")
    assert found["bp"] < 91


def test_the_price_of_a_closed_market_is_the_one_that_positions_show(broker: Make) -> None:
    desk = broker(start="2026-11-23 15:59")
    desk.filled(symbol="NOXH")
    desk.go("2026-11-24 01:00")
    last = data(desk, "/v2/stocks/NOXH/trades/latest")["trade"]["p"]
    assert Decimal(str(last)) == Decimal(desk.position("NOXH")["current_price"])


# ------------------------------------------------------------------------- faults


def test_market_data_can_lag_while_orders_trade_at_the_present_price(broker: Make) -> None:
    desk = broker(steps=MOVING, faults=(read_fault({"fault": "stale_data", "time": "1m"}),))
    desk.wait(125)
    found = quote(desk, "AAPL")
    assert found["t"].startswith("2026-11-23T15:01:05")
    assert found["ap"] == pytest.approx(101.01)
    assert desk.filled(symbol="AAPL")["filled_avg_price"] == "102.01"


def test_the_quotes_of_one_symbol_can_stop_and_come_back(broker: Make) -> None:
    stopped = {"fault": "stale_data", "symbol": "AAPL", "after": "30s", "until": "90s"}
    desk = broker(steps={**MOVING, "MSFT": [(0, "400")]}, faults=(read_fault(stopped),))
    desk.wait(29)
    assert quote(desk, "AAPL")["t"].startswith("2026-11-23T15:00:29")
    desk.wait(60)
    assert quote(desk, "AAPL")["t"].startswith("2026-11-23T15:00:30")
    assert quote(desk, "AAPL")["ap"] == pytest.approx(100.01)
    assert quote(desk, "MSFT")["t"].startswith("2026-11-23T15:01:29")
    desk.wait(2)
    assert quote(desk, "AAPL")["t"].startswith("2026-11-23T15:01:31")


def test_every_kind_of_data_of_a_symbol_stops_together(broker: Make) -> None:
    desk = broker(steps=MOVING, faults=(read_fault({"fault": "stale_data"}),))
    desk.wait(125)
    found = data(desk, "/v2/stocks/AAPL/snapshot")
    for part in ("latestTrade", "latestQuote", "minuteBar"):
        assert found[part]["t"].startswith("2026-11-23T15:00:00")
    assert found["latestTrade"]["p"] == found["dailyBar"]["c"] == 100
    bars = data(desk, "/v2/stocks/bars", symbols="AAPL", timeframe="1Min")["bars"]["AAPL"]
    assert bars[-1]["t"] == "2026-11-23T15:00:00Z"
    assert data(desk, "/v1beta1/options/snapshots/AAPL", limit="1")["snapshots"]


def test_a_scenario_can_stop_quotes() -> None:
    fault = {"fault": "stale_data", "symbol": "TSLA", "after": "10m"}
    scenario = read_scenario({"faults": [fault]})
    assert Exchange(scenario).faults.at_seam("market")
