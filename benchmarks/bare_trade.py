"""The tutorial's trade as a bare alpaca-py script: the same calls that the runbook makes.

    python benchmarks/bare_trade.py URL [SLEEP]

SLEEP is how long it sleeps between looks at an order; the tutorials write one second.
"""

from __future__ import annotations

import sys
import time

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetOrdersRequest, MarketOrderRequest

SYMBOL = "AAPL"


def held(client: TradingClient) -> float:
    try:
        return float(client.get_open_position(SYMBOL).qty)  # type: ignore[union-attr]
    except APIError:
        return 0.0


def look(client: TradingClient) -> None:
    """What is read before each order: account, position, open orders, clock, asset, quote."""
    client.get_account()
    held(client)
    client.get_orders(GetOrdersRequest(status=QueryOrderStatus.OPEN, limit=500))
    client.get_clock()
    client.get_asset(SYMBOL)
    client.get(f"/stocks/{SYMBOL}/quotes/latest")


def trade(client: TradingClient, side: OrderSide, sleep: float) -> None:
    request = MarketOrderRequest(symbol=SYMBOL, qty=1, side=side, time_in_force=TimeInForce.DAY)
    order = client.submit_order(request)
    while client.get_order_by_id(order.id).status != OrderStatus.FILLED:  # type: ignore[union-attr]
        time.sleep(sleep)


def main() -> None:
    url, sleep = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    client = TradingClient("key", "secret", url_override=url)
    account = client.get_account()
    assert not account.trading_blocked  # type: ignore[union-attr]
    client.get_account_configurations()
    client.get_account()
    look(client)
    before = held(client)
    look(client)
    trade(client, OrderSide.BUY, sleep)
    assert held(client) == before + 1
    look(client)
    trade(client, OrderSide.SELL, sleep)
    assert held(client) == before


if __name__ == "__main__":
    main()
