"""What planned orders open, close within the day and leave overnight: reckoned, nothing asked.

A size that is known is reckoned with. One that is not counts as opening, unless it stands on the
side opposite to what the plan itself has opened: then it is that order's exit, as in
`qty: =steps.fill.filled_qty`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from runner.steps.planned import PlannedOrder
from runner.world import World

ZERO, ALL = Decimal(0), Decimal(1)


class Opened(Struct, frozen=True):
    """Something opened and not closed. `qty` in shares, None when not known.

    `counted`: a part of it was closed today, so that closing more of it is no second day trade.
    """

    side: str
    qty: Decimal | None = None
    counted: bool = False
    when: str = ""
    waits: int = 0

    def grown(self, qty: Decimal | None) -> Opened:
        """With more of the same; closing after that is a day trade of its own."""
        return Opened(self.side, _plus(self.qty, qty), False, self.when, self.waits)

    def after(self, order: PlannedOrder) -> Opened | None:
        """What an order on the other side leaves open; its own side when it goes beyond."""
        qty = order.draft.qty
        if order.partly:
            return Opened(self.side, None, True, self.when, self.waits)
        if qty is None or self.qty is None:
            gone = order.closes and qty is None
            return None if gone else Opened(self.side, None, True, self.when)
        if qty < self.qty:
            return Opened(self.side, self.qty - qty, True, self.when, self.waits)
        beyond = qty > self.qty and not order.closes
        return Opened(order.side, qty - self.qty, False, order.when) if beyond else None


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def opening_parts(
    orders: Sequence[PlannedOrder], world: World, held: Decimal
) -> list[tuple[PlannedOrder, Decimal]]:
    """The orders of one symbol that open or enlarge a position, and the part (0 to 1) that does.

    `held` is the account's position, negative when short. Closing is not reckoned against it:
    every opening counts in full, whether or not it is closed again.
    """
    found = []
    position: Decimal | None = held
    opened = ""
    for order in orders:
        if order.closes:
            if not order.partly and order.qty is None and not order.on_failure:
                position, opened = (ZERO if order.whole_account else held), ""
            elif position is not None and order.qty is not None:
                position -= min(order.qty, abs(position)) * (1 if position > 0 else -1)
            continue
        shares = order.draft.shares(world)
        if position is None or shares is None:
            position = None
            if not opened or order.side == opened:
                found.append((order, ALL))
                opened = order.side
            continue
        signed = shares if order.side == "buy" else -shares
        reducing = min(shares, abs(position)) if position * signed < 0 else ZERO
        position += signed
        if shares > reducing:
            found.append((order, (shares - reducing) / shares))
            opened = order.side
    return found


def day_trades(orders: Sequence[PlannedOrder], opened_today: Mapping[str, Opened]) -> int:
    """How many times the orders close what was opened on the same day, by them or before them."""
    standing = dict(opened_today)
    count = 0
    for order in orders:
        opened = standing.pop(order.symbol, None)
        rest: Opened | None
        if opened is None:
            rest = None if order.closes else Opened(order.side, order.qty)
        elif order.side == opened.side:
            rest = opened.grown(order.qty)
        else:
            count += not opened.counted
            rest = opened.after(order)
        if rest is not None:
            standing[order.symbol] = rest
    return count


def left_overnight(orders: Sequence[PlannedOrder]) -> list[str]:
    """Symbols that the orders open and are not sure to close again.

    An exit on a condition is no sure one, unless what it closes is opened on the same condition;
    nor is one that only a failure leads to, one of unknown part, one at a price that the market may
    not reach, or one behind a wait that may last until another day.
    """
    standing: dict[str, Opened] = {}
    for order in orders:
        opened = standing.get(order.symbol)
        if opened is None or order.side == opened.side:
            if not order.closes:
                fresh = Opened(order.side, order.qty, False, order.when, order.waits)
                standing[order.symbol] = opened.grown(order.qty) if opened else fresh
            continue
        conditional = order.when and order.when != opened.when
        waits = order.waits != opened.waits
        if order.on_failure or order.partly or order.priced or conditional or waits:
            continue
        rest = None if order.qty is None or opened.qty is None else opened.after(order)
        del standing[order.symbol]
        if rest is not None:
            standing[order.symbol] = rest
    return list(standing)
