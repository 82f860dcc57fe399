"""What an order has filled never becomes less, and a result counts no more than was filled."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from runner.audit.records import Record, Rule
from runner.audit.rules.broker_orders import quantity
from runner.audit.rules.recent import Recent
from runner.audit.rules.watch import Orders, Watch

ZERO = Decimal(0)


class Fills(Watch):
    """What an order has filled never becomes less, and the result counts no more of it."""

    rule = Rule.FILLS
    types = ("effect.outcome", "run.finished")

    def __init__(self) -> None:
        self._filled: Recent[Decimal] = Recent()  # by order
        self._named: Recent[frozenset[str]] = Recent()  # orders by client order id
        self._untold: Recent[bool] = Recent()  # orders shown without how much was filled

    @property
    def forgot(self) -> bool:
        return self._filled.forgot

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        if record.type == "run.finished":
            yield from self._counted_twice(record.data["result"])
        seen: dict[str, Decimal] = {}
        for order in orders:
            self._name(str(order.get("client_order_id")), order["id"])
            told = order.get("filled_qty")
            if not isinstance(told, str):
                self._untold.set(order["id"], True)
                continue
            filled = quantity(told)
            if filled is None:
                yield f"order {order['id']}: filled_qty {told!r} is not a number"
                continue
            before = self._filled.get(order["id"]) or ZERO
            if filled < before:
                yield f"order {order['id']}: {filled} filled, after {before} were"
            # Within one outcome the order of reading is not recorded: only the most counts.
            seen[order["id"]] = max(filled, before, seen.get(order["id"], before))
        for order_id, filled in seen.items():
            self._filled.set(order_id, filled)

    def _name(self, client_order_id: str, order_id: str) -> None:
        known = self._named.get(client_order_id) or frozenset()
        if order_id not in known:
            self._named.set(client_order_id, known | {order_id})

    def _counted_twice(self, result: dict[str, Any]) -> Iterator[str]:
        """Orders of which the result counts more than the broker said, those included that they
        replaced."""
        for order in result.get("orders") or []:
            names = [order.get("client_order_id"), *(order.get("replaces") or [])]
            ids = {one for name in names for one in self._named.get(str(name)) or ()}
            said = sum((self._filled.get(one) or ZERO for one in ids), ZERO)
            counted = quantity(str(order.get("filled_qty")))
            told = not any(self._untold.get(one) for one in ids)
            if ids and told and counted is not None and counted > said:
                yield f"the result counts {counted} of order {names[0]} as filled; {said} were"
