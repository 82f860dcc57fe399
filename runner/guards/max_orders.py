"""How many orders that open risk one run may send."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "max_orders"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    most = bounds.limits.max_orders
    if most is None:
        return None
    sent = bounds.tally.orders
    values = {"sent": str(sent), "max_orders": f"{most:f}"}
    if sent + 1 > most:
        return Verdict(
            NAME, "refuse", f"this would be order {sent + 1} of at most {most:f}", values
        )
    return Verdict(NAME, "pass", f"order {sent + 1} of at most {most:f}", values)
