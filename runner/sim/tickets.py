"""What a POST asks for, read and well formed; nothing about it has been decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class StopLoss:
    """The protective leg of a group: a stop, or with a limit a stop-limit; dollars a share."""

    stop_price: Decimal
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LegTicket:
    """One leg of a multi-leg option order; `ratio` is how many of it one of the order holds."""

    symbol: str
    ratio: Decimal
    side: str
    position_intent: str | None


def package_symbol(legs: tuple[LegTicket, ...]) -> str:
    """The name of a combination of legs, under which the tape has its price."""
    signs = {"buy": "+", "sell": "-"}
    return "|".join(f"{signs[leg.side]}{leg.ratio}:{leg.symbol}" for leg in legs)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One order, or the first of a group.

    Exactly one of `qty` (shares) and `notional` (dollars) is set. `order_class` is empty for a
    simple order; an `oco` ticket is its take-profit limit order, and `stop_loss` its other leg.
    """

    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str = ""
    position_intent: str | None = None
    order_class: str = ""
    take_profit: Decimal | None = None  # the profit leg's limit price
    stop_loss: StopLoss | None = None
    legs: tuple[LegTicket, ...] = ()  # of a multi-leg order, whose side is always buy
    ratio: Decimal | None = None  # of a leg of such an order

    @property
    def fractional(self) -> bool:
        """Whether it may need less than a whole share."""
        return self.qty is None or self.qty != self.qty.to_integral_value()
