"""Orders that Alpaca forbids whatever the market does, found before anything is sent.

Each rule names its source in the facts page: 1.6 (what the SDK's requests demand), 2.3 (what the
broker answers), 2.4 (what the rules say).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from runner.language.declare import Finding
from runner.language.expressions import on_grid

NEEDS = {
    "market": (),
    "limit": ("limit_price",),
    "stop": ("stop_price",),
    "stop_limit": ("stop_price", "limit_price"),
    "trailing_stop": (),
}
PRICES = ("limit_price", "stop_price", "trail_price", "trail_percent")
TAKES = {**NEEDS, "trailing_stop": ("trail_price", "trail_percent")}

Known = Mapping[str, Any]
Given = frozenset[str]


def check(known: Known, given: Given) -> Iterator[Finding]:
    """Every rule over one order's arguments."""
    for rule in (
        _size,
        _prices,
        _grid,
        _fractions,
        _extended_hours,
        _duration,
        _order_class,
        _intent,
    ):
        yield from rule(known, given)


def check_closing(known: Known, given: Given) -> Iterator[Finding]:
    """The rules for an order that closes: its size is decided when it runs."""
    for rule in (_prices, _grid, _extended_hours, _duration):
        yield from rule(known, given)


def _size(known: Known, given: Given) -> Iterator[Finding]:
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


def _prices(known: Known, given: Given) -> Iterator[Finding]:
    """Each type takes its own prices and no others (1.6, 2.3)."""
    kind = known.get("type")
    if kind not in NEEDS:
        return
    for name in NEEDS[kind]:
        if name not in given:
            yield Finding("RB502", "type", f"a {kind} order needs {name}", f"Add {name}.")
    for name in PRICES:
        if name in given and name not in TAKES[kind]:
            takes = ", ".join(TAKES[kind]) or "no price"
            yield Finding(
                "RB503", name, f"a {kind} order takes no {name}", f"A {kind} order takes {takes}."
            )
    if kind == "trailing_stop":
        trails = [name for name in ("trail_price", "trail_percent") if name in given]
        if not trails:
            yield Finding(
                "RB502", "type", "a trailing_stop order needs trail_price or trail_percent"
            )
        if len(trails) == 2:
            yield Finding("RB503", "trail_percent", "give trail_price or trail_percent, not both")


def _grid(known: Known, given: Given) -> Iterator[Finding]:
    """Prices of a dollar and more in cents, below in hundredths of a cent (2.4; SEC Rule 612)."""
    for name in ("limit_price", "stop_price"):
        price = known.get(name)
        if isinstance(price, Decimal) and not on_grid(price):
            places = 2 if price >= 1 else 4
            yield Finding(
                "RB501",
                name,
                f"{name} {price:f} is finer than the price grid",
                f"Prices {'of $1 and more' if price >= 1 else 'below $1'} have at most {places} "
                "decimal places.",
            )


def _fractions(known: Known, given: Given) -> Iterator[Finding]:
    """Fractions and notional: day orders, simple, no trailing stop (2.3: 42210000, 2.4)."""
    qty = known.get("qty")
    fractional = isinstance(qty, Decimal) and qty != qty.to_integral_value()
    if "notional" not in given and not fractional:
        return
    if "/" in str(known.get("symbol", "")):
        return  # crypto is fractional by nature
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


def _extended_hours(known: Known, given: Given) -> Iterator[Finding]:
    """Extended hours take limit orders, day or gtc, simple (2.3: 42210000, 2.4)."""
    if known.get("extended_hours") is not True:
        return
    kind, in_force = known.get("type"), known.get("time_in_force")
    if kind is not None and kind != "limit":
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


def _duration(known: Known, given: Given) -> Iterator[Finding]:
    """Times in force by type and class (2.4)."""
    in_force = known.get("time_in_force")
    if in_force is None:
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
            f"a {known['order_class']} order is day or gtc, not {in_force}",
        )


def _order_class(known: Known, given: Given) -> Iterator[Finding]:
    """A bracket's and an OCO's legs (1.6); and what this version can send."""
    order_class = known.get("order_class")
    if order_class is None:
        return
    legs = {name for name in ("take_profit", "stop_loss") if name in given}
    if order_class == "simple":
        for name in sorted(legs):
            yield Finding("RB507", name, f"a simple order takes no {name}")
        return
    missing = {"take_profit", "stop_loss"} - legs
    if order_class in ("bracket", "oco") and missing:
        words = " and ".join(sorted(missing))
        yield Finding("RB507", "order_class", f"a {order_class} order needs {words}")
    elif order_class == "oto" and not legs:
        yield Finding("RB507", "order_class", "an oto order needs take_profit or stop_loss")
    yield Finding(
        "RB510",
        "order_class",
        f"{order_class} orders cannot be sent by this version: only simple ones",
        "Send a simple order and protect it with an order of its own.",
    )


def _not_simple(known: Known) -> bool:
    return bool(known.get("order_class", "simple") != "simple")


def _intent(known: Known, given: Given) -> Iterator[Finding]:
    """The intent must agree with the side (2.3: position intent mismatch)."""
    intent, side = known.get("position_intent"), known.get("side")
    if intent is not None and side is not None and not str(intent).startswith(str(side)):
        yield Finding("RB511", "position_intent", f"{intent} is not the intent of a {side} order")
