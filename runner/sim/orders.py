"""One order: its record, its JSON shape and the transitions it may make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from runner.sim.assets import Asset
from runner.sim.tickets import Ticket
from runner.sim.wire import (
    ZERO,
    decimal_text,
    optional_stamp,
    optional_text,
    stamp,
    whole_stamp,
)

# rule: life.transitions
ENDS = frozenset({"canceled", "expired", "rejected"})
WORKS = frozenset({"partially_filled", "filled", "pending_cancel", "pending_replace"})
INTERRUPTIONS = ("suspended", "done_for_day", "stopped", "calculated", "accepted_for_bidding")
HALTS = frozenset(INTERRUPTIONS)
RESUMES = ENDS | {"new", "partially_filled", "filled", "pending_cancel"}
TRANSITIONS: dict[str, frozenset[str]] = {
    "accepted": ENDS | {"new", "pending_cancel"},
    "pending_new": ENDS | WORKS | {"new", "held"},
    "new": ENDS | WORKS | HALTS,
    "partially_filled": ENDS | WORKS | HALTS,
    "held": ENDS | HALTS | {"new", "pending_cancel", "pending_replace"},
    "pending_cancel": frozenset({"pending_cancel", "filled", "canceled", "expired"}),
    "pending_replace": ENDS | {"new", "partially_filled", "held", "filled", "replaced"},
    **dict.fromkeys(INTERRUPTIONS, RESUMES),
    "filled": frozenset(),
    "canceled": frozenset(),
    "expired": frozenset(),
    "rejected": frozenset(),
    "replaced": frozenset(),
}
TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)

MARKETABLE = frozenset({"market", "stop", "trailing_stop"})  # no limit once they execute
FILL_PRICE_PLACES = Decimal("0.000001")

BLANK: dict[str, Any] = dict.fromkeys(
    (
        *("id", "client_order_id", "created_at", "updated_at", "submitted_at", "filled_at"),
        *("expired_at", "expires_at", "canceled_at", "failed_at"),
        *("replaced_at", "replaced_by", "replaces", "asset_id", "symbol", "asset_class"),
        *("notional", "qty", "filled_qty", "filled_avg_price", "order_class", "order_type", "type"),
        *("side", "position_intent", "time_in_force", "limit_price", "stop_price", "status"),
        *("extended_hours", "legs", "trail_percent", "trail_price", "hwm", "subtag", "source"),
    )
)  # an order's JSON before anything is known of it


def _as_it_is(value: str, _nanoseconds: int) -> str:
    return value


def _whole_stamp(moment: datetime, _nanoseconds: int) -> str:
    return whole_stamp(moment)


def _text(value: Decimal, _nanoseconds: int) -> str:
    return decimal_text(value)


CHANGING: dict[str, Callable[[Any, int], str]] = {
    "updated_at": stamp,
    "submitted_at": stamp,
    "filled_at": stamp,
    "expired_at": stamp,
    "expires_at": _whole_stamp,
    "canceled_at": stamp,
    "failed_at": stamp,
    "replaced_at": stamp,
    "replaced_by": _as_it_is,
    "replaces": _as_it_is,
    "filled_qty": _text,
    "filled_avg_price": _text,
    "stop_price": _text,
    "status": _as_it_is,
    "hwm": _text,
}  # what may change in an order's JSON while its ticket stays, and how it is written
CHANGING_VALUES = attrgetter(*CHANGING)
NOTHING = (None,) * len(CHANGING)


@dataclass(slots=True)
class Written:
    """An order's JSON as it was last asked for, and the ticket and the values it shows."""

    ticket: Ticket
    body: dict[str, Any]
    values: tuple[Any, ...] = NOTHING


