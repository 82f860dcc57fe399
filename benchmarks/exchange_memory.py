"""What a million orders through the embedded exchange cost in memory.

    python benchmarks/exchange_memory.py [ORDERS]

Submits that many market orders, 15 ms apart, each of which fills; then looks up the first order by
id and by client id, and sees its client id refused. Prints the peak resident memory of the process;
the target for a million orders is 1 GiB. Takes some minutes.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import timedelta
from decimal import Decimal

from exchange import KEYS, order

from runner.sim import Exchange, Request, Response, default_scenario

BETWEEN = timedelta(milliseconds=15)
CASH = Decimal(1_000_000_000)
TARGET = 1024


def peak() -> float:
    """The largest resident memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    exchange = Exchange(default_scenario(rate_limit=None, cash=CASH))
    at = exchange.now
    before, began = peak(), time.perf_counter()
    first: Response | None = None
    for number in range(orders):
        at += BETWEEN
        answer = exchange.apply(Request("POST", "/v2/orders", {}, KEYS, order(number)), at)
        if answer.status != 200:
            raise SystemExit(f"order {number} was refused: {answer.body}")
        first = first or answer
        if number % 100_000 == 99_999:
            print(f"{number + 1:>9} orders   {peak():7.0f} MiB", flush=True)
    seconds = time.perf_counter() - began
    assert first is not None
    by_id = Request("GET", f"/v2/orders/{first.body['id']}", {}, KEYS)
    query = {"client_order_id": "order-0"}
    by_client_id = Request("GET", "/v2/orders:by_client_order_id", query, KEYS)
    again = Request("POST", "/v2/orders", {}, KEYS, order(0))
    answers = [exchange.apply(request, at) for request in (by_id, by_client_id, again)]
    if [answer.status for answer in answers] != [200, 200, 422] or len(exchange.book) != orders:
        raise SystemExit("the first order was lost")
    print(f"orders                {orders}, {orders / seconds:.0f} /s")
    print(f"peak memory           {peak():.0f} MiB ({before:.0f} before), target {TARGET}")


if __name__ == "__main__":
    main()
