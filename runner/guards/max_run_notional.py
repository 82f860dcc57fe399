"""The most dollars all opening orders of one run may be worth together."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "max_run_notional"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    most = bounds.limits.max_run_notional
    if most is None:
        return None
    worth = draft.notional(world)
    if worth is None:
        return Verdict(NAME, "refuse", "what the order is worth cannot be told: no recent quote",
                       {"max_run_notional": f"{most:f}"})  # fmt: skip
    total = bounds.tally.notional + worth
    values = {"sent": f"{bounds.tally.notional:f}", "notional": f"{worth:f}",
              "max_run_notional": f"{most:f}"}  # fmt: skip
    if total > most:
        return Verdict(NAME, "refuse", f"the run's orders would be worth about ${total:,.2f}, more "
                       f"than ${most:,.2f}", values)  # fmt: skip
    return Verdict(NAME, "pass", f"about ${total:,.2f} of at most ${most:,.2f}", values)
