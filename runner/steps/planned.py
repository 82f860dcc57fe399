"""What a plan means to send: one order to come, and what is held when it does."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from runner.effects import Json
from runner.guards import Draft
from runner.machine import Run
from runner.world import Position, same_symbol

ZERO = Decimal(0)
NUMBERS = ("qty", "notional", "limit_price", "stop_price")


class PlannedOrder(Struct, frozen=True):
    """One order to come. A number that is None is not given, or not known yet.

    `side` is empty for one that closes, whichever side that takes. `partly`: it may close less
    than everything. `when`: its condition, as written. `on_failure`: only a failure leads to it.
    `priced`: it fills only if the market goes there. `waits`: how many waits for a time or an
    event stand before it, each of which may last until another day. `beyond`: how far above the ask
    it may trade, a fraction. `unsure`: a price of it is not known. `source`: the step that
    sends it.
    """

    symbol: str
    side: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    beyond: Decimal | None = None
    partly: bool = False
    whole_account: bool = False
    when: str = ""
    on_failure: bool = False
    priced: bool = False
    waits: int = 0
    unsure: bool = False
    source: str = ""

    @property
    def closes(self) -> bool:
        return not self.side

    @property
    def certain(self) -> bool:
        """Whether it is sent and filled whatever happens, for all that is known."""
        return not (self.when or self.on_failure or self.priced or self.partly or self.unsure)

    @property
    def draft(self) -> Draft:
        """The order as guards reckon with it."""
        known = {name: getattr(self, name) for name in (*NUMBERS, "trail_price")}
        known["trail_percent"] = self.beyond * 100 if self.beyond is not None else None
        body: dict[str, Json] = {k: f"{v:f}" for k, v in known.items() if v is not None}
        return Draft(self.symbol, self.side, body)


def exit_of(order: PlannedOrder) -> PlannedOrder:
    """An exit of an order, which may close it at a price or never."""
    return PlannedOrder(
        order.symbol, "", partly=True, priced=True, when=order.when,
        on_failure=order.on_failure, waits=order.waits,
    )  # fmt: skip


class Before(Struct, frozen=True):
    """What is planned up to a step, and what the account holds now."""

    orders: list[PlannedOrder]
    held: Mapping[str, Position]

    def position(self, run: Run, symbol: str) -> Decimal | None:
        """Shares held when the step begins, None when that cannot be told."""
        now = self.held.get(symbol)
        known = now.qty if now is not None else ZERO
        expected = run.expected_position(symbol)
        position = known if expected is None else expected
        if any(same_symbol(own.symbol, symbol) for own in run.orders.live):
            position = None
        for order in self.orders:
            if order.symbol != symbol:
                continue
            if not order.certain:
                position = None
            elif order.closes:
                position = ZERO if order.whole_account and order.qty is None else None
            elif position is not None:
                signed = order.qty if order.side == "buy" or order.qty is None else -order.qty
                position = None if signed is None else position + signed
        return position
