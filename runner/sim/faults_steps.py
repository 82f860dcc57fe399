"""What happens at the moment at which an order's fault is due: a rejection, a fill, a halt."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from runner.sim import calendar, continuous
from runner.sim.changes import end, look, move
from runner.sim.execution import execute, remaining_of
from runner.sim.faults import Fault
from runner.sim.faults_orders import Portion, part_of
from runner.sim.matching import Step, fill_price
from runner.sim.orders import Order

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

TAKEN_OFF = (Step.TRIGGER, Step.FILL, Step.LAPSE, Step.LOOK, Step.FAULT)
STOPPED = timedelta(seconds=1)


def go_wrong(exchange: Exchange, order: Order) -> None:
    """Carries out what an open order's fault says. A fill is at the quote, or else the limit."""
    fault = exchange.faults.due.pop(order.id, None)
    if fault is None:  # two faults met the order, and the other one has acted
        return
    if fault.effect == "late_reject":
        if order.status != "pending_cancel":  # its cancel came first, and ends it
            end(exchange, order, "rejected")
        return
    if fault.effect == "fill_on_cancel":
        _fill(exchange, order, fault.part)
    elif order.status in ("new", "partially_filled"):
        interrupt(exchange, order, fault)
    elif order.status == fault.to:
        resume(exchange, order)


def _fill(exchange: Exchange, order: Order, part: Decimal = Decimal(1)) -> None:
    price = fill_price(order, exchange.tape, exchange.now) or order.ticket.limit_price
    assert price is not None  # without a limit there is always a quote
    remaining = remaining_of(exchange, order, price)
    whole = order.ticket.notional is not None
    qty = remaining if whole else part_of(remaining, part)
    execute(exchange, order, price, remaining, Portion(qty, None))


# ------------------------------------------------------------------------- interruptions


def interrupt(exchange: Exchange, order: Order, fault: Fault) -> None:
    """Takes a live order from the market, in the status that the fault says and for its time."""
    # rule: faults.interrupt
    exchange.agenda.drop(lambda due: due.order_id == order.id and due.step in TAKEN_OFF)
    move(exchange, order, fault.to)
    until = _until(exchange, order, fault)
    if until is not None:
        exchange.faults.due[order.id] = fault
        exchange.agenda.add(order, until, Step.FAULT)


def _until(exchange: Exchange, order: Order, fault: Fault) -> datetime | None:
    """When an interruption ends; None for when the order ends."""
    if fault.time is not None:
        return exchange.now + fault.time
    if fault.to == "stopped":
        return exchange.now + STOPPED
    if fault.to != "done_for_day":
        return None
    if order.asset.crypto:
        return continuous.session_after(calendar.local_day(exchange.now)).open
    return calendar.session_after(calendar.trading_day(exchange.now).day).pre_open


def resume(exchange: Exchange, order: Order) -> None:
    """Ends an interruption: the order is at the market again, a stopped one fills."""
    exchange.faults.due.pop(order.id, None)
    if order.status == "stopped":
        _fill(exchange, order)
        return
    before = "partially_filled" if order.filled_qty else "new"
    move(exchange, order, before, "new" if before == "new" else "restated")
    order.searched_mark = None
    look(exchange, order, exchange.now)
