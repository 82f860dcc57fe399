"""The orders of a run as the views know them: from what is submitted and what is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.report.diagnostics import visible
from runner.report.run_words import order_in_words, order_state
from runner.world import Order

_JUST_WORKING = re.compile(r"\b(pending_new|accepted|new)\b")
"""Statuses that differ for the broker only: going from one to another is not worth a line."""


@dataclass(slots=True)
class SentOrder:
    """One order, as meant and as last read. `unknown` while its arrival is not known."""

    client_order_id: str
    words: str
    order: Order | None = None
    unknown: bool = False
    earlier: set[str] = field(default_factory=set)  # the broker's ids of what it replaced
    parent: SentOrder | None = None  # of a leg

    def take(self, order: Order) -> None:
        """Take a reading; of an order that was replaced only if its successor was rejected."""
        self.unknown = False
        if self.order is not None and order.id != self.order.id:
            if order.id in self.earlier and self.order.status != "rejected":
                return
            self.earlier.add(self.order.id)
        self.order = order

    @property
    def state(self) -> str:
        return order_state(self.order) if self.order is not None else "sending"

    @property
    def held(self) -> bool:
        """Whether it is a leg that waits for its entry: nothing of its own happens to it."""
        held = self.order is not None and self.order.status == "held"
        return held and self.parent is not None

    @property
    def told(self) -> str:
        """What it is, and where it stands."""
        return f"{self.words}: {self.state}"

    @property
    def working(self) -> bool:
        """Whether it may still change."""
        return self.unknown or (self.order is not None and not self.order.terminal)


class SentOrders:
    """All of them, by the client order ids that the run gave; and their legs, by the broker's.

    Orders of others that were read are kept to be named when they are awaited or cancelled.
    """

    def __init__(self) -> None:
        self._by_client_id: dict[str, SentOrder] = {}
        self._legs: dict[str, SentOrder] = {}
        self._others: dict[str, SentOrder] = {}  # by the broker's ids

    def send(self, client_order_id: str, body: Mapping[str, Any]) -> SentOrder:
        """An order that is being submitted."""
        order = SentOrder(client_order_id, order_in_words(body))
        self._by_client_id[client_order_id] = order
        return order

    def get(self, client_order_id: str) -> SentOrder | None:
        """The order that was sent under an id."""
        return self._by_client_id.get(client_order_id)

    def known_as(self, order_id: str) -> SentOrder | None:
        """The order that the broker calls by an id: this run's, a leg, or another that was read."""
        return self._own(order_id) or self._others.get(order_id)

    def _own(self, order_id: str) -> SentOrder | None:
        known = (*self._by_client_id.values(), *self._legs.values())
        return next((one for one in known if one.order and one.order.id == order_id), None)

    def snapshot(self) -> dict[str, str]:
        """Where each of this run's orders stands, legs included, by client order id."""
        known = {**self._by_client_id, **self._legs}
        return {name: news(one.state) for name, one in known.items()}

    def changed_since(self, before: Mapping[str, str]) -> list[SentOrder]:
        """Those that stand otherwise than in an earlier snapshot."""
        known = {**self._by_client_id, **self._legs}
        return [
            one
            for name, one in known.items()
            if news(one.state) != before.get(name) and not (one.held and name not in before)
        ]

    def of(self, client_order_ids: list[str]) -> list[SentOrder]:
        """The orders with these ids that the broker has described."""
        found = (self._by_client_id.get(one) for one in client_order_ids)
        return [one for one in found if one is not None and one.order is not None]

    @property
    def any_working(self) -> bool:
        return any(one.working for one in self._by_client_id.values())

    def fold(self, data: Mapping[str, Any]) -> None:
        """Take what was read: an order object, or several as `orders`."""
        for reading in orders_in(data):
            known = self._take(reading)
            for leg in _rows(reading.get("legs")):
                name = str(leg.get("client_order_id"))
                if known is not None and name not in self._legs and not leg.get("replaces"):
                    self._legs[name] = SentOrder(name, order_in_words(leg), parent=known)
                self._take(leg)
        for reading in _rows(data.get("open_orders")):
            self._meet(Order.read(reading), reading)

    def _take(self, reading: Mapping[str, Any]) -> SentOrder | None:
        """Take what was read of one order; the order, if it is one of these or a leg."""
        order = Order.read(reading)
        name = order.client_order_id
        known = self._by_client_id.get(name) or self._legs.get(name)
        if known is None:
            known = self._own(order.id) or self._own(order.replaces or "")
        if known is not None:
            known.take(order)
        else:
            self._meet(order, reading)
        return known

    def _meet(self, order: Order, reading: Mapping[str, Any]) -> None:
        """Keep what was read of an order of others."""
        if order.id and self._own(order.id) is None:
            words = order_in_words(reading)
            self._others[order.id] = SentOrder(order.client_order_id, words, order)

    def states(self, order_ids: Sequence[str], *, named: bool = False) -> str:
        """Where orders stand, in one line; one of this run alone is not named unless asked.

        Legs that wait for their entry are not told one by one: their entry is.
        """
        if len(order_ids) == 1 and not named:
            alone = self._own(order_ids[0])
            if alone is not None and not alone.held:
                return alone.state
        told = []
        for order_id in order_ids:
            known = self.known_as(order_id)
            if known is None:
                told.append(f"order {visible(order_id)}")
            elif known.held and known.parent is not None:
                ended = not known.parent.working
                told.append(known.parent.told + (", its exits not yet" if ended else ""))
            else:
                told.append(known.told)
        return "; ".join(dict.fromkeys(told))


def news(state: str) -> str:
    """A state with what differs for the broker only made equal."""
    return _JUST_WORKING.sub("working", state)


def orders_in(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The orders that were read: the object itself, or those under `orders`."""
    if "client_order_id" in data:
        return [data]
    found = data.get("orders")
    return _rows(list(found.values()) if isinstance(found, Mapping) else found)


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