@dataclass(slots=True, eq=False)
class Order:
    """One order. Money in dollars, quantities in shares, moments in UTC."""

    serial: int
    id: str
    client_order_id: str
    ticket: Ticket
    asset: Asset
    position_intent: str
    status: str
    created_at: datetime
    submitted_at: datetime
    updated_at: datetime
    expires_at: datetime
    stop_price: Decimal | None
    hwm: Decimal | None = None
    watched_until: datetime | None = None  # up to when `hwm` has followed the tape
    searched_mark: Decimal | None = None  # the mark at the end of what has been searched ahead
    triggered: bool = False  # a stop whose price was reached
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO  # sum of quantity times price
    fills: int = 0
    reserved: Decimal = ZERO  # buying power set aside, dollars
    held: Decimal = ZERO  # shares still to trade; an estimate for notional orders
    filled_at: datetime | None = None
    canceled_at: datetime | None = None
    expired_at: datetime | None = None
    failed_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    replaced_at: datetime | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    before_replace: str = ""  # the status to go back to when a replacement is not carried out
    due_reserved: Decimal = ZERO  # what it reserves and holds once it has replaced another
    due_held: Decimal = ZERO
    parent: Order | None = None  # the first order of its group, when it is a leg of one
    legs: list[Order] = field(default_factory=list)
    written: Written | None = field(default=None, repr=False)  # by `body`

    @property
    def open(self) -> bool:
        """Whether it may still change."""
        return self.status not in TERMINAL

    @property
    def filled_avg_price(self) -> Decimal | None:
        """Dollars a share, at most six decimals; None before the first fill."""
        if not self.filled_qty:
            return None
        return (self.filled_value / self.filled_qty).quantize(FILL_PRICE_PLACES)

    def move(self, status: str, at: datetime) -> None:
        """Changes the status; a transition that the machine does not have is a defect here."""
        if status not in TRANSITIONS[self.status]:
            raise RuntimeError(f"order {self.id} cannot go from {self.status} to {status}")
        self.status = status
        self.updated_at = at

    def cancel_requested_stamp(self) -> str | None:
        """When a cancel was asked for, as trade updates write it."""
        return optional_stamp(self.cancel_requested_at, self._nanoseconds)

    @property
    def _nanoseconds(self) -> int:
        return self.serial * 7919 % 1000

    def family(self) -> list[Order]:
        """Its group: the first order and its legs; an order without a group is its own family."""
        top = self.parent or self
        return [top, *top.legs]

    def body(self, *, nested: bool = False) -> dict[str, Any]:
        """The order as the API gives it: every key always present, nulls included.

        `nested` shows the legs of a group inside its first order.
        """
        # rule: shape.order
        written = self.written
        if written is None or written.ticket is not self.ticket:
            written = self.written = Written(self.ticket, self._fixed_body())
        values, ns = CHANGING_VALUES(self), self._nanoseconds
        for key, value, shown in zip(CHANGING, values, written.values, strict=True):
            if value is not shown:
                written.body[key] = None if value is None else CHANGING[key](value, ns)
        written.values = values
        body = written.body.copy()
        if nested and self.legs:
            body["legs"] = [leg.body() for leg in self.legs]
        return body

    def _fixed_body(self) -> dict[str, Any]:
        """Every key in its place; what the ticket decides has its value."""
        ticket = self.ticket
        body = BLANK | {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": stamp(self.created_at, self._nanoseconds),
            "asset_id": self.asset.id,
            "symbol": self.asset.symbol,
            "asset_class": self.asset.asset_class,
            "notional": optional_text(ticket.notional),
            "qty": optional_text(ticket.qty),
            "order_class": ticket.order_class,
            "order_type": ticket.type,
            "type": ticket.type,
            "side": ticket.side,
            "position_intent": self.position_intent,
            "time_in_force": ticket.time_in_force,
            "limit_price": optional_text(ticket.limit_price),
            "extended_hours": ticket.extended_hours,
            "trail_percent": optional_text(ticket.trail_percent),
            "trail_price": optional_text(ticket.trail_price),
        }
        if ticket.legs:
            # rule: shape.multi-leg
            body |= dict.fromkeys(("asset_id", "symbol", "asset_class", "side"), "")
            body["position_intent"] = None
        elif ticket.ratio is not None:
            body["ratio_qty"] = decimal_text(ticket.ratio)
        return body
