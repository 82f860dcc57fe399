"""What `await_fill` waits for: how much must be filled, and what the orders have come to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from runner.language.kinds import Family, Kind, read_number
from runner.language.runbook import OrderReference
from runner.language.values import Plain
from runner.machine import Run
from runner.machine.exits import exits_unseen, protected
from runner.machine.own_orders import OwnOrder

ZERO = Decimal(0)


class FillTarget(Struct, frozen=True):
    """How much of each order must be filled: all, anything, a share of it, or a quantity."""

    what: str
    amount: Decimal = ZERO

    def __str__(self) -> str:
        if self.what == "share":
            return f"{self.amount.scaleb(2).normalize():f}%"
        return f"{self.amount:f}" if self.what == "quantity" else self.what


def _read_target(text: str) -> FillTarget:
    if text in ("filled", "any"):
        return FillTarget(text)
    share = re.fullmatch(r"(.+)%", text)
    try:
        amount = read_number(share.group(1) if share else text)
    except ValueError:
        raise ValueError("write filled, any, a share such as 50%, or a quantity") from None
    if amount <= 0 or (share and amount > 100):
        raise ValueError("a share is between 0% and 100%; a quantity is more than 0")
    return FillTarget("share", amount.scaleb(-2)) if share else FillTarget("quantity", amount)


UNTIL = Kind(
    "fill",
    Family.TEXT,
    "filled, any, a share such as 50%, or a quantity",
    _read_target,
    {"type": ["string", "number"]},
)


class Awaited(Struct):
    """One thing to wait for: an order, or the exits of one group, of which one is enough."""

    members: list[OwnOrder]

    def met(self, until: FillTarget) -> bool:
        """Whether enough is filled; an entry that is filled is done once its exits stand."""
        filled, asked = self.filled, self.asked
        match until.what:
            case "any":
                enough = filled > 0
            case "quantity":
                enough = filled >= until.amount
            case "share" if asked is not None:
                enough = filled >= asked * until.amount
            case _:
                enough = self.whole
        return enough and not self.unprotected

    @property
    def whole(self) -> bool:
        return any(own.order.status == "filled" for own in self.members)

    @property
    def unprotected(self) -> list[OwnOrder]:
        """Entries that are filled and whose exits do not stand, or not yet."""
        return [
            own
            for own in self.members
            if own.has_exits and own.order.status == "filled" and not protected(own)
        ]

    @property
    def filled(self) -> Decimal:
        """Shares filled, of all its orders: each exit of a group may have filled a part."""
        return sum((own.filled_in_all for own in self.members), ZERO)

    @property
    def asked(self) -> Decimal | None:
        """Shares asked for; the exits of a group are for the same shares."""
        sizes = [own.asked_in_all for own in self.members]
        known = [size for size in sizes if size is not None]
        return max(known) if len(known) == len(sizes) else None

    @property
    def remaining(self) -> Decimal | None:
        if self.whole:
            return ZERO
        return None if self.asked is None else self.asked - self.filled

    @property
    def may_fill(self) -> bool:
        """Whether more can come: a fill, or the exits of an entry that is filled."""
        legs = [leg for own in self.members if own.has_exits for leg in own.exits]
        unseen = any(exits_unseen(own) for own in self.members)
        return unseen or any(own.may_be_live for own in (*self.members, *legs))

    @property
    def lead(self) -> OwnOrder:
        """Its order; of a group the exit that is filled, or filled most."""
        return max(self.members, key=lambda own: (own.order.status == "filled", own.filled_in_all))


def awaited(run: Run, references: Sequence[OrderReference]) -> list[Awaited]:
    """What stands behind the written references; orders that never reached the broker are none."""
    found: list[Awaited] = []
    for reference in references:
        own = run.order_named(reference)
        if own is None or not own.reached or any(own in one.members for one in found):
            continue
        whole = reference.output == "order_id" and own.order_class == "oco"
        members = own.exits if whole else [own]
        group = (own.parent or own).exits
        same = [one for one in found if own in group and one.members[0] in group]
        if same:
            same[0].members.extend(one for one in members if one not in same[0].members)
        else:
            found.append(Awaited(members))
    return found


def outputs(wanted: Sequence[Awaited]) -> Mapping[str, Plain]:
    """What was awaited has come to, together; shares of several symbols have no average price."""
    orders = [own for one in wanted for own in one.members]
    filled = sum((one.filled for one in wanted), ZERO)
    costs = [part.cost for own in orders for part in own.chain]
    known = [cost for cost in costs if cost is not None]
    cost = sum(known, ZERO) if len(known) == len(costs) else None
    alike = len({_traded(own) for own in orders}) == 1
    rests = [one.remaining for one in wanted]
    left = [rest for rest in rests if rest is not None]
    times = [own.order.filled_at for own in orders if own.order.filled_at is not None]
    leads = [one.lead.order.status for one in wanted]
    unfilled = [status for status in leads if status != "filled"]
    return {
        "status": unfilled[0] if unfilled else "filled",
        "filled_qty": filled,
        "filled_avg_price": cost / filled if alike and filled > 0 and cost is not None else None,
        "remaining_qty": sum(left, ZERO) if len(left) == len(rests) else None,
        "filled_at": max(times) if times else None,
    }


def _traded(own: OwnOrder) -> str:
    """What an order trades: BTCUSD is BTC/USD; an order of several legs is like itself alone."""
    return own.symbol.replace("/", "") or own.client_order_id
