"""Prices and quantities must lie on the grid that the market trades on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard
from runner.guards.prices import prices_of
from runner.language.expressions import on_grid

CODE = "price_increment"
CENTS = 2
PLACES = 9
"""Decimal places that a quantity may have (facts page 2.4)."""


def judge(one: Judged) -> Verdict | None:
    """Refuses a price or a quantity that is not on its grid, or cannot be read."""
    for name, price in prices_of(one.draft).items():
        wrong = _wrong_price(one, price)
        if wrong is not None:
            return refuse(CODE, f"{name} {_said(price)} {wrong}", **{name: price})
    for name in ("qty", "notional"):
        if one.draft.body.get(name) is None:
            continue
        number = one.draft.number(name)
        wrong = _wrong_size(one, name, number)
        if wrong is not None:
            return refuse(CODE, f"{name} {_said(number)} {wrong}", **{name: number})
    return let_pass(CODE, "prices and quantity are on the grid")


def decimal_places(number: Decimal) -> int:
    """How many decimal places a number needs, trailing zeros not counted."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(0, -(exponent + zeros))


def _wrong_price(one: Judged, price: Decimal | None) -> str | None:
    if price is None:
        return "cannot be read"
    if price <= 0 and not one.draft.several:
        return "is not above 0"
    match one.asset_class:
        case "us_option":
            return None if decimal_places(price) <= CENTS else "is not in cents, as options are"
        case "crypto":
            increment = one.world.asset.price_increment if one.world.asset is not None else None
            return _wrong_multiple(price, increment, one.draft.symbol, "price_increment")
    if on_grid(price):
        return None
    most, which = (2, "of $1 and more") if price >= 1 else (4, "below $1")
    return f"is sub-penny: prices {which} have at most {most} decimal places"


def _wrong_size(one: Judged, name: str, size: Decimal | None) -> str | None:
    if size is None:
        return "cannot be read"
    if size <= 0:
        return "is not above 0"
    if one.asset_class == "us_option" and name == "qty" and decimal_places(size):
        return "is not a whole number of contracts"
    if decimal_places(size) > PLACES:
        return f"has more than {PLACES} decimal places"
    if one.asset_class != "crypto" or name != "qty":
        return None
    asset, symbol = one.world.asset, one.draft.symbol
    least = asset.min_order_size if asset is not None else None
    if least is None:
        return f"cannot be judged: the broker does not say the min_order_size of {symbol}"
    if size < least:
        return f"is less than the {least:f} that the smallest order in {symbol} is for"
    increment = asset.min_trade_increment if asset is not None else None
    return _wrong_multiple(size, increment, symbol, "min_trade_increment")


def _wrong_multiple(
    number: Decimal, increment: Decimal | None, symbol: str, name: str
) -> str | None:
    if increment is None or increment <= 0:
        return f"cannot be judged: the broker does not say the {name} of {symbol}"
    whole = Fraction(number) % Fraction(increment) == 0
    return None if whole else f"is no multiple of {increment:f}, the {name} of {symbol}"


def _said(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}"


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """The same of the whole order: its legs have no terms of their own."""
    return judge(replace(legs[-1], draft=draft))


def known_bad(one: Judged) -> Judged:
    """A buy with a limit that no market's grid is fine enough for."""
    body = {"symbol": one.draft.symbol, "side": "buy", "type": "limit", "time_in_force": "day",
            "qty": "1", "limit_price": "1.2345678901234"}  # fmt: skip
    return replace(one, draft=Draft(one.draft.symbol, "buy", body))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a price finer than the grid (stocks: cents, below $1 hundredths of a cent; options: "
    "cents; crypto: the pair's increments), or a quantity finer than can be traded",
    default="always",
    reason="The broker refuses it, or cuts the quantity without a word.",
    source="SEC Rule 612; Alpaca assets: price_increment, min_trade_increment, min_order_size "
    "(facts page 2.3, 2.4)",
    judge_legs=judge_legs,
)
