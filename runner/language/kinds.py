"""The kinds of value a runbook can hold, and how each is read from source text.

A kind reads text to a Python value (`Decimal` for every number, never a float), says what it
expects in words, and gives the JSON Schema fragment an editor checks with. Fields of actions,
parameters, outputs and expressions all speak in these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Family(StrEnum):
    """Which values can be compared and put in each other's place."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DURATION = "duration"
    TIME = "time"
    ORDER = "order"
    LIST = "list"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `read` returns the value or raises `ValueError` with a sentence for the user.

    `unit` is what a number counts: `shares`, `dollars`, `dollars a share`, or nothing; numbers of
    different units do not compare. `on_tick` says a price stands on the exchange's price grid.
    `values` holds a choice's words.
    """

    name: str
    family: Family
    expected: str
    read: Callable[[str], Any] = field(repr=False, compare=False)
    schema: dict[str, Any] = field(repr=False, compare=False, hash=False)
    unit: str = ""
    on_tick: bool = False
    values: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        return self.family is Family.NUMBER


RESERVED = frozenset({"true", "false", "none", "and", "or", "not", "in", "if", "else", "null"})
"""Words that mean something in an expression, so that nothing can have them for a name."""

_ID = re.compile(r"[a-z][a-z0-9_]*\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)\Z", re.ASCII)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9]*(?:[./][A-Z0-9]+)*\Z", re.ASCII)
_DURATION = re.compile(
    r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d{1,3})?)s)?(?:(\d+)ms)?\Z", re.ASCII
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\Z", re.ASCII)
_MAX_DIGITS = 18  # integer digits; nothing that can be traded needs more
_MAX_PLACES = 9  # Alpaca takes quantities to 9 decimal places (facts page 2.4)


def read_number(text: str) -> Decimal:
    """The exact decimal that the text writes: `100.10` keeps both places, `010` is 10."""
    if not _NUMBER.match(text):
        if re.match(r"[+-]?[\d.]+[eE][+-]?\d+\Z", text):
            raise ValueError("write the number out, without an exponent")
        if re.match(r"[$€£]", text):
            raise ValueError("write the number alone, without a currency sign")
        if re.match(r"[+-]?\d{1,3}([,_]\d{3})+(\.\d+)?\Z", text):
            raise ValueError("write the number without thousands separators")
        raise ValueError("this is not a number")
    number = Decimal(text)
    whole, _, places = text.lstrip("+-").partition(".")
    if len(whole.lstrip("0")) > _MAX_DIGITS:
        raise ValueError(f"numbers have at most {_MAX_DIGITS} digits before the point")
    if len(places.rstrip("0")) > _MAX_PLACES:
        raise ValueError(f"numbers have at most {_MAX_PLACES} decimal places")
    return number


def _read_percent(text: str) -> Decimal:
    if text.endswith("%"):
        return read_number(text[:-1]).scaleb(-2)
    number = read_number(text)
    raise ValueError(
        f"write the percent sign: {text}%" if number >= 1 else "write the percent sign"
    )


def _read_integer(text: str) -> Decimal:
    number = read_number(text)
    if number != number.to_integral_value():
        raise ValueError("this must be a whole number")
    return number


def _read_positive(text: str) -> Decimal:
    number = read_number(text)
    if number <= 0:
        raise ValueError("this must be more than zero")
    return number


def _read_not_negative(text: str) -> Decimal:
    number = read_number(text)
    if number < 0:
        raise ValueError("this must not be negative")
    return number


def _read_boolean(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ValueError("write true or false")


def _read_text(text: str) -> str:
    return text


def _read_symbol(text: str) -> str:
    if _SYMBOL.match(text):
        return text
    if _SYMBOL.match(text.upper()):
        raise ValueError(f"symbols are written in capitals: {text.upper()}")
    raise ValueError("this is not a symbol")


def _read_id(text: str) -> str:
    if text in RESERVED:
        raise ValueError("this is a word of the expression language")
    if not _ID.match(text):
        raise ValueError("names have small letters, digits and _, and begin with a letter")
    return text


def read_duration(text: str) -> timedelta:
    """`90s`, `10m`, `1h30m`, `250ms`, `1d`."""
    match = _DURATION.match(text)
    if not match or not text:
        if _NUMBER.match(text):
            raise ValueError(f"a duration needs a unit: {text}s, {text}m or {text}h")
        raise ValueError("this is not a duration")
    days, hours, minutes, seconds, milliseconds = (Decimal(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds.scaleb(-3)
    if total > 400 * 86400:
        raise ValueError("a duration is at most 400 days")
    return timedelta(milliseconds=int(total * 1000))


def read_time(text: str) -> time:
    """A time of day in New York: `9:30`, `15:50`, `15:50:30`."""
    match = _TIME.match(text)
    if not match:
        raise ValueError("this is not a time of day")
    hour, minute, second = (int(part or 0) for part in match.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("this is not a time of day")
    return time(hour, minute, second)


_EXPRESSION = {"type": "string", "pattern": "^="}


def _numeric_schema(**more: Any) -> dict[str, Any]:
    return {"type": ["number", "string"], "pattern": r"^(=.*|[+-]?(\d+(\.\d+)?|\.\d+))$", **more}


def _string_schema(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


def _number(name: str, expected: str, unit: str = "", **more: Any) -> Kind:
    read = more.pop("read", read_number)
    schema = _numeric_schema(**more.pop("schema", {}))
    return Kind(name, Family.NUMBER, expected, read, schema, unit, **more)


NUMBER = _number("number", "a number")
_WHOLE = {"type": ["integer", "string"], "pattern": r"^(=.*|[+-]?\d+(\.0+)?)$"}
INTEGER = _number("integer", "a whole number", read=_read_integer, schema=_WHOLE)
COUNT = replace(INTEGER, expected="a whole number, 0 or more", schema={**_WHOLE, "minimum": 0})
QUANTITY = _number("quantity", "a number of shares, such as 10 or 0.5", "shares")
MONEY = _number("money", "an amount in dollars, such as 5000 or 99.50", "dollars")
PRICE = _number("price", "a price in dollars, such as 189.25", "dollars a share", on_tick=True)
AVERAGE = replace(PRICE, on_tick=False, expected="a price, not rounded to the price grid")
PERCENT = Kind(
    "percent",
    Family.NUMBER,
    "a percentage, such as 3% or 0.5%",
    _read_percent,
    _string_schema(r"^(=.*|[+-]?(\d+(\.\d+)?|\.\d+)%)$"),
)
TEXT = Kind("text", Family.TEXT, "text", _read_text, {"type": ["string", "number", "boolean"]})
SYMBOL = Kind(
    "symbol",
    Family.TEXT,
    "a symbol in capitals, such as AAPL",
    _read_symbol,
    {
        "type": ["string", "boolean"],  # an editor takes the ticker TRUE for a boolean
        "pattern": r"^(=.*|[A-Z][A-Z0-9]*([./][A-Z0-9]+)*)$",
    },
)
ID = Kind(
    "id",
    Family.TEXT,
    "a name in small letters, such as entry or fill_2",
    _read_id,
    _string_schema(r"^[a-z][a-z0-9_]*$"),
)
BOOLEAN = Kind(
    "boolean",
    Family.BOOLEAN,
    "true or false",
    _read_boolean,
    {"anyOf": [{"type": "boolean"}, _EXPRESSION]},
)
DURATION = Kind(
    "duration",
    Family.DURATION,
    "a duration, such as 90s, 10m or 1h30m",
    read_duration,
    _string_schema(r"^(=.*|(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+ms)?)$"),
)
TIME = Kind(
    "time",
    Family.TIME,
    "a time of day in New York, such as 9:30",
    read_time,
    _string_schema(r"^(=.*|\d{1,2}:\d{2}(:\d{2})?)$"),
)
MOMENT = Kind("moment", Family.TIME, "a moment", _read_text, {"type": "string"})
ORDER = Kind(
    "order",
    Family.ORDER,
    "the id of a step that sends an order",
    _read_text,
    {"type": "string"},
)
RECORD = Kind(
    "record",
    Family.RECORD,
    "a record of several values",
    _read_text,
    {"type": "object"},
)
"""Several named values in one, as a row of a list. Expressions only pass it on."""


def choice(*values: str) -> Kind:
    """One of a few words."""

    def read(text: str) -> str:
        if text in values:
            return text
        raise ValueError(f"this is not one of {', '.join(values)}")

    schema = {"anyOf": [{"enum": list(values)}, _EXPRESSION]}
    return Kind("choice", Family.TEXT, "one of " + ", ".join(values), read, schema, values=values)


def list_of(kind: Kind) -> Kind:
    """Several values of one kind, as outputs give them."""
    return Kind(
        f"list of {kind.name}",
        Family.LIST,
        f"a list, each {kind.expected}",
        kind.read,
        {"type": "array", "items": kind.schema},
    )


PARAMETER_KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        TEXT, SYMBOL, QUANTITY, MONEY, PRICE, PERCENT, INTEGER, BOOLEAN, DURATION, TIME,
    )
}  # fmt: skip
"""What a parameter can be declared as; `choice` besides, with its `values`."""
