"""How fast the embedded exchange takes orders.

    python benchmarks/exchange.py

Prints two rates, each the median of five rounds: new market orders through `Exchange.apply` a
second of processor time, fills and everything else that falls due included, and POSTs a second of
wall time over one HTTP connection, the client in the same process. Targets: 5,000 and 500.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from runner.sim import Exchange, Request, VirtualClock, default_scenario, serve

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
ROUNDS = 5
APPLIED, POSTED = 5_000, 500
BETWEEN = timedelta(milliseconds=20)


def order(number: int) -> bytes:
    """A buy of one share at the market."""
    body = {"symbol": "F", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    return json.dumps({**body, "client_order_id": f"order-{number}"}).encode()


def applied() -> float:
    """Orders through `apply` a second of processor time."""
    exchange = Exchange(default_scenario(rate_limit=None))
    requests = [Request("POST", "/v2/orders", {}, KEYS, order(number)) for number in range(APPLIED)]
    at = exchange.now
    began = time.process_time()
    for request in requests:
        at += BETWEEN
        if exchange.apply(request, at).status != 200:
            raise SystemExit("an order was refused")
    return APPLIED / (time.process_time() - began)


def posted() -> float:
    """POSTs a second over one connection."""
    exchange = Exchange(default_scenario(rate_limit=None))
    with serve(exchange, VirtualClock(exchange.now, BETWEEN)) as served:
        connection = http.client.HTTPConnection(served.url.removeprefix("http://"))
        began = time.perf_counter()
        for number in range(POSTED):
            connection.request("POST", "/v2/orders", order(number), KEYS)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit("an order was refused")
        seconds = time.perf_counter() - began
        connection.close()
    return POSTED / seconds


def report(what: str, measure: Callable[[], float], target: int) -> None:
    rates = [measure() for _ in range(ROUNDS + 1)][1:]
    print(f"{what:<34} {statistics.median(rates):8.0f} /s (at least {target})")


def main() -> None:
    report("orders through apply, CPU", applied, 5_000)
    report("POSTs over one connection", posted, 500)


if __name__ == "__main__":
    main()
