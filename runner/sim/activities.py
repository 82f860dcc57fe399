"""Account activities: what was filled, as `/v2/account/activities` gives it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.sim.archive import Log
from runner.sim.wire import CENT, NEW_YORK, decimal_text, derived_uuid


class Fill(Struct, frozen=True, gc=False, tag=True):
    """One execution: shares, dollars a share, the order's totals after it."""

    order_id: str
    symbol: str
    side: str
    number: int  # of the order's executions, from 1
    at: datetime
    qty: Decimal
    price: Decimal
    cumulative: Decimal
    leaves: Decimal

    @property
    def kind(self) -> str:
        """The type of the activity."""
        return "FILL"

    def changes(self, size: int) -> tuple[Decimal, Decimal]:
        """What it did to a position of `size` shares a unit (signed), and the cash (dollars)."""
        # rule: account.cash
        signed = self.qty if self.side == "buy" else -self.qty
        return signed, -(signed * self.price * size).quantize(CENT)

    @property
    def id(self) -> str:
        """`YYYYMMDDhhmmssmmm::uuid`, the time being New York's."""
        # rule: activities.id
        local = self.at.astimezone(NEW_YORK)
        prefix = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}"
        return f"{prefix}::{derived_uuid(self.order_id, 'fill', self.number)}"

    def body(self) -> dict[str, Any]:
        """The activity's JSON."""
        return {
            "id": self.id,
            "activity_type": "FILL",
            "transaction_time": self.at.isoformat(timespec="microseconds")[:26] + "Z",
            "type": "partial_fill" if self.leaves else "fill",
            "price": decimal_text(self.price),
            "qty": decimal_text(self.qty),
            "side": self.side,
            "symbol": self.symbol,
            "leaves_qty": decimal_text(self.leaves),
            "order_id": self.order_id,
            "cum_qty": decimal_text(self.cumulative),
            "order_status": "partially_filled" if self.leaves else "filled",
        }


class Notice(Struct, frozen=True, gc=False, tag=True):
    """Something that is no trade: a fee, or the end of an option. Quantities and cash signed."""

    kind: str
    at: datetime
    symbol: str
    qty: Decimal
    cash: Decimal
    price: Decimal | None = None

    def changes(self, _size: int) -> tuple[Decimal, Decimal]:
        """What it did to a position (signed) and the cash (dollars)."""
        return self.qty, self.cash

    @property
    def id(self) -> str:
        """As a fill's id."""
        local = self.at.astimezone(NEW_YORK)
        parts = (self.kind, self.symbol, self.at, self.qty, self.cash)
        return f"{local:%Y%m%d}000000000::{derived_uuid(*parts)}"

    def body(self) -> dict[str, Any]:
        """The activity's JSON."""
        # rule: activities.other
        local = self.at.astimezone(NEW_YORK)
        body = {
            "id": self.id,
            "activity_type": self.kind,
            "date": local.date().isoformat(),
            "created_at": self.at.isoformat(timespec="microseconds")[:26] + "Z",
            "net_amount": decimal_text(self.cash),
            "description": "",
            "symbol": self.symbol,
            "qty": decimal_text(self.qty),
            "status": "executed",
        }
        if self.price is not None:
            body["price"] = decimal_text(self.price)
        return body


Activity = Fill | Notice


class Activities:
    """Every execution and notice, in the order in which they happened."""

    def __init__(self) -> None:
        self._all: Log[Activity] = Log(kind=Activity)

    def __iter__(self) -> Iterator[Activity]:
        return iter(self._all)

    def __reversed__(self) -> Iterator[Activity]:
        return reversed(self._all)

    def add(self, activity: Activity) -> None:
        """Takes in an activity."""
        self._all.append(activity)
