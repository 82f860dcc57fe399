"""What is due when: the steps of open orders in the order in which they happen."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from runner.sim.matching import Step
from runner.sim.orders import Order


class Due(NamedTuple):
    """One step of one order."""

    at: datetime
    step: Step
    serial: int
    order_id: str


class Agenda:
    """A queue of steps, and the orders that expire at each moment.

    Steps of orders that became terminal meanwhile stay in the queue; whoever takes one asks the
    book whether the order is still open.
    """

    def __init__(self) -> None:
        self._steps: list[Due] = []
        self._expiries: dict[datetime, dict[str, None]] = {}
        self._expiry_heap: list[datetime] = []

    def add(self, order: Order, at: datetime, step: Step) -> None:
        """Puts a step of an order on the agenda."""
        heapq.heappush(self._steps, Due(at, step, order.serial, order.id))

    def first(self) -> Due | None:
        """The next step, which stays on the agenda."""
        return self._steps[0] if self._steps else None

    def take(self) -> Due:
        """The next step, taken off the agenda."""
        return heapq.heappop(self._steps)

    def drop(self, concerns: Callable[[Due], bool]) -> list[Due]:
        """Takes the steps off for which `concerns` is true, and gives them in order of time."""
        dropped = [due for due in self._steps if concerns(due)]
        self._steps = [due for due in self._steps if not concerns(due)]
        heapq.heapify(self._steps)
        return sorted(dropped)

    def expire(self, order: Order) -> None:
        """Notes when an order expires."""
        at = order.expires_at
        if at not in self._expiries:
            self._expiries[at] = {}
            heapq.heappush(self._expiry_heap, at)
        self._expiries[at][order.id] = None

    def forget(self, order: Order) -> None:
        """Takes a terminal order off the expiries."""
        self._expiries.get(order.expires_at, {}).pop(order.id, None)

    def first_expiry(self) -> datetime | None:
        """The next moment at which an open order expires."""
        while self._expiry_heap and not self._expiries[self._expiry_heap[0]]:
            del self._expiries[heapq.heappop(self._expiry_heap)]
        return self._expiry_heap[0] if self._expiry_heap else None

    def take_expired(self) -> list[str]:
        """The orders of the next expiry, taken off the agenda."""
        return list(self._expiries.pop(heapq.heappop(self._expiry_heap)))
