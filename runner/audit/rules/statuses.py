"""An order that has ended does not come back, and one at work is not new again.

Only statuses that are known are judged: the broker may add one at any time (facts of Alpaca's API,
0.7), and what it does around the closing bell or while an order is being changed or cancelled is
not promised. A fill while a cancel is under way is legal: pending_cancel may become filled. Source:
Alpaca docs, "Orders at Alpaca: Order lifecycle", 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.audit.records import Record, Rule
from runner.audit.rules.recent import Recent
from runner.audit.rules.watch import Orders, Watch

ENDS = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
"""Statuses that an order keeps for ever."""

KNOWN = ENDS | {
    "new",
    "accepted",
    "pending_new",
    "accepted_for_bidding",
    "partially_filled",
    "done_for_day",
    "pending_cancel",
    "pending_replace",
    "held",
    "stopped",
    "suspended",
    "calculated",
}

_BEFORE_WORK = frozenset({"pending_new", "accepted", "held"})

ILLEGAL = {end: KNOWN - {end} for end in ENDS} | {
    "partially_filled": _BEFORE_WORK,
    "new": frozenset({"pending_new"}),
}
"""What a status never becomes."""


class Statuses(Watch):
    """The statuses of an order follow one another as the broker's life-cycle has them."""

    rule = Rule.STATUS
    types = ("effect.outcome",)

    def __init__(self) -> None:
        self._status: Recent[str] = Recent()

    @property
    def forgot(self) -> bool:
        return self._status.forgot

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        seen: dict[str, str] = {}
        for order in orders:
            order_id, status = order["id"], order["status"]
            before = self._status.get(order_id)
            if before is not None and status in ILLEGAL.get(before, ()):
                yield f"order {order_id} is {status}, after it was {before}"
            # Within one outcome the order of reading is not recorded: an end counts most.
            if seen.get(order_id) not in ENDS and isinstance(status, str):
                seen[order_id] = status
        for order_id, status in seen.items():
            if self._status.get(order_id) not in ENDS:
                self._status.set(order_id, status)
