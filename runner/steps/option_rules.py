"""Options: what an order for contracts must look like, of one leg or of several.

Sources: Alpaca's Trading API description of August 2026 and its options pages of 2026-09-16, as
`docs/fidelity.md` lists them under `options`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import gcd
from typing import Any

from runner.language.declare import Finding, GivenKeys, KnownValues
from runner.steps.order_legs import in_words
from runner.world import is_option

FEWEST_LEGS, MOST_LEGS = 2, 4
KINDS = ("market", "limit", "marketable_limit")
NOT_OF_LEGS = {
    "symbol": "Each leg has its own.",
    "side": "Each leg has its own.",
    "position_intent": "Each leg has its own.",
    "notional": "Give qty: how often the combination is traded.",
}
"""What an order has and a multi-leg order has not, and what to do instead."""


def is_contract(known: KnownValues) -> bool:
    """Whether the order trades options, as far as is known."""
    return known.get("order_class") == "mleg" or is_option(str(known.get("symbol") or ""))


def check_options(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Every rule over an order for options."""
    for rule in (_contracts, _several_legs, _each_leg):
        yield from rule(known, given)


def _contracts(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Whole contracts, market or limit, day, regular hours; simple or mleg (RB517)."""
    if not is_contract(known):
        return
    order_class, kind, qty = (known.get(key) for key in ("order_class", "type", "qty"))
    kinds = KINDS[:2] if order_class == "mleg" else KINDS
    if kind is not None and kind not in kinds:
        words = f"option orders are {', '.join(kinds[:-1])} or {kinds[-1]}, not {kind}"
        help_ = "Watch the price with `wait`, and send a limit order then."
        yield Finding("RB517", "type", words, help_)
    if isinstance(qty, Decimal) and qty != qty.to_integral_value():
        yield Finding("RB517", "qty", f"options are traded in whole contracts, not {qty:f}")
    if "notional" in given and order_class != "mleg":
        yield Finding(
            "RB517",
            "notional",
            "options are traded in whole contracts, not for dollars",
            "Give qty.",
        )
    in_force = known.get("time_in_force")
    if in_force is not None and in_force != "day":
        yield Finding(
            "RB517", "time_in_force", f"option orders are day orders, not {in_force}",
            "Write time_in_force: day.",
        )  # fmt: skip
    if known.get("extended_hours") is True:
        yield Finding("RB517", "extended_hours", "options are traded in regular hours only")
    if order_class not in (None, "simple", "mleg"):
        words = f"an option order is simple or mleg: it cannot be {in_words(order_class)}"
        yield Finding("RB517", "order_class", words, "Send its exits as orders of their own.")


def _several_legs(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Legs and mleg belong together; such an order has no symbol or side of its own (RB516)."""
    order_class = known.get("order_class")
    if order_class is None:
        return
    if order_class != "mleg":
        if "legs" in given:
            words = f"{in_words(order_class)} takes no legs"
            yield Finding("RB516", "legs", words, "Write order_class: mleg.")
        return
    for name, help_ in NOT_OF_LEGS.items():
        if name in given:
            yield Finding("RB516", name, f"an mleg order takes no {name}", help_)
    if "legs" not in given:
        help_ = "Add a list of legs, each with symbol, side, ratio and position_intent."
        yield Finding("RB516", "order_class", "an mleg order needs legs", help_)


def _each_leg(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Two to four different contracts, ratios in lowest terms, intents that fit the sides."""
    legs: tuple[Mapping[str, Any], ...] = known.get("legs") or ()
    if known.get("order_class") != "mleg" or not legs:
        return
    if not FEWEST_LEGS <= len(legs) <= MOST_LEGS:
        words = f"an mleg order has {FEWEST_LEGS} to {MOST_LEGS} legs, not {len(legs)}"
        yield Finding("RB516", "legs", words)
    seen: set[str] = set()
    for at, leg in enumerate(legs):
        symbol = leg.get("symbol")
        if symbol is not None and not is_option(symbol):
            help_ = "A contract is named like AAPL261218C00200000."
            words = f"a leg is an option contract, and {symbol} is none"
            yield Finding("RB516", f"legs.{at}.symbol", words, help_)
        elif symbol in seen:
            help_ = "Give one leg of it, with a larger ratio."
            yield Finding("RB516", f"legs.{at}.symbol", f"two legs are for {symbol}", help_)
        seen |= {symbol} if symbol is not None else set()
        intent, side = leg.get("position_intent"), leg.get("side")
        if intent is not None and side is not None and not str(intent).startswith(str(side)):
            words = f"{intent} is not the intent of a {side}"
            yield Finding("RB511", f"legs.{at}.position_intent", words)
    ratios = [leg.get("ratio") for leg in legs]
    numbers = [int(ratio) for ratio in ratios if isinstance(ratio, Decimal)]
    common = gcd(*numbers)
    if len(numbers) == len(legs) and common > 1:
        lowest = ", ".join(str(number // common) for number in numbers)
        words = f"the ratios {', '.join(map(str, numbers))} have {common} in common"
        yield Finding(
            "RB516", "legs", words, f"Write the ratios {lowest} and {common} times the qty."
        )
