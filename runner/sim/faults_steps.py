"""What happens at the moment at which an order's fault is due: a rejection, or a fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sim.changes import end
from runner.sim.execution import execute, remaining_of
from runner.sim.faults_orders import Portion, part_of
from runner.sim.matching import fill_price
from runner.sim.orders import Order

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


def go_wrong(exchange: Exchange, order: Order) -> None:
    """Carries out what an open order's fault says. A fill is at the quote, or else the limit."""
    fault = exchange.faults.due.pop(order.id, None)
    if fault is None:  # two faults met the order, and the other one has acted
        return
    if fault.effect == "late_reject":
        end(exchange, order, "rejected")
        return
    price = fill_price(order, exchange.tape, exchange.now) or order.ticket.limit_price
    assert price is not None  # without a limit there is always a quote
    remaining = remaining_of(exchange, order, price)
    whole = order.ticket.notional is not None
    qty = remaining if whole else part_of(remaining, fault.part)
    execute(exchange, order, price, remaining, Portion(qty, None))
