"""The keys of a runbook outside its actions: the top level, and one parameter's declaration.

They are declared as an action's arguments are, so that reading, schema and messages follow from
one place. Keys that hold other keys (`params`, `limits`, `defaults`) or steps are not scalars and
are known to `shape` and `schema` by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from runner.language.declare import Field, Form, arg, declared_fields
from runner.language.kinds import (
    COUNT,
    DURATION,
    INTEGER,
    MOMENT,
    PARAMETER_KINDS,
    SYMBOL,
    TEXT,
    Kind,
    choice,
)
from runner.language.runbook import Defaults, Limits, StepKeys

FORMAT = 1
"""The version of the runbook format that this package reads."""

STEP_LISTS = ("steps", "on_failure", "finally")


def read_moment(text: str) -> datetime:
    """The UTC moment of `2026-11-24T15:50:00-05:00`, or of a date and time in New York."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few runbooks have a moment in them

    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"write the time of day too, such as {text} 16:00")
    if not re.match(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}", text):
        raise ValueError("this is not a date and time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("this is not a date and time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo("America/New_York"))
    return moment.astimezone(UTC)


VALID_UNTIL = replace(
    MOMENT,
    expected="a date and time, such as 2026-11-24 15:50 (New York) or 2026-11-24T15:50:00-05:00",
    read=read_moment,
    schema={"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"},
)


def _read_format(text: str) -> Decimal:
    if text != str(FORMAT):
        raise ValueError(f"this version reads runbooks of format {FORMAT}")
    return Decimal(FORMAT)


FORMAT_VERSION = replace(
    INTEGER, expected=f"the format version, {FORMAT}", read=_read_format, schema={"const": FORMAT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopKeys:
    """The scalar keys of the top level."""

    runbook: Decimal = arg(
        FORMAT_VERSION,
        "The version of the runbook format.",
        required=True,
        literal=True,
        example="1",
    )
    name: str = arg(
        TEXT,
        "What this runbook is called in logs and reports.",
        required=True,
        literal=True,
        example="first-live-trade",
    )
    description: str | None = arg(TEXT, "What it is for, in a sentence.", literal=True)
    timeout: timedelta | None = arg(
        DURATION,
        "The whole run ends after this long, and then only `finally` runs.",
        above="0s",
        example="10m",
    )
    valid_until: datetime | None = arg(
        VALID_UNTIL,
        "The moment after which this runbook must not be started.",
        literal=True,
        example="2026-11-24 15:50",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterKeys:
    """The keys of one parameter. `default`, `min` and `max` are read by the kind of `type`."""

    type: str = arg(
        choice(*PARAMETER_KINDS, "choice"),
        "What the parameter holds.",
        required=True,
        literal=True,
        example="quantity",
    )
    default: str | None = arg(TEXT, "The value when none is given.", literal=True)
    min: str | None = arg(TEXT, "The least value that may be given.", literal=True)
    max: str | None = arg(TEXT, "The greatest value that may be given.", literal=True)
    values: tuple[str, ...] | None = arg(
        TEXT, "The words of a `choice`.", literal=True, many=True, example="[day, gtc]"
    )
    description: str | None = arg(TEXT, "What to give, in a sentence.", literal=True)


def _read_listed(text: str) -> str:
    if text == "any":
        raise ValueError("write `symbols: any`, without a list")
    return SYMBOL.read(text)  # type: ignore[no-any-return]


LISTED_SYMBOL = replace(SYMBOL, read=_read_listed)
"""A symbol in the runbook's own list."""

SYMBOLS_EXPECTED = "a list of symbols, such as [AAPL, MSFT], or the word any"

SECTIONS: dict[str, str] = {
    "symbols": "What this runbook may trade: a list of symbols, or the word any.",
    "params": "Values that are given when the runbook is run.",
    "limits": "This runbook's own bounds. An order that would cross one is refused.",
    "defaults": "What steps use where they say nothing.",
    "steps": "What is done, in order.",
    "on_failure": "What is done when a step failed, before `finally`.",
    "finally": "What is always done at the end, whatever happened.",
}
"""The keys of the top level that hold more than a scalar, and what they are for."""

REQUIRED = ("runbook", "name", "symbols", "steps")
"""The keys that every runbook has. `symbols` is one, so that `any` has to be spelled out."""


@cache
def fields_of(declared: type) -> Mapping[str, Field]:
    """The declared fields of a class by the key users write, kept: every step asks for them."""
    return declared_fields(declared)


def top_fields() -> Mapping[str, Field]:
    return fields_of(TopKeys)


def step_fields() -> Mapping[str, Field]:
    return fields_of(StepKeys)


def section_fields(section: str) -> Mapping[str, Field]:
    """The fields of `limits` or `defaults`."""
    return fields_of({"limits": Limits, "defaults": Defaults}[section])


def expects(field: Field) -> str:
    """What its kind expects, with the field's own bound for whole numbers, which have one."""
    expected = field.kind.expected
    if field.kind == COUNT and field.least is not None:
        return expected.replace("0 or more", f"{field.least} or more")
    return expected


def takes(field: Field) -> str:
    """What a field takes, in words that fit after `'key' takes …`."""
    expected = {
        Form.CONDITION: "an expression that is true or false",
        Form.ORDER: "the id of a step that sends an order",
        Form.POLL: "one reading action, such as {get_quote: {symbol: AAPL}}",
    }.get(field.form, expects(field))
    if field.of is not None:
        return f"a list, each entry with {', '.join(fields_of(field.of))}"
    return f"{expected}; or a list of them" if field.many else expected


def kind_named(name: str, values: tuple[str, ...] = ()) -> Kind | None:
    """The kind of a parameter declared as `name`; None when there is no such kind."""
    return choice(*values) if name == "choice" else PARAMETER_KINDS.get(name)
