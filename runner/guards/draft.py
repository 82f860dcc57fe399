"""An order as it is about to be sent, and what it would be worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from msgspec import Struct, field
from msgspec.structs import replace

from runner.effects import Json
from runner.guards.past import PastOrder
from runner.guards.rules import Rules
from runner.world import Configuration, Order, Trade, World, decimal, is_option, same_symbol

AT_MARKET = Decimal("1.04")
"""What a buy without a limit is reckoned to cost, as a part of the price it would trade at."""

PRICE_MAY_FALL = Decimal("1.1")
"""How many more shares than at the bid an order in dollars is reckoned for, where it must not be
for more than there are."""

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

    @property
    def several(self) -> bool:
        """Whether it has several legs."""
        return bool(self.legs) or self.body.get("order_class") == "mleg"

    @property
    def order_class(self) -> str:
        """simple, bracket, oco, oto or mleg; of an order that takes another's place, that one's."""
        if self.several:
            return "mleg"
        replaced = self.instead[0].order_class if self.instead else "simple"
        return str(self.body.get("order_class") or replaced)

    def sized(self, qty: Decimal) -> Draft:
        """The same order for so many shares."""
        return replace(self, body={**_unsized(self.body), "qty": f"{qty:f}"})

    def worth(self, dollars: Decimal) -> Draft:
        """The same order for so many dollars."""
        return replace(self, body={**_unsized(self.body), "notional": f"{dollars:f}"})

    def price(self, world: World) -> Decimal | None:
        """The dollars a share this order may cost or bring, on the costly side; None if unknown.

        A buy's limit bounds it; without one it reckons with the ask, the stop price or where a
        trailing stop begins, whichever is higher, and `AT_MARKET` on top: the broker reserves that
        much for a buy at the market (facts page 2.4). A sale may bring more than its limit, so it
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
        price = max(price for price in known if price is not None)
        return price * AT_MARKET if self.side == "buy" else price

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

    def _most_shares(self, world: World) -> Decimal | None:
        """How many shares it may turn out to be for; one in dollars gets more where the price
        falls on its way."""
        shares = self.shares(world)
        return shares if self.qty is not None or shares is None else shares * PRICE_MAY_FALL

    def reduces(self, world: World, expected: Decimal | None) -> bool:
        """Whether it can only make the position smaller.

        That is so when it is on the opposite side and for no more than what is free: by the
        broker's position, less what open orders on the same side would already take, and by what
        the account should hold (`expected`, in shares), because positions lag fills by seconds.
        What the orders held whose place it takes is free for it. An order with exits attached is
        an entry. One that says that it closes, for no more than the account should hold and open
        orders leave of it, cannot open anything however late the position is shown: the broker
        refuses it then (position intent mismatch, facts page 2.3). Anything unknown, and a position
        shown on the other side, makes it an order that opens risk.
        """
        if self.exits:
            return True
        if self.body.get("order_class") in ("bracket", "oto"):
            return False
        qty, held, free = self._most_shares(world), world.position.qty, world.position.qty_available
        if qty is None or held is None or free is None or expected is None:
            return False
        if held * expected < 0 or self.side != ("sell" if expected > 0 else "buy"):
            return False
        taken = self._taken(world)
        if taken is None:
            return False
        says_it_closes = self.body.get("position_intent") == f"{self.side}_to_close"
        if says_it_closes and 0 < qty <= abs(expected) - taken:
            return True
        if held == 0 or expected == 0:
            return False
        freed = [order.remaining or Decimal(0) for order in self.instead if order.side == self.side]
        free = abs(free) + max(freed, default=Decimal(0))
        return qty <= min(free, abs(held) - taken, abs(expected))

    def _taken(self, world: World) -> Decimal | None:
        """Shares that open orders of the same side may take already; None if one does not say."""
        replaced = {order.id for order in self.instead}
        remaining = [
            order.remaining
            for order in world.open_orders
            if same_symbol(order.symbol, self.symbol)
            and order.side == self.side
            and order.id not in replaced
        ]
        known = [one for one in remaining if one is not None]
        return sum(known, Decimal(0)) if len(known) == len(remaining) else None


def _unsized(body: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in body.items() if key not in ("qty", "notional")}


class Tally(Struct, frozen=True):
    """What this run has sent so far that opens risk: a count, and dollars."""

    orders: int = 0
    notional: Decimal = Decimal(0)


class Bounds(Struct, frozen=True):
    """What guards measure against, beside the world. None is what could not be told.

    `symbols` are the runbook's, None for any. `expected`: shares of the symbol that the account
    should hold, this run's fills included. `read_at`: the run's time when the world was read.
    `sent`: this run's own opening orders. `history`: those that other runs sent, of the day and the
    last hour. `trade` and `previous_close` are read only where the quote is not enough,
    `day_trades`, the account's in five sessions, only where a limit asks for them. `later` are the
    opening orders that the steps to come will send before any that may free buying power; `untold`
    counts the steps of which that cannot be told.
    """

    rules: Rules
    symbols: tuple[str, ...] | None
    tally: Tally
    at: datetime
    expected: Decimal | None
    read_at: datetime | None = None
    sent: tuple[PastOrder, ...] = ()
    history: tuple[PastOrder, ...] | None = ()
    runbook: str = ""  # the digest of its text
    configuration: Configuration | None = None
    trade: Trade | None = None
    previous_close: Decimal | None = None
    day_trades: int | None = None
    later: tuple[Draft, ...] = ()
    untold: int = 0


class Foreseen(Struct, frozen=True):
    """What a step to come will ask of the account's buying power.

    `orders` are what it opens; `untold`: it may open what cannot be told yet; `frees`: it may give
    buying power back, so that what comes after it is no matter of now.
    """

    orders: tuple[Draft, ...] = ()
    untold: bool = False
    frees: bool = False


class Judged(Struct, frozen=True, dict=True):
    """One order, or one leg of one, beside the world that it is judged by.

    What every guard asks is reckoned once.
    """

    draft: Draft
    world: World
    bounds: Bounds

    @cached_property
    def reduces(self) -> bool:
        return self.draft.reduces(self.world, self.bounds.expected)

    @cached_property
    def notional(self) -> Decimal | None:
        """What the order is worth in dollars; None if it cannot be known."""
        return self.draft.notional(self.world)

    @cached_property
    def asset_class(self) -> str:
        """us_equity, us_option or crypto by its symbol; what else the broker calls the asset."""
        symbol, asset = self.draft.symbol, self.world.asset
        if self.draft.several or is_option(symbol):
            return "us_option"
        if "/" in symbol:
            return "crypto"
        return (asset.asset_class if asset is not None else None) or "us_equity"

    @cached_property
    def fractional(self) -> bool:
        """Whether it is for dollars, or for a part of a share; crypto is fractional by nature."""
        if self.asset_class != "us_equity":
            return False
        qty = self.draft.qty
        return self.draft.body.get("notional") is not None or (
            qty is not None and qty != qty.to_integral_value()
        )


class Verdict(Struct, frozen=True):
    """What one guard says. `verdict` is pass, refuse or exempt; `values` are its inputs."""

    guard: str
    verdict: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        return self.verdict == "refuse"


def refuse(guard: str, message: str, **values: object) -> Verdict:
    """A refusal, with what it was made from."""
    return Verdict(guard, "refuse", message, _shown(values))


def let_pass(guard: str, message: str, **values: object) -> Verdict:
    """No objection, with what that was made from."""
    return Verdict(guard, "pass", message, _shown(values))


def _shown(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
