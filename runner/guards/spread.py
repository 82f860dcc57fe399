"""An order of several legs: each leg is judged, and for money all of them together.

What the legs are worth is the premium of all of them, bought and sold, at the costly side of their
quotes: a bound that needs no model of the risk, and no measure of what a sold option may cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from runner.effects import Json
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
from runner.guards.draft import Draft, Judged, Verdict

EACH = (listed_symbol, asset_tradable, max_order_qty)
TOGETHER = (account_can_trade, max_orders, max_order_notional, max_run_notional)


def judge_spread(draft: Draft, legs: Sequence[Judged]) -> list[Verdict]:
    """The verdicts on a multi-leg order."""
    verdicts = [guard.judge(leg.draft, leg.world, leg.bounds) for leg in legs for guard in EACH]
    worths = [leg.draft.notional(leg.world) for leg in legs]
    known = [worth for worth in worths if worth is not None]
    body: dict[str, Json] = {"notional": f"{sum(known):f}"} if len(known) == len(legs) else {}
    whole = Draft("", "", body)
    newest = legs[-1]
    verdicts += [guard.judge(whole, newest.world, newest.bounds) for guard in TOGETHER]
    verdicts.append(_collar(draft, legs))
    return [verdict for verdict in verdicts if verdict is not None]


def _collar(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """How far a net price is from the net of the quotes, as a part of all that changes hands.

    A debit is positive, a credit negative. A market order is measured from the middle.
    """
    collar = legs[0].bounds.limits.price_collar
    if collar is None:
        return None
    qty = draft.qty
    natural = middle = gross = Decimal(0)
    for leg in legs:
        quote, contracts = leg.world.market, leg.draft.qty
        mid = quote.mid if quote is not None else None
        if quote is None or mid is None or not qty or contracts is None:
            words = f"the price of {leg.draft.symbol} cannot be told: no recent two-sided quote"
            return Verdict(price_collar.NAME, "refuse", words, {"price_collar": f"{collar:f}"})
        ratio = contracts / qty
        buys = leg.draft.side == "buy"
        touch = quote.ask if buys else quote.bid
        natural += (touch or mid) * (ratio if buys else -ratio)
        middle += mid * (ratio if buys else -ratio)
        gross += mid * ratio
    limit = draft.number("limit_price")
    price, anchor = (natural, middle) if limit is None else (limit, natural)
    away = (price - anchor) / gross
    values = {"price": f"{price:f}", "market": f"{anchor:f}", "away": f"{away:.6f}",
              "price_collar": f"{collar:f}"}  # fmt: skip
    words = f"a net of ${price:f} is {away:.2%} of the legs from the market at ${anchor:f}"
    if away > collar:
        return Verdict(price_collar.NAME, "refuse", f"{words}, more than {collar:.2%}", values)
    return Verdict(price_collar.NAME, "pass", f"{words}, within {collar:.2%}", values)
