"""The orders of this run: those sent under its client order ids, their legs and replacements."""

from __future__ import annotations

from decimal import Decimal

from runner.machine.own_order import ZERO, Before, OwnOrder, Sent
from runner.world import Order, same_symbol

__all__ = ["Before", "OwnOrder", "OwnOrders", "Sent"]


class OwnOrders:
    """All orders of a run, in the order they were intended."""

    def __init__(self) -> None:
        self._by_client_id: dict[str, OwnOrder] = {}

    def add(self, order: OwnOrder) -> None:
        self._by_client_id[order.client_order_id] = order

    def get(self, client_order_id: str) -> OwnOrder | None:
        return self._by_client_id.get(client_order_id)

    def of_step(self, path: str) -> OwnOrder | None:
        """The order that a step sent, if it sent one; of several the last. Where another took up
        its rest, that one."""
        found = next((own for own in reversed(self.sent) if own.step == path), None)
        while found is not None:
            later = [own for own in self.sent if own.continues is found and own.reached]
            if not later:
                break
            found = later[-1]
        return found

    def knows(self, order: Order) -> bool:
        """Whether an order of the account is one of these, a leg or a replacement included."""
        given = order.client_order_id
        return any(
            order.id in (own.order_id, *own.replaced_ids)
            or (given != "" and (given == own.client_order_id or own.was(given)))
            for own in self.all
        )

    @property
    def sent(self) -> list[OwnOrder]:
        """Those that were intended, without their legs."""
        return list(self._by_client_id.values())

    @property
    def all(self) -> list[OwnOrder]:
        """Those that were intended, each followed by its legs."""
        return [one for own in self.sent for one in (own, *own.legs.values())]

    @property
    def any_accepted(self) -> bool:
        return any(own.sent is Sent.ACCEPTED for own in self.sent)

    @property
    def unknown(self) -> list[OwnOrder]:
        return [own for own in self.sent if own.sent is Sent.UNKNOWN]

    @property
    def presumed_absent(self) -> list[OwnOrder]:
        """Orders of which nothing is to be seen, although a submission of them left."""
        gone = (Sent.NO, Sent.REFUSED)
        return [own for own in self.sent if own.sent in gone and (own.doubted or own.limited)]

    @property
    def live(self) -> list[OwnOrder]:
        return [own for own in self.all if own.may_be_live]

    @property
    def cancelable(self) -> list[OwnOrder]:
        """Live orders without those that are cancelled with their entry."""
        return [own for own in self.live if own.parent is None or not own.parent.may_be_live]

    def held(self, symbol: str) -> Decimal:
        """Shares of a symbol that this run opened and still holds; negative when sold short.

        Orders that only reduced a position bring this towards zero and never across: what they
        reduced beyond it was somebody else's.
        """
        held = ZERO
        for own in self.all:
            if not same_symbol(own.symbol, symbol):
                continue
            signed = own.filled_qty if own.side == "buy" else -own.filled_qty
            if own.opens:
                held += signed
            elif held * signed < 0:
                held += max(signed, -held) if held > 0 else min(signed, -held)
        return held

    def net_fills(self, symbol: str) -> Decimal:
        """By how much this run's fills have moved the account's position, in shares."""
        signed = (
            own.filled_qty if own.side == "buy" else -own.filled_qty
            for own in self.all
            if same_symbol(own.symbol, symbol)
        )
        return sum(signed, ZERO)

    def protected(self, symbol: str) -> Decimal:
        """Shares of a symbol that live, reducing orders of this run would still bring back.

        The exits of one order cancel each other: they count once, and only while one works.
        """
        held = self.held(symbol)
        groups: dict[int, list[OwnOrder]] = {}
        for own in self.live:
            if same_symbol(own.symbol, symbol) and (not own.opens or own.can_only_reduce(held)):
                groups.setdefault(id(own.parent or own), []).append(own)
        return sum(
            (
                max(own.order.remaining or ZERO for own in group)
                for group in groups.values()
                if any(own.order.status != "held" for own in group)
            ),
            ZERO,
        )

    @property
    def symbols(self) -> list[str]:
        return list(dict.fromkeys(own.symbol for own in self.all if own.symbol))
