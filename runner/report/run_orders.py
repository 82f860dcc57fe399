"""The orders of a run as the views know them: from what is submitted and what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.report.run_words import order_in_words, order_state
from runner.world import Order


@dataclass(slots=True)
class SentOrder:
    """One order, as meant and as last read. `unknown` while its arrival is not known."""

    client_order_id: str
    words: str
    order: Order | None = None
    unknown: bool = False

    @property
    def state(self) -> str:
        return order_state(self.order) if self.order is not None else "sending"

    @property
    def working(self) -> bool:
        """Whether it may still change."""
        return self.unknown or (self.order is not None and not self.order.terminal)


class SentOrders:
    """All of them, by the client order ids that the run gave."""

    def __init__(self) -> None:
        self._by_client_id: dict[str, SentOrder] = {}

    def send(self, client_order_id: str, body: Mapping[str, Any]) -> SentOrder:
        """An order that is being submitted."""
        order = SentOrder(client_order_id, order_in_words(body))
        self._by_client_id[client_order_id] = order
        return order

    def get(self, client_order_id: str) -> SentOrder | None:
        """The order that was sent under an id."""
        return self._by_client_id.get(client_order_id)

    def known_as(self, order_id: str) -> SentOrder | None:
        """The order that the broker calls by an id."""
        found = (one for one in self._by_client_id.values() if one.order)
        return next((one for one in found if one.order and one.order.id == order_id), None)

    def of(self, client_order_ids: list[str]) -> list[SentOrder]:
        """The orders with these ids that the broker has described."""
        found = (self._by_client_id.get(one) for one in client_order_ids)
        return [one for one in found if one is not None and one.order is not None]

    @property
    def any_working(self) -> bool:
        return any(one.working for one in self._by_client_id.values())

    def fold(self, data: Mapping[str, Any]) -> None:
        """Take what was read: an order object, or several as `orders`."""
        for reading in _objects(data):
            order = Order.read(reading)
            known = self.get(order.client_order_id)
            if known is None and order.replaces:
                known = self.known_as(order.replaces)
            if known is not None:
                known.order, known.unknown = order, False

    def states(self, order_ids: tuple[str, ...]) -> str:
        """Where awaited orders stand, in one line."""
        known = [one for one in map(self.known_as, order_ids) if one is not None]
        if len(order_ids) == 1:
            return known[0].state if known else "an order"
        return "; ".join(f"{one.words}: {one.state}" for one in known)


def _objects(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "client_order_id" in data:
        return [data]
    found = data.get("orders")
    rows = list(found.values()) if isinstance(found, Mapping) else found
    return [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []
