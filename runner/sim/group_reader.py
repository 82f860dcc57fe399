"""Reading the legs of a bracket, OCO or OTO order: what is missing or not possible is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from runner.sim.messages import forbidden, malformed, unprocessable
from runner.sim.tickets import StopLoss, Ticket
from runner.sim.wire import read_decimal

GROUPS = ("bracket", "oco", "oto")


def read_legs(body: Mapping[str, Any], ticket: Ticket) -> Ticket:
    """The ticket with the legs that the body asks for. Raises `Refusal`."""
    # rule: group.legs
    kind = ticket.order_class
    profit = _price(body, "take_profit", "limit_price")
    stop_price = _price(body, "stop_loss", "stop_price")
    stop_limit = _price(body, "stop_loss", "limit_price")
    wants_profit = kind != "oto" or "take_profit" in body
    wants_stop = kind != "oto" or bool(body.get("stop_loss")) or not wants_profit
    if wants_profit and profit is None:
        raise malformed(f"{kind} orders require take_profit.limit_price")
    if wants_stop and stop_price is None:
        raise malformed(f"{kind} orders require stop_loss.stop_price")
    _check(ticket)
    # rule: group.trail-dropped
    stop_loss = None if stop_price is None else StopLoss(stop_price, stop_limit)
    return replace(ticket, take_profit=profit, stop_loss=stop_loss)


def oco_prices(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of an OCO order with its take-profit price as its own limit price."""
    # rule: group.oco-parent
    if body.get("type") != "limit":
        raise malformed("oco orders must be limit orders")
    legs = body.get("take_profit")
    profit = legs.get("limit_price") if isinstance(legs, Mapping) else None
    return body if profit is None else {**body, "limit_price": profit}


def check_group_time_in_force(ticket: Ticket) -> None:
    """Raises `Refusal` (422) when an order of a group has a time in force that no group has."""
    # rule: group.time-in-force
    if ticket.time_in_force not in ("day", "gtc"):
        kind = ticket.order_class
        raise malformed(f'{kind} orders support only "day" or "gtc" time_in_force')


def _check(ticket: Ticket) -> None:
    kind = ticket.order_class
    check_group_time_in_force(ticket)
    if ticket.extended_hours:
        # rule: group.extended-hours
        raise forbidden(f"{kind} orders do not support extended hours trading")
    if ticket.fractional:
        # rule: group.whole-shares
        raise unprocessable("fractional orders must be simple orders")
    if ticket.type == "trailing_stop":
        # rule: group.entry-type
        raise malformed(f"{kind} orders do not support trailing_stop orders")


def _price(body: Mapping[str, Any], leg: str, name: str) -> Decimal | None:
    given = body.get(leg)
    if given is None or given == "":
        return None
    if not isinstance(given, Mapping):
        raise malformed(f"{leg} is invalid")
    price = read_decimal(given.get(name), f"{leg}.{name}")
    if price is not None and price <= 0:
        raise malformed(f"{leg}.{name} must be > 0")
    return price
