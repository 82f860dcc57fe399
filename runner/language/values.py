"""A value, where it came from, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum

from msgspec import Struct

from runner.language.kinds import Kind

Plain = (
    Decimal | str | bool | timedelta | time | datetime
    | tuple["Plain", ...] | Mapping[str, "Plain"] | None
)  # fmt: skip
"""What a value can hold at run time."""

Recorded = None | bool | int | str | list["Recorded"] | dict[str, "Recorded"]
"""A value as the log and `--json` hold it."""


class Certainty(IntEnum):
    """How sure a value is. Arithmetic keeps the worst of its inputs, and is at best computed."""

    READ = 0
    COMPUTED = 1
    ESTIMATED = 2
    UNKNOWN = 3


class Value(Struct, frozen=True):
    """`origin` names where it came from: `params.qty`, `steps.fill.filled_qty`, a literal."""

    value: Plain
    kind: Kind
    certainty: Certainty = Certainty.READ
    origin: str = ""


def as_given(value: Value) -> str:
    """The text that a person would give for a value, so that its kind reads it back the same."""
    if value.kind.name == "percent" and isinstance(value.value, Decimal):
        return f"{value.value.scaleb(2).normalize():f}%"
    return written(value.value)


def written(value: Plain) -> str:
    """The value as text, exactly: for log records, messages and `${…}` in text.

    Numbers without exponent, durations in seconds (`90s`), moments in UTC, absent as `none`.
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, timedelta):
        seconds = Decimal(value.days * 86400 + value.seconds) + Decimal(value.microseconds).scaleb(
            -6
        )
        return f"{seconds.normalize():f}s"
    if isinstance(value, time):
        return value.strftime("%H:%M:%S" if value.second else "%H:%M")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, tuple):
        return "[" + ", ".join(written(one) for one in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {written(one)}" for name, one in value.items()) + "}"
    return value


def recorded(value: Plain) -> Recorded:
    """The value as data: a list as a list, a record without its absent values, all else as text."""
    if isinstance(value, tuple):
        return [recorded(one) for one in value]
    if isinstance(value, Mapping):
        return {name: recorded(one) for name, one in value.items() if one is not None}
    return written(value)
