"""How far apart two values may be and still count as the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from runner.world import decimal

PRICES = frozenset({"limit_price", "stop_price", "notional", "trail_price", "trail_percent"})
AMOUNTS = frozenset({"qty", "ratio_qty"})


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far apart two values may be and still count as the same: `price` as a part of the first
    (0.005 is half a percent), `time` of durations, `qty` in shares."""

    price: Decimal = Decimal("0.005")
    time: timedelta = timedelta(seconds=5)
    qty: Decimal = Decimal(0)

    def prices_agree(self, one: Decimal | None, other: Decimal | None) -> bool:
        if one is None or other is None:
            return one is other
        return abs(one - other) <= abs(one) * self.price

    def amounts_agree(self, one: Decimal | None, other: Decimal | None) -> bool:
        if one is None or other is None:
            return one is other
        return abs(one - other) <= self.qty

    def durations_agree(self, one: timedelta | None, other: timedelta | None) -> bool:
        if one is None or other is None:
            return one is other
        return abs(one - other) <= self.time

    def values_agree(self, name: str, one: object, other: object) -> bool:
        """Whether two values of one key of an order agree."""
        if name in AMOUNTS:
            return self.amounts_agree(decimal(one), decimal(other))
        if name in PRICES and decimal(one) is not None:
            return self.prices_agree(decimal(one), decimal(other))
        return one == other
