"""The exits of an order must lie on their sides of its entry, and the order go the right way.

A profit is taken a cent or more beyond the price that the entry comes in at, in its favour; a loss
is stopped a cent or more on the other side. That price is the entry's own limit or stop; for one at
the market, and for an oco, it is the market's: the side of the quote that is harder to clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from runner.effects import Json
from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.prices import prices_of
from runner.guards.reference import reference, usable

CODE = "bracket_geometry"
CENT = Decimal("0.01")
GROUPS = ("bracket", "oco", "oto")


class Exits(Struct, frozen=True):
    """The prices, in dollars a share, at which a profit is taken and a loss is stopped.

    `rises`: the profit is made when the price rises.
    """

    profit: Decimal | None
    stop: Decimal | None
    rises: bool

    @property
    def crossed(self) -> bool:
        """Whether the loss is not stopped on the other side of where the profit is taken."""
        if self.profit is None or self.stop is None:
            return False
        return self.profit <= self.stop if self.rises else self.profit >= self.stop

    def misplaced(self, profit_base: Decimal, stop_base: Decimal) -> Iterator[str]:
        """Which of take_profit and stop_loss is not a cent or more on its side of its base."""
        profit, stop = self.profit, self.stop
        up, down = (profit, profit_base), (stop, stop_base)
        for name, (price, base), above in (
            ("take_profit", up, self.rises),
            ("stop_loss", down, not self.rises),
        ):
            if price is not None and (price < base + CENT if above else price > base - CENT):
                yield name


def rises(side: str, order_class: str) -> bool:
    """Whether the profit of an order's exits is made when the price rises."""
    return (side == "buy") != (order_class == "oco")


def judge(one: Judged) -> Verdict | None:
    """Refuses exits on the wrong side, and a group that goes the wrong way.

    Says nothing of an order without exits. What cannot be told without a quote is refused.
    """
    draft = one.draft
    order_class = str(draft.body.get("order_class") or "simple")
    if order_class not in GROUPS:
        return None
    way = _wrong_way(one, order_class)
    if way:
        return refuse(CODE, way, position=one.world.position.qty)
    prices = prices_of(draft)
    profit, stop = prices.get("take_profit.limit_price"), prices.get("stop_loss.stop_price")
    exits = Exits(profit, stop, rises(draft.side, order_class))
    values = {"take_profit": profit, "stop_loss": stop}
    missing = _missing(order_class, profit, stop)
    if missing:
        return refuse(CODE, f"the {order_class} order has no {missing}", **values)
    above, below = ("above", "below") if exits.rises else ("below", "above")
    if exits.crossed:
        words = f"stop_loss {stop:f} is not {below} take_profit {profit:f}"
        return refuse(CODE, words, **values)
    bases = _bases(one, order_class, rising=exits.rises)
    if bases is None:
        words = "where the exits lie cannot be told: nothing says the market's price"
        return refuse(CODE, words, **values)
    values["base_price"] = bases[0] if bases[0] == bases[1] else bases[1]
    for name in exits.misplaced(*bases):
        side, base = (above, bases[0]) if name == "take_profit" else (below, bases[1])
        if order_class == "oco" and name == "take_profit":
            continue  # it rests beyond the market or fills at once: the broker takes it either way
        words = f"{name} {values[name]:f} is not a cent or more {side} {base:f}, the base price"
        return refuse(CODE, words, **values)
    return let_pass(CODE, "the exits lie on their sides of the entry", **values)


def _wrong_way(one: Judged, order_class: str) -> str:
    held = one.world.position.qty
    if order_class == "oto":
        return ""
    if held is None:
        return "the broker does not say what is held, so whether the order opens cannot be told"
    closes = held > 0 if one.draft.side == "sell" else held < 0
    if order_class == "bracket" and closes:
        return f"a bracket opens a position, and this {one.draft.side} would close {abs(held):f}"
    if order_class == "oco" and not closes:
        return f"an oco closes a position, and there is none for a {one.draft.side} to close"
    return ""


def _missing(order_class: str, profit: Decimal | None, stop: Decimal | None) -> str:
    if order_class == "oto":
        return "" if profit is not None or stop is not None else "take_profit or stop_loss"
    if profit is None:
        return "take_profit"
    return "" if stop is not None else "stop_loss"


def _bases(one: Judged, order_class: str, *, rising: bool) -> tuple[Decimal, Decimal] | None:
    """What the profit and the stop are measured against; None when nothing tells the price."""
    if order_class != "oco":
        own = one.draft.number("limit_price") or one.draft.number("stop_price")
        if own is not None:
            return own, own
    quote = usable(one)
    if quote is not None and quote.bid is not None and quote.ask is not None:
        return (quote.ask, quote.bid) if rising else (quote.bid, quote.ask)
    last = reference(one)
    return None if last is None else (last.price, last.price)


def known_bad(one: Judged) -> Judged:
    """A bracket whose loss would be stopped above its entry."""
    symbol = one.draft.symbol
    body: dict[str, Json] = {
        "symbol": symbol,
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "qty": "1",
        "limit_price": "100",
        "order_class": "bracket",
        "take_profit": {"limit_price": "110"},
        "stop_loss": {"stop_price": "105"},
    }
    return replace(one, draft=Draft(symbol, "buy", body))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a profit or a loss leg less than a cent from its side of the entry's price, a bracket "
    "that would close or an oco that would open, or no quote to tell by",
    default="always",
    reason="A stop on the wrong side of the market sells at once what was just bought.",
    source="error texts of the paper API, 2026: base_price (facts page 2.2, 2.3)",
    scope=Scope.SINGLE,
)
