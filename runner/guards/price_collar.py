"""How far from the market an order may pay up or sell down.

A limit is measured against the opposite quote, the limit of a stop-limit against its stop. A
market order has no price of its own: the quote it would take is measured against the middle, so a
wide or one-sided market refuses it. A stop order's price is decided when it triggers.
"""

from __future__ import annotations

from decimal import Decimal

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "price_collar"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    collar = bounds.limits.price_collar
    if collar is None:
        return None
    if draft.type in ("stop", "trailing_stop"):
        return Verdict(NAME, "pass", "a stop's price is decided when it triggers")
    price, anchor = _price_and_anchor(draft, world)
    if price is None or anchor is None:
        words = "the market's price cannot be told: the quote is missing, old or one-sided"
        return Verdict(NAME, "refuse", words, {"price_collar": f"{collar:f}"})
    away = (price - anchor if draft.side == "buy" else anchor - price) / anchor
    values = {"price": f"{price:f}", "market": f"{anchor:f}", "away": f"{away:.6f}",
              "price_collar": f"{collar:f}"}  # fmt: skip
    words = f"${price:f} is {away:.2%} from the market at ${anchor:f}"
    if away > collar:
        return Verdict(NAME, "refuse", f"{words}, more than {collar:.2%}", values)
    return Verdict(NAME, "pass", f"{words}, within {collar:.2%}", values)


def _price_and_anchor(draft: Draft, world: World) -> tuple[Decimal | None, Decimal | None]:
    limit = draft.number("limit_price")
    if draft.type == "stop_limit":
        return limit, draft.number("stop_price")
    quote = world.market
    if quote is None:
        return None, None
    touch = quote.ask if draft.side == "buy" else quote.bid
    return (limit, touch) if limit is not None else (touch, quote.mid)
