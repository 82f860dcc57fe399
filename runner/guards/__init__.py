"""The rules an order must pass before it is sent, one a file, each a pure function.

`judge` asks all of them over one fresh reading of the world. An order that only reduces a
position is exempt from all but the list of symbols, so that reducing risk is never trapped by a
bound or by something the broker did not say; the broker's own refusal still counts.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from runner.guards.draft import Bounds, Draft, Judged, Tally, Verdict
from runner.guards.spread import judge_spread

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

__all__ = ["Bounds", "Draft", "Judged", "Tally", "Verdict", "judge"]


def judge(draft: Draft, parts: Sequence[Judged]) -> list[Verdict]:
    """Every guard's verdict on one order, in order; the first refusal is what the user reads.

    `parts` is the order itself, or each leg of one that has legs.
    """
    if draft.legs:
        verdicts = judge_spread(draft, parts)
    else:
        one = parts[0]
        asked = [guard.judge(one.draft, one.world, one.bounds) for guard in (*ALWAYS, *OPENING)]
        verdicts = [verdict for verdict in asked if verdict is not None]
    if not all(part.reduces for part in parts):
        return verdicts
    always = {guard.NAME for guard in ALWAYS}
    return [
        verdict
        if verdict.guard in always
        else Verdict(verdict.guard, "exempt", "reducing", verdict.values)
        for verdict in verdicts
    ]
