"""What seldom happens, met by Alpaca's own clients: old quotes, rare statuses, replaced spreads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
    ReplaceOrderRequest,
)

from runner.sim import Exchange, Served, VirtualClock, default_scenario, serve

PUT, LOWER = "AAPL261204P00270000", "AAPL261204P00260000"


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


def control(served: Served, path: str, **body: Any) -> Any:
    """The answer of the control API to a POST."""
    sent = Request(f"{served.url}/sim/{path}", json.dumps(body).encode(), method="POST")
    with build_opener(ProxyHandler({})).open(sent, timeout=5) as answer:
        return json.load(answer)


def settle(served: Served) -> None:
    served.sleep_until(served.now() + timedelta(seconds=3))


def limit(symbol: str = "MSFT", price: float = 400) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=price
    )


def test_a_credit_spread_is_replaced(served: Served, client: Any) -> None:
    order = client.submit_order(
        LimitOrderRequest(
            qty=1,
            order_class=OrderClass.MLEG,
            time_in_force=TimeInForce.DAY,
            limit_price=-9,
            legs=[
                OptionLegRequest(symbol=PUT, side=OrderSide.SELL, ratio_qty=1),
                OptionLegRequest(symbol=LOWER, side=OrderSide.BUY, ratio_qty=1),
            ],
        )
    )
    settle(served)
    new = client.replace_order_by_id(order.id, ReplaceOrderRequest(limit_price=-8.5, qty=2))
    settle(served)
    found = client.get_order_by_id(new.id, GetOrderByIdRequest(nested=True))
    assert (found.status, found.replaces, found.limit_price) == (OrderStatus.NEW, order.id, "-8.5")
    assert [leg.qty for leg in found.legs] == ["2", "2"]
    assert client.get_order_by_id(order.id).status is OrderStatus.REPLACED
    with pytest.raises(APIError, match="legs of mleg orders cannot be replaced"):
        client.replace_order_by_id(found.legs[0].id, ReplaceOrderRequest(qty=1))


def test_quotes_that_have_stopped_keep_their_old_stamps(served: Served, client: Any) -> None:
    data = StockHistoricalDataClient("k", "s", url_override=served.url)
    data._session.trust_env = False
    asked = StockLatestQuoteRequest(symbol_or_symbols="MSFT")
    control(served, "faults", fault="stale_data", symbol="MSFT")
    before = data.get_stock_latest_quote(asked)["MSFT"]
    control(served, "prices", MSFT="300.00")
    served.sleep_until(served.now() + timedelta(minutes=5))
    quote = data.get_stock_latest_quote(asked)["MSFT"]
    assert (quote.timestamp, quote.ask_price) == (before.timestamp, before.ask_price)
    assert client.get_clock().timestamp - quote.timestamp > timedelta(minutes=4)
    order = client.submit_order(
        MarketOrderRequest(symbol="MSFT", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    settle(served)
    assert float(client.get_order_by_id(order.id).filled_avg_price) < 301


@pytest.mark.parametrize("status", ["suspended", "done_for_day", "stopped", "calculated"])
def test_a_resting_order_gets_a_rare_status_by_hand(
    served: Served, client: Any, status: str
) -> None:
    order = client.submit_order(limit())
    settle(served)
    assert control(served, f"orders/{order.id}", status=status, time="1m")["status"] == status
    assert client.get_order_by_id(order.id).status is OrderStatus(status)
    served.sleep_until(served.now() + timedelta(minutes=2))
    ended = OrderStatus.FILLED if status == "stopped" else OrderStatus.NEW
    assert client.get_order_by_id(order.id).status is ended
