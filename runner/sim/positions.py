"""What the account holds, and how a fill changes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from runner.sim.assets import Asset
from runner.sim.wire import ZERO, decimal_text

RATIO = Decimal("0.0000000001")
MICRODOLLAR = Decimal("0.000001")


@dataclass(slots=True, eq=False)
class Position:
    """Shares of one symbol: positive long, negative short.

    `cost` is the signed sum of what the shares held now were bought (or sold short) for; `day_cost`
    is the same with shares from before today at the previous close; `opened` is how many shares
    were opened on `opened_on`.
    """

    asset: Asset
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    day_cost: Decimal = ZERO
    opened_on: date | None = None
    opened: Decimal = ZERO

    @property
    def avg_entry_price(self) -> Decimal:
        """Dollars a share, at most six decimals."""
        return (self.cost / self.qty).quantize(MICRODOLLAR)

    def trade(self, signed_qty: Decimal, price: Decimal, day: date) -> bool:
        """Takes in a fill; says whether it closed shares that were opened on the same day."""
        before = self.qty
        round_trip = False
        if before and (before > 0) != (signed_qty > 0):
            closing = min(abs(signed_qty), abs(before))
            kept = (abs(before) - closing) / abs(before)
            self.cost *= kept
            self.day_cost *= kept
            self.qty += closing if signed_qty > 0 else -closing
            round_trip = self.opened_on == day and self.opened > 0
            if round_trip:
                self.opened = max(self.opened - closing, ZERO)
            signed_qty += -closing if signed_qty > 0 else closing
        if signed_qty:
            self.qty += signed_qty
            self.cost += signed_qty * price
            self.day_cost += signed_qty * price
            self.opened = abs(signed_qty) + (self.opened if self.opened_on == day else ZERO)
            self.opened_on = day
        return round_trip

    def body(self, price: Decimal, last_close: Decimal, available: Decimal) -> dict[str, Any]:
        """The position as `/v2/positions` gives it, at a price and a previous close in dollars."""
        # rule: shape.position
        size = self.asset.size
        value, cost, day_cost = self.qty * price * size, self.cost * size, self.day_cost * size
        profit = value - cost
        day_profit = value - day_cost
        return {
            "asset_id": self.asset.id,
            "symbol": self.asset.position_symbol,
            "exchange": "" if self.asset.contract else self.asset.exchange,
            "asset_class": self.asset.asset_class,
            "asset_marginable": self.asset.marginable,
            "qty": decimal_text(self.qty),
            "avg_entry_price": decimal_text(self.avg_entry_price),
            "side": "long" if self.qty > 0 else "short",
            "market_value": decimal_text(value.quantize(MICRODOLLAR)),
            "cost_basis": decimal_text(cost.quantize(MICRODOLLAR)),
            "unrealized_pl": decimal_text(profit.quantize(MICRODOLLAR)),
            "unrealized_plpc": _ratio(profit, abs(cost)),
            "unrealized_intraday_pl": decimal_text(day_profit.quantize(MICRODOLLAR)),
            "unrealized_intraday_plpc": _ratio(day_profit, abs(day_cost)),
            "current_price": decimal_text(price),
            "lastday_price": decimal_text(last_close),
            "change_today": _ratio(price - last_close, last_close),
            "qty_available": decimal_text(available),
        }


def _ratio(part: Decimal, whole: Decimal) -> str:
    return decimal_text((part / whole).quantize(RATIO)) if whole else "0"


class Positions:
    """Every open position, by symbol."""

    def __init__(self) -> None:
        self._held: dict[str, Position] = {}
        self.not_exercised: set[str] = set()  # options that are not to be exercised at their end

    def __iter__(self) -> Iterator[Position]:
        return iter([self._held[symbol] for symbol in sorted(self._held)])

    def find(self, symbol: str) -> Position | None:
        """The open position in a symbol, or None when flat."""
        return self._held.get(symbol)

    def qty(self, symbol: str) -> Decimal:
        """Shares held: negative when short, 0 when flat."""
        position = self._held.get(symbol)
        return ZERO if position is None else position.qty

    def start_with(self, asset: Asset, qty: Decimal, price: Decimal, last_close: Decimal) -> None:
        """Sets up a position that existed before the scenario began."""
        self._held[asset.symbol] = Position(
            asset, qty=qty, cost=qty * price, day_cost=qty * last_close
        )

    def trade(self, asset: Asset, signed_qty: Decimal, price: Decimal, day: date) -> bool:
        """Takes in a fill; says whether it was the second half of a day trade."""
        position = self._held.get(asset.symbol)
        if position is None:
            position = self._held[asset.symbol] = Position(asset)
        round_trip = position.trade(signed_qty, price, day)
        if not position.qty:
            del self._held[asset.symbol]
        return round_trip
