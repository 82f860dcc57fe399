"""What a plan assumes of orders: that one fills whole at a moment, or that it does not fill at all.

The exchange's own rules say what an order does when it fills: to the cash, the position, its group.
Only whether and when it fills is assumed.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from runner.sim.accepting import arrival
from runner.sim.agenda import Due
from runner.sim.changes import activate
from runner.sim.contracts import SIZE
from runner.sim.exchange import Exchange
from runner.sim.execution import execute, remaining_of
from runner.sim.faults_orders import Portion
from runner.sim.groups import siblings, take_over
from runner.sim.matching import (
    AUCTIONS,
    IMMEDIATE,
    Step,
    auction_price,
    executable,
    fill_price,
    follow,
    window,
)
from runner.sim.orders import Order
from runner.sim.spreads import leg_price

BY_ITSELF = frozenset({Step.TRIGGER, Step.FILL, Step.LAPSE, Step.LOOK})
MAY_FILL = frozenset({"new", "accepted", "pending_new", "partially_filled"})


def may_fill(order: Order) -> bool:
    """Whether it is at work, or will be: it is not being changed, and waits for no other order.

    The stop of an OCO that is held back by the other exit may be set off all the same.
    """
    if order.ticket.ratio is not None and order.parent is not None:
        return False
    held_back = order.status == "held" and bool(siblings(order)) and _entered(order)
    return order.status in MAY_FILL or held_back


def _entered(order: Order) -> bool:
    top = order.parent
    return top is None or top.ticket.order_class == "oco" or top.status == "filled"


def fills_at(exchange: Exchange, order: Order) -> datetime | None:
    """The first moment from now on at which it may fill; None when it ends before that."""
    found = window(order, exchange.now)
    if order.ticket.time_in_force in AUCTIONS:
        opens = order.ticket.time_in_force == "opg"
        at = found.session.open if opens else found.session.close
        return at if at > exchange.now else None
    at = arrival(order, exchange.now)
    return at if at < order.expires_at else None


def at_the_market(exchange: Exchange, order: Order) -> bool:
    """Whether it would fill at the quote as it stands."""
    return executable(order) and fill_price(order, exchange.tape, exchange.now) is not None


def hold_back(exchange: Exchange, order: Order, *, lapses: bool) -> None:
    """From now on nothing but an assumption fills it; one that lives for a moment may lapse."""

    def concerns(due: Due) -> bool:
        return due.order_id == order.id and due.step in BY_ITSELF

    exchange.agenda.drop(concerns)
    if lapses and order.ticket.time_in_force in IMMEDIATE:
        exchange.agenda.add(order, window(order, exchange.now).start, Step.LAPSE)


def fill_whole(exchange: Exchange, order: Order) -> None:
    """Fills what is left of an order now, at the quote, or at its own price where that is worse."""
    if order.status in ("accepted", "pending_new"):
        activate(exchange, order)
    if not executable(order):
        follow(order, exchange.now, exchange.tape)
        order.triggered = True
        take_over(exchange, order)
    price = _price(exchange, order)
    remaining = remaining_of(exchange, order, price)
    execute(exchange, order, price, remaining, Portion(remaining, None))
    if order.ticket.legs:
        # Its legs are booked at their quotes; what changes hands is the net price.
        exchange.account.cash -= (price - _net_of_legs(exchange, order)) * remaining * SIZE


def _net_of_legs(exchange: Exchange, order: Order) -> Decimal:
    """Dollars a share that one of a multi-leg order costs at its legs' quotes."""
    signed = (
        leg_price(exchange, leg) * (ratio if leg.ticket.side == "buy" else -ratio)
        for leg in order.legs
        if (ratio := leg.ticket.ratio) is not None
    )
    return sum(signed, Decimal(0))


def _price(exchange: Exchange, order: Order) -> Decimal:
    """The quote for an order that it satisfies; the price at which it would fill for any other."""
    ticket = order.ticket
    auction = ticket.time_in_force in AUCTIONS
    stop = order.stop_price
    if stop is not None and ticket.type in ("stop", "trailing_stop", "stop_limit"):
        limit = ticket.limit_price
        if limit is None:
            return stop
        return min(stop, limit) if ticket.side == "buy" else max(stop, limit)
    price = (auction_price if auction else fill_price)(order, exchange.tape, exchange.now)
    if price is not None:
        return price
    assert ticket.limit_price is not None
    return ticket.limit_price
