"""Reading the body of a new order: what is missing, malformed or contradicts itself is refused.

Nothing here looks at the account or the market; `rules` does. Messages and codes are those of
Alpaca where they are known (see `docs/fidelity.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from runner.sim.group_reader import GROUPS, oco_prices, read_legs
from runner.sim.messages import malformed
from runner.sim.spread_reader import read_spread
from runner.sim.tickets import Ticket
from runner.sim.wire import NANO, read_bool, read_decimal

SIDES = ("buy", "sell")
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE = ("day", "gtc", "opg", "cls", "ioc", "fok")
INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
CLIENT_ID_LENGTH = 128
PLACES = 9


def read_ticket(body: Mapping[str, Any]) -> Ticket:
    """The ticket that a POST body asks for. Unknown keys are ignored, as Alpaca ignores them.

    Raises `Refusal` (422).
    """
    order_class = _order_class(body)
    if order_class == "oco":
        body = oco_prices(body)
    if order_class == "mleg":
        return read_spread(body, read_client_order_id(body))
    side = _one_of(body, "side", SIDES)
    kind = _one_of(body, "type", TYPES)
    time_in_force = read_time_in_force(body)
    if time_in_force is None:
        raise malformed("time_in_force is required")
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise malformed("symbol is required")
    intent = body.get("position_intent") or None
    if intent is not None and intent not in INTENTS:
        raise malformed("invalid position_intent")
    ticket = Ticket(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=time_in_force,
        qty=_amount(body, "qty", cut="/" in symbol),
        notional=_amount(body, "notional"),
        limit_price=read_price(body, "limit_price", "limit price"),
        stop_price=read_price(body, "stop_price", "stop price"),
        trail_price=read_price(body, "trail_price", "trail price"),
        trail_percent=read_price(body, "trail_percent", "trail percent"),
        extended_hours=read_bool(body.get("extended_hours"), "extended_hours"),
        client_order_id=read_client_order_id(body),
        position_intent=intent,
        order_class=order_class,
    )
    _check_size(ticket)
    _check_prices(ticket)
    return read_legs(body, ticket) if order_class else ticket


def _order_class(body: Mapping[str, Any]) -> str:
    """The order class, empty for a simple order, whose legs (if any) are ignored."""
    # rule: group.simple-ignores-legs
    order_class = body.get("order_class") or "simple"
    if order_class not in ("simple", "mleg", *GROUPS):
        raise malformed("invalid order_class")
    return "" if order_class == "simple" else str(order_class)


def _one_of(body: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = body.get(name)
    if value is None or value == "":
        raise malformed(f"{name} is required")
    if value not in choices:
        raise malformed(f"invalid {name}")
    return str(value)


def read_time_in_force(body: Mapping[str, Any]) -> str | None:
    """The time in force of a body; None when absent. Raises `Refusal` (422)."""
    if body.get("time_in_force") in (None, ""):
        return None
    return _one_of(body, "time_in_force", TIMES_IN_FORCE)


def _amount(body: Mapping[str, Any], name: str, *, cut: bool = False) -> Decimal | None:
    amount = read_decimal(body.get(name), name)
    if amount is None:
        return None
    if amount <= 0:
        raise malformed(f"{name} must be > 0")
    if cut:
        # rule: crypto.places
        return amount.quantize(NANO, ROUND_DOWN)
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > PLACES:
        # rule: size.places
        raise malformed(f"{name} must have no more than {PLACES} decimal places")
    return amount


def read_price(body: Mapping[str, Any], name: str, spoken: str) -> Decimal | None:
    """A price above 0 of a body, in dollars; None when absent. Raises `Refusal` (422)."""
    price = read_decimal(body.get(name), name)
    if price is not None and price <= 0:
        raise malformed(f"{spoken} must be > 0")
    return price


def read_client_order_id(body: Mapping[str, Any]) -> str:
    """The client order id of a body, empty when absent. Raises `Refusal` (422)."""
    value = body.get("client_order_id")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed("client_order_id is invalid")
    if len(value) > CLIENT_ID_LENGTH:
        # rule: client-id.length
        raise malformed(f"client_order_id must be no more than {CLIENT_ID_LENGTH} characters")
    return value


def _check_size(ticket: Ticket) -> None:
    # rule: size.one-of
    if ticket.qty is None and ticket.notional is None:
        raise malformed("qty or notional is required")
    if ticket.qty is not None and ticket.notional is not None:
        raise malformed("only one of qty or notional is accepted")
    if ticket.notional is not None and ticket.notional < 1:
        # rule: size.minimum
        raise malformed("notional must be >= 1.00")


def _check_prices(ticket: Ticket) -> None:
    # rule: price.required
    limit, stop = ticket.limit_price is not None, ticket.stop_price is not None
    trails = (ticket.trail_price is not None) + (ticket.trail_percent is not None)
    if ticket.type == "trailing_stop":
        if trails != 1:
            raise malformed("trailing stop orders must specify one of trail_price or trail_percent")
        if limit or stop:
            raise malformed("trailing stop orders require no stop or limit price")
        if ticket.trail_percent is not None and ticket.trail_percent >= 100:
            raise malformed("trail percent must be < 100")
        return
    if trails:
        raise malformed("trail_price and trail_percent are only accepted for trailing_stop orders")
    spoken = ticket.type.replace("_", " ")
    if ticket.type == "market" and (limit or stop):
        raise malformed("market orders require no stop or limit price")
    if ticket.type in ("limit", "stop_limit") and not limit:
        raise malformed(f"{spoken} orders require a limit price")
    if ticket.type in ("stop", "stop_limit") and not stop:
        raise malformed(f"{spoken} orders require a stop price")
    if ticket.type == "limit" and stop:
        raise malformed("limit orders require no stop price")
    if ticket.type == "stop" and limit:
        raise malformed("stop orders require no limit price")
