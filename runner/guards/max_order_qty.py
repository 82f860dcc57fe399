"""The most shares one order may be for."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "max_order_qty"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    most = bounds.limits.max_order_qty
    if most is None:
        return None
    shares = draft.shares(world)
    if shares is None:
        words = "how many shares the order is for cannot be told: no recent quote"
        return Verdict(NAME, "refuse", words, {"max_order_qty": f"{most:f}"})
    values = {"shares": f"{shares:f}", "max_order_qty": f"{most:f}"}
    if shares > most:
        return Verdict(NAME, "refuse", f"{shares:f} shares are more than {most:f}", values)
    return Verdict(NAME, "pass", f"{shares:f} of at most {most:f} shares", values)
