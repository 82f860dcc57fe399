"""Replacing an open order: a new order with its own id takes the place of the old one.

The answer comes before the replacement is done. Until then the old order is `pending_replace` and
may still fill; when it does, the new one is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as with_changes
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runner.sim import faults_orders, spreads
from runner.sim.accepting import arrival, new_leg, new_order, situation, take_in
from runner.sim.changes import CANCELLATION, activate, end, look, move, retire, tell
from runner.sim.groups import place
from runner.sim.matching import MOMENT, Step, follow, trail_stop
from runner.sim.messages import malformed, unprocessable
from runner.sim.orders import HALTS, Order
from runner.sim.rules import check_replacement
from runner.sim.ticket_reader import read_client_order_id, read_price, read_time_in_force
from runner.sim.tickets import Ticket
from runner.sim.wire import ZERO, read_decimal

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

NOT_REPLACEABLE = frozenset({"accepted", "pending_new", "pending_cancel", "pending_replace"})


def replace(exchange: Exchange, order: Order, body: Mapping[str, Any]) -> Order:
    """The order that is to take the place of an open one. Raises `Refusal` (403, 422)."""
    _check_status(order)
    follow(order, exchange.now, exchange.tape)
    ticket = _changed(order, body)
    seen = situation(exchange, order.asset)
    verdict = check_replacement(ticket, seen, order)
    new = new_order(exchange, ticket, order.asset, verdict)
    new.status, new.replaces = "pending_new", order.id
    new.parent = order.parent
    new.triggered = order.triggered
    if order.hwm is not None:
        # rule: replace.trail
        new.hwm, new.watched_until = order.hwm, order.watched_until
        new.stop_price = order.stop_price if order.triggered else trail_stop(new, order.hwm)
    # rule: replace.reserves
    new.due_reserved, new.due_held = verdict.reserved, verdict.shares
    new.reserved = max(verdict.reserved - order.reserved, ZERO)
    new.held = max(verdict.shares - order.held, ZERO)
    take_in(exchange, new)
    _take_in_legs(exchange, order, new)
    order.before_replace = order.status
    move(exchange, order, "pending_replace")
    tell(exchange, new, "pending_new")
    rejected_at = faults_orders.accepted(exchange, new)
    at = exchange.now + CANCELLATION if rejected_at is None else rejected_at + MOMENT
    exchange.agenda.add(new, at, Step.REPLACE)
    return new


def _check_status(order: Order) -> None:
    # rule: replace.status
    if not order.open:
        raise unprocessable("order is not open")
    if order.status in NOT_REPLACEABLE | HALTS:
        raise unprocessable(f"cannot replace order in {order.status} status")
    if order.ticket.ratio is not None:
        # rule: replace.multi-leg
        raise unprocessable("legs of mleg orders cannot be replaced")
    if order.ticket.notional is not None:
        # rule: replace.notional
        raise unprocessable("notional orders cannot be replaced")


def _changed(order: Order, body: Mapping[str, Any]) -> Ticket:
    """The ticket with the changes that a PATCH body asks for."""
    old = order.ticket
    changes: dict[str, Any] = {}
    for name, spoken in (("limit_price", "limit"), ("stop_price", "stop")):
        # A multi-leg order's price may bring money in, and then is negative.
        price = (
            read_decimal(body.get(name), name)
            if old.legs
            else read_price(body, name, f"{spoken} price")
        )
        if price is None:
            continue
        if getattr(old, name) is None:
            # rule: replace.prices
            kind = old.type.replace("_", " ")
            raise unprocessable(f"{kind} orders must not have {name}")
        changes[name] = price
    trail = read_price(body, "trail", "trail")
    if trail is not None:
        if old.type != "trailing_stop":
            raise unprocessable("trail is only accepted for trailing_stop orders")
        changes["trail_percent" if old.trail_price is None else "trail_price"] = trail
    qty = _qty(order, body)
    if qty is not None:
        changes["qty"] = qty
    time_in_force = read_time_in_force(body)
    if time_in_force is not None:
        if old.legs and time_in_force != "day":
            raise unprocessable("options orders must be DAY orders")
        changes["time_in_force"] = time_in_force
    if all(getattr(old, name) == value for name, value in changes.items()):
        # rule: replace.unchanged
        raise unprocessable("order parameters are not changed")
    return with_changes(old, **changes, client_order_id=read_client_order_id(body))


def _qty(order: Order, body: Mapping[str, Any]) -> Decimal | None:
    # rule: replace.qty
    qty = read_decimal(body.get("qty"), "qty")
    if qty is None:
        return None
    old = order.ticket.qty
    if qty != qty.to_integral_value():
        raise malformed("qty must be integer")
    if qty <= 0:
        raise malformed("qty must be > 0")
    if qty <= order.filled_qty:
        raise unprocessable("qty must be > filled_qty")
    if qty != old and order.ticket.fractional:
        raise unprocessable("qty of fractional orders cannot be replaced")
    if qty != old and order.ticket.order_class in ("bracket", "oco", "oto"):
        # rule: replace.group-qty
        raise unprocessable("qty of complex orders cannot be replaced")
    return qty


def carry_out(exchange: Exchange, new: Order) -> None:
    """Puts a new order in the old one's place, or rejects it when that one is no longer waiting."""
    old = exchange.book.find(new.replaces or "")
    assert old is not None
    if old.status != "pending_replace":
        # rule: replace.race
        if new.open:
            end(exchange, new, "rejected", alone=True)
        return
    if not new.open or not _fits(exchange, old, new):
        if new.open:
            end(exchange, new, "rejected", alone=True)
        before = "partially_filled" if old.filled_qty else old.before_replace
        move(exchange, old, before, "order_replace_rejected")
        if before == "held":
            place(exchange, old)
        return
    old.replaced_at, old.replaced_by = exchange.now, new.id
    old.move("replaced", exchange.now)
    retire(exchange, old)
    if new.ticket.legs:
        _name_each_other(old, new)
        spreads.follow_top(exchange, old)
    else:
        _take_seat(old, new)
    tell(exchange, old, "replaced")
    exchange.book.set_aside(new, new.due_reserved, new.due_held)
    if new.status == "pending_cancel":
        return
    if old.before_replace == "held":
        place(exchange, new)
    else:
        activate(exchange, new)
        look(exchange, new, arrival(new, exchange.now))


