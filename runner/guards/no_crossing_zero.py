"""One order must not turn a position from long to short, or back."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard
from runner.guards.holding import free, holding
from runner.guards.wash_trade import named
from runner.world import Position, same_symbol

CODE = "no_crossing_zero"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order on the other side of a position for more than is free of it.

    What other open orders on that side will take is not free. Without a position there is nothing
    to cross; a quantity that cannot be told is refused.
    """
    draft, held = one.draft, holding(one)
    values = {"position": one.world.position.qty, "expected": one.bounds.expected}
    if held is None:
        return refuse(CODE, f"what is held of {draft.symbol} cannot be told", **values)
    if held == 0:
        return let_pass(CODE, "there is no position on the other side", **values)
    shares, most = draft.shares(one.world), free(one)
    values |= {"shares": shares, "free": most}
    if shares is None or most is None:
        words = f"whether the order is for more than is held of {draft.symbol} cannot be told"
        return refuse(CODE, words, **values)
    if shares > most:
        state = "long" if draft.side == "sell" else "short"
        order = f"{draft.side} {shares:f} of a {state} position of {held:f}"
        if shares <= held:
            return refuse(CODE, f"{order}: {_held_by(one, most)}", **values)
        words = f"{order} would cross zero: close it first, then open the other way"
        return refuse(CODE, words, **values)
    return let_pass(CODE, f"{shares:f} of {most:f} that are free", **values)


def _held_by(one: Judged, most: Decimal) -> str:
    """Which open orders hold the shares that it lacks, and how to get them free."""
    replaced = {order.id for order in one.draft.instead}
    holders = [
        order
        for top in one.world.open_orders
        for order in (top, *top.legs)
        if same_symbol(order.symbol, one.draft.symbol)
        and order.side == one.draft.side
        and not order.terminal
        and order.id not in replaced
    ]
    names = " and ".join(named(order) for order in holders)
    if not names:
        return f"{most:f} of it are free, the rest is held by orders that the broker does not show"
    these = "that order" if len(holders) == 1 else "one of those orders"
    return (
        f"{most:f} of it are free, the rest is held by {names}; let one `oco` order be both exits, "
        f"or cancel {these} first"
    )


def known_bad(one: Judged) -> Judged:
    """A sale of two where one is held."""
    symbol, held = one.draft.symbol, Decimal(1)
    body = {"symbol": symbol, "side": "sell", "type": "market", "time_in_force": "day", "qty": "2"}
    position = Position(symbol, held, held, None, None, None, None)
    return replace(
        one,
        draft=Draft(symbol, "sell", body),
        world=replace(one.world, position=position, open_orders=()),
        bounds=replace(one.bounds, expected=held),
    )


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the order is on the other side of the position and for more than is free of it",
    default="always",
    reason="A sale that is one digit too long becomes a short position without a word.",
    source="house rule; Alpaca: insufficient qty available for order (facts page 2.3)",
)
