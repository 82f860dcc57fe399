"""The account's buying power must cover the order, and the opening orders of the steps to come.

Which number that is depends on what is traded: options have their own, crypto and shares that
cannot be bought on margin take `non_marginable_buying_power`, all else `buying_power`. A buy costs
its limit, without one the ask and 4% (facts page 2.4); a short sale the higher of its limit and 3%
above the ask; a sold put its strike in cash; a sold call nothing, because shares must cover it;
several legs what they can lose together.

Of the steps to come those count that stand before the next one that may give buying power back: a
sale, a close, a cancel. What cannot be told of them is said, and judged when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from runner.guards import spread
from runner.guards.draft import CONTRACT, Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard
from runner.world import World, is_option, same_symbol

CODE = "buying_power"
ZERO = Decimal(0)

SHORT = Decimal("1.03")
"""What a short sale is reckoned at, as a part of the ask (facts page 2.4)."""


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that is not covered, or of which that cannot be told."""
    return _covered(one, cost(one.draft, one.world))


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """The same of an order of several legs: what they can lose together must be covered."""
    return _covered(replace(legs[0], draft=draft), spread.most_it_can_lose(draft, legs))


def _covered(one: Judged, costs: Decimal | None) -> Verdict:
    field = power_field(one)
    power = getattr(one.world.account, field)
    if power is None:
        return refuse(CODE, f"the broker does not say the account's {field}", **{field: power})
    if costs is None:
        words = "what the order needs cannot be told: a price is missing, or its loss has no bound"
        return refuse(CODE, words, **{field: power})
    later, untold = _later(one, field)
    freed = _freed(one)
    needed = max(costs - freed, ZERO) + later
    values = {"cost": costs, "freed": freed, "later": later, "later_untold": untold, field: power}
    words = f"about ${needed:,.2f} of ${power:,.2f} {field}"
    if later:
        words += f", ${later:,.2f} of it for later steps"
    if untold:
        words += f"; what {untold} later steps need cannot be told yet"
    if needed > power:
        return refuse(CODE, f"{words}: not enough", **values)
    return let_pass(CODE, words, **values)


def power_field(one: Judged) -> str:
    """The field of the account that an order in this symbol is measured by."""
    symbol, asset = one.draft.symbol, one.world.asset
    if one.draft.legs or is_option(symbol):
        return "options_buying_power"
    if "/" in symbol or asset is None or not asset.marginable:
        return "non_marginable_buying_power"
    return "buying_power"


def cost(draft: Draft, world: World) -> Decimal | None:
    """Dollars of buying power that an order that opens risk takes; None when it is not known."""
    if draft.side == "buy":
        return draft.notional(world)
    contract = spread.contract_of(draft.symbol)
    qty = draft.qty
    if "/" in draft.symbol or (contract is not None and contract.is_call):
        return ZERO
    if contract is not None:
        return None if qty is None else contract.strike * qty * draft.multiplier(world)
    quote, limit = world.market, draft.number("limit_price") or ZERO
    if quote is None or quote.ask is None:
        return None
    price = max(limit, quote.ask * SHORT)
    if qty is None:
        notional = draft.number("notional")
        return None if notional is None else notional * SHORT
    return qty * price


def _later(one: Judged, field: str) -> tuple[Decimal, int]:
    """What the steps to come need of the same buying power, and how many cannot be told."""
    total, untold = ZERO, one.bounds.untold
    for draft in one.bounds.later:
        costs = _cost_later(one, draft, field)
        if costs is None:
            untold += 1
        else:
            total += costs
    return total, untold


def _cost_later(one: Judged, draft: Draft, field: str) -> Decimal | None:
    """What an order to come costs; of another symbol only its own numbers are known."""
    if same_symbol(draft.symbol, one.draft.symbol):
        return cost(draft, one.world)
    options, crypto = is_option(draft.symbol), "/" in draft.symbol
    comparable = {
        "options_buying_power": options,
        "buying_power": not options and not crypto,
        "non_marginable_buying_power": crypto and "/" in one.draft.symbol,
    }
    if not comparable[field] or draft.side != "buy":
        return None
    notional, qty, limit = (draft.number(key) for key in ("notional", "qty", "limit_price"))
    if notional is not None:
        return notional
    if qty is None or limit is None:
        return None
    return qty * limit * (CONTRACT if options else 1)


def _freed(one: Judged) -> Decimal:
    """What the broker reserves already for the order whose place this one takes."""
    held = ZERO
    for order in one.draft.instead:
        if order.remaining is not None and order.limit_price is not None:
            worth = order.remaining * order.limit_price * one.draft.multiplier(one.world)
            held = max(held, worth) if order.side == one.draft.side else held
    return held


def known_bad(one: Judged) -> Judged:
    """The same order on an account that has no buying power left."""
    fields = ("buying_power", "options_buying_power", "non_marginable_buying_power")
    account = replace(one.world.account, **dict.fromkeys(fields, ZERO))
    side = "buy"
    draft = replace(one.draft, side=side, body={**one.draft.body, "side": side})
    return replace(one, draft=draft.worth(Decimal(1)), world=replace(one.world, account=account))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the account's buying power for what is traded does not cover the order and the "
    "opening orders of the steps to come, or that cannot be told",
    default="always",
    reason="The second half of a plan must not fail for money when the first half is filled.",
    source="Alpaca buying power (facts page 2.3, 2.4); SEC Rule 15c3-5(c)(1)(i): capital",
    judge_legs=judge_legs,
)