def _fits(exchange: Exchange, old: Order, new: Order) -> bool:
    """Whether what filled meanwhile leaves the new order something to do."""
    assert new.ticket.qty is not None
    if new.ticket.legs:
        return new.ticket.qty > old.filled_qty and all(
            _closable(exchange, old_leg, leg, leg.ticket.qty or ZERO)
            for old_leg, leg in zip(old.legs, new.legs, strict=True)
            if leg.position_intent.endswith("_close")
        )
    if old.ticket.order_class and old.ticket.qty != new.ticket.qty:
        new.ticket = with_changes(new.ticket, qty=old.ticket.qty)
    if not new.position_intent.endswith("_close") or old.before_replace == "held":
        return new.ticket.qty is not None and new.ticket.qty > old.filled_qty
    return _closable(exchange, old, new, new.due_held)


def _closable(exchange: Exchange, old: Order, new: Order, qty: Decimal) -> bool:
    """Whether the position still has what the new order is to close, other orders aside."""
    symbol, side = new.asset.symbol, new.ticket.side
    others = exchange.book.held(symbol, side) - old.held - new.held
    return qty <= abs(exchange.positions.qty(symbol)) - others


# ------------------------------------------------------------------------- groups and legs


def _take_in_legs(exchange: Exchange, order: Order, new: Order) -> None:
    """The legs of a new multi-leg order, which hold what the old order's legs do not hold yet."""
    # rule: replace.multi-leg
    if not new.ticket.legs:
        return
    tickets = spreads.leg_tickets(exchange, new.ticket)
    for old_leg, ticket in zip(order.legs, tickets, strict=True):
        leg = new_leg(exchange, new, ticket)
        leg.held = max(leg.held - old_leg.held, ZERO)
        take_in(exchange, leg)


def _name_each_other(old: Order, new: Order) -> None:
    """Legs of a replaced multi-leg order and their successors bear each other's ids."""
    for old_leg, leg in zip(old.legs, new.legs, strict=True):
        old_leg.replaced_at, old_leg.replaced_by, leg.replaces = old.replaced_at, leg.id, old_leg.id


def _take_seat(old: Order, new: Order) -> None:
    """Gives the new order the old one's place in its group."""
    new.legs, old.legs = old.legs, []
    for leg in new.legs:
        leg.parent = new
    if old.parent is not None:
        legs = old.parent.legs
        legs[legs.index(old)] = new
