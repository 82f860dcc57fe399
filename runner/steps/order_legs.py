"""Orders that bring their exits with them: what a bracket, an OCO or an OTO must look like.

A bracket opens a position and brings its profit and its loss leg; an OTO brings one of the two; an
OCO closes a position with both, of which the first to fill cancels the other. Sources: facts page
1.6 (what the SDK's requests demand), 2.3 (what the broker answers), 2.4 (what the rules say).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from runner.guards.bracket_geometry import CENT, GROUPS, Exits, rises
from runner.language.declare import Finding, GivenKeys, KnownValues

__all__ = ["CENT", "EXITS", "GROUPS", "TRAILS", "check_exits", "in_words"]

EXITS = ("take_profit", "stop_loss")
TRAILS = ("trail_price", "trail_percent")
BASES = {
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("stop_price", "limit_price"),
}
"""Which prices an entry of a type may come in at."""


def check_exits(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Every rule over the exits of one order."""
    for rule in (_exits, _trails, _oco, _direction, _geometry):
        yield from rule(known, given)


def in_words(order_class: object) -> str:
    """`a bracket order`, `an oco order`."""
    article = "an" if str(order_class)[:1] in "om" else "a"
    return f"{article} {order_class} order"


def _exits(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """A bracket and an OCO have both exits, an OTO one of them, others none (1.6, 2.3)."""
    order_class = known.get("order_class")
    if order_class is None:
        return
    what, legs = in_words(order_class), {name for name in EXITS if name in given}
    if order_class not in GROUPS:
        for name in sorted({*EXITS, "stop_loss_limit"} & given):
            yield Finding(
                "RB507", name, f"{what} takes no {name}",
                "Write order_class: bracket, oco or oto, or leave it out.",
            )  # fmt: skip
        return
    missing = sorted(set(EXITS) - legs)
    if order_class in ("bracket", "oco") and missing:
        yield Finding("RB507", "order_class", f"{what} needs {' and '.join(missing)}")
    elif order_class == "oto" and len(legs) != 1:
        both = "Write order_class: bracket for both." if legs else ""
        words = f"{what} needs take_profit or stop_loss, one of the two"
        yield Finding("RB507", "order_class", words, both)
    elif "stop_loss_limit" in given and "stop_loss" not in given:
        yield Finding(
            "RB507", "stop_loss_limit", "stop_loss_limit needs stop_loss, which sets it off"
        )


def _trails(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """No order of a group trails; Alpaca drops the trail of a leg without a word (2.4)."""
    order_class = known.get("order_class")
    if order_class not in GROUPS:
        return
    help_ = "Send the trailing stop in a step of its own, once the entry has filled."
    if known.get("type") == "trailing_stop":
        yield Finding("RB513", "type", f"{in_words(order_class)} cannot be a trailing stop", help_)
    for name in TRAILS:
        if name in given:
            words = f"the exits of {in_words(order_class)} cannot trail: Alpaca would drop {name}"
            yield Finding("RB513", name, words, help_)


def _oco(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """An OCO is a limit order whose limit is its take-profit price (1.6, 2.2)."""
    if known.get("order_class") != "oco":
        return
    kind = known.get("type")
    if kind is not None and kind != "limit":
        yield Finding(
            "RB514", "type", f"an oco order is a limit order, not {kind}", "Write type: limit."
        )
    for name, instead in (("limit_price", "take_profit"), ("stop_price", "stop_loss")):
        if name in given:
            words = f"an oco order takes no {name}: its {instead} says it"
            yield Finding("RB514", name, words, f"Remove {name}.")


def _direction(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """A bracket opens and an OCO closes (2.2), whatever the intent says."""
    order_class, intent = known.get("order_class"), str(known.get("position_intent") or "")
    does = {"bracket": ("opens", "_to_close"), "oco": ("closes", "_to_open")}.get(str(order_class))
    if does is not None and intent.endswith(does[1]):
        words = f"{intent} is not the intent of {in_words(order_class)}, which {does[0]}"
        yield Finding("RB511", "position_intent", words)


def _geometry(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """The profit lies a cent or more beyond the entry, the loss a cent or more behind it (2.3).

    Only what is wrong whatever price the entry comes in at.
    """
    order_class, side = known.get("order_class"), known.get("side")
    if order_class not in GROUPS or side not in ("buy", "sell"):
        return
    profit, stop = _price(known, "take_profit"), _price(known, "stop_loss")
    exits = Exits(profit, stop, rises(side, str(order_class)))
    above, below = ("above", "below") if exits.rises else ("below", "above")
    if exits.crossed and profit is not None and stop is not None:
        yield Finding(
            "RB515", "stop_loss", f"stop_loss {stop:f} is not {below} take_profit {profit:f}",
            f"Here the profit is taken {above} the market, and the loss stopped {below} it.",
        )  # fmt: skip
        return
    bases = _bases(known)
    if order_class == "oco" or not bases:
        return
    low, high = min(bases), max(bases)
    at = f"{low:f}" if low == high else f"{low:f} to {high:f}"
    wrong = list(exits.misplaced(*((low, high) if exits.rises else (high, low))))
    for name, side_of in (("take_profit", above), ("stop_loss", below)):
        if name in wrong:
            yield Finding(
                "RB515", name,
                f"{name} {known[name]:f} is not a cent or more {side_of} the entry at {at}",
                f"A {side} takes its profit {above} its entry and stops its loss {below} it.",
            )  # fmt: skip


def _bases(known: KnownValues) -> list[Decimal]:
    """The prices that the entry may come in at; none when they are not all known."""
    prices = [_price(known, name) for name in BASES.get(str(known.get("type")), ())]
    found = [price for price in prices if price is not None]
    return found if len(found) == len(prices) else []


def _price(known: KnownValues, name: str) -> Decimal | None:
    value = known.get(name)
    return value if isinstance(value, Decimal) else None
