"""Finding the broker's orders in what it answered."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from runner.audit.records import Record


def orders_in(record: Record) -> list[dict[str, Any]]:
    """Every order object anywhere in an outcome's data, legs included."""
    found: list[dict[str, Any]] = []
    pending = [record.data.get("data")]
    while pending:
        current = pending.pop()
        if type(current) is dict:
            if "side" in current and "status" in current and isinstance(current.get("id"), str):
                found.append(current)
            pending += [inner for inner in current.values() if type(inner) in (dict, list)]
        elif type(current) is list:
            pending += current
    return found


def quantity(text: str) -> Decimal | None:
    """A quantity as a number; None when it is none."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
