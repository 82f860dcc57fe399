"""The control API's hand on an order: taken from the market for a while, and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sim.faults_reader import read_fault
from runner.sim.faults_steps import interrupt, resume
from runner.sim.messages import Refusal, Request, Response
from runner.sim.orders import HALTS
from runner.sim.scenario_values import ScenarioError
from runner.sim.wire import read_object

if TYPE_CHECKING:
    from runner.sim.server import Served

LIVE = ("new", "partially_filled")


def post_order(served: Served, request: Request, parts: list[str]) -> Response:
    """Gives a live order one of the rare statuses, or ends that with `new`."""
    given = read_object(request.body)
    wanted = given.pop("status", None)
    exchange = served.exchange
    exchange.advance(served.now())
    order = exchange.book.find_open(parts[0]) or exchange.book.by_client_id(parts[0])
    if order is None:
        raise Refusal(404, None, f"there is no order {parts[0]!r} that is open")
    if order.ticket.ratio is not None and order.parent is not None:
        order = order.parent
    if wanted == "new" and not given and order.status in HALTS:
        resume(exchange, order)
        exchange.advance(exchange.now)
        return Response(200, exchange.order_body(order))
    try:
        fault = read_fault({"fault": "interrupt", "to": wanted or "", **given}, "the order")
    except ScenarioError as error:
        raise Refusal(422, None, str(error).replace("the order.to", "status")) from None
    if order.status not in LIVE:
        raise Refusal(422, None, f"the order is {order.status}; only a live order is interrupted")
    interrupt(exchange, order, fault)
    return Response(200, exchange.order_body(order))
