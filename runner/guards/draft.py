"""An order as it is about to be sent, and what it would be worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

from runner.effects import Json
from runner.language.runbook import Limits
from runner.world import Order, World, decimal, is_option, same_symbol

CONTRACT = Decimal(100)
"""Shares that an option contract stands for where the broker does not say."""


class Draft(Struct, frozen=True):
    """`body` is the exact outgoing body without the client order id, decimals as strings.

    `legs` are the parts of a multi-leg order, each for all its contracts; such an order has no
    symbol and no side of its own. `instead` are the open orders whose place this one takes.
    `exits`: it is the exit of an entry, which the broker lets work only for what that has filled.
    """

    symbol: str
    side: str
    body: Mapping[str, Json]
    legs: tuple[Draft, ...] = ()
    instead: tuple[Order, ...] = ()
    exits: bool = False

    def number(self, key: str) -> Decimal | None:
        return decimal(self.body.get(key))

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def qty(self) -> Decimal | None:
        return self.number("qty")

    def price(self, world: World) -> Decimal | None:
        """The dollars a share this order may cost or bring, on the costly side; None if unknown.

        A buy's limit bounds it; without one it reckons with the ask, the stop price or where a
        trailing stop begins, whichever is higher. A sale may bring more than its limit, so it
        reckons with the highest price known.
        """
        limit, stop, quote = self.number("limit_price"), self.number("stop_price"), world.market
        if limit is not None and self.side == "buy":
            return limit
        if quote is None or quote.ask is None:
            return None
        trail = self.number("trail_price") or Decimal(0)
        percent = self.number("trail_percent") or Decimal(0)
        begins = quote.ask * (1 + percent / 100) + trail
        known = (begins, quote.bid if self.side == "sell" else None, limit, stop)
        return max(price for price in known if price is not None)

    def notional(self, world: World) -> Decimal | None:
        """What the order is worth in dollars; None if it cannot be known."""
        given = self.number("notional")
        if given is not None:
            return given
        qty, price = self.qty, self.price(world)
        return None if qty is None or price is None else abs(qty * price * self.multiplier(world))

    def multiplier(self, world: World) -> Decimal:
        """Shares that one of `qty` stands for: 1, or those of an option contract."""
        said = world.asset.multiplier if world.asset is not None else None
        return said or (CONTRACT if is_option(self.symbol) else Decimal(1))

    def shares(self, world: World) -> Decimal | None:
        """How many shares it is for at the most; a notional order is reckoned at the bid."""
        if self.qty is not None:
            return self.qty
        notional = self.number("notional")
        quote = world.market
        if notional is None or quote is None or quote.bid is None:
            return None
        return notional / quote.bid

    def reduces(self, world: World, expected: Decimal | None) -> bool:
        """Whether it can only make the position smaller.

        That is so when it is on the opposite side and for no more than what is free: by the
        broker's position, less what open orders on the same side would already take, and by what
        the account should hold (`expected`, in shares), because positions lag fills by seconds.
        What the orders held whose place it takes is free for it. An order with exits attached is
        an entry. Anything unknown makes it an order that opens risk.
        """
        if self.exits:
            return True
        if self.body.get("order_class") in ("bracket", "oto"):
            return False
        qty, held, free = self.qty, world.position.qty, world.position.qty_available
        if qty is None or held is None or free is None or expected is None:
            return False
        if held * expected <= 0 or self.side != ("sell" if held > 0 else "buy"):
            return False
        replaced = {order.id for order in self.instead}
        taken = [
            order.remaining
            for order in world.open_orders
            if same_symbol(order.symbol, self.symbol)
            and order.side == self.side
            and order.id not in replaced
        ]
        if any(remaining is None for remaining in taken):
            return False
        left = abs(held) - sum((one for one in taken if one is not None), Decimal(0))
        freed = [order.remaining or Decimal(0) for order in self.instead if order.side == self.side]
        return qty <= min(abs(free) + max(freed, default=Decimal(0)), left, abs(expected))


class Tally(Struct, frozen=True):
    """What this run has sent so far that opens risk: a count, and dollars."""

    orders: int = 0
    notional: Decimal = Decimal(0)


class Bounds(Struct, frozen=True):
    """What guards measure against."""

    limits: Limits
    symbols: tuple[str, ...] | None
    tally: Tally
    at: datetime
    expected: Decimal | None  # shares of the symbol the account should hold, this run's included


class Judged(Struct, frozen=True):
    """One order, or one leg of one, beside the world that it is judged by."""

    draft: Draft
    world: World
    bounds: Bounds

    @property
    def reduces(self) -> bool:
        return self.draft.reduces(self.world, self.bounds.expected)


class Verdict(Struct, frozen=True):
    """What one guard says. `verdict` is pass, refuse or exempt; `values` are its inputs."""

    guard: str
    verdict: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        return self.verdict == "refuse"
