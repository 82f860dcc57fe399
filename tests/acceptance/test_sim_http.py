"""The embedded exchange over HTTP, spoken to by Alpaca's own clients."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    OrderSide,
    OrderStatus,
    PositionSide,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.models import Order, Position, TradeAccount
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    StopLimitOrderRequest,
    StopOrderRequest,
    TrailingStopOrderRequest,
)

from runner.sim import (
    Exchange,
    FlowingClock,
    Served,
    ServeError,
    VirtualClock,
    default_scenario,
    serve,
)

KEYS = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}


@pytest.fixture
def served() -> Iterator[Served]:
    scenario = default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Any:
    found = TradingClient(api_key="k", secret_key="s", url_override=served.url)
    found._session.trust_env = False
    return found


def market(symbol: str, qty: float, side: OrderSide = OrderSide.BUY) -> MarketOrderRequest:
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=TimeInForce.DAY)


def settle(served: Served) -> None:
    served.sleep_until(served.now() + timedelta(seconds=1))


def test_a_round_trip_through_the_trading_client(served: Served, client: Any) -> None:
    account = client.get_account()
    assert isinstance(account, TradeAccount)
    assert account.pattern_day_trader is None
    order = client.submit_order(market("AAPL", 2))
    assert isinstance(order, Order)
    assert order.status is OrderStatus.PENDING_NEW
    settle(served)
    filled = client.get_order_by_id(order.id)
    assert isinstance(filled, Order)
    assert filled.status is OrderStatus.FILLED
    position = client.get_open_position("AAPL")
    assert isinstance(position, Position)
    assert (position.qty, position.side) == ("2", PositionSide.LONG)
    assert client.get_all_positions() == [position]
    part = client.close_position("AAPL", ClosePositionRequest(qty="1"))
    assert isinstance(part, Order)
    assert part.side is OrderSide.SELL
    settle(served)
    assert client.close_all_positions(cancel_orders=True)[0].status == 200
    settle(served)
    assert client.get_all_positions() == []
    fills = client.get("/account/activities/FILL", {"direction": "asc"})
    assert [fill["qty"] for fill in fills] == ["2", "1", "1"]


def test_every_order_type_is_accepted_and_cancelled(served: Served, client: Any) -> None:
    common = {"symbol": "AAPL", "qty": 1, "time_in_force": TimeInForce.GTC}
    buy, sell = {"side": OrderSide.BUY}, {"side": OrderSide.SELL}
    client.submit_order(market("AAPL", 5))
    settle(served)
    requests = [
        LimitOrderRequest(**common, **buy, limit_price=200.5, client_order_id="mine"),
        StopOrderRequest(**common, **buy, stop_price=400),
        StopLimitOrderRequest(**common, **buy, stop_price=400, limit_price=401),
        TrailingStopOrderRequest(**common, **buy, trail_percent=1.5),
        TrailingStopOrderRequest(**common, **sell, trail_price=0.25),
    ]
    placed = [client.submit_order(request) for request in requests]
    by_client_id = client.get_order_by_client_id("mine")
    assert isinstance(by_client_id, Order)
    assert by_client_id.limit_price == "200.5"
    listed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True))
    assert {order.id for order in listed} == {order.id for order in placed}
    client.cancel_order_by_id(placed[0].id)
    assert {row.status for row in client.cancel_orders()} == {200}
    settle(served)
    assert client.get_orders() == []
    closed = client.get_orders(
        GetOrdersRequest(
            status=QueryOrderStatus.CLOSED,
            after=datetime(2026, 11, 23),  # noqa: DTZ001 - as users write it
            symbols=["AAPL", "MSFT"],
            limit=500,
        )
    )
    assert len(closed) == 6


def test_assets_clock_calendar_and_configuration(client: Any) -> None:
    assert client.get_asset("AAPL").tradable
    assert len(client.get_all_assets(GetAssetsRequest())) > 20
    assert client.get_clock().is_open
    days = client.get_calendar(GetCalendarRequest(start=date(2026, 11, 27), end=date(2026, 11, 27)))
    assert days[0].close.hour == 13
    configuration = client.get_account_configurations()
    configuration.no_shorting = True
    changed = client.set_account_configurations(configuration)
    assert changed.no_shorting is True


def test_refusals_reach_the_client_as_api_errors(client: Any) -> None:
    with pytest.raises(APIError) as error:
        client.submit_order(market("AAPL", 1_000_000))
    assert (error.value.status_code, error.value.code) == (403, 40310000)
    assert error.value.message == "insufficient buying power"
    with pytest.raises(APIError, match="position does not exist"):
        client.get_open_position("AAPL")


def test_market_data_comes_from_the_same_base(served: Served) -> None:
    data: Any = StockHistoricalDataClient("k", "s", url_override=served.url)
    data._session.trust_env = False
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))["AAPL"]
    trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))["AAPL"]
    assert quote.bid_price < trade.price < quote.ask_price
    day: Any = TimeFrame.Day
    bars = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["AAPL", "F"],
            timeframe=day,
            start=datetime(2026, 11, 16),  # noqa: DTZ001
        )
    )
    assert len(bars["AAPL"]) == len(bars["F"]) == 6
    snapshot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="F"))["F"]
    assert snapshot.previous_daily_bar.close > 0


def test_a_long_wait_takes_no_time(served: Served, client: Any) -> None:
    client.submit_order(
        LimitOrderRequest(
            symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=1
        )
    )
    began = time.perf_counter()
    while client.get_orders():
        served.wait_for_change(served.now() + timedelta(days=1))
    assert served.now().hour == 21
    assert time.perf_counter() - began < 2


def test_raw_http_keeps_the_connection_and_is_quick(served: Served) -> None:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"))
    order = {"symbol": "F", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"}
    began = time.perf_counter()
    sockets = set()
    for _ in range(50):
        connection.request("POST", "/v2/orders", json.dumps(order), KEYS)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["symbol"]) == (200, "F")
        sockets.add(id(connection.sock))
    assert time.perf_counter() - began < 2
    assert len(sockets) == 1
    connection.request("GET", "/v2/clock")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (401, {"message": "unauthorized."})
    connection.request("DELETE", "/v2/orders", headers=KEYS)
    answer = connection.getresponse()
    assert (answer.status, answer.read()[:1]) == (207, b"[")
    connection.request("POST", "/v2/orders", b"{" + b" " * (1 << 20), KEYS)
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


def test_a_defect_is_a_plain_500_and_no_traceback_to_the_client(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    del served.exchange.book  # any defect will do
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"))
    connection.request("GET", "/v2/account", headers=KEYS)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert (answer.status, body["code"]) == (500, 50010000)
    assert body["message"].startswith("internal error of the embedded exchange: AttributeError")
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", ""])
def test_only_loopback_is_served(host: str) -> None:
    scenario = default_scenario()
    with pytest.raises(ServeError, match="on loopback only"):
        serve(Exchange(scenario), VirtualClock(scenario.start), host=host).__enter__()


def test_a_taken_port_is_told(served: Served) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    scenario = default_scenario()
    with pytest.raises(ServeError, match=f"127.0.0.1:{port}"):
        serve(Exchange(scenario), VirtualClock(scenario.start), port=port).__enter__()


def test_starting_and_stopping_is_quick() -> None:
    scenario = default_scenario()
    began = time.perf_counter()
    for _ in range(5):
        with serve(Exchange(scenario), VirtualClock(scenario.start)) as running:
            assert running.url.startswith("http://127.0.0.1:")
    assert time.perf_counter() - began < 2


def test_a_flowing_clock_fills_orders_in_wall_time() -> None:
    scenario = default_scenario(cash=Decimal(5000))
    with serve(Exchange(scenario), FlowingClock(scenario.start, 20)) as running:
        client: Any = TradingClient(api_key="k", secret_key="s", url_override=running.url)
        client._session.trust_env = False
        order = client.submit_order(market("F", 1))
        running.sleep_until(running.now() + timedelta(seconds=2))
        filled = client.get_order_by_id(order.id)
        assert isinstance(filled, Order)
        assert filled.status is OrderStatus.FILLED
