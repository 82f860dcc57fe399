"""What happened to orders, in order: the record from which trade updates and reports are made.

Every change of an order's status and every fill is one event, made at the moment of the change by
`Events.add`. The sequence only grows, and is the same for the same scenario, seed and requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import Any

import orjson
from msgspec import Struct

from runner.sim.archive import Log
from runner.sim.orders import Order
from runner.sim.wire import decimal_text, derived_uuid, stamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WITHOUT_EXECUTION = frozenset({"pending_new", "accepted", "pending_cancel", "pending_replace"})
NOT_STREAMED = ("source", "subtag")


class Execution(Struct, frozen=True, gc=False):
    """The fill of an event: shares, dollars a share, the position after it, and its settlement."""

    qty: Decimal
    price: Decimal
    position_qty: Decimal
    settles: date


class OrderEvent(Struct, frozen=True, gc=False):
    """One change of one order."""

    number: int  # in the exchange's sequence, from 1
    name: str  # new, fill, partial_fill, canceled, ...: the `event` of a trade update
    at: datetime
    seed: str
    content: bytes  # the order's JSON
    execution: Execution | None

    @property
    def order(self) -> dict[str, Any]:
        """The order's JSON right after the change."""
        found: dict[str, Any] = orjson.loads(self.content)
        return found

    @property
    def id(self) -> str:
        """A ULID."""
        return ulid(self.at, self.seed, self.number)

    @property
    def execution_id(self) -> str | None:
        """A UUID, None for changes that are only asked for."""
        if self.name in WITHOUT_EXECUTION:
            return None
        return derived_uuid(self.seed, "execution", self.number)

    def data(self) -> dict[str, Any]:
        """The `data` of a trade_updates frame."""
        # rule: events.shape
        at = stamp(self.at)
        data: dict[str, Any] = {"at": at, "event": self.name, "event_id": self.id}
        if self.execution_id is not None:
            data["execution_id"] = self.execution_id
        data["order"] = self.order
        data["timestamp"] = at
        if self.execution is not None:
            data |= {
                "position_qty": decimal_text(self.execution.position_qty),
                "price": decimal_text(self.execution.price),
                "qty": decimal_text(self.execution.qty),
                "settle_date": self.execution.settles.isoformat(),
            }
        return data


class Events:
    """Every event so far, oldest first; a new one is appended, none is ever changed."""

    def __init__(self, seed: int) -> None:
        self._seed = str(seed)  # of any size, which a number on disk is not
        self._events: Log[OrderEvent] = Log(kind=OrderEvent)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[OrderEvent]:
        return iter(self._events)

    def __getitem__(self, index: int) -> OrderEvent:
        return self._events[index]

    def after(self, number: int, limit: int | None = None) -> list[OrderEvent]:
        """The events that came after the one of this number, at most `limit`; all after 0."""
        return list(islice(self._events.since(number), limit))

    def add(
        self, order: Order, name: str, at: datetime, execution: Execution | None = None
    ) -> OrderEvent:
        """Appends what just happened to an order. The order must already show it."""
        # rule: events.each-change
        number = len(self._events) + 1
        event = OrderEvent(
            number=number,
            name=name,
            at=at,
            seed=self._seed,
            content=orjson.dumps(streamed(order)),
            execution=execution,
        )
        self._events.append(event)
        return event


def streamed(order: Order) -> dict[str, Any]:
    """An order's JSON as trade updates carry it: with `cancel_requested_at`, two keys fewer."""
    body = order.body(nested=True)
    for key in NOT_STREAMED:
        del body[key]
    body["cancel_requested_at"] = order.cancel_requested_stamp()
    return body


def ulid(at: datetime, *parts: object) -> str:
    """A ULID made from a moment and the parts alone."""
    drawn = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=10).digest()
    number = (at - EPOCH) // timedelta(milliseconds=1) << 80 | int.from_bytes(drawn, "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
