"""The book of all orders ever accepted, the open ones at hand by symbol and side."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from decimal import Decimal

from runner.sim.order_archive import OrderArchive
from runner.sim.orders import Order
from runner.sim.wire import ZERO

KEPT = 4_000  # groups
BATCH = 200


class OrderBook:
    """Every order ever accepted, the open ones at hand by symbol and side.

    What is terminal is only ever read by id, by client id or in a listing, all of which go through
    this class: the last `kept` groups that are done stay in memory, earlier ones are on disk.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._count = 0
        self._done: dict[str, Order] = {}  # by id: the first orders of groups that are done
        self._left: dict[str, list[Order]] = {}  # by the first order: who is no longer a leg of it
        self._archive: OrderArchive | None = None
        self._orders: dict[str, Order] = {}
        self._by_client_id: dict[str, str] = {}
        self._open: dict[str, Order] = {}
        self._working: dict[tuple[str, str], dict[str, Order]] = {}
        self._held: dict[tuple[str, str], Decimal] = {}
        self._options: dict[str, Order] = {}
        self.reserved = ZERO  # buying power set aside by all open orders, dollars

    def __len__(self) -> int:
        return self._count

    def add(self, order: Order) -> None:
        """Takes in a new open order, with what it reserves and holds."""
        key = (order.asset.symbol, order.ticket.side)
        self._count += 1
        self._orders[order.id] = order
        self._by_client_id[order.client_order_id] = order.id
        self._open[order.id] = order
        self._working.setdefault(key, {})[order.id] = order
        if order.asset.contract is not None:
            self._options[order.id] = order
        self._held[key] = self._held.get(key, ZERO) + order.held
        self.reserved += order.reserved

    def set_aside(self, order: Order, reserved: Decimal, held: Decimal) -> None:
        """Changes what an open order reserves (dollars) and holds (shares)."""
        self.reserved += reserved - order.reserved
        self._held[order.asset.symbol, order.ticket.side] += held - order.held
        order.reserved, order.held = reserved, held

    def retire(self, order: Order) -> None:
        """Takes an order that became terminal out of the open ones and releases its holds."""
        self.set_aside(order, ZERO, ZERO)
        del self._open[order.id]
        self._options.pop(order.id, None)
        del self._working[order.asset.symbol, order.ticket.side][order.id]
        top = order.parent
        if top is not None and (order.status == "replaced" or order not in top.legs):
            self._left.setdefault(top.id, []).append(order)
            return
        top = top or order
        if order.status != "replaced" and any(member.open for member in top.family()):
            return
        self._done[top.id] = top
        if len(self._done) >= self._kept + BATCH:
            self._put_away()

    def _put_away(self) -> None:
        """Moves the groups that were done first to disk."""
        if self._archive is None:
            self._archive = OrderArchive()
        tops = list(self._done.values())[:BATCH]
        orders = [order for top in tops for order in (*top.family(), *self._left.pop(top.id, ()))]
        self._archive.put(orders)
        for top in tops:
            del self._done[top.id]
        for order in orders:
            del self._orders[order.id]
            del self._by_client_id[order.client_order_id]

    def held(self, symbol: str, side: str) -> Decimal:
        """Shares that open orders of one side still have to trade."""
        return self._held.get((symbol, side), ZERO)

    def working(self, symbol: str, side: str) -> list[Order]:
        """Open orders of one symbol and side, oldest first."""
        return list(self._working.get((symbol, side), {}).values())

    def open_option_orders(self) -> list[Order]:
        """Open orders in option contracts, oldest first."""
        return list(self._options.values())

    def find(self, order_id: str) -> Order | None:
        """The order of an id, open or not."""
        found = self._orders.get(order_id)
        if found is None and self._archive is not None:
            found = self._archive.by_id(order_id)
        return found

    def find_open(self, order_id: str) -> Order | None:
        """The open order of an id."""
        return self._open.get(order_id)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """The order that a client id was spent on."""
        order_id = self._by_client_id.get(client_order_id)
        if order_id is not None:
            return self._orders[order_id]
        return None if self._archive is None else self._archive.by_client_id(client_order_id)

    def open_orders(self) -> list[Order]:
        """Open orders, oldest first."""
        return list(self._open.values())

    def newest_first(self, *, only_open: bool = False) -> Iterator[Order]:
        """Orders from the last accepted to the first."""
        recent = reversed((self._open if only_open else self._orders).values())
        if only_open or self._archive is None:
            return recent
        return heapq.merge(recent, self._archive.newest_first(), key=_serial, reverse=True)

    def oldest_first(self, *, only_open: bool = False) -> Iterator[Order]:
        """Orders from the first accepted to the last."""
        recent = iter((self._open if only_open else self._orders).values())
        if only_open or self._archive is None:
            return recent
        return heapq.merge(recent, self._archive.oldest_first(), key=_serial)


def _serial(order: Order) -> int:
    return order.serial
