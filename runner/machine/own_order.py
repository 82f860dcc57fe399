"""One order of this run: what was meant, and what the broker says became of it.

It keeps its identity when the broker replaces it by another: what it was before stays known, and
what that one filled stays counted. Its legs are own orders too. An order that takes up what another
left unfilled `continues` it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from runner.effects import Json
from runner.world import TERMINAL, Order, fingerprint

ZERO = Decimal(0)

BEING_REPLACED = ("pending_new", "pending_replace")
"""Statuses of an order whose replacing is under way, at either end of it."""


class Sent(StrEnum):
    """What is known of an own order's arrival."""

    NO = "no"  # nothing left the house, or it is proven that nothing arrived
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Before(Struct, frozen=True):
    """What was known before an order was sent: the broker's time, and shares held by symbol."""

    clock: datetime | None
    held: Mapping[str, Decimal | None]


@dataclass(slots=True, eq=False)
class OwnOrder:
    """One intended order and what became of it. `opens` is false when it can only reduce.

    `symbol` and `side` are empty for a multi-leg order: its legs have them. A leg's
    `client_order_id` is the one that the broker gave it.
    """

    client_order_id: str
    step: str
    symbol: str
    side: str
    body: Mapping[str, Json]
    opens: bool
    intended_at: datetime
    before: Before | None = None  # the reading that the guards judged it by, last
    attempts: int = 0  # submissions that began
    doubted: bool = False  # one of them had no clear answer
    limited: bool = False  # one of them met the rate limit, perhaps after it had got through
    not_before: datetime | None = None  # by the broker's clock: an older order is not this one
    worth: Decimal = ZERO  # dollars that it counts for in the run's tally
    sent: Sent = Sent.NO
    data: Mapping[str, Any] = field(default_factory=dict)
    legs: dict[str, OwnOrder] = field(default_factory=dict)  # by name, or by symbol
    parent: OwnOrder | None = None  # of a leg
    continues: OwnOrder | None = None  # whose rest this one takes up
    past: dict[str, Order] = field(default_factory=dict)  # what it was before, by the broker's id
    in_vain: set[str] = field(default_factory=set)  # ids of what was to replace it and did not
    replacing: str = ""  # the client order id of a replacement whose fate is not known
    abandoned: bool = False  # awaited in vain: cleaned up however the run ends
    kept: bool = False  # handed over by `on_timeout: keep`: reported, never cleaned
    order: Order = field(init=False)  # what `data` says
    fingerprint: str = field(init=False)  # of the last reading, whether or not it was believed

    def __post_init__(self) -> None:
        self._take(self.data)

    def _take(self, data: Mapping[str, Any]) -> None:
        self.data, self.order = data, Order.read(data)
        self.fingerprint = fingerprint(data)
        for row in _rows(data.get("legs")):
            self._take_leg(row, Order.read(row))

    # ------------------------------------------------------------------ where it stands

    @property
    def order_id(self) -> str:
        return self.order.id

    @property
    def replaced(self) -> bool:
        """Whether it goes on as another order that this run has not taken up yet."""
        return self.sent is Sent.ACCEPTED and self.order.status == "replaced"

    @property
    def replaced_ids(self) -> set[str]:
        """The broker's ids that it had before, and those of what was to replace it in vain."""
        return {*self.past, *self.in_vain}

    @property
    def unread(self) -> list[str]:
        """The broker's ids of orders that it was before and whose end nobody has read.

        While such a one is not known to be replaced it may still fill. Where the present one has
        ended unfilled, the replacement may have been in vain: then any other end counts.
        """
        over = self.order.terminal and _filled(self.order) == 0
        ends = ("replaced", "rejected") if over else TERMINAL
        known = {*self.replaced_ids, self.order_id}
        skipped = [one.replaced_by for one in self.past.values() if one.replaced_by]
        return [
            *(order_id for order_id, one in self.past.items() if one.status not in ends),
            *(order_id for order_id in skipped if order_id not in known),
        ]

    @property
    def changing(self) -> bool:
        """Whether a change is under way: either it or the one that it replaces may stay."""
        if self.sent is not Sent.ACCEPTED:
            return False
        return bool(self.unread) or (bool(self.past) and self.order.status in BEING_REPLACED)

    @property
    def reached(self) -> bool:
        """Whether the broker has it, or may have it: not one that was refused or never left."""
        return self.sent in (Sent.ACCEPTED, Sent.UNKNOWN)

    @property
    def may_be_live(self) -> bool:
        if self.sent is Sent.UNKNOWN or self.replaced:
            return True
        return self.sent is Sent.ACCEPTED and (not self.order.terminal or bool(self.unread))

    def was(self, client_order_id: str) -> bool:
        """Whether it is, or once was, the order of this client order id."""
        return any(one.client_order_id == client_order_id for one in self._orders)

    def can_only_reduce(self, position: Decimal) -> bool:
        """Whether what is left of it can only make a position smaller (shares; short is negative).

        False when what is left cannot be told.
        """
        remaining = self.order.remaining
        if position == 0 or remaining is None:
            return False
        return self.side == ("sell" if position > 0 else "buy") and remaining <= abs(position)

    # ------------------------------------------------------------------ what it has filled

    @property
    def _orders(self) -> tuple[Order, ...]:
        return (*self.past.values(), self.order)

    @property
    def filled_qty(self) -> Decimal:
        """Shares filled, those of the orders it replaced included."""
        return sum((_filled(one) for one in self._orders), ZERO)

    @property
    def cost(self) -> Decimal | None:
        """Dollars that its fills came to, a share times a price; None when a price is untold."""
        cost = ZERO
        for one in self._orders:
            filled = _filled(one)
            if filled and one.filled_avg_price is None:
                return None
            cost += filled * (one.filled_avg_price or ZERO)
        return cost

    @property
    def filled_in_all(self) -> Decimal:
        """Shares filled, those of the orders whose rest it took up included."""
        return sum((part.filled_qty for part in self.chain), ZERO)

    @property
    def asked_in_all(self) -> Decimal | None:
        """Shares asked for, those included that were filled before it went on.

        Alpaca gives a replacement the whole quantity, and nothing filled (Alpaca-API issue 165).
        """
        if self.order.qty is None:
            return None
        return self.order.qty + self.filled_in_all - _filled(self.order)

    @property
    def chain(self) -> Iterator[OwnOrder]:
        """It and the orders whose rest it took up, the newest first."""
        part: OwnOrder | None = self
        while part is not None:
            yield part
            part = part.continues

    @property
    def fill_untold(self) -> bool:
        """Whether it has ended and the broker does not say how much of it was filled."""
        if self.sent is not Sent.ACCEPTED or not self.order.terminal:
            return False
        return bool(self.unread) or any(_untold(one) for one in self._orders)

    # ------------------------------------------------------------------ its legs

    @property
    def order_class(self) -> str:
        """simple, bracket, oco, oto or mleg, as it was meant."""
        return str(self.body.get("order_class") or self.order.order_class)

    @property
    def has_exits(self) -> bool:
        """Whether it is an entry that brings its exits with it."""
        return self.parent is None and self.order_class in ("bracket", "oto")

    @property
    def exits(self) -> list[OwnOrder]:
        """The orders that close what it opens: a bracket's or OTO's legs, both orders of an OCO."""
        if self.parent is None and self.order_class == "oco":
            return [self, *self.legs.values()]
        return list(self.legs.values()) if self.has_exits else []

    def leg_named(self, name: str) -> OwnOrder | None:
        """Its leg of this name. An OCO's take-profit order is its own first order."""
        if name == "take_profit" and self.order_class == "oco":
            return self
        return self.legs.get(name)

    def _take_leg(self, row: Mapping[str, Any], seen: Order) -> None:
        if not seen.id:
            return
        for leg in self.legs.values():
            if seen.id == leg.order_id:
                leg.fold(row)
                return
            if seen.id in leg.replaced_ids:
                leg.learn(row)
                return
        name, opens = seen.symbol, not seen.position_intent.endswith("_to_close")
        if self.order_class != "mleg":
            name, opens = "take_profit" if seen.type == "limit" else "stop_loss", False
        known = self.legs.get(name)
        if known is None:
            self.legs[name] = OwnOrder(
                client_order_id=seen.client_order_id,
                step=self.step,
                symbol=seen.symbol or self.symbol,
                side=seen.side,
                body={"type": seen.type},
                opens=opens,
                intended_at=self.intended_at,
                sent=Sent.ACCEPTED,
                data=row,
                parent=self,
            )
        elif seen.status == "replaced":
            known.past[seen.id] = seen
        else:
            known.succeed(row)

    # ------------------------------------------------------------------ new readings

    def fold(self, data: Mapping[str, Any]) -> None:
        """Take a newer reading. One that shows fewer shares filled is older: it is ignored. One
        that does not say keeps the number that was known, unless the order has ended: then that
        number may be too small."""
        newer, believed = Order.read(data), data
        seen = self.order.filled_qty
        self.fingerprint = fingerprint(data)
        if newer.filled_qty is None and seen is not None and not newer.terminal:
            believed = {**data, "filled_qty": f"{seen:f}"}
        elif newer.filled_qty is not None and seen is not None and newer.filled_qty < seen:
            return
        if self.sent is Sent.ACCEPTED and self.order.terminal and not newer.terminal:
            return
        self.sent = Sent.ACCEPTED
        self._take(believed)
        self.fingerprint = fingerprint(data)

    def succeed(self, data: Mapping[str, Any]) -> None:
        """Go on as the order that replaces this one; what was filled before stays counted."""
        if self.order_id:
            self.past[self.order_id] = self.order
        self.replacing = ""
        self._take(data)

    def learn(self, data: Mapping[str, Any]) -> None:
        """Take a reading of an order that it was before. It is that one again when the one that
        was to replace it ended unfilled, and it was not replaced."""
        before = Order.read(data)
        if not before.id or before.id in self.in_vain:
            return
        known = self.past.get(before.id)
        if known is not None and (before.filled_qty or ZERO) < (known.filled_qty or ZERO):
            return  # older
        over = self.order.terminal and _filled(self.order) == 0 and not self.replaced
        if over and known is not None and before.status not in ("replaced", "rejected"):
            self.in_vain.add(self.order_id)
            del self.past[before.id]
            self._take(data)
        else:
            self.past[before.id] = before


def _filled(order: Order) -> Decimal:
    """Shares filled. An order that is filled is filled whole, whether or not the broker repeats
    the number."""
    said = order.qty if order.filled_qty is None and order.status == "filled" else None
    return order.filled_qty or said or ZERO


def _untold(order: Order) -> bool:
    told = order.filled_qty is not None or (order.status == "filled" and order.qty is not None)
    return order.terminal and not told and order.status != "rejected"


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
