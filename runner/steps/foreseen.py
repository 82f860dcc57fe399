"""What a step will ask of the account's buying power when it runs, as far as it is written."""

from __future__ import annotations

from decimal import Decimal

from runner.effects import Json
from runner.guards import Draft, Foreseen
from runner.language.declare import KnownValues

NUMBERS = ("qty", "notional", "limit_price", "stop_price")
NOTHING, UNTOLD, FREES = Foreseen(), Foreseen(untold=True), Foreseen(frees=True)


def frees(known: KnownValues) -> Foreseen:
    """A step that gives buying power back: what it cancels or closes."""
    return FREES


def untold(known: KnownValues) -> Foreseen:
    """A step of which only its run decides what it opens."""
    return UNTOLD


def by_order(known: KnownValues) -> Foreseen:
    """One order: a buy, or a short sale. A sale of what is held gives buying power back."""
    order_class, intent = known.get("order_class") or "simple", known.get("position_intent")
    symbol, side = known.get("symbol"), known.get("side")
    if order_class == "oco":
        return NOTHING
    if order_class == "mleg" or not isinstance(symbol, str) or side not in ("buy", "sell"):
        return UNTOLD
    if str(intent).endswith("_to_close") or (side == "sell" and intent != "sell_to_open"):
        return FREES
    numbers = {name: known.get(name) for name in NUMBERS}
    body: dict[str, Json] = {
        name: f"{value:f}" for name, value in numbers.items() if isinstance(value, Decimal)
    }
    if not body.keys() & {"qty", "notional"}:
        return UNTOLD
    return Foreseen((Draft(symbol, side, body),))


def by_target(known: KnownValues) -> Foreseen:
    """A quantity to come to: what is held by then decides what is missing."""
    sells = known.get("qty") == 0 or known.get("only") == "sell"
    return FREES if sells else UNTOLD
