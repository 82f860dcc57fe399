"""Orders that are done, on disk: found by id, by client id, and in the order of their serials."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any, cast

from runner.sim.archive import Database
from runner.sim.assets import Asset
from runner.sim.orders import Order
from runner.sim.tickets import Ticket

# A group is kept whole, with its first order; its legs only say where.
SCHEMA = """
CREATE TABLE orders (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client_order_id TEXT NOT NULL UNIQUE,
    top INTEGER NOT NULL,
    family BLOB
)
"""
PAGE = 200


class OrderArchive:
    """Groups of orders of which every member is done; an order alone is a group of one."""

    def __init__(self) -> None:
        self._database = Database(SCHEMA)
        self._assets: dict[str, Asset] = {}

    def put(self, families: Iterable[list[Order]]) -> None:
        """Takes in groups, each with its first order at the front."""
        rows = []
        for family in families:
            top = family[0]
            for order in family:
                data = self._packed(family) if order is top else None
                rows.append((order.serial, order.id, order.client_order_id, top.serial, data))
        self._database.insert("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)

    def by_id(self, order_id: str) -> Order | None:
        """The order of an id."""
        return self._one("SELECT serial, top FROM orders WHERE id = ?", order_id)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """The order that a client id was spent on."""
        query = "SELECT serial, top FROM orders WHERE client_order_id = ?"
        return self._one(query, client_order_id)

    def newest_first(self) -> Iterator[Order]:
        """Every order, from the last serial to the first."""
        return self._walk("SELECT serial, top FROM orders WHERE serial < ? ORDER BY serial DESC")

    def oldest_first(self) -> Iterator[Order]:
        """Every order, from the first serial to the last."""
        return self._walk("SELECT serial, top FROM orders WHERE serial > ? ORDER BY serial")

    def _walk(self, query: str) -> Iterator[Order]:
        last = 1 << 62 if "DESC" in query else 0
        while True:
            rows = self._database.sql.execute(f"{query} LIMIT {PAGE}", (last,)).fetchall()
            if not rows:
                return
            for last, top in rows:
                yield self._unpacked(last, top)

    def _one(self, query: str, key: str) -> Order | None:
        row = self._database.sql.execute(query, (key,)).fetchone()
        return None if row is None else self._unpacked(*row)

    # ------------------------------------------------------------------ bytes

    def _packed(self, family: list[Order]) -> bytes:
        stream = io.BytesIO()
        pickler = pickle.Pickler(stream, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = REDUCED
        for order in family:
            self._assets[order.asset.symbol] = order.asset
        pickler.dump(family)
        return stream.getvalue()

    def _unpacked(self, serial: int, top: int) -> Order:
        query = "SELECT family FROM orders WHERE serial = ?"
        (data,) = self._database.sql.execute(query, (top,)).fetchone()
        family: list[Order] = pickle.loads(data)
        for order in family:
            order.asset = self._assets[cast(str, order.asset)]
        return next(order for order in family if order.serial == serial)


# Pickle asks a frozen dataclass for its fields anew each time, which takes longer than all the
# rest; and an asset is named, not copied, because there are few of them.

ORDER_FIELDS = tuple(field.name for field in fields(Order))
ORDER_VALUES = attrgetter(*ORDER_FIELDS)
TICKET_VALUES = attrgetter(*(field.name for field in fields(Ticket)))


def _reduced_order(order: Order) -> tuple[Any, ...]:
    state = dict(zip(ORDER_FIELDS, ORDER_VALUES(order), strict=True))
    state["asset"], state["fixed"] = order.asset.symbol, None
    return object.__new__, (Order,), (None, state)


def _reduced_ticket(ticket: Ticket) -> tuple[Any, ...]:
    return Ticket, TICKET_VALUES(ticket)


REDUCED: dict[type, Any] = {Order: _reduced_order, Ticket: _reduced_ticket}
