"""Finding out what became of an order whose submission had no clear answer.

It is looked up by its client order id. A 404 proves nothing until it has been stable for the settle
time and fills, open orders and positions agree that nothing happened.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from runner.effects import (
    ReadActivities,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadPosition,
    Status,
)
from runner.machine.failures import Cause, Failure
from runner.machine.own_orders import OwnOrder
from runner.machine.run import Run, Steps
from runner.world import Order, Position, decimal, no_position, same_symbol

SETTLE = timedelta(seconds=30)
"""How long a lookup by client id must keep answering 404 before it proves absence: lookups have
been seen to lag acceptance (facts page 4)."""

RESOLVE_WITHIN = timedelta(minutes=2)
"""How long the fate of an order is looked for before it is left unknown."""

LOOKUP_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=8)


class Fate(StrEnum):
    """What became of one submission."""

    FOUND = "found"
    ABSENT = "absent"  # proven: it may go again
    LATER = "later"  # refused for a reason that passes: it may go again after a while
    UNKNOWN = "unknown"


def named(own: OwnOrder) -> str:
    """What an order trades, for a sentence: `buy AAPL`, or the legs of a multi-leg order."""
    if own.symbol:
        return f"{own.side} {own.symbol}"
    return f"{own.order_class} order"


def see_legs(run: Run, own: OwnOrder) -> Steps[None]:
    """Read an order with its legs where the answer that told of it did not show them."""
    if own.order_class != "simple" and not own.legs:
        outcome = yield from run.ask(ReadOrder(own.order_id))
        if outcome.status is Status.OK:
            own.fold(outcome.data)


def look_up(run: Run, own: OwnOrder) -> Steps[bool]:
    """One more lookup of an order; finding it makes it known, nothing else does.

    Whether the broker answered.
    """
    outcome = yield from run.ask(ReadOrderByClientId(own.client_order_id))
    if outcome.status is Status.OK and matches(own, Order.read(outcome.data)):
        own.fold(outcome.data)
    return outcome.status in (Status.OK, Status.ABSENT)


def resolve(run: Run, own: OwnOrder) -> Steps[Fate]:
    """Find out what became of an order whose submission had no clear answer.

    Raises `Failure` when the broker holds another order under its id. A resume begins the search
    anew: what was seen before it may be hours old.
    """
    resumptions = None
    while True:
        if resumptions != run.resumptions:
            resumptions, give_up = run.resumptions, run.at + RESOLVE_WITHIN
            absent_since, pause = None, LOOKUP_PAUSE
        outcome = yield from run.ask(ReadOrderByClientId(own.client_order_id))
        if outcome.status is Status.OK:
            if not matches(own, Order.read(outcome.data)):
                raise _foreign(own)
            own.fold(outcome.data)
            return Fate.FOUND
        if outcome.status is Status.ABSENT:
            absent_since = absent_since or run.at
            if run.at - absent_since >= SETTLE:
                fate = yield from _corroborate(run, own)
                if fate is not Fate.UNKNOWN:
                    return fate
        else:
            absent_since = None
        if run.at >= give_up:
            return Fate.UNKNOWN
        yield from run.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _foreign(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"the broker holds another order under {own.client_order_id}: it is not the one this run "
        "meant",
        help="Do not send again. Look at that order, and at who else uses this run's id.",
    )


def _corroborate(run: Run, own: OwnOrder) -> Steps[Fate]:
    """Whether fills, open orders and positions agree that nothing happened since the intent."""
    before = own.before
    if before is None or before.clock is None:
        return Fate.UNKNOWN
    fills = yield from run.ask(ReadActivities("FILL", before.clock - SETTLE))
    rows = fills.data.get("activities") if fills.status is Status.OK else None
    if not isinstance(rows, list):
        return Fate.UNKNOWN
    moved = dict.fromkeys(before.held, Decimal(0))
    known = {other.order_id for other in run.orders.all if other.order_id}
    for row in rows:
        name = str(row.get("symbol", "")) if isinstance(row, dict) else ""
        symbol = next((one for one in moved if same_symbol(one, name)), None)
        if not isinstance(row, dict) or symbol is None:
            continue
        order_id, qty = str(row.get("order_id", "")), decimal(row.get("qty"))
        if not order_id or qty is None:
            return Fate.UNKNOWN
        if order_id not in known:
            known.add(order_id)
            outcome = yield from run.ask(ReadOrder(order_id))
            if outcome.status is not Status.OK:
                return Fate.UNKNOWN
            if Order.read(outcome.data).client_order_id == own.client_order_id:
                own.fold(outcome.data)
                return Fate.FOUND
            if not own.symbol:
                return Fate.UNKNOWN  # a leg does not say whose it is
        moved[symbol] += qty if row.get("side") == "buy" else -qty
    working = yield from run.ask(ReadOpenOrders(tuple(before.held)))
    orders = working.data.get("orders") if working.status is Status.OK else None
    if not isinstance(orders, list):
        return Fate.UNKNOWN
    for order in orders:
        if isinstance(order, dict) and order.get("client_order_id") == own.client_order_id:
            own.fold(order)
            return Fate.FOUND
    for symbol, held in before.held.items():
        position = yield from run.ask(ReadPosition(symbol))
        if position.status not in (Status.OK, Status.ABSENT) or held is None:
            return Fate.UNKNOWN
        now = Position.read(position.data) if position.data else no_position(symbol)
        # Fills from just before the intent may already be in the earlier reading.
        if now.qty is None or now.qty not in (held, held + moved[symbol]):
            return Fate.UNKNOWN
    return Fate.ABSENT


def matches(own: OwnOrder, order: Order) -> bool:
    """Whether the broker's order is the one that was meant, and not one from before. What it does
    not say is no match."""
    meant = {
        key: decimal(own.body.get(key)) for key in ("qty", "notional", "limit_price", "stop_price")
    }
    same_numbers = all(
        value is None or getattr(order, key) == value for key, value in meant.items()
    )
    since, created = own.not_before, order.created_at
    too_old = since is not None and (created is None or created < since)
    return (
        not too_old
        and order.client_order_id == own.client_order_id
        and same_symbol(order.symbol, own.symbol)
        and order.side == own.side
        and order.type == own.body.get("type")
        and order.order_class == own.order_class
        and same_numbers
    )
