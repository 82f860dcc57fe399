"""Orders that belong together: bracket, one-cancels-other and one-triggers-other.

The first order of a group is its top; the others are its legs. Exits are the orders of a group
that close the position: both of an OCO, the legs of a bracket and of an OTO.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from runner.sim.changes import EXECUTION, activate, end, look, move
from runner.sim.matching import executable
from runner.sim.orders import Order
from runner.sim.tickets import Ticket
from runner.sim.wire import ZERO

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

OPPOSITE = {"buy": "sell", "sell": "buy"}


def leg_tickets(ticket: Ticket) -> list[Ticket]:
    """The tickets of a group's legs: take profit first, then stop loss."""
    oco = ticket.order_class == "oco"
    side = ticket.side if oco else OPPOSITE[ticket.side]
    leg = Ticket(
        symbol=ticket.symbol,
        side=side,
        type="limit",
        time_in_force=ticket.time_in_force,
        qty=ticket.qty,
        position_intent=f"{side}_to_close",
        order_class=ticket.order_class,
    )
    tickets = []
    if ticket.take_profit is not None and not oco:
        tickets.append(replace(leg, limit_price=ticket.take_profit))
    if ticket.stop_loss is not None:
        stop = ticket.stop_loss
        kind = "stop" if stop.limit_price is None else "stop_limit"
        tickets.append(
            replace(leg, type=kind, stop_price=stop.stop_price, limit_price=stop.limit_price)
        )
    return tickets


def exits(order: Order) -> list[Order]:
    """The orders of an order's group that close the position."""
    top, *legs = order.family()
    return [top, *legs] if top.ticket.order_class == "oco" else legs


def siblings(order: Order) -> list[Order]:
    """The other open exits, when the order is an exit itself."""
    found = exits(order)
    return [other for other in found if other is not order and other.open] if order in found else []


def place(exchange: Exchange, leg: Order) -> None:
    """Brings an open leg to where it belongs: held, or live when what it waits for has happened."""
    # rule: group.live
    top = leg.parent
    assert top is not None
    if top.ticket.order_class != "oco" and top.status != "filled":
        _hold(exchange, leg)
    elif siblings(leg) and not executable(leg):
        # rule: group.stop-held
        _hold(exchange, leg)
        look(exchange, leg, exchange.now)
    elif _leaves(leg) > _free(exchange, leg):
        # rule: group.nothing-to-close
        end(exchange, leg, "rejected")
    else:
        exchange.book.set_aside(leg, ZERO, _leaves(leg))
        activate(exchange, leg)
        look(exchange, leg, exchange.now + EXECUTION)


def after_fill(exchange: Exchange, order: Order) -> None:
    """What a fill of one order does to the others of its group."""
    if order.ticket.order_class in ("bracket", "oto") and order.parent is None:
        # rule: group.live
        if order.status == "filled":
            for leg in order.legs:
                if leg.status == "held":
                    place(exchange, leg)
        return
    # rule: group.one-cancels-other
    for other in siblings(order):
        if order.status == "filled":
            end(exchange, other, "canceled", alone=True)
        else:
            other.ticket = replace(other.ticket, qty=_leaves(order) + other.filled_qty)
            other.updated_at = exchange.now
            if other.held:
                exchange.book.set_aside(other, other.reserved, _leaves(other))


def take_over(exchange: Exchange, order: Order) -> None:
    """A held stop was set off: its sibling is canceled, and it goes to the market."""
    # rule: group.stop-held
    for other in siblings(order):
        end(exchange, other, "canceled", alone=True)
    if order.parent is not None and not order.held:
        exchange.book.set_aside(order, ZERO, _leaves(order))
    if order.status in ("held", "pending_replace"):
        activate(exchange, order)


def _hold(exchange: Exchange, leg: Order) -> None:
    if leg.status != "held":
        move(exchange, leg, "held")


def _leaves(order: Order) -> Decimal:
    assert order.ticket.qty is not None
    return order.ticket.qty - order.filled_qty


def _free(exchange: Exchange, leg: Order) -> Decimal:
    """Shares that a leg may close."""
    symbol, side = leg.asset.symbol, leg.ticket.side
    held = exchange.positions.qty(symbol)
    closable = held if side == "sell" else -held
    return max(closable, ZERO) - exchange.book.held(symbol, side) + leg.held
