"""The functions that an expression can call: signature, typing rule, implementation, one line.

`default` and `ran` decide for themselves what is read, so the evaluator carries them out; here
they have their signature and line only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import reduce

from msgspec import Struct

from runner.language import kinds
from runner.language.expressions import arithmetic
from runner.language.expressions.grid import DIRECTIONS, round_to_grid
from runner.language.expressions.rules import (
    DOLLARS,
    PRICE,
    SHARES,
    Mismatch,
    assignable,
    describe,
    in_unit,
    join,
    unit_of,
)
from runner.language.kinds import Family, Kind
from runner.language.values import Plain

MAX_PLACES = 9


class Argument(Struct, frozen=True):
    """What is known of an argument before the run. `constant` is its value when it uses no
    names."""

    text: str
    kind: Kind
    constant: Plain = None

    def __str__(self) -> str:
        return f"{self.text} ({describe(self.kind)})"


Rule = Callable[[tuple[Argument, ...]], Kind | Mismatch]


class Function(Struct, frozen=True):
    """`most` is None when any number of arguments is taken. `compute` takes plain values and
    raises `ValueError` with a sentence."""

    name: str
    signature: str
    line: str
    least: int
    most: int | None
    rule: Rule
    compute: Callable[..., Plain]

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        return self.least <= count and (self.most is None or count <= self.most)


def _refuse(message: str) -> Mismatch:
    return Mismatch(message.replace("{", "{{").replace("}", "}}"))


def _extreme_kind(arguments: tuple[Argument, ...]) -> Kind | Mismatch:
    for argument in arguments:
        if argument.kind.family not in (Family.NUMBER, Family.DURATION, Family.TIME):
            return _refuse(f"{argument} has no order")

    def joined(left: Argument, right: Argument) -> Argument:
        kind = join(left.kind, right.kind)
        if isinstance(kind, Mismatch):
            raise ValueError(f"{left} cannot be compared with {right}")
        return Argument(left.text, kind)

    try:
        return reduce(joined, arguments).kind
    except ValueError as mixed:
        return _refuse(str(mixed))


def _abs_kind(arguments: tuple[Argument, ...]) -> Kind | Mismatch:
    kind = arguments[0].kind
    if kind.numeric or kind.family is Family.DURATION:
        return kind
    return _refuse(f"abs takes a number or a duration, not {arguments[0]}")


def _rounded_kind(arguments: tuple[Argument, ...]) -> Kind | Mismatch:
    number, places = arguments[0], arguments[1:]
    if not number.kind.numeric:
        return _refuse(f"only numbers are rounded, not {number}")
    for argument in places:
        if not argument.kind.numeric or unit_of(argument.kind):
            return _refuse(f"decimal places are a plain number, not {argument}")
        if isinstance(argument.constant, Decimal):
            try:
                _places(argument.constant)
            except ValueError as refused:
                return _refuse(str(refused))
    kind = in_unit(unit_of(number.kind))
    return kind if kind != kinds.NUMBER else replace(number.kind, on_tick=False)


def _round_tick_kind(arguments: tuple[Argument, ...]) -> Kind | Mismatch:
    price, direction = arguments[0], arguments[1:]
    if not price.kind.numeric or unit_of(price.kind) not in ("", DOLLARS, PRICE):
        return _refuse(f"round_tick takes a price, not {price}")
    for argument in direction:
        if assignable(argument.kind, _DIRECTION):
            return _refuse(f"the direction is 'up', 'down' or 'nearest', not {argument.text}")
    return kinds.PRICE


_DIRECTION = kinds.choice(*DIRECTIONS)


def _round_lot_kind(arguments: tuple[Argument, ...]) -> Kind | Mismatch:
    for argument in arguments:
        if not argument.kind.numeric or unit_of(argument.kind) not in ("", SHARES):
            return _refuse(f"round_lot takes a number of shares, not {argument}")
    for lot in arguments[1:]:
        if isinstance(lot.constant, Decimal) and lot.constant <= 0:
            return _refuse("a lot is more than zero shares")
    return kinds.QUANTITY


def _number(value: Plain) -> Decimal:
    if isinstance(value, Decimal):
        return value
    raise ValueError("a number is needed here")


def _places(value: Plain) -> int:
    places = _number(value)
    if places != places.to_integral_value() or not 0 <= places <= MAX_PLACES:
        raise ValueError(f"decimal places are a whole number from 0 to {MAX_PLACES}")
    return int(places)


def _rounding(way: str) -> Callable[..., Plain]:
    def compute(value: Plain, places: Plain = Decimal(0)) -> Plain:
        return arithmetic.rounded(_number(value), _places(places), way)

    return compute


def _extreme(operator: str) -> Callable[..., Plain]:
    def compute(*values: Plain) -> Plain:
        def better(best: Plain, value: Plain) -> Plain:
            return value if arithmetic.compared(operator, value, best) else best

        return reduce(better, values)

    return compute


def _abs(value: Plain) -> Plain:
    if isinstance(value, timedelta):
        return abs(value)
    return _number(value).copy_abs()


def _round_tick(price: Plain, direction: Plain = "nearest") -> Plain:
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        raise ValueError("the direction is 'up', 'down' or 'nearest'")
    return round_to_grid(_number(price), direction)


def _round_lot(value: Plain, size: Plain = Decimal(1)) -> Plain:
    quantity, lot = _number(value), _number(size)
    if lot <= 0:
        raise ValueError("a lot is more than zero shares")
    lots = arithmetic.whole_quotient(quantity.copy_abs(), lot)
    return arithmetic.calculated("*", lots.copy_sign(quantity), lot)


def _nothing(*_: object) -> Plain:
    raise ValueError("this function is carried out by the evaluator")


def _boolean(_: tuple[Argument, ...]) -> Kind:
    return kinds.BOOLEAN


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function(
            "min", "min(a, b, …)", "The smallest of two or more values.",
            2, None, _extreme_kind, _extreme("<"),
        ),
        Function(
            "max", "max(a, b, …)", "The largest of two or more values.",
            2, None, _extreme_kind, _extreme(">"),
        ),
        Function("abs", "abs(x)", "The size of x, without its sign.", 1, 1, _abs_kind, _abs),
        Function(
            "floor", "floor(x[, places])",
            "x rounded down, to a whole number or to decimal places.",
            1, 2, _rounded_kind, _rounding(ROUND_FLOOR),
        ),
        Function(
            "ceil", "ceil(x[, places])",
            "x rounded up, to a whole number or to decimal places.",
            1, 2, _rounded_kind, _rounding(ROUND_CEILING),
        ),
        Function(
            "round", "round(x[, places])",
            "x rounded to the nearest, a tie to the even neighbour.",
            1, 2, _rounded_kind, _rounding(ROUND_HALF_EVEN),
        ),
        Function(
            "round_tick", "round_tick(price[, 'up' | 'down' | 'nearest'])",
            "A price that an order may carry: cents from a dollar on, 0.0001 below.",
            1, 2, _round_tick_kind, _round_tick,
        ),
        Function(
            "round_lot", "round_lot(qty[, lot])",
            "Whole shares, or whole lots, and never more than qty, short or long.",
            1, 2, _round_lot_kind, _round_lot,
        ),
        Function(
            "default", "default(x, fallback)",
            "x, or the fallback when x has no value.",
            2, 2, _extreme_kind, _nothing,
        ),
        Function("ran", "ran(step)", "Whether the step ran.", 1, 1, _boolean, _nothing),
    )
}  # fmt: skip
"""Every function by its name. `rule` and `compute` of `default` and `ran` are not used."""
