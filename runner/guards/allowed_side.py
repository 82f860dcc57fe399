"""An order must be on a side that the owner's policy allows."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard

CODE = "allowed_side"


def judge(one: Judged) -> Verdict | None:
    """Refuses a side that the policy does not list."""
    side, sides = one.draft.side, one.bounds.rules.sides
    listed = ", ".join(sides)
    if side not in sides:
        words = f"the policy allows {listed or 'no side'}, not {side or 'an order without one'}"
        return refuse(CODE, words, side=side, sides=listed)
    return let_pass(CODE, f"the policy allows {side}", sides=listed)


def known_bad(one: Judged) -> Judged:
    """The same order under a policy that allows the other side only."""
    other = ("sell",) if one.draft.side == "buy" else ("buy",)
    rules = replace(one.bounds.rules, sides=other)
    side = "buy" if other == ("sell",) else "sell"
    draft = replace(one.draft, side=side)
    return replace(one, draft=draft, bounds=replace(one.bounds, rules=rules))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the policy's `sides` do not list the order's side",
    default="buy and sell",
    reason="An account that only accumulates, or only winds down, stays that way.",
    source="house rule; SEC Rule 15c3-5(c)(2)(i): only what is authorised may be traded",
    limit="sides",
)
