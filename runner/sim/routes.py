"""From a request to its answer: who asks, how often, and which handler knows.

A handler takes the exchange, the request and the decoded path parts, and returns a response or
raises a refusal. Every family of routes lists its own in a table here called `ROUTES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sim import (
    account_routes,
    market_routes,
    option_routes,
    order_routes,
    other_market_routes,
    portfolio,
    position_routes,
    watchlists,
)
from runner.sim.messages import Refusal, Request, Response
from runner.sim.routing import MARKET_DATA, Handler
from runner.sim.wire import derived_uuid

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

TABLE: dict[tuple[str, str], Handler] = {
    **account_routes.ROUTES,
    **order_routes.ROUTES,
    **position_routes.ROUTES,
    **option_routes.ROUTES,
    **portfolio.ROUTES,
    **watchlists.ROUTES,
    **market_routes.ROUTES,
    **other_market_routes.ROUTES,
}
PATTERNS = [
    (method, tuple(path.split("/")[1:]), handler)
    for (method, path), handler in TABLE.items()
    if "{" in path
]


def answer(exchange: Exchange, request: Request) -> Response:
    """The answer to a request at the exchange's present moment."""
    exchange.served += 1
    headers = {"X-Request-ID": derived_uuid(exchange.seed, "request", exchange.served)}
    try:
        _authorize(exchange, request)
        if not request.path.startswith(MARKET_DATA):
            _allow(exchange, headers)
        handler, parts = _route(request)
        response = handler(exchange, request, parts)
    except Refusal as refusal:
        return Response(refusal.status, refusal.body(), headers)
    return Response(response.status, response.body, {**headers, **response.headers})


def _authorize(exchange: Exchange, request: Request) -> None:
    # rule: auth.keys
    key, secret = request.header("apca-api-key-id"), request.header("apca-api-secret-key")
    allowed = exchange.scenario.keys
    if key and secret:
        if allows(exchange, key, secret):
            return
    else:
        scheme, _, token = request.header("authorization").partition(" ")
        if allowed is None and scheme.lower() == "bearer" and token.strip():
            return
    raise Refusal(401, None, "unauthorized.")


def allows(exchange: Exchange, key: str, secret: str) -> bool:
    """Whether the scenario accepts this pair of API key and secret."""
    allowed = exchange.scenario.keys
    return bool(key and secret) and allowed in (None, (key, secret))


def _allow(exchange: Exchange, headers: dict[str, str]) -> None:
    # rule: rate.headers
    allowed = exchange.limit.take(exchange.now)
    headers.update(exchange.limit.headers(exchange.now))
    if not allowed:
        raise Refusal(429, 42910000, "rate limit exceeded")


def _route(request: Request) -> tuple[Handler, list[str]]:
    path = request.path.rstrip("/")
    handler = TABLE.get((request.method, path))
    if handler is not None and "{" not in path:
        return handler, []
    parts = path.split("/")[1:]
    for method, pattern, candidate in PATTERNS:
        if method == request.method:
            values = _match(pattern, parts)
            if values is not None:
                return candidate, values
    # rule: error.unknown-route
    raise Refusal(404, 40410000, f"endpoint not found: {request.method} {request.path}")


def _match(pattern: tuple[str, ...], parts: list[str]) -> list[str] | None:
    if len(pattern) != len(parts):
        return None
    values = []
    for wanted, given in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            if not given:
                return None
            values.append(given)
        elif wanted != given:
            return None
    return values
