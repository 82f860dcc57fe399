"""What a ticket is judged against, and what the judgement says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from runner.sim.account import Account, Margin
from runner.sim.assets import Asset
from runner.sim.book import OrderBook
from runner.sim.orders import Order
from runner.sim.positions import Position, Positions
from runner.sim.tape import Quote
from runner.sim.wire import ZERO

COLLAR = Decimal("1.025")  # what a market buy sets aside, above the ask


@dataclass(frozen=True, slots=True)
class Situation:
    """What a ticket is judged against: the world at the moment of the POST."""

    now: datetime
    account: Account
    margin: Margin
    buying_power: Decimal
    book: OrderBook
    asset: Asset
    position: Position | None
    quote: Quote
    last: Decimal
    day_trades: int
    cash_power: Decimal  # dollars for what cannot be bought on margin
    locked: Decimal  # shares of this asset that cover calls sold on it
    covering: Decimal  # shares of an option's underlying that cover calls sold on it
    positions: Positions
    instead_of: Order | None = None  # the order that is to be replaced

    @property
    def held(self) -> Decimal:
        """Shares in the position: negative when short."""
        return ZERO if self.position is None else self.position.qty


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an accepted ticket means: intent, dollars of buying power and shares it ties up."""

    intent: str
    reserved: Decimal
    shares: Decimal
