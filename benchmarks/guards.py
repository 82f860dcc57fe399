"""All guards for one order, against one GET on loopback: the cheapest thing that asks a broker.

    python benchmarks/guards.py

The world is read already: what is measured is what the guards add to it. Every limit is set, so
that each guard has something to decide; the account has five positions and five open orders, and
other runs have sent fifty orders today. The milliseconds are CPU time of the fastest round,
because the guards wait for nothing and what is slower is other work on the machine; the ratio is
the median of elapsed times, in pairs.
"""

from __future__ import annotations

import http.client
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from runner.guards import GUARDS, Bounds, Draft, Judged, PastOrder, Rules, Tally, judge
from runner.world import Configuration, World

AT_MOST_MS = 0.3
ROUNDS, EACH = 40, 50

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
STAMP = "2026-11-23T15:00:00Z"
D = Decimal

ACCOUNT: dict[str, Any] = {
    "id": "account-1", "account_number": "PA1", "status": "ACTIVE", "trading_blocked": False,
    "account_blocked": False, "trade_suspended_by_user": False, "equity": "100000",
    "cash": "100000", "buying_power": "400000", "regt_buying_power": "200000",
    "options_buying_power": "100000", "non_marginable_buying_power": "100000",
    "maintenance_margin": "0", "multiplier": "4", "last_equity": "100000",
    "shorting_enabled": True, "options_trading_level": 3,
}  # fmt: skip
ASSET: dict[str, Any] = {
    "symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True,
    "fractionable": True, "shortable": True, "marginable": True, "easy_to_borrow": True,
    "margin_requirement_long": "30", "margin_requirement_short": "30", "attributes": [],
}  # fmt: skip
OTHERS = [f"SYM{n}" for n in range(5)]


def one_order() -> tuple[Draft, Judged]:
    """A limit order in an account that is used, with every limit set."""
    world = World.read("AAPL", {
        "account": ACCOUNT, "position": None, "asset": ASSET,
        "positions": [{"symbol": one, "qty": "10", "qty_available": "10", "market_value": "1000",
                       "current_price": "100"} for one in OTHERS],
        "open_orders": [{"id": one, "symbol": one, "side": "buy", "type": "limit", "qty": "5",
                         "filled_qty": "0", "limit_price": "90", "status": "new"}
                        for one in OTHERS],
        "quote": {"symbol": "AAPL", "feed": "iex",
                  "quote": {"bp": "99.99", "ap": "100.01", "t": STAMP}},
        "clock": {"timestamp": STAMP, "is_open": True, "next_open": "2026-11-24T14:30:00Z",
                  "next_close": "2026-11-23T21:00:00Z"},
    })  # fmt: skip
    body = {"symbol": "AAPL", "side": "buy", "type": "limit", "time_in_force": "day", "qty": "10",
            "limit_price": "100.02"}  # fmt: skip
    draft = Draft("AAPL", "buy", body)
    bounds = Bounds(
        rules=Rules().with_limits(
            max_order_qty=D(1000), max_position_qty=D(1000), max_position_notional=D(50_000),
            max_gross_exposure=D(200_000), max_day_orders=D(1000),
        ),
        symbols=("AAPL",),
        tally=Tally(1, D(1000)),
        at=AT,
        expected=D(0),
        history=tuple(_past(n) for n in range(50)),
        configuration=Configuration(False, False, True, D(3)),
        later=(Draft("AAPL", "buy", body),),
    )  # fmt: skip
    return draft, Judged(draft, world, bounds)


def _past(n: int) -> PastOrder:
    return PastOrder(
        AT - timedelta(minutes=2 + n), f"run-{n % 7}", "digest", "AAPL", "buy", "limit", D(1), None,
        D(100), None, D(100),
    )  # fmt: skip


def judged_ms(draft: Draft, one: Judged) -> tuple[float, float]:
    """Milliseconds for every guard's verdict: of CPU time, and elapsed."""
    cpu, begun = thread_time(), perf_counter()
    for _ in range(EACH):
        judge(draft, [Judged(draft, one.world, one.bounds)])  # nothing is reckoned before
    elapsed = perf_counter() - begun
    return (thread_time() - cpu) * 1000 / EACH, elapsed * 1000 / EACH


class Bare(BaseHTTPRequestHandler):
    """A server that answers at once with an account's size of bytes."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def do_GET(self) -> None:
        body = b"{" + b" " * 1200 + b"}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


def got_ms(connection: http.client.HTTPConnection) -> float:
    """Milliseconds for one GET on a connection that is kept open."""
    begun = perf_counter()
    for _ in range(EACH):
        connection.request("GET", "/v2/account")
        connection.getresponse().read()
    return (perf_counter() - begun) * 1000 / EACH


def main() -> None:
    draft, one = one_order()
    refused = [verdict for verdict in judge(draft, [one]) if verdict.refused]
    assert not refused, refused
    server = HTTPServer(("127.0.0.1", 0), Bare)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    judged_ms(draft, one)
    got_ms(connection)
    pairs = [(judged_ms(draft, one), got_ms(connection)) for _ in range(ROUNDS)]
    connection.close()
    server.shutdown()
    ours = min(cpu for (cpu, _), _ in pairs)
    ratio = median(elapsed / theirs for (_, elapsed), theirs in pairs)
    print(
        f"{len(GUARDS)} guards for one order: {ours:.3f} ms, {ratio:.2f} of one GET on loopback "
        f"(at most {AT_MOST_MS} ms)"
    )
    sys.exit(ours > AT_MOST_MS)


if __name__ == "__main__":
    main()
