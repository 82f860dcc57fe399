"""What is due: orders are activated, set off, filled, replaced, expired and canceled.

Each function changes the exchange's state at its present moment; what comes later goes on the
agenda. `matching` says when and at what price, `rules` whether at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.sim import faults_orders
from runner.sim.changes import CANCELLATION, activate, end, look, move
from runner.sim.execution import fill
from runner.sim.faults_steps import go_wrong
from runner.sim.groups import take_over
from runner.sim.matching import Step, follow
from runner.sim.messages import unprocessable
from runner.sim.orders import Order
from runner.sim.replacing import carry_out

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


def perform_next(exchange: Exchange) -> None:
    """Carries out the next step of the agenda, unless its order is done."""
    due = exchange.agenda.take()
    order = exchange.book.find(due.order_id)
    assert order is not None
    if due.step is Step.REPLACE:
        carry_out(exchange, order)
        return
    if not order.open:
        return
    if due.step is Step.ACTIVATE:
        if order.status in ("accepted", "pending_new"):
            activate(exchange, order)
    elif due.step is Step.TRIGGER:
        _trigger(exchange, order)
    elif due.step is Step.FILL:
        fill(exchange, order)
    elif due.step is Step.LOOK:
        look(exchange, order, due.at)
    elif due.step is Step.FAULT:
        go_wrong(exchange, order)
    else:
        end(exchange, order, "canceled")


def expire_next(exchange: Exchange) -> None:
    """Ends the open orders of the next expiry."""
    # rule: life.expired
    for order_id in exchange.agenda.take_expired():
        order = exchange.book.find_open(order_id)
        if order is None:
            continue
        canceled = order.ticket.time_in_force == "gtc" or order.status == "pending_cancel"
        end(exchange, order, "canceled" if canceled else "expired")


def _trigger(exchange: Exchange, order: Order) -> None:
    follow(order, exchange.now, exchange.tape)
    order.triggered = True
    order.updated_at = exchange.now
    take_over(exchange, order)
    look(exchange, order, exchange.now)


# ------------------------------------------------------------------------- cancelling


def cancel(exchange: Exchange, order: Order) -> None:
    """Asks for a cancel; the order is canceled a moment later, unless it fills before.

    Raises `Refusal` when the order is done in another way than by being canceled.
    """
    # rule: life.cancel
    if order.ticket.ratio is not None and order.parent is not None:
        order = order.parent
    if not order.open and order.status != "canceled":
        raise unprocessable(f'order is already in "{order.status}" state')
    if order.status == "pending_replace":
        # rule: life.cancel-while-replacing
        raise unprocessable('order is in "pending_replace" state and cannot be canceled')
    if order.status not in ("canceled", "pending_cancel"):
        order.cancel_requested_at = exchange.now
        move(exchange, order, "pending_cancel")
        if not faults_orders.canceling(exchange, order):
            exchange.agenda.add(order, exchange.now + CANCELLATION, Step.CANCEL)


def cancel_now(exchange: Exchange, order: Order) -> None:
    """Cancels an open order at once, as closing all positions does when asked to."""
    end(exchange, order, "canceled")
