"""The most dollars one order may be worth."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "max_order_notional"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    most = bounds.limits.max_order_notional
    if most is None:
        return None
    worth = draft.notional(world)
    if worth is None:
        return Verdict(NAME, "refuse", "what the order is worth cannot be told: no recent quote",
                       {"max_order_notional": f"{most:f}"})  # fmt: skip
    values = {"notional": f"{worth:f}", "max_order_notional": f"{most:f}"}
    if worth > most:
        return Verdict(NAME, "refuse", f"about ${worth:,.2f} is more than ${most:,.2f}", values)
    return Verdict(NAME, "pass", f"about ${worth:,.2f} of at most ${most:,.2f}", values)
