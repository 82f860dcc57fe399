"""Which kinds go together, and what kind comes out.

Numbers carry what they count. A percentage counts as a unit of its own, because `price - 3%`
is 0.03 dollars off and never what was meant. A bare number may stand for anything: it goes with
every unit, and a product with it no longer counts anything in particular.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import Struct, structs

from runner.language import kinds
from runner.language.diagnostics import did_you_mean
from runner.language.kinds import AVERAGE, DURATION, MONEY, NUMBER, PERCENT, Family, Kind

SHARES, DOLLARS, PRICE, SHARE_OF = "shares", "dollars", "dollars a share", "percent"

RATIO = replace(NUMBER, expected="a ratio")
"""What is left when units cancel: a bare number that may also be put where a percentage goes."""

_BY_UNIT = {
    "": NUMBER,
    SHARES: kinds.QUANTITY,
    DOLLARS: MONEY,
    PRICE: AVERAGE,
    SHARE_OF: PERCENT,
}
_WORDS = {
    SHARES: "a number of shares",
    DOLLARS: "an amount in dollars",
    PRICE: "a price",
    SHARE_OF: "a percentage",
    "": "a number",
}
_NAMED = {
    kind.name: kind
    for kind in (
        *kinds.PARAMETER_KINDS.values(), NUMBER, kinds.MOMENT, kinds.ORDER, kinds.RECORD,
    )
}  # fmt: skip


class Mismatch(Struct, frozen=True):
    """Why operands do not go together. `{left}` and `{right}` stand for the operands as written
    with their kind, `{left_text}` and `{right_text}` for the operands as written."""

    message: str
    help: str = ""


class Misfit(Struct, frozen=True):
    """Why a value may not be put in a place. RB404 is a price off the price grid, else RB402."""

    code: str
    message: str
    help: str = ""


def describe(kind: Kind) -> str:
    """The kind in a few words: `an amount in dollars`, `text`."""
    if kind.numeric:
        return _WORDS.get(unit_of(kind), f"a number of {kind.unit}")
    if kind.family is Family.LIST:
        return "a list of records" if item_of(kind) is kinds.RECORD else "a list"
    if kind.family is Family.TEXT:
        return "a symbol" if kind.name == "symbol" else "text"
    return {"time": "a time of day"}.get(kind.name, kind.expected)


def unit_of(kind: Kind) -> str:
    """What a number counts, a percentage being its own unit."""
    return SHARE_OF if kind.name == PERCENT.name else kind.unit


def in_unit(unit: str) -> Kind:
    """A computed number of that unit. A computed price is not on the price grid."""
    return _BY_UNIT.get(unit) or replace(NUMBER, unit=unit)


def listed(kind: Kind) -> Kind:
    """The kind of a list of such values. It keeps a choice's words, which `item_of` gives back."""
    return replace(kinds.list_of(kind), values=kind.values)


def item_of(kind: Kind) -> Kind | None:
    """The kind of a list's values, when it is known."""
    name = kind.name.removeprefix("list of ")
    if name == "choice":
        return kinds.choice(*kind.values) if kind.values else kinds.TEXT
    return _NAMED.get(name)


def calculation(operator: str, left: Kind, right: Kind) -> Kind | Mismatch:
    """The kind of `left operator right`."""
    if left.numeric and right.numeric:
        return _ARITHMETIC[operator](left, right)
    found = _WITH_TIME.get((_sort(left), operator, _sort(right)))
    if found:
        return found
    if operator == "+" and Family.TEXT in (left.family, right.family):
        return Mismatch(
            "text cannot be added: {left} + {right}", "Write both inside text: '${{a}} ${{b}}'."
        )
    return Mismatch(f"{{left}} {operator} {{right}} has no meaning", _only_passed_on(left, right))


def _only_passed_on(*of: Kind) -> str:
    """Help for who reckons with records."""
    records = any(kinds.RECORD in (kind, item_of(kind)) for kind in of)
    return "Records can only be passed on; such a step has numbers of its own." if records else ""


def _sort(kind: Kind) -> str:
    return "number" if kind.numeric else kind.name


