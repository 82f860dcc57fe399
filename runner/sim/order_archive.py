"""Orders that are done, on disk: found by id, by client id, and in the order of their serials."""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast

from runner.sim.archive import DECODED, Database
from runner.sim.assets import Asset
from runner.sim.orders import Order
from runner.sim.tickets import Ticket

# Orders that were put away together are one batch: packed together they take a tenth of the room.
SCHEMA = """
CREATE TABLE batches (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE orders (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client_order_id TEXT NOT NULL UNIQUE,
    batch INTEGER NOT NULL
);
"""
PAGE = 200


class OrderArchive:
    """Groups of orders of which every member is done; an order alone is a group of one."""

    def __init__(self) -> None:
        self._database = Database(SCHEMA)
        self._assets: dict[str, Asset] = {}
        self._batches = 0
        self._decoded = lru_cache(maxsize=DECODED)(self._unpacked)

    def put(self, orders: list[Order]) -> None:
        """Takes in orders that are done, no group without one of its members."""
        self._batches += 1
        data = [(self._batches, self._packed(orders))]
        rows = [(order.serial, order.id, order.client_order_id, self._batches) for order in orders]
        self._database.insert("INSERT INTO batches VALUES (?, ?)", data)
        self._database.insert("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)

    def by_id(self, order_id: str) -> Order | None:
        """The order of an id."""
        return self._one("SELECT serial, batch FROM orders WHERE id = ?", order_id)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """The order that a client id was spent on."""
        query = "SELECT serial, batch FROM orders WHERE client_order_id = ?"
        return self._one(query, client_order_id)

    def newest_first(self) -> Iterator[Order]:
        """Every order, from the last serial to the first."""
        return self._walk("SELECT serial, batch FROM orders WHERE serial < ? ORDER BY serial DESC")

    def oldest_first(self) -> Iterator[Order]:
        """Every order, from the first serial to the last."""
        return self._walk("SELECT serial, batch FROM orders WHERE serial > ? ORDER BY serial")

    def _walk(self, query: str) -> Iterator[Order]:
        last = 1 << 62 if "DESC" in query else 0
        while True:
            rows = self._database.sql.execute(f"{query} LIMIT {PAGE}", (last,)).fetchall()
            if not rows:
                return
            for last, batch in rows:
                yield self._decoded(batch)[last]

    def _one(self, query: str, key: str) -> Order | None:
        row = self._database.sql.execute(query, (key,)).fetchone()
        if row is None:
            return None
        serial, batch = row
        return self._decoded(batch)[serial]

    # ------------------------------------------------------------------ bytes

    def _packed(self, orders: list[Order]) -> bytes:
        stream = io.BytesIO()
        pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = REDUCED
        for order in orders:
            self._assets[order.asset.symbol] = order.asset
        pickler.dump(orders)
        return zlib.compress(stream.getvalue(), 1)

    def _unpacked(self, batch: int) -> dict[int, Order]:
        """The orders of a batch, by serial."""
        query = "SELECT data FROM batches WHERE number = ?"
        (data,) = self._database.sql.execute(query, (batch,)).fetchone()
        orders: list[Order] = pickle.loads(zlib.decompress(data))
        for order in orders:
            order.asset = self._assets[cast(str, order.asset)]
        return {order.serial: order for order in orders}


# Pickle asks a frozen dataclass for its fields anew each time, which takes longer than all the
# rest; and an asset is named, not copied, because there are few of them.

KEPT_AS_THEY_ARE = [f.name for f in fields(Order) if f.name not in ("asset", "written")]
ORDER_NAMES = ("asset", *KEPT_AS_THEY_ARE)
ORDER_VALUES = attrgetter(*KEPT_AS_THEY_ARE)
TICKET_VALUES = attrgetter(*(field.name for field in fields(Ticket)))


def _reduced_order(order: Order) -> tuple[Any, ...]:
    values = (order.asset.symbol, *ORDER_VALUES(order))
    return object.__new__, (Order,), values, None, None, _set_values


def _set_values(order: Order, values: tuple[Any, ...]) -> None:
    order.written = None
    for name, value in zip(ORDER_NAMES, values, strict=True):
        setattr(order, name, value)


def _reduced_ticket(ticket: Ticket) -> tuple[Any, ...]:
    return Ticket, TICKET_VALUES(ticket)


REDUCED: dict[type, Any] = {Order: _reduced_order, Ticket: _reduced_ticket}
