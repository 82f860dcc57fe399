"""Orders that Alpaca forbids whatever the market does, found before anything is sent.

Each rule names its source in the facts page: 1.6 (what the SDK's requests demand), 2.3 (what the
broker answers), 2.4 (what the rules say).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from runner.language.declare import Finding, GivenKeys, KnownValues
from runner.language.expressions import on_grid
from runner.steps.option_rules import check_options, is_contract
from runner.steps.order_legs import CENT, GROUPS, TRAILS, check_exits, in_words

NEEDS = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("stop_price", "limit_price"),
    "trailing_stop": (),
    "marketable_limit": (),
}
PRICES = ("limit_price", "stop_price", *TRAILS, "collar")
TAKES = {**NEEDS, "trailing_stop": TRAILS, "marketable_limit": ("collar",)}
ON_GRID = ("limit_price", "stop_price", "take_profit", "stop_loss", "stop_loss_limit")


def check(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Every rule over one order's arguments."""
    for rule in (
        _size,
        _prices,
        _sign,
        _collar,
        _grid,
        _fractions,
        _extended_hours,
        _duration,
        check_exits,
        check_options,
        _intent,
    ):
        yield from rule(known, given)


def check_closing(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """The rules for an order that closes: its size is decided when it runs, and so is how long it
    works where the step does not say and the runbook's default would not do."""
    special = is_contract(known) or "/" in str(known.get("symbol", ""))
    if special and "time_in_force" not in given:
        known = {name: value for name, value in known.items() if name != "time_in_force"}
    for rule in (_prices, _grid, _extended_hours, _duration, check_options):
        yield from rule(known, given)


def check_prices_on_grid(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """The rule for an order whose prices are changed."""
    yield from _grid(known, given)


def _size(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Exactly one of qty and notional, more than zero (2.3: 40010001)."""
    if "qty" in given and "notional" in given:
        yield Finding(
            "RB504", "notional", "an order has qty or notional, not both", "Remove one of the two."
        )
    if "qty" not in given and "notional" not in given:
        yield Finding("RB504", "qty", "an order needs qty or notional", "Add qty: 1, for example.")
    notional = known.get("notional")
    if isinstance(notional, Decimal) and Decimal(0) < notional < 1:
        yield Finding("RB509", "notional", "notional must be at least 1.00 dollar")


def _prices(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Each type takes its own prices and no others (1.6, 2.3). What a group says otherwise of
    them, `order_legs` knows."""
    kind, order_class = known.get("type"), known.get("order_class")
    if kind not in NEEDS or order_class == "oco":
        return
    for name in NEEDS[kind]:
        if name not in given:
            yield Finding("RB502", "type", f"a {kind} order needs {name}", f"Add {name}.")
    for name in PRICES:
        if name in TRAILS and order_class in GROUPS:
            continue
        if name in given and name not in TAKES[kind]:
            takes = ", ".join(TAKES[kind]) or "no price"
            yield Finding(
                "RB503", name, f"a {kind} order takes no {name}", f"A {kind} order takes {takes}."
            )
    if kind == "trailing_stop" and order_class not in GROUPS:
        trails = [name for name in ("trail_price", "trail_percent") if name in given]
        if not trails:
            yield Finding(
                "RB502", "type", "a trailing_stop order needs trail_price or trail_percent"
            )
        if len(trails) == 2:
            yield Finding("RB503", "trail_percent", "give trail_price or trail_percent, not both")


def _sign(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """A limit is above zero (2.3); the net of several legs may be a credit, which is negative."""
    order_class, price = known.get("order_class"), known.get("limit_price")
    if order_class not in (None, "mleg") and isinstance(price, Decimal) and price <= 0:
        yield Finding(
            "RB203",
            "limit_price",
            f"'limit_price' cannot be '{price:f}': this must be more than 0",
        )


def _collar(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """A limit at the collar needs one: its own, or the runbook's."""
    if known.get("type") == "marketable_limit" and not given & {"collar", "limits.price_collar"}:
        yield Finding(
            "RB518",
            "type",
            "a marketable_limit order needs a collar: how far from the market its limit may lie",
            "Add collar: 1%, or limits.price_collar.",
        )


def _grid(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Prices of a dollar and more in cents, below in hundredths of a cent (2.4; SEC Rule 612).

    Options are priced in cents throughout.
    """
    contract = is_contract(known)
    for name in ON_GRID:
        price = known.get(name)
        if not isinstance(price, Decimal):
            continue
        if price.quantize(CENT) == price if contract else on_grid(price):
            continue
        which = "of $1 and more" if abs(price) >= 1 else "below $1"
        yield Finding(
            "RB501",
            name,
            f"{name} {price:f} is finer than the price grid",
            "Prices of options have at most 2 decimal places."
            if contract
            else f"Prices {which} have at most {2 if abs(price) >= 1 else 4} decimal places.",
        )


def _fractions(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Fractions and notional: day orders, simple, no trailing stop (2.3: 42210000, 2.4)."""
    qty = known.get("qty")
    fractional = isinstance(qty, Decimal) and qty != qty.to_integral_value()
    if "notional" not in given and not fractional:
        return
    if "/" in str(known.get("symbol", "")) or is_contract(known):
        return  # crypto is fractional by nature; contracts have a rule of their own
    what = "a notional order" if "notional" in given else "a fractional order"
    in_force = known.get("time_in_force")
    if in_force is not None and in_force != "day":
        yield Finding(
            "RB505", "time_in_force", f"{what} must be a day order, not {in_force}", "Write day."
        )
    if known.get("type") == "trailing_stop":
        yield Finding("RB505", "type", f"{what} cannot be a trailing_stop order")
    if _not_simple(known):
        yield Finding("RB505", "order_class", f"{what} must be a simple order")


def _extended_hours(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Extended hours take limit orders, day or gtc, simple (2.3: 42210000, 2.4)."""
    if known.get("extended_hours") is not True or is_contract(known):
        return
    kind, in_force = known.get("type"), known.get("time_in_force")
    if kind is not None and kind not in ("limit", "marketable_limit"):
        yield Finding(
            "RB506",
            "extended_hours",
            f"extended hours take limit orders only, not {kind}",
            "Make it a limit order with a limit_price, or remove extended_hours.",
        )
    if in_force is not None and in_force not in ("day", "gtc"):
        yield Finding("RB506", "extended_hours", f"extended hours take day or gtc, not {in_force}")
    if _not_simple(known):
        yield Finding("RB506", "extended_hours", "extended hours take simple orders only")


def _duration(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Times in force by type and class (2.4)."""
    in_force = known.get("time_in_force")
    if in_force is None or is_contract(known):
        return
    if "/" in str(known.get("symbol", "")):
        if in_force not in ("gtc", "ioc"):
            yield Finding(
                "RB508", "time_in_force", f"crypto orders are gtc or ioc, not {in_force}",
                "Write time_in_force: gtc or ioc.",
            )  # fmt: skip
        return
    if in_force in ("day", "gtc"):
        return
    if known.get("type") == "trailing_stop":
        yield Finding(
            "RB508", "time_in_force", f"a trailing_stop order is day or gtc, not {in_force}"
        )
    if _not_simple(known):
        yield Finding(
            "RB508",
            "time_in_force",
            f"{in_words(known['order_class'])} is day or gtc, not {in_force}",
        )


def _not_simple(known: KnownValues) -> bool:
    return bool(known.get("order_class", "simple") != "simple")


def _intent(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """The intent must agree with the side (2.3: position intent mismatch)."""
    intent, side = known.get("position_intent"), known.get("side")
    if intent is not None and side is not None and not str(intent).startswith(str(side)):
        yield Finding("RB511", "position_intent", f"{intent} is not the intent of a {side} order")
