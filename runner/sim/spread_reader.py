"""Reading a multi-leg option order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import gcd
from typing import Any

from runner.sim.messages import malformed, unprocessable
from runner.sim.tickets import LegTicket, Ticket, package_symbol
from runner.sim.wire import read_bool, read_decimal

MOST_LEGS = 4
SIDES = {"buy": "buy", "sell": "sell"}
INTENTS = {
    "buy_to_open": "buy",
    "buy_to_close": "buy",
    "sell_to_open": "sell",
    "sell_to_close": "sell",
}


def read_spread(body: Mapping[str, Any], client_order_id: str) -> Ticket:
    """The ticket of a multi-leg order; its price is a debit when positive, a credit when negative.

    Raises `Refusal` (422).
    """
    # rule: options.legs
    qty = read_decimal(body.get("qty"), "qty")
    if qty is None:
        raise malformed("qty is required for mleg orders")
    if qty <= 0 or qty != qty.to_integral_value():
        raise malformed("qty must be an integer > 0")
    kind, limit = body.get("type"), read_decimal(body.get("limit_price"), "limit_price")
    if kind not in ("market", "limit"):
        raise unprocessable("mleg orders must be market or limit orders")
    if (kind == "limit") != (limit is not None):
        raise malformed(
            "limit orders require a limit price"
            if kind == "limit"
            else "market orders require no stop or limit price"
        )
    if body.get("time_in_force") != "day":
        raise unprocessable("options orders must be DAY orders")
    if read_bool(body.get("extended_hours"), "extended_hours"):
        raise unprocessable("options orders do not support extended hours trading")
    legs = _legs(body.get("legs"))
    return Ticket(
        symbol=package_symbol(legs),
        side="buy",
        type=kind,
        time_in_force="day",
        qty=qty,
        limit_price=limit,
        client_order_id=client_order_id,
        order_class="mleg",
        legs=legs,
    )


def _legs(given: object) -> tuple[LegTicket, ...]:
    if not isinstance(given, list) or not 2 <= len(given) <= MOST_LEGS:
        raise malformed("mleg orders must have between 2 and 4 legs")
    legs = tuple(_leg(leg) for leg in given)
    if len({leg.symbol for leg in legs}) != len(legs):
        raise malformed("all legs must have unique symbols")
    if gcd(*(int(leg.ratio) for leg in legs)) != 1:
        raise unprocessable("leg ratio quantities must be relatively prime")
    return legs


def _leg(given: object) -> LegTicket:
    if not isinstance(given, Mapping):
        raise malformed("legs is invalid")
    symbol, ratio = given.get("symbol"), read_decimal(given.get("ratio_qty"), "ratio_qty")
    if not isinstance(symbol, str) or not symbol:
        raise malformed("symbol is required for each leg")
    if ratio is None or ratio <= 0 or ratio != ratio.to_integral_value():
        raise malformed("ratio_qty must be an integer > 0")
    named, intent = given.get("side") or "", given.get("position_intent") or None
    if not isinstance(named, str) or not isinstance(intent, str | None):
        raise malformed("each leg must have a side or a position_intent")
    side = SIDES.get(named) or INTENTS.get(intent or "")
    if side is None or (intent and INTENTS.get(intent) != side):
        raise malformed("each leg must have a side or a position_intent")
    return LegTicket(symbol, Decimal(int(ratio)), side, intent)
