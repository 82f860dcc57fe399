"""Multi-leg option orders: one order that trades all of its legs at once, or none."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from runner.sim.orders import Order
from runner.sim.spread_rules import leg_intent
from runner.sim.tickets import Ticket
from runner.sim.wire import ZERO

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


STAMPS = ("submitted_at", "filled_at", "canceled_at", "expired_at", "failed_at")


def leg_tickets(exchange: Exchange, ticket: Ticket) -> list[Ticket]:
    """The tickets of the legs; they have no type and no price of their own."""
    assert ticket.qty is not None
    return [
        Ticket(
            symbol=leg.symbol,
            side=leg.side,
            type="",
            time_in_force="day",
            qty=leg.ratio * ticket.qty,
            position_intent=leg_intent(leg, exchange.positions),
            order_class="mleg",
            ratio=leg.ratio,
        )
        for leg in ticket.legs
    ]


def leg_price(exchange: Exchange, leg: Order) -> Decimal:
    """What a leg trades at now: the ask when bought, the bid when sold; dollars a share."""
    # rule: options.leg-price
    quote = exchange.tape.quote(leg.asset.symbol, exchange.now)
    return quote.ask if leg.ticket.side == "buy" else quote.bid


def follow_top(exchange: Exchange, top: Order) -> None:
    """Gives the legs of a multi-leg order its status, and ends them with it."""
    # rule: options.legs-follow
    for leg in top.legs:
        if not leg.open:
            continue
        if leg.status != top.status:
            leg.move(top.status, exchange.now)
        for name in STAMPS:
            setattr(leg, name, getattr(top, name))
        if not top.open:
            exchange.book.retire(leg)
            exchange.agenda.forget(leg)
        elif leg.position_intent.endswith("_close"):
            assert leg.ticket.qty is not None
            exchange.book.set_aside(leg, ZERO, leg.ticket.qty - leg.filled_qty)
