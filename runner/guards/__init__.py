"""The rules an order must pass before it is sent, one a file, each a pure function.

`judge` asks all of them over one fresh reading of the world. An order that only reduces a
position is exempt from all but the list of symbols, so that reducing risk is never trapped by a
bound or by something the broker did not say; the broker's own refusal still counts.
"""

from __future__ import annotations

from runner.guards import (
    account_can_trade,
    asset_tradable,
    listed_symbol,
    max_order_notional,
    max_order_qty,
    max_orders,
    max_run_notional,
    price_collar,
)
from runner.guards.draft import Bounds, Draft, Tally, Verdict
from runner.world import World

ALWAYS = (listed_symbol,)
OPENING = (
    account_can_trade,
    asset_tradable,
    max_orders,
    max_order_qty,
    max_order_notional,
    max_run_notional,
    price_collar,
)

__all__ = ["Bounds", "Draft", "Tally", "Verdict", "judge"]


def judge(draft: Draft, world: World, bounds: Bounds) -> list[Verdict]:
    """Every guard's verdict on one order, in order; the first refusal is what the user reads."""
    verdicts = [guard.judge(draft, world, bounds) for guard in ALWAYS]
    reduces = draft.reduces(world, bounds.expected)
    for guard in OPENING:
        verdict = guard.judge(draft, world, bounds)
        if verdict is not None and reduces:
            verdict = Verdict(guard.NAME, "exempt", "reducing", verdict.values)
        verdicts.append(verdict)
    return [verdict for verdict in verdicts if verdict is not None]
