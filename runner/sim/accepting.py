"""From a ticket to an order: judged, made, put into the book and on the agenda."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from runner.sim import calendar, faults_orders, spreads
from runner.sim.assets import Asset
from runner.sim.changes import ACTIVATION, EXECUTION, look, tell
from runner.sim.groups import leg_tickets
from runner.sim.matching import MOMENT, Step, Window, trail_stop, window
from runner.sim.messages import unprocessable
from runner.sim.orders import Order
from runner.sim.rules import check
from runner.sim.situation import Situation, Verdict
from runner.sim.tickets import Ticket
from runner.sim.wire import ZERO, derived_uuid

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

GTC_DAYS = timedelta(days=90)


def submit(exchange: Exchange, ticket: Ticket) -> Order:
    """Accepts a ticket now, with the legs of its group. Raises `Refusal` when a rule forbids it."""
    asset = _asset(exchange, ticket)
    verdict = check(ticket, situation(exchange, asset))
    order = new_order(exchange, ticket, asset, verdict)
    take_in(exchange, order)
    for leg_ticket in _leg_tickets(exchange, ticket):
        take_in(exchange, new_leg(exchange, order, leg_ticket))
    tell(exchange, order, order.status)
    if faults_orders.accepted(exchange, order):
        return order
    now, found = exchange.now, window(order, exchange.now)
    if order.status == "pending_new":
        exchange.agenda.add(order, now + ACTIVATION, Step.ACTIVATE)
    else:
        exchange.agenda.add(order, min(found.start, found.session.pre_open), Step.ACTIVATE)
    since = _arrival(found, now)
    look(exchange, order, since)
    if ticket.order_class == "oco":
        look(exchange, order.legs[0], since)
    return order


def _leg_tickets(exchange: Exchange, ticket: Ticket) -> list[Ticket]:
    if ticket.legs:
        return spreads.leg_tickets(exchange, ticket)
    return leg_tickets(ticket) if ticket.order_class else []


def _asset(exchange: Exchange, ticket: Ticket) -> Asset:
    """The asset of a ticket, which must exist, as must those of all of its legs."""
    if ticket.legs:
        for leg in ticket.legs:
            if exchange.assets.option(leg.symbol) is None:
                raise unprocessable(f'asset "{leg.symbol}" not found')
        return exchange.assets.package(ticket.symbol)
    asset = exchange.assets.find(ticket.symbol)
    if asset is None:
        raise unprocessable(f'asset "{ticket.symbol}" not found')
    if ticket.extended_hours and exchange.account.configuration["disable_overnight_trading"]:
        # rule: hours.overnight-disabled
        return asset.by_day()
    return asset


def take_in(exchange: Exchange, order: Order) -> None:
    """Puts a new order into the book and on the agenda."""
    exchange.book.add(order)
    exchange.agenda.expire(order)


def arrival(order: Order, now: datetime) -> datetime:
    """The first moment at which an order sent now may trade: it takes a while to travel."""
    return _arrival(window(order, now), now)


def _arrival(found: Window, now: datetime) -> datetime:
    if found.start > now:
        return found.start
    return max(min(now + EXECUTION, found.end - MOMENT), now)


def new_leg(exchange: Exchange, parent: Order, ticket: Ticket) -> Order:
    """The leg of a group or of a multi-leg order; it is not in the book yet."""
    # rule: group.answer
    intent = ticket.position_intent or f"{ticket.side}_to_close"
    asset = exchange.find_asset(ticket.symbol)
    together = ticket.ratio is not None
    held = ticket.qty if together and intent.endswith("_close") else None
    leg = new_order(exchange, ticket, asset, Verdict(intent, ZERO, held or ZERO))
    leg.parent, leg.expires_at = parent, parent.expires_at
    leg.status = parent.status if together else "held"
    parent.legs.append(leg)
    return leg


def situation(exchange: Exchange, asset: Asset) -> Situation:
    """What an order in an asset is judged against now."""
    margin = exchange.margin()
    return Situation(
        now=exchange.now,
        account=exchange.account,
        margin=margin,
        buying_power=exchange.account.buying_power(margin, exchange.book.reserved),
        book=exchange.book,
        asset=asset,
        position=exchange.positions.find(asset.symbol),
        quote=exchange.tape.quote(asset.symbol, exchange.now),
        last=exchange.tape.last(asset.symbol, exchange.now),
        day_trades=exchange.day_trades(),
        cash_power=exchange.account.cash_power(margin, exchange.book.reserved),
        locked=exchange.locked(asset.symbol),
        covering=exchange.locked(asset.contract.underlying) if asset.contract else ZERO,
        positions=exchange.positions,
    )


def new_order(exchange: Exchange, ticket: Ticket, asset: Asset, verdict: Verdict) -> Order:
    """An order made from a ticket that was accepted; it is not in the book yet."""
    now, serial = exchange.now, len(exchange.book) + 1
    client_order_id = ticket.client_order_id or derived_uuid(exchange.seed, "client", serial)
    order = Order(
        serial=serial,
        id=derived_uuid(exchange.seed, "order", serial),
        client_order_id=client_order_id,
        ticket=ticket,
        asset=asset,
        position_intent=verdict.intent,
        status="accepted",
        created_at=now,
        submitted_at=now,
        updated_at=now,
        expires_at=now,
        stop_price=ticket.stop_price,
        reserved=verdict.reserved,
        held=verdict.shares,
    )
    found = window(order, now)
    # rule: life.accepted
    if found.start <= now or now >= found.session.pre_open:
        order.status = "pending_new"
    order.expires_at = _expiry(ticket, now, found.session)
    if ticket.type == "trailing_stop":
        order.hwm = exchange.tape.last(asset.symbol, now)
        order.stop_price = trail_stop(order, order.hwm)
        order.watched_until = now
    return order


def _expiry(ticket: Ticket, now: datetime, session: calendar.Session) -> datetime:
    # rule: life.expiry
    if ticket.time_in_force == "gtc":
        return calendar.new_york(calendar.local_day(now) + GTC_DAYS, time(16, 15))
    return session.post_close if ticket.extended_hours else session.close
