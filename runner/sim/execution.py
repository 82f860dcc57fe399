"""Fills: how much, at what price, and what they do to the order, the cash and the position."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_UP, Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING

from runner.sim import calendar, faults_orders, groups, spreads
from runner.sim.activities import Fill, Notice
from runner.sim.changes import REEVALUATION, end, look, retire, tell
from runner.sim.crypto_rules import FEE
from runner.sim.events import Execution
from runner.sim.faults_orders import Portion
from runner.sim.matching import AUCTIONS, IMMEDIATE, auction_price, fill_price
from runner.sim.orders import Order
from runner.sim.wire import CENT, NANO, ZERO

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

ASKED_TO_CHANGE = frozenset({"pending_cancel", "pending_replace"})


def fill(exchange: Exchange, order: Order) -> None:
    """Executes an order that is due, or a part of it, at the present price."""
    auction = order.ticket.time_in_force in AUCTIONS
    price = (auction_price if auction else fill_price)(order, exchange.tape, exchange.now)
    if price is None:
        raise RuntimeError(f"order {order.id} was due to fill outside its limit")
    remaining = remaining_of(exchange, order, price)
    portion = faults_orders.portion(exchange, order, remaining)
    if portion is None:
        portion = Portion(_part(exchange, order, remaining), REEVALUATION)
    execute(exchange, order, price, remaining, portion)


def execute(
    exchange: Exchange, order: Order, price: Decimal, remaining: Decimal, portion: Portion
) -> None:
    """Executes a portion of what remains of an order (shares) at a price (dollars a share)."""
    qty = portion.qty
    leaves = remaining - qty
    faults_orders.before_fill(exchange, order)
    for leg in order.legs if order.ticket.legs else ():
        assert leg.ticket.ratio is not None
        _take(exchange, leg, qty * leg.ticket.ratio, spreads.leg_price(exchange, leg), leaves)
    done = _take(exchange, order, qty, price, leaves)
    if leaves:
        _partly(exchange, order, done, remaining, portion)
    else:
        order.filled_at = exchange.now
        order.move("filled", exchange.now)
        retire(exchange, order)
        if order.ticket.legs:
            spreads.follow_top(exchange, order)
        tell(exchange, order, "fill", _execution(exchange, done))
        groups.after_fill(exchange, order)


def _take(exchange: Exchange, order: Order, qty: Decimal, price: Decimal, leaves: Decimal) -> Fill:
    """Notes a fill at an order; a multi-leg order itself moves nothing, its legs do."""
    order.filled_qty += qty
    order.filled_value += qty * price
    order.fills += 1
    order.updated_at = exchange.now
    ratio = order.ticket.ratio or 1
    of = (order.id, order.asset.symbol, order.ticket.side)
    done = Fill(*of, order.fills, exchange.now, qty, price, order.filled_qty, leaves * ratio)
    if not order.ticket.legs:
        _settle(exchange, order, done)
        exchange.activities.add(done)
    return done


def _partly(
    exchange: Exchange, order: Order, done: Fill, remaining: Decimal, portion: Portion
) -> None:
    if order.status not in ASKED_TO_CHANGE:
        order.move("partially_filled", exchange.now)
        if order.ticket.legs:
            spreads.follow_top(exchange, order)
    tell(exchange, order, "partial_fill", _execution(exchange, done))
    kept = (order.reserved * done.leaves / remaining).quantize(CENT, ROUND_UP)
    exchange.book.set_aside(order, kept, done.leaves)
    groups.after_fill(exchange, order)
    if order.ticket.time_in_force in IMMEDIATE:
        end(exchange, order, "canceled")
    elif portion.rest_after is not None:
        look(exchange, order, exchange.now + portion.rest_after)


def _execution(exchange: Exchange, fill: Fill) -> Execution:
    held = exchange.positions.qty(fill.symbol)
    settles = calendar.session_after(calendar.local_day(fill.at)).day
    return Execution(fill.qty, fill.price, held, settles)


def _settle(exchange: Exchange, order: Order, done: Fill) -> None:
    """Moves cash and shares."""
    asset, price = order.asset, done.price
    received, cash = done.changes(asset.size)
    if asset.crypto:
        # rule: crypto.fee
        if received > 0:
            fee = (received * FEE).quantize(NANO, ROUND_UP)
            received -= fee
            notice = Notice("CFEE", exchange.now, asset.symbol, -fee, ZERO, price)
        else:
            fee = (cash * FEE).quantize(CENT, ROUND_UP)
            cash -= fee
            notice = Notice("CFEE", exchange.now, asset.symbol, ZERO, -fee, price)
        exchange.activities.add(notice)
    round_trip = exchange.book_change(asset, received, price, cash)
    if round_trip and order.fills == 1:
        exchange.account.day_trades.append(calendar.local_day(exchange.now))


def remaining_of(exchange: Exchange, order: Order, price: Decimal) -> Decimal:
    """Shares still to trade; of a notional order, what its dollars are worth at this price."""
    ticket = order.ticket
    if ticket.qty is not None:
        return ticket.qty - order.filled_qty
    # rule: fraction.notional
    assert ticket.notional is not None
    shares = (ticket.notional / price).quantize(NANO, ROUND_DOWN)
    if order.position_intent.endswith("_close"):
        shares = min(shares, abs(exchange.positions.qty(order.asset.symbol)) or shares)
    return shares


def _part(exchange: Exchange, order: Order, remaining: Decimal) -> Decimal:
    """How much of the rest a fill is for: all of it, unless the scenario has partial fills."""
    # rule: match.partial
    chance = exchange.scenario.partial_fills
    ticket = order.ticket
    whole = remaining < 2 or ticket.notional is not None or ticket.time_in_force == "fok"
    if not chance or whole:
        return remaining
    key = f"{exchange.seed}/part/{order.serial}/{order.fills}"
    drawn = blake2b(key.encode(), digest_size=4).digest()
    if int.from_bytes(drawn[:2], "big") >= chance * 65536:
        return remaining
    share = Decimal(20 + int.from_bytes(drawn[2:], "big") % 61) / 100
    return max((remaining * share).to_integral_value(ROUND_DOWN), Decimal(1))
