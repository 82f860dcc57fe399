"""Orders: new, listed, read by either id, cancelled one by one or all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from runner.sim.accepting import submit
from runner.sim.faults_orders import hidden
from runner.sim.lifecycle import cancel
from runner.sim.messages import Refusal, Request, Response, malformed, not_found
from runner.sim.orders import Order
from runner.sim.replacing import replace
from runner.sim.routing import Routes
from runner.sim.ticket_reader import read_ticket
from runner.sim.wire import read_bool, read_int, read_moment, read_object

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

DEFAULT_LIMIT, MOST = 50, 500
ASSET_CLASSES = {
    *("us_equity", "us_option", "crypto", "crypto_perp", "treasury", "corporate", "global_equity"),
    *("us_index", "us_equity_chain", "ipo", "all"),
}


def post_order(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: refusal.no-trace
    order = submit(exchange, read_ticket(read_object(request.body)))
    return Response(200, order.body(nested=True))


def get_order(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    order = _find(exchange, parts[0])
    return Response(200, exchange.order_body(order, nested=_nested(request)))


def _nested(request: Request) -> bool:
    return read_bool(request.query.get("nested"), "nested")


def get_by_client_order_id(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    client_order_id = request.query.get("client_order_id", "")
    order = exchange.book.by_client_id(client_order_id)
    if order is None or hidden(exchange, order):
        raise not_found(f"order not found for {client_order_id}")
    return Response(200, exchange.order_body(order, nested=_nested(request)))


def patch_order(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    order = replace(exchange, _find(exchange, parts[0]), read_object(request.body))
    return Response(200, order.body(nested=True))


def delete_order(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    cancel(exchange, _find(exchange, parts[0]))
    return Response(204)


def delete_orders(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    # rule: orders.cancel-all
    rows: list[dict[str, object]] = []
    for order in exchange.book.open_orders():
        if order.ticket.ratio is not None:
            continue  # a leg goes with its multi-leg order
        try:
            cancel(exchange, order)
        except Refusal:
            rows.append({"id": order.id, "status": 500})
        else:
            rows.append({"id": order.id, "status": 200})
    return Response(207, rows)


def _find(exchange: Exchange, order_id: str) -> Order:
    # rule: orders.by-id
    try:
        wanted = str(UUID(order_id))
    except ValueError:
        raise malformed("order_id is invalid") from None
    order = exchange.book.find(wanted)
    if order is None:
        raise not_found(f"order not found for {order_id}")
    return order


# ------------------------------------------------------------------------- listing


def get_orders(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: orders.listing
    query = request.query
    status = query.get("status") or "open"
    if status not in ("open", "closed", "all"):
        raise malformed("status is invalid")
    direction = query.get("direction") or "desc"
    if direction not in ("asc", "desc"):
        raise malformed("direction is invalid")
    limit = read_int(query.get("limit"), "limit", DEFAULT_LIMIT, 1, MOST)
    nested = _nested(request)
    wanted = _wanted(exchange, request, status)
    book, only_open = exchange.book, status == "open"
    orders = (
        book.newest_first(only_open=only_open)
        if direction == "desc"
        else book.oldest_first(only_open=only_open)
    )
    found: list[object] = []
    seen: set[str] = set()
    for order in orders:
        if not wanted(order):
            continue
        # rule: orders.nested
        top = (order.parent or order) if nested else order
        if top.id in seen:
            continue
        seen.add(top.id)
        found.append(exchange.order_body(top, nested=nested))
        if len(found) == limit:
            break
    return Response(200, found)


def _wanted(exchange: Exchange, request: Request, status: str) -> Callable[[Order], bool]:
    query = request.query
    after = read_moment(query["after"], "after") if query.get("after") else None
    until = read_moment(query["until"], "until") if query.get("until") else None
    side = query.get("side") or None
    if side not in (None, "buy", "sell"):
        raise Refusal(422, 40010001, "side is invalid")
    symbols = {name.replace("/", "") for name in query.get("symbols", "").split(",") if name}
    first, last = _between(exchange, request)
    classes = {name for name in query.get("asset_class", "").split(",") if name}
    if not classes <= ASSET_CLASSES:
        raise malformed("asset_class is invalid")
    if "all" in classes:
        classes = set()

    def wanted(order: Order) -> bool:
        return (
            (status != "closed" or not order.open)
            and (after is None or order.submitted_at > after)
            and (until is None or order.submitted_at < until)
            and (side is None or order.ticket.side == side)
            and (first is None or order.serial > first)
            and (last is None or order.serial < last)
            and (not classes or order.asset.asset_class in classes)
            and (not symbols or not symbols.isdisjoint(_names(order, classes)))
        )

    return wanted


def _between(exchange: Exchange, request: Request) -> tuple[int | None, int | None]:
    """The serial numbers of the orders that `after_order_id` and `before_order_id` name."""
    after, before = (request.query.get(name) for name in ("after_order_id", "before_order_id"))
    if after and before:
        raise malformed("after_order_id and before_order_id are mutually exclusive")
    first = _find(exchange, after).serial if after else None
    return first, _find(exchange, before).serial if before else None


def _names(order: Order, classes: set[str]) -> set[str]:
    """What `symbols` may name an order by: an option also by its underlying, when asked for."""
    names = {order.asset.symbol.replace("/", "")}
    if "us_option" in classes:
        members = [order, *order.legs]
        names |= {one.asset.contract.underlying for one in members if one.asset.contract}
    return names


ROUTES: Routes = {
    ("POST", "/v2/orders"): post_order,
    ("GET", "/v2/orders"): get_orders,
    ("DELETE", "/v2/orders"): delete_orders,
    ("GET", "/v2/orders:by_client_order_id"): get_by_client_order_id,
    ("GET", "/v2/orders/{order_id}"): get_order,
    ("PATCH", "/v2/orders/{order_id}"): patch_order,
    ("DELETE", "/v2/orders/{order_id}"): delete_order,
}
