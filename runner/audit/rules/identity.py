"""One order of the broker for each client order id.

The broker keeps a client order id unique for ever, and a run sends each of its orders under one of
its own; two orders under one id would be the duplicate that this id exists to prevent.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.audit.records import Record, Rule
from runner.audit.rules.recent import Recent
from runner.audit.rules.watch import Orders, Watch


class Identity(Watch):
    """No client order id names two orders."""

    rule = Rule.IDENTITY
    types = ("effect.outcome",)

    def __init__(self) -> None:
        self._order: Recent[str] = Recent()  # by client order id

    @property
    def forgot(self) -> bool:
        return self._order.forgot

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        for order in orders:
            name = order.get("client_order_id")
            if not isinstance(name, str) or not name:
                continue  # the legs of an option spread may have none
            before = self._order.get(name)
            if before is None:
                self._order.set(name, order["id"])
            elif before != order["id"]:
                yield f"client order id {name} names order {order['id']}, and named {before}"