_WITH_TIME: dict[tuple[str, str, str], Kind] = {
    ("duration", "+", "duration"): DURATION,
    ("duration", "-", "duration"): DURATION,
    ("duration", "*", "number"): DURATION,
    ("number", "*", "duration"): DURATION,
    ("duration", "/", "number"): DURATION,
    ("duration", "/", "duration"): RATIO,
    ("time", "+", "duration"): kinds.TIME,
    ("time", "-", "duration"): kinds.TIME,
    ("time", "-", "time"): DURATION,
    ("moment", "+", "duration"): kinds.MOMENT,
    ("moment", "-", "duration"): kinds.MOMENT,
    ("moment", "-", "moment"): DURATION,
}


def _common(left: Kind, right: Kind) -> str | None:
    """The unit of two numbers that can be added or compared; None when they cannot."""
    one, other = unit_of(left), unit_of(right)
    if one == other or not other:
        return one
    if not one:
        return other
    # Cash is compared with what one share costs, so these two go together.
    return DOLLARS if {one, other} == {DOLLARS, PRICE} else None


def _sum(operator: str) -> Callable[[Kind, Kind], Kind | Mismatch]:
    def rule(left: Kind, right: Kind) -> Kind | Mismatch:
        unit = _common(left, right)
        if unit is None:
            help = ""  # noqa: A001
            if unit_of(right) == SHARE_OF:
                help = f"Write {{left_text}} * (1 {operator} {{right_text}})."  # noqa: A001
            return Mismatch(f"{{left}} {operator} {{right}} mixes units", help)
        return RATIO if not unit and RATIO in (left, right) else in_unit(unit)

    return rule


def _product(left: Kind, right: Kind) -> Kind | Mismatch:
    one, other = unit_of(left), unit_of(right)
    if not one and not other:
        return RATIO if left == right == RATIO else NUMBER
    if SHARE_OF in (one, other) and (not one or not other):
        return RATIO
    for factor, kind in ((left, right), (right, left)):
        if unit_of(factor) == SHARE_OF or factor == RATIO:
            return in_unit(unit_of(kind))
    if not one or not other:
        return NUMBER
    if SHARES in (one, other) and {one, other} & {DOLLARS, PRICE}:
        return MONEY
    return Mismatch("{left} * {right} has no meaning")


def _quotient(left: Kind, right: Kind) -> Kind | Mismatch:
    one, other = unit_of(left), unit_of(right)
    if one == other or (one, other) == (PRICE, DOLLARS):
        return NUMBER if not one and RATIO not in (left, right) else RATIO
    if other == SHARE_OF or right == RATIO:
        return in_unit(one) if one else RATIO
    if one == SHARE_OF and not other:
        return RATIO
    if not one or not other or one == SHARE_OF:
        return NUMBER
    if (one, other) == (DOLLARS, PRICE):
        return kinds.QUANTITY
    if (one, other) == (DOLLARS, SHARES):
        return AVERAGE
    return Mismatch("{left} / {right} has no meaning")


_ARITHMETIC: dict[str, Callable[[Kind, Kind], Kind | Mismatch]] = {
    "+": _sum("+"),
    "-": _sum("-"),
    "*": _product,
    "/": _quotient,
    "//": _quotient,
}


def comparison(operator: str, left: Kind, right: Kind) -> Mismatch | None:
    """Why `left operator right` cannot be asked; None when it can."""
    mixed = Mismatch("{left} cannot be compared with {right}", _only_passed_on(left, right))
    if left.family is not right.family:
        return mixed
    match left.family:
        case Family.NUMBER:
            return mixed if _common(left, right) is None else None
        case Family.TIME if left.name != right.name:
            return mixed
        case Family.LIST:
            return Mismatch("lists are only for in and not in: {left} and {right}")
        case Family.TIME | Family.DURATION:
            return None
    if operator not in ("==", "!="):
        return Mismatch("{left} and {right} have no order", "Only == and != compare these.")
    return _never_equal(left, right) if left.family is Family.TEXT else None


