"""The most shares, long or short, that a symbol's position may come to."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.exposure import shares_after
from runner.guards.guard import NO_LIMIT, Guard

CODE = "max_position_qty"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that would bring it further, with open orders, or when it is not known."""
    most = one.bounds.rules.limits.max_position_qty
    if most is None:
        return None
    after = shares_after(one)
    if after is None:
        words = "what the position would come to cannot be told: the broker does not say all of it"
        return refuse(CODE, words, max_position_qty=most)
    side = "long" if one.draft.side == "buy" else "short"
    values = {"held": one.world.position.qty, "after": after, "max_position_qty": most}
    words = f"the position may come to {after:f} {side} with open orders"
    if after > most:
        return refuse(CODE, f"{words}, more than {most:f}", **values)
    return let_pass(CODE, f"{words}, at most {most:f}", **values)


def known_bad(one: Judged) -> Judged:
    """An order for one share more than the position may ever be."""
    most = one.bounds.rules.limits.max_position_qty or Decimal(1)
    rules = one.bounds.rules.with_limits(max_position_qty=most)
    held = abs(one.world.position.qty or Decimal(0))
    draft = one.draft.sized(most + held + 1)
    return replace(one, draft=draft, bounds=replace(one.bounds, rules=rules))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="what is held, open orders of everybody and the order would come to more shares, or "
    "that cannot be told",
    default=NO_LIMIT,
    reason="Orders that are each small enough build a position that is not.",
    source="house rule; FIA best practices 2015, maximum intraday position",
    limit=CODE,
)
