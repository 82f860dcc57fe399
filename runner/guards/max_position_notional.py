"""The most dollars that a symbol's position may come to."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.exposure import dollars_after
from runner.guards.guard import NO_LIMIT, Guard
from runner.world import no_position

CODE = "max_position_notional"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that would bring it further, with open orders, or when it is not known."""
    most = one.bounds.rules.limits.max_position_notional
    if most is None:
        return None
    after = dollars_after(one)
    if after is None:
        words = "what the position would be worth cannot be told: a price or a size is missing"
        return refuse(CODE, words, max_position_notional=most)
    side = "long" if one.draft.side == "buy" else "short"
    held = one.world.position.market_value
    values = {"held": held, "after": after, "max_position_notional": most}
    words = f"the position may come to about ${after:,.2f} {side} with open orders"
    if after > most:
        return refuse(CODE, f"{words}, more than ${most:,.2f}", **values)
    return let_pass(CODE, f"{words}, at most ${most:,.2f}", **values)


def known_bad(one: Judged) -> Judged:
    """An order for one dollar more than the position may be worth, with nothing held."""
    most = one.bounds.rules.limits.max_position_notional or Decimal(1)
    rules = one.bounds.rules.with_limits(max_position_notional=most)
    world = replace(one.world, position=no_position(one.draft.symbol))
    draft = one.draft.worth(most + 1)
    return replace(one, draft=draft, world=world, bounds=replace(one.bounds, rules=rules))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="what is held, open orders of everybody and the order would be worth more, or that "
    "cannot be told",
    default=NO_LIMIT,
    reason="Too much in one symbol, built by orders that are each small enough.",
    source="house rule; FIA best practices 2015, maximum intraday position",
    limit=CODE,
)
