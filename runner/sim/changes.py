"""The changes an order makes, each in one place: status, what it holds, the agenda and the event.

Everything else that happens to orders (fills, groups, replacements) is put together from these.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runner.sim import faults_orders, spreads
from runner.sim.events import Execution
from runner.sim.matching import Step, follow, next_touch
from runner.sim.orders import Order

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

# rule: life.delays
ACTIVATION = timedelta(milliseconds=20)
EXECUTION = timedelta(milliseconds=150)
CANCELLATION = timedelta(milliseconds=60)
REEVALUATION = timedelta(seconds=1)
GROUP_CANCELLATION = timedelta(seconds=1)


def move(exchange: Exchange, order: Order, status: str, event: str = "") -> None:
    """Changes an open order's status and tells of it, under the status's name unless given."""
    order.move(status, exchange.now)
    if order.ticket.legs:
        spreads.follow_top(exchange, order)
    tell(exchange, order, event or status)


def tell(exchange: Exchange, order: Order, event: str, execution: Execution | None = None) -> None:
    """Appends an event about an order as it stands."""
    exchange.events.add(order, event, exchange.now, execution)


def activate(exchange: Exchange, order: Order) -> None:
    """Makes an order new: it is at the market."""
    # rule: life.new
    order.submitted_at = exchange.now
    order.move("new", exchange.now)
    if order.ticket.legs:
        spreads.follow_top(exchange, order)
    tell(exchange, order, "new")
    faults_orders.activated(exchange, order)


def look(exchange: Exchange, order: Order, since: datetime) -> None:
    """Puts on the agenda what the tape does to an open order first, at or after `since`."""
    touch = next_touch(order, since, exchange.tape)
    if touch is not None:
        exchange.agenda.add(order, touch.at, touch.step)


def end(exchange: Exchange, order: Order, status: str, *, alone: bool = False) -> None:
    """Ends an open order as canceled, expired or rejected, and after a while its group.

    `alone` leaves the others of its group as they are.
    """
    follow(order, exchange.now, exchange.tape)
    if status == "expired":
        order.expired_at = exchange.now
    elif status == "canceled":
        order.canceled_at = exchange.now
    else:
        order.failed_at = exchange.now
    order.move(status, exchange.now)
    retire(exchange, order)
    if order.ticket.legs:
        spreads.follow_top(exchange, order)
    tell(exchange, order, status)
    if alone:
        return
    # rule: group.cancel
    for member in order.family():
        if member.open:
            exchange.agenda.add(member, exchange.now + GROUP_CANCELLATION, Step.CANCEL)


def retire(exchange: Exchange, order: Order) -> None:
    """Releases what an order held when it became terminal."""
    exchange.book.retire(order)
    exchange.agenda.forget(order)
