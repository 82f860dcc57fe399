"""Faults around requests: what reaches the exchange, when, and what the client is told.

Everything here is a function of the exchange, the request and the moment; the shell carries out
what a `Delivery` says to the client's connection.
"""

from __future__ import annotations

from bisect import insort
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from runner.sim.faults import LATE, REQUEST, YES, Fault, Late, Subject
from runner.sim.messages import Refusal, Request, Response
from runner.sim.routing import MARKET_DATA
from runner.sim.wire import encode, read_object

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

EFFECTS = ("hang", "drop", "answer", "truncate", "empty", "alter")
MISSING = object()
HTML = b"<html><head><title>%d</title></head><body><h1>%d %s</h1></body></html>"
WORDS: dict[int, tuple[int | None, str]] = {
    401: (None, "unauthorized."),
    403: (40310000, "forbidden"),
    404: (40410000, "not found"),
    429: (42910000, "rate limit exceeded"),
    500: (50010000, "internal server error"),
    503: (50310000, "service unavailable"),
    504: (50410000, "gateway timeout"),
}


class Delivery(Struct, frozen=True):
    """What becomes of a request. `content` replaces the answer's bytes.

    The answer waits for `wait` of the exchange's time; `late` is then applied for it. Without a
    response, and without a late one, the connection is closed: at once, or when `hang` is set,
    when the client gives up.
    """

    response: Response | None = None
    content: bytes | None = None
    html: bool = False
    wait: timedelta = timedelta()
    late: Request | None = None
    hang: bool = False
    fault: str | None = None


def deliver(exchange: Exchange, request: Request, at: datetime) -> Delivery:
    """Applies a request that arrives at `at`, unless a fault makes something else of it."""
    commit_late(exchange, at)
    faults = exchange.faults
    fault = delay = None
    if faults.at_seam(REQUEST):
        exchange.advance(at)
        subject = subject_of(exchange, request)
        fault = faults.strike(subject, at, *EFFECTS)
        delay = faults.strike(subject, at, "delay")
    if delay is not None and fault is not None:
        # rule: faults.combine
        delivery = _met(exchange, fault, request, at)
        both = f"{delay.effect}, {fault.effect}"
        return replace(delivery, wait=delay.time or timedelta(), fault=both)
    if delay is None and fault is None:
        return Delivery(exchange.apply(request, at))
    return _met(exchange, fault or delay, request, at)


def _met(exchange: Exchange, fault: Fault | None, request: Request, at: datetime) -> Delivery:
    """What becomes of a request that meets a fault."""
    assert fault is not None
    faults, response = exchange.faults, None
    if fault.commit == YES:
        response = exchange.apply(request, at)
    elif fault.commit == LATE and fault.effect != "delay":
        later = at + (fault.time or timedelta())
        insort(faults.late, Late(later, exchange.served + len(faults.late), request))
    return _told(exchange, fault, request, response)


def commit_late(exchange: Exchange, until: datetime) -> None:
    """Applies the requests that were held up and have arrived by `until`, in order of time."""
    late = exchange.faults.late
    while late and late[0].at <= until:
        found = late.pop(0)
        exchange.apply(found.request, found.at)


def _told(
    exchange: Exchange, fault: Fault, request: Request, response: Response | None
) -> Delivery:
    name = fault.effect
    if name == "delay":
        late = request if fault.commit == LATE else None
        return Delivery(response, wait=fault.time or timedelta(), late=late, fault=name)
    if name in ("hang", "drop"):
        return Delivery(hang=name == "hang", fault=name)
    if name == "answer":
        return _answered(exchange, fault, request)
    assert response is not None
    if name == "truncate":
        content = b"" if response.body is None else encode(response.body)
        return Delivery(response, content=content[: len(content) // 2], fault=name)
    if name == "empty":
        return Delivery(response, content=b"", fault=name)
    altered = Response(response.status, _altered(fault, response.body), response.headers)
    return Delivery(altered, fault=name)


def _answered(exchange: Exchange, fault: Fault, request: Request) -> Delivery:
    status = fault.status
    headers = {}
    if status == 429 and fault.headers:
        headers = {**exchange.limit.headers(exchange.now), "X-RateLimit-Remaining": "0"}
    code, message = WORDS.get(status, (status * 100000 + 10000, "simulated fault"))
    if status == 429 and request.path.startswith(MARKET_DATA):
        code, message = None, "too many requests."
    if fault.body == "json":
        body: dict[str, Any] = {} if code is None else {"code": code}
        return Delivery(Response(status, body | {"message": message}, headers), fault=fault.effect)
    page = HTML % (status, status, message.title().encode()) if fault.body == "html" else b""
    return Delivery(
        Response(status, None, headers),
        content=page,
        html=fault.body == "html",
        fault=fault.effect,
    )


def _altered(fault: Fault, body: Any) -> Any:
    for names, value in fault.set.items():
        body = _changed(body, names.split("."), value)
    for names in sorted(fault.omit):
        body = _changed(body, names.split("."), MISSING)
    return body


def _changed(node: Any, names: list[str], value: Any) -> Any:
    """A JSON value in which the field at the end of a path is another, or missing; `*` is every
    name, and a list stands for each of its rows.
    """
    if isinstance(node, list):
        return [_changed(row, names, value) for row in node]
    if not isinstance(node, dict):
        return node
    name, *inner = names
    if inner:
        chosen = list(node) if name == "*" else [name] if name in node else []
        return {**node, **{key: _changed(node[key], inner, value) for key in chosen}}
    if value is MISSING:
        return {key: kept for key, kept in node.items() if key != name}
    return {**node, name: value}


def subject_of(exchange: Exchange, request: Request) -> Subject:
    """What a request is about: its route, and the order or symbol that it names."""
    symbol, client_order_id = request.query.get("symbols"), request.query.get("client_order_id")
    parts = request.path.rstrip("/").split("/")
    if request.body:
        try:
            body = read_object(request.body)
        except Refusal:
            body = {}
        symbol, client_order_id = _text(body.get("symbol")), _text(body.get("client_order_id"))
    if len(parts) == 4 and parts[2] == "orders":
        order = _order(exchange, parts[3])
    elif client_order_id and parts[-1] == "orders:by_client_order_id":
        order = exchange.book.by_client_id(client_order_id)
    else:
        order = None
    if order is not None:
        symbol, client_order_id = order.asset.symbol, order.client_order_id
    elif len(parts) >= 4 and parts[2] in ("positions", "stocks") and not symbol:
        symbol = parts[3]
    return Subject(symbol, client_order_id, request.method, request.path)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _order(exchange: Exchange, order_id: str) -> Any:
    try:
        return exchange.book.find(str(UUID(order_id)))
    except ValueError:
        return None
