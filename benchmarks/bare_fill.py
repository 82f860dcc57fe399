"""Buying and awaiting the fill as bare alpaca-py scripts do it, several times over.

    python benchmarks/bare_fill.py URL TIMES [stream]

Without `stream` it asks for the order every second, as the tutorials do; with it, it waits for
TradingStream to say `fill`. After each wait it prints the time, in seconds since the epoch.
"""

from __future__ import annotations

import sys
import threading
import time

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

LIMIT = 200


def buy(client: TradingClient) -> str:
    request = LimitOrderRequest(
        symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=LIMIT
    )
    return str(client.submit_order(request).id)  # type: ignore[union-attr]


def listen(url: str, filled: threading.Event) -> None:
    async def heard(update: object) -> None:
        if getattr(update, "event", "") == "fill":
            filled.set()

    stream = TradingStream("key", "secret", url_override=f"{url.replace('http', 'ws')}/stream")
    stream.subscribe_trade_updates(heard)
    threading.Thread(target=stream.run, daemon=True).start()
    time.sleep(1)  # there is no way to know when it is ready


def main() -> None:
    url, times = sys.argv[1], int(sys.argv[2])
    client = TradingClient("key", "secret", url_override=url)
    filled = threading.Event()
    streams = "stream" in sys.argv[3:]
    if streams:
        listen(url, filled)
    for _ in range(times):
        filled.clear()
        order_id = buy(client)
        if streams:
            filled.wait(30)
        else:
            while client.get_order_by_id(order_id).status != OrderStatus.FILLED:  # type: ignore[union-attr]
                time.sleep(1)
        print(time.time(), flush=True)


if __name__ == "__main__":
    main()
