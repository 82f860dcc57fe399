"""What an order on the other side of a position can take from it."""

from __future__ import annotations

from decimal import Decimal

from runner.guards.draft import Judged

ZERO = Decimal(0)


def holding(one: Judged) -> Decimal | None:
    """Shares that an order of this side could close, 0 where there are none; None when it cannot
    be told.

    The broker's position and what the account should hold by this run's fills may differ, because
    positions lag: the smaller counts. Of an order that says that it closes the larger does: the
    broker refuses it where it would open anything (position intent mismatch, facts page 2.3), and
    an exit must not be trapped by a position that is shown late.
    """
    held, expected = one.world.position.qty, one.bounds.expected
    if held is None or expected is None:
        return None
    sign = 1 if one.draft.side == "sell" else -1
    pick = max if says_it_closes(one) else min
    return max(pick(held * sign, expected * sign), ZERO)


def says_it_closes(one: Judged) -> bool:
    """Whether the order's intent is to close, so that the broker lets it open nothing."""
    return one.draft.body.get("position_intent") == f"{one.draft.side}_to_close"


def beyond_holding(one: Judged) -> Decimal | None:
    """Shares of an order that would open a position on its side; None when it cannot be told."""
    shares, held = one.draft.shares(one.world), holding(one)
    return None if shares is None or held is None else max(shares - held, ZERO)


def free(one: Judged) -> Decimal | None:
    """Of the holding, what other open orders have not taken; None when it cannot be told.

    The broker counts exits that cancel each other once, so its own word is taken, and what the
    orders held whose place this one takes. An order that says that it closes is left to the broker.
    """
    held, available = holding(one), one.world.position.qty_available
    if held is None or held == 0 or says_it_closes(one):
        return held
    if available is None:
        return None
    freed = (order.remaining or ZERO for order in one.draft.instead if order.side == one.draft.side)
    return min(held, abs(available) + max(freed, default=ZERO))