def _never_equal(left: Kind, right: Kind) -> Mismatch | None:
    """A comparison of words that comes out the same whatever the values are."""
    for known, other in ((left, right), (right, left)):
        if known.values and other.name == "symbol":
            return _not_symbol(known.values)
    if not left.values or not right.values or set(left.values) & set(right.values):
        return None
    word, words = sorted((left.values, right.values), key=len)
    if len(word) == len(words) == 1:
        return Mismatch(_verbatim(f"'{word[0]}' is never '{words[0]}'"))
    message = f"'{word[0]}' is not one of {', '.join(words)}"
    return Mismatch(_verbatim(message), _verbatim(did_you_mean(word[0], words)))


def _not_symbol(words: tuple[str, ...]) -> Mismatch | None:
    for word in words:
        try:
            kinds.SYMBOL.read(word)
        except ValueError as refused:
            return Mismatch(_verbatim(f"'{word}': {refused}"))
    return None


def _verbatim(message: str) -> str:
    return message.replace("{", "{{").replace("}", "}}")


def join(left: Kind, right: Kind) -> Kind | Mismatch:
    """The kind of a value that is one or the other. Prices on the grid stay on the grid."""
    mixed = Mismatch("{left} and {right} cannot stand for one another")
    if left == right:
        return left
    if left.family is not right.family:
        return mixed
    match left.family:
        case Family.NUMBER:
            return _joined_numbers(left, right) or mixed
        case Family.TEXT:
            if left.values and right.values:
                return kinds.choice(*dict.fromkeys(left.values + right.values))
            symbol, other = (left, right) if left.name == "symbol" else (right, left)
            if symbol.name == "symbol" and other.values and not _not_symbol(other.values):
                return symbol
            return kinds.TEXT
    return left if left.name == right.name else mixed


def _joined_numbers(left: Kind, right: Kind) -> Kind | None:
    unit = _common(left, right)
    if unit is None:
        return None
    if unit == SHARE_OF and not {left, right} <= {PERCENT, RATIO}:
        unit = ""  # `default(params.part, 3)` must not pass for a percentage
    if left.on_tick and right.on_tick:
        return kinds.PRICE if unit else replace(NUMBER, on_tick=True)
    return in_unit(unit)


def assignable(actual: Kind, expected: Kind) -> Misfit | None:
    """Why a value of kind `actual` may not be put where `expected` is wanted; None when it may."""
    wrong = Misfit("RB402", f"this is {describe(actual)}; needed is {expected.expected}")
    if expected.family is Family.LIST and actual.family is Family.LIST:
        inner, wanted = item_of(actual), item_of(expected)
        if inner and wanted:
            return assignable(inner, wanted)
        return None if actual.name == expected.name else wrong
    if actual.family is not expected.family:
        if expected.family is Family.TEXT and actual.family is not Family.LIST:
            return structs.replace(wrong, help="Write it inside text: '${…}'.")
        return wrong
    match expected.family:
        case Family.NUMBER:
            return _number_misfit(actual, expected, wrong)
        case Family.TEXT:
            return _text_misfit(actual, expected, wrong)
    return None if actual.name == expected.name else wrong


def _number_misfit(actual: Kind, expected: Kind, wrong: Misfit) -> Misfit | None:
    have, want = unit_of(actual), unit_of(expected)
    if want == SHARE_OF and not have and actual != RATIO:
        return structs.replace(wrong, help="Write a percentage, such as 3%, or multiply by 1%.")
    if _common(actual, expected) is None or (have == SHARE_OF and expected.name == "integer"):
        return wrong
    if expected.on_tick and not actual.on_tick:
        return Misfit(
            "RB404",
            "a computed price may lie between two prices of the grid, and is refused there",
            "Write round_tick(…), with 'up' or 'down' to say which way.",
        )
    return None


def _text_misfit(actual: Kind, expected: Kind, wrong: Misfit) -> Misfit | None:
    if expected.values:
        strange = [word for word in actual.values if word not in expected.values]
        if strange:
            message = f"'{strange[0]}' is not one of {', '.join(expected.values)}"
            return Misfit("RB402", message, did_you_mean(strange[0], expected.values))
        return None if actual.values else wrong
    if expected.name == kinds.SYMBOL.name and actual.name != kinds.SYMBOL.name:
        bad = _not_symbol(actual.values)
        if bad:
            return Misfit("RB402", bad.message.format())
        return None if actual.values else wrong
    return None
