"""The rules an order must pass before it is sent, one a file, each a pure function.

`judge` asks all of them over one fresh reading of the world. An order that only reduces a
position is exempt from all but a few, so that reducing risk is never trapped by a bound or by
something the broker did not say; the broker's own refusal still counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.guards import (
    account_can_trade,
    allowed_side,
    asset_flags,
    asset_tradable,
    auction_cutoff,
    bracket_geometry,
    buying_power,
    clock_skew,
    day_trades,
    duplicates,
    fractional,
    listed_symbol,
    max_day_notional,
    max_day_orders,
    max_gross_exposure,
    max_order_notional,
    max_order_qty,
    max_orders,
    max_orders_per_minute,
    max_position_notional,
    max_position_qty,
    max_run_notional,
    max_spread,
    no_crossing_zero,
    options_level,
    order_terms,
    price_collar,
    price_increment,
    repeated_execution,
    shorting,
    smallest_order,
    spread,
    stop_distance,
    wash_trade,
)
from runner.guards.draft import Bounds, Draft, Foreseen, Judged, Tally, Verdict
from runner.guards.guard import Guard, Scope
from runner.guards.past import PastOrder
from runner.guards.rules import BUILT_IN, Policy, Rules

GUARDS: tuple[Guard, ...] = (
    listed_symbol.GUARD,
    allowed_side.GUARD,
    clock_skew.GUARD,
    account_can_trade.GUARD,
    asset_tradable.GUARD,
    asset_flags.GUARD,
    order_terms.GUARD,
    auction_cutoff.GUARD,
    price_increment.GUARD,
    fractional.GUARD,
    smallest_order.GUARD,
    bracket_geometry.GUARD,
    no_crossing_zero.GUARD,
    shorting.GUARD,
    options_level.GUARD,
    wash_trade.GUARD,
    day_trades.GUARD,
    max_orders.GUARD,
    max_orders_per_minute.GUARD,
    max_day_orders.GUARD,
    repeated_execution.GUARD,
    duplicates.GUARD,
    max_order_qty.GUARD,
    max_order_notional.GUARD,
    max_run_notional.GUARD,
    max_day_notional.GUARD,
    max_position_qty.GUARD,
    max_position_notional.GUARD,
    max_gross_exposure.GUARD,
    price_collar.GUARD,
    stop_distance.GUARD,
    max_spread.GUARD,
    buying_power.GUARD,
)
"""Every guard, in the order in which they are asked."""

__all__ = [
    "BUILT_IN",
    "GUARDS",
    "Bounds",
    "Draft",
    "Foreseen",
    "Guard",
    "Judged",
    "PastOrder",
    "Policy",
    "Rules",
    "Tally",
    "Verdict",
    "judge",
]


def judge(draft: Draft, parts: Sequence[Judged]) -> list[Verdict]:
    """Every guard's verdict on one order, in order; the first refusal is what the user reads.

    `parts` is the order itself, or each leg of one that has legs. A guard that is turned off says
    so. An order that only reduces is exempt where the guard lets it be; that is said too.
    """
    rules = parts[0].bounds.rules
    reduces = all(part.reduces for part in parts)
    verdicts = []
    for guard in GUARDS:
        reason = rules.off.get(guard.code)
        if reason is not None:
            verdicts.append(Verdict(guard.code, "off", f"turned off by the policy: {reason}"))
            continue
        for verdict in _asked(guard, draft, parts):
            exempt = reduces and not guard.always
            verdicts.append(
                Verdict(guard.code, "exempt", "reducing", verdict.values) if exempt else verdict
            )
    return verdicts


def _asked(guard: Guard, draft: Draft, parts: Sequence[Judged]) -> list[Verdict]:
    if not draft.legs:
        verdict = guard.judge(parts[0])
        return [] if verdict is None else [verdict]
    if guard.judge_legs is not None:
        asked = [guard.judge_legs(draft, parts)]
    elif guard.scope is Scope.EACH:
        asked = [guard.judge(part) for part in parts]
    elif guard.scope is Scope.WHOLE:
        asked = [guard.judge(spread.as_one(parts))]
    else:
        asked = []
    return [verdict for verdict in asked if verdict is not None]
