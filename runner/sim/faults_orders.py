"""Faults in the life of orders: the few places where the exchange asks whether something goes
wrong, and what happens then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, NamedTuple

from runner.sim.faults import Fault, Stale, Subject
from runner.sim.matching import Step
from runner.sim.orders import Order
from runner.sim.positions import Position

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

SOON = timedelta(milliseconds=10)
NANO = Decimal("0.000000001")


def _strike(exchange: Exchange, order: Order, effect: str) -> Fault | None:
    if not exchange.faults:
        return None
    subject = Subject(order.asset.symbol, order.client_order_id)
    return exchange.faults.strike(subject, exchange.now, effect)


def accepted(exchange: Exchange, order: Order) -> datetime | None:
    """Called for each accepted order. When it will be rejected, never having become new, if so."""
    hidden = _strike(exchange, order, "hide_client_id")
    if hidden is not None and hidden.time is not None:
        exchange.faults.hidden_until[order.id] = exchange.now + hidden.time
    rejected = _strike(exchange, order, "late_reject")
    if rejected is None:
        return None
    at = exchange.now + (rejected.time or SOON)
    _later(exchange, order, rejected, at)
    return at


def activated(exchange: Exchange, order: Order) -> None:
    """Called for each order that becomes new: one that is to be interrupted is so at once."""
    fault = _strike(exchange, order, "interrupt")
    if fault is not None:
        _later(exchange, order, fault, exchange.now)


def canceling(exchange: Exchange, order: Order) -> bool:
    """Called when a cancel becomes pending. True when the cancel does not go through by itself."""
    filled = _strike(exchange, order, "fill_on_cancel")
    if filled is not None:
        _later(exchange, order, filled, exchange.now + SOON)
    stuck = _strike(exchange, order, "stuck_cancel")
    if stuck is None:
        return False
    if stuck.time is not None:
        exchange.agenda.add(order, exchange.now + stuck.time, Step.CANCEL)
    return True


def _later(exchange: Exchange, order: Order, fault: Fault, at: datetime) -> None:
    exchange.faults.due[order.id] = fault
    exchange.agenda.add(order, at, Step.FAULT)


class Portion(NamedTuple):
    """Shares that a fill is for, and how much later the rest is looked at: None for never."""

    qty: Decimal
    rest_after: timedelta | None


def portion(exchange: Exchange, order: Order, remaining: Decimal) -> Portion | None:
    """Called for each fill: the part of `remaining` (shares) that it is for; None for as usual."""
    if order.ticket.notional is not None or order.ticket.time_in_force == "fok":
        return None
    fault = _strike(exchange, order, "partial_fill")
    if fault is None:
        return None
    return Portion(part_of(remaining, fault.part), fault.time)


def part_of(remaining: Decimal, part: Decimal) -> Decimal:
    """A part of a quantity: whole shares of whole shares, and at least the smallest amount."""
    unit = Decimal(1) if remaining == remaining.to_integral_value() else NANO
    return min(max((remaining * part).quantize(unit, ROUND_DOWN), unit), remaining)


# ------------------------------------------------------------------------- what is shown


def before_fill(exchange: Exchange, order: Order) -> None:
    """Called before a fill changes the position: keeps the old one for as long as it is shown."""
    fault = _strike(exchange, order, "lag_positions")
    if fault is None or fault.time is None:
        return
    symbol = order.asset.symbol
    position = exchange.positions.find(symbol)
    kept = None if position is None else replace(position)
    exchange.faults.stale.append(Stale(exchange.now + fault.time, symbol, kept))


def seen_positions(exchange: Exchange) -> list[Position]:
    """The positions that the positions endpoint shows, by symbol."""
    faults = exchange.faults
    if not faults.stale:
        return list(exchange.positions)
    faults.stale = [stale for stale in faults.stale if stale.until > exchange.now]
    shown: dict[str, Position | None] = {p.asset.symbol: p for p in exchange.positions}
    for stale in reversed(faults.stale):
        shown[stale.symbol] = stale.position
    return [found for symbol in sorted(shown) if (found := shown[symbol]) is not None]


def seen_position(exchange: Exchange, symbol: str) -> Position | None:
    """The position in a symbol that the positions endpoint shows."""
    if not exchange.faults.stale:
        return exchange.positions.find(symbol)
    return next((p for p in seen_positions(exchange) if p.asset.symbol == symbol), None)


def hidden(exchange: Exchange, order: Order) -> bool:
    """Whether an order cannot be found by its client order id yet."""
    until = exchange.faults.hidden_until.get(order.id)
    return until is not None and exchange.now < until
