"""The orders of this run: those sent under its client order ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from runner.effects import Json
from runner.world import Order, World, fingerprint, same_symbol


class Sent(StrEnum):
    """What is known of an own order's arrival."""

    NO = "no"  # nothing left the house, or it is proven that nothing arrived
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class OwnOrder:
    """One intended order and what became of it. `opens` is false when it can only reduce."""

    client_order_id: str
    step: str
    symbol: str
    side: str
    body: Mapping[str, Json]
    opens: bool
    intended_at: datetime
    before: World | None = None  # the reading that the guards judged it by, last
    attempts: int = 0  # submissions that began
    doubted: bool = False  # one of them had no clear answer
    limited: bool = False  # one of them met the rate limit, perhaps after it had got through
    not_before: datetime | None = None  # by the broker's clock: an older order is not this one
    sent: Sent = Sent.NO
    data: Mapping[str, Any] = field(default_factory=dict)
    filled_before: Decimal = Decimal(0)  # by orders that this one replaced
    abandoned: bool = False  # awaited in vain: cleaned up however the run ends
    kept: bool = False  # handed over by `on_timeout: keep`: reported, never cleaned

    @property
    def order(self) -> Order:
        return Order.read(self.data)

    @property
    def order_id(self) -> str:
        return self.order.id

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.data)

    @property
    def replaced(self) -> bool:
        """Whether it goes on as another order that this run has not taken up yet."""
        return self.sent is Sent.ACCEPTED and self.order.status == "replaced"

    @property
    def reached(self) -> bool:
        """Whether the broker has it, or may have it: not one that was refused or never left."""
        return self.sent in (Sent.ACCEPTED, Sent.UNKNOWN)

    @property
    def may_be_live(self) -> bool:
        if self.sent is Sent.UNKNOWN or self.replaced:
            return True
        return self.sent is Sent.ACCEPTED and not self.order.terminal

    @property
    def filled_qty(self) -> Decimal:
        """Shares filled, those of the orders it replaced included.

        An order that is filled is filled whole, whether or not the broker repeats the number.
        """
        order = self.order
        said = order.qty if order.filled_qty is None and order.status == "filled" else None
        return self.filled_before + (order.filled_qty or said or Decimal(0))

    @property
    def fill_untold(self) -> bool:
        """Whether it has ended and the broker does not say how much of it was filled."""
        order = self.order
        told = order.filled_qty is not None or (order.status == "filled" and order.qty is not None)
        never_fills = order.status == "rejected"
        return self.sent is Sent.ACCEPTED and order.terminal and not told and not never_fills

    def can_only_reduce(self, position: Decimal) -> bool:
        """Whether what is left of it can only make a position smaller (shares; short is negative).

        False when what is left cannot be told.
        """
        remaining = self.order.remaining
        if position == 0 or remaining is None:
            return False
        return self.side == ("sell" if position > 0 else "buy") and remaining <= abs(position)

    def fold(self, data: Mapping[str, Any]) -> None:
        """Take a newer reading. One that shows fewer shares filled is older: it is ignored. One
        that does not say keeps the number that was known, unless the order has ended: then that
        number may be too small."""
        newer = Order.read(data)
        seen = self.order.filled_qty
        if newer.filled_qty is None and seen is not None and not newer.terminal:
            data = {**data, "filled_qty": f"{seen:f}"}
        elif newer.filled_qty is not None and seen is not None and newer.filled_qty < seen:
            return
        if self.sent is Sent.ACCEPTED and self.order.terminal and not newer.terminal:
            return
        self.data = data
        self.sent = Sent.ACCEPTED

    def succeed(self, data: Mapping[str, Any]) -> None:
        """Go on as the order that replaced this one; what was filled before stays counted."""
        self.filled_before += self.order.filled_qty or Decimal(0)
        self.data = data


class OwnOrders:
    """All orders of a run, in the order they were intended."""

    def __init__(self) -> None:
        self._by_client_id: dict[str, OwnOrder] = {}

    def add(self, order: OwnOrder) -> None:
        self._by_client_id[order.client_order_id] = order

    def get(self, client_order_id: str) -> OwnOrder | None:
        return self._by_client_id.get(client_order_id)

    def of_step(self, path: str) -> OwnOrder | None:
        """The last order that a step sent, if it sent one."""
        return next((own for own in reversed(self.all) if own.step == path), None)

    @property
    def all(self) -> list[OwnOrder]:
        return list(self._by_client_id.values())

    @property
    def any_accepted(self) -> bool:
        return any(own.sent is Sent.ACCEPTED for own in self.all)

    @property
    def unknown(self) -> list[OwnOrder]:
        return [own for own in self.all if own.sent is Sent.UNKNOWN]

    @property
    def presumed_absent(self) -> list[OwnOrder]:
        """Orders of which nothing is to be seen, although a submission of them left."""
        gone = (Sent.NO, Sent.REFUSED)
        return [own for own in self.all if own.sent in gone and (own.doubted or own.limited)]

    @property
    def live(self) -> list[OwnOrder]:
        return [own for own in self.all if own.may_be_live]

    def held(self, symbol: str) -> Decimal:
        """Shares of a symbol that this run opened and still holds; negative when sold short.

        Orders that only reduced a position bring this towards zero and never across: what they
        reduced beyond it was somebody else's.
        """
        held = Decimal(0)
        for own in self.all:
            if not same_symbol(own.symbol, symbol):
                continue
            signed = own.filled_qty if own.side == "buy" else -own.filled_qty
            if own.opens:
                held += signed
            elif held * signed < 0:
                held += max(signed, -held) if held > 0 else min(signed, -held)
        return held

    def net_fills(self, symbol: str) -> Decimal:
        """By how much this run's fills have moved the account's position, in shares."""
        signed = (
            own.filled_qty if own.side == "buy" else -own.filled_qty
            for own in self.all
            if same_symbol(own.symbol, symbol)
        )
        return sum(signed, Decimal(0))

    def protected(self, symbol: str) -> Decimal:
        """Shares of a symbol that live, reducing orders of this run would still bring back."""
        held = self.held(symbol)
        remaining = (
            own.order.remaining or Decimal(0)
            for own in self.live
            if own.symbol == symbol and (not own.opens or own.can_only_reduce(held))
        )
        return sum(remaining, Decimal(0))

    @property
    def symbols(self) -> list[str]:
        return list(dict.fromkeys(own.symbol for own in self.all))
