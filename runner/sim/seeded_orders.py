"""Open orders of another broker, taken into the book as they stand.

They hold shares and buying power, take part in groups, and can be changed and cancelled; nothing
fills them unless it is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from runner.sim import calendar
from runner.sim.orders import TERMINAL, TRANSITIONS, Order
from runner.sim.situation import COLLAR
from runner.sim.tickets import LegTicket, Ticket, package_symbol
from runner.sim.wire import CENT, ZERO

if TYPE_CHECKING:
    from runner.sim.seeding import Seeded

Json = Mapping[str, Any]


def seed_orders(exchange: Seeded, rows: Sequence[Json]) -> tuple[str, ...]:
    """Takes in orders with their legs; gives the ids of those that could not be understood."""
    unread = []
    for row in rows:
        try:
            family = _family(exchange, row)
        except (KeyError, ValueError, InvalidOperation, TypeError):
            unread.append(str(row.get("id") or ""))
            continue
        for order in family:
            exchange.book.add(order)
            if order.open:
                exchange.agenda.expire(order)
        for order in family:
            if not order.open:
                exchange.book.retire(order)
    return tuple(unread)


def _family(exchange: Seeded, row: Json) -> list[Order]:
    serial = len(exchange.book) + 1
    top = _order(exchange, row, serial, top=None)
    for number, leg in enumerate(_rows(row.get("legs"))):
        top.legs.append(_order(exchange, leg, serial + number + 1, top=top))
    return [top, *top.legs]


def _order(exchange: Seeded, row: Json, serial: int, top: Order | None) -> Order:
    ticket = _ticket(row, top)
    if row["status"] not in TRANSITIONS:
        raise ValueError(row["status"])
    filled = _number(row, "filled_qty") or ZERO
    created = _moment(row, "created_at") or exchange.now
    order = Order(
        serial=serial,
        id=str(row["id"]),
        client_order_id=str(row.get("client_order_id") or row["id"]),
        ticket=ticket,
        asset=exchange.asset_of_order(ticket, row),
        position_intent=str(row.get("position_intent") or f"{ticket.side}_to_open"),
        status=str(row["status"]),
        created_at=created,
        submitted_at=_moment(row, "submitted_at") or created,
        updated_at=_moment(row, "updated_at") or created,
        expires_at=_expiry(exchange, row),
        stop_price=ticket.stop_price,
        hwm=_number(row, "hwm"),
        filled_qty=filled,
        filled_value=filled * (_number(row, "filled_avg_price") or ZERO),
        parent=top,
    )
    if order.open and order.status != "held" and not (top and ticket.ratio):
        _set_aside(exchange, order)
    return order


def _set_aside(exchange: Seeded, order: Order) -> None:
    """Shares that it still has to trade, and for one that opens a position what it may cost."""
    ticket = order.ticket
    if ticket.legs:
        return
    price = ticket.limit_price or order.stop_price or exchange.price_or_none(order.asset.symbol)
    if ticket.qty is not None:
        order.held = ticket.qty - order.filled_qty
    elif ticket.notional is not None and price:
        order.held = ticket.notional / price
    if order.position_intent.endswith("_open"):
        market = ticket.limit_price is None
        cost = ticket.notional or order.held * (price or ZERO) * (COLLAR if market else 1)
        order.reserved = (cost * order.asset.size).quantize(CENT, ROUND_UP)


def _ticket(row: Json, top: Order | None) -> Ticket:
    legs = tuple(_leg(leg) for leg in _rows(row.get("legs")) if leg.get("ratio_qty"))
    return Ticket(
        symbol=package_symbol(legs) if legs else str(row["symbol"]),
        side="buy" if legs else str(row["side"]),
        type=str(row.get("type") or row.get("order_type") or ""),
        time_in_force=str(row.get("time_in_force") or "day"),
        qty=_number(row, "qty"),
        notional=_number(row, "notional"),
        limit_price=_number(row, "limit_price"),
        stop_price=_number(row, "stop_price"),
        trail_price=_number(row, "trail_price"),
        trail_percent=_number(row, "trail_percent"),
        extended_hours=row.get("extended_hours") is True,
        order_class=_class(row, top),
        legs=legs,
        ratio=_number(row, "ratio_qty") if top is not None else None,
    )


def _class(row: Json, top: Order | None) -> str:
    given = str(row.get("order_class") or "")
    given = "" if given == "simple" else given
    return given or (top.ticket.order_class if top is not None else "")


def _leg(row: Json) -> LegTicket:
    ratio = _number(row, "ratio_qty")
    assert ratio is not None
    return LegTicket(str(row["symbol"]), ratio, str(row["side"]), row.get("position_intent"))


def _expiry(exchange: Seeded, row: Json) -> datetime:
    given = _moment(row, "expires_at")
    if given is not None and (given > exchange.now or row["status"] in TERMINAL):
        return given
    return calendar.trading_day(exchange.now).post_close


def _rows(value: object) -> Iterator[Json]:
    return (
        (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())
    )


def _number(row: Json, name: str) -> Decimal | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(name)
    return Decimal(value)


def _moment(row: Json, name: str) -> datetime | None:
    value = row.get(name)
    return (
        datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) and value else None
    )
