"""The prices that the body of an order names."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from runner.guards.draft import Draft
from runner.world import decimal

OWN = ("limit_price", "stop_price")
NESTED = (
    ("take_profit", "limit_price"),
    ("stop_loss", "stop_price"),
    ("stop_loss", "limit_price"),
)


def prices_of(draft: Draft) -> dict[str, Decimal | None]:
    """Every price that is given, in dollars, its exits' too; None for one that is no number."""
    found = {name: draft.number(name) for name in OWN if draft.body.get(name) is not None}
    for leg, name in NESTED:
        inner = draft.body.get(leg)
        if isinstance(inner, Mapping) and inner.get(name) is not None:
            found[f"{leg}.{name}"] = decimal(inner[name])
    return found
