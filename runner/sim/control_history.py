"""The control API's pages of what happened: orders, events, requests."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from runner.sim.messages import Request, Response
from runner.sim.wire import read_int

if TYPE_CHECKING:
    from runner.sim.server import Served

PAGE, MOST = 100, 1000


def get_orders(served: Served, request: Request, _parts: list[str]) -> Response:
    exchange = served.exchange
    exchange.advance(served.now())
    after, limit = _page(request)
    orders = islice(exchange.book.oldest_first(), after, after + limit)
    rows = [
        {"number": number, **exchange.order_body(order)}
        for number, order in enumerate(orders, after + 1)
    ]
    return _rows(rows, len(exchange.book))


def get_events(served: Served, request: Request, _parts: list[str]) -> Response:
    exchange = served.exchange
    exchange.advance(served.now())
    after, limit = _page(request)
    rows = [{"number": e.number, **e.data()} for e in exchange.events.after(after, limit)]
    return _rows(rows, len(exchange.events))


def get_requests(served: Served, request: Request, _parts: list[str]) -> Response:
    after, limit = _page(request)
    rows = [received.body() for received in served.received.after(after, limit)]
    return _rows(rows, served.received.total)


def _page(request: Request) -> tuple[int, int]:
    after = read_int(request.query.get("after"), "after", 0, 0, 1 << 62)
    return after, read_int(request.query.get("limit"), "limit", PAGE, 1, MOST)


def _rows(rows: list[dict[str, Any]], total: int) -> Response:
    last = rows[-1]["number"] if rows else total
    return Response(200, {"rows": rows, "total": total, "next": last if last < total else None})
