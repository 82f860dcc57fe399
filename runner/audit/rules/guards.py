"""No order that opens risk leaves before every guard has let it pass.

The machine reads the world, has every guard judge the order, and sends it, with nothing in between
that takes time: so the verdicts stand right before the intent, in the same step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.audit.records import Record, Rule
from runner.audit.rules.watch import Orders, Watch

SENDING = ("submit", "replace")


class Guarded(Watch):
    """Verdicts stand between an order that opens risk and whatever was done before, none refused
    and none given to another kind of order."""

    rule = Rule.GUARD
    types = ("guard", "effect.intent")

    def __init__(self) -> None:
        self._step: str | None = None
        self._verdicts: set[str] = set()  # in this step, since the last intent

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        if record.step != self._step:
            self._step = record.step
            self._verdicts.clear()
        if record.type == "guard":
            self._verdicts.add(record.data["verdict"])
            return
        effect = record.data["effect"]
        if effect["effect"] in SENDING and effect.get("opens", True) is not False:
            yield from self._judge(effect)
        self._verdicts.clear()

    def _judge(self, effect: dict[str, Any]) -> Iterator[str]:
        order = f"order {effect.get('client_order_id')} may open risk, and"
        if "refuse" in self._verdicts:
            yield f"{order} a guard had refused it"
        elif "exempt" in self._verdicts:
            yield f"{order} its guards let it pass as one that only reduces a position"
        elif not self._verdicts & {"pass", "warn"}:
            yield f"{order} no guard had let it pass"
