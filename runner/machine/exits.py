"""Orders that close what another opens: whether they stand, and when the broker takes them away.

The exits of an entry go live once it is filled whole; the end of one exit is the end of the others
(facts page 2.2). What becomes of those of an entry that was filled in part and ended is documented
nowhere, so only what is seen to work counts as protection.
"""

from __future__ import annotations

from runner.machine.own_order import ZERO, OwnOrder, Sent
from runner.world import WORKING


def exits_unseen(own: OwnOrder) -> bool:
    """Whether an order has ended and brought exits that nobody has seen: they may be live."""
    if own.sent is not Sent.ACCEPTED or not own.order.terminal or own.legs:
        return False
    if own.has_exits:
        return own.filled_qty > 0 or own.order.status == "filled"
    oco = own.parent is None and own.order_class == "oco"
    return oco and own.order.status not in ("rejected", "replaced")


def protected(own: OwnOrder) -> bool:
    """Whether an order's exits stand, or have done their work, for all that it has filled.

    They cancel each other, so the largest that works counts, once.
    """
    done = sum((leg.filled_qty for leg in own.exits), ZERO)
    if done == 0 and not all(leg.may_be_live for leg in own.exits):
        return False
    working = [leg.order for leg in own.exits if leg.order.status in WORKING]
    covered = max((one.remaining or ZERO for one in working), default=ZERO)
    return bool(own.exits) and done + covered >= own.filled_qty


def leaving(own: OwnOrder) -> list[OwnOrder]:
    """Live exits that the broker is about to cancel, because an order has ended.

    The exits of an entry go with it unless it was filled, or they are at work all the same; with
    one exit go the others.
    """
    if own.may_be_live or own.order.status not in ("filled", "canceled", "expired"):
        return []
    if not own.has_exits:
        group = (own.parent or own).exits
        others = [one for one in group if one is not own and one.may_be_live]
        return others if own in group else []
    stand = any(leg.order.status in WORKING for leg in own.exits)
    if own.order.status == "filled" or stand:
        return []
    return [leg for leg in own.exits if leg.may_be_live]
