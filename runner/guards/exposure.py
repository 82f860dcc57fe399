"""What positions may come to: what is held, what open orders would add, and one order more.

Open orders of everybody count, not only those of this run. Orders that close count for no more than
what they can close: the exits of one position cancel each other, and what goes beyond it the broker
refuses. Nothing is netted between the two sides: each is taken as far as it may go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from runner.guards.draft import CONTRACT, Judged
from runner.world import Order, Position, is_option, same_symbol

ZERO = Decimal(0)


def shares_after(one: Judged) -> Decimal | None:
    """Shares that the position may come to on the order's side; None when it cannot be told."""
    orders, adds = _open_orders(one), one.draft.shares(one.world)
    held = one.world.position.qty
    if orders is None or adds is None or held is None:
        return None
    return _furthest(one.draft.side, held, _of(one.draft.symbol, orders), adds, _shares_left(one))


def dollars_after(one: Judged) -> Decimal | None:
    """Dollars that the position may come to on the order's side; None when it cannot be told."""
    orders, adds, position = _open_orders(one), one.notional, one.world.position
    held = ZERO if position.qty == 0 else position.market_value
    if orders is None or adds is None or held is None:
        return None
    worth = _dollars_left(one, (position,))
    return _furthest(one.draft.side, held, _of(one.draft.symbol, orders), adds, worth)


def gross_after(one: Judged) -> Decimal | None:
    """Dollars that all positions, long and short, may come to; None when it cannot be told.

    An order of several legs adds all the premium that changes hands.
    """
    orders, positions, adds = _open_orders(one), one.world.positions, one.notional
    if orders is None or positions is None or adds is None:
        return None
    own, left = _key(one.draft.symbol), _dollars_left(one, positions)
    held = {_key(position.symbol): position for position in positions}
    opened: dict[str, list[Order]] = {}
    for order in orders:
        opened.setdefault(_key(order.symbol), []).append(order)
    gross = ZERO
    for symbol in {own: None, **held, **opened}:
        worth = held[symbol].market_value if symbol in held else ZERO
        if worth is None:
            return None
        reach = abs(worth)
        mine = opened.get(symbol, ())
        sides = {order.side for order in mine} | ({one.draft.side} if symbol == own else set())
        for side in sides:
            more = adds if symbol == own and side == one.draft.side else ZERO
            after = _furthest(side, worth, mine, more, left)
            if after is None:
                return None
            reach = max(reach, after)
        gross += reach
    return gross


def _furthest(
    side: str,
    held: Decimal,
    orders: Iterable[Order],
    adds: Decimal,
    left: Callable[[Order], Decimal | None],
) -> Decimal | None:
    """How far beyond zero a position may come on one side, never less than zero."""
    toward = held if side == "buy" else -held
    opens = closes = ZERO
    for order in orders:
        if order.side != side:
            continue
        more = left(order)
        if more is None:
            return None
        if order.position_intent.endswith("_to_close"):
            closes += more
        else:
            opens += more
    return max(toward + min(closes, max(-toward, ZERO)) + opens + adds, ZERO)


def _open_orders(one: Judged) -> Sequence[Order] | None:
    """Open orders and the legs of multi-leg ones, without those whose place this one takes.

    None when one does not say what it is for.
    """
    replaced = {order.id for order in one.draft.instead}
    orders = [
        order
        for order in _flat(one.world.open_orders)
        if order.id not in replaced and not order.terminal
    ]
    known = all(order.symbol and order.side in ("buy", "sell") for order in orders)
    return orders if known else None


def _flat(orders: Iterable[Order]) -> Iterator[Order]:
    for order in orders:
        if order.order_class == "mleg" and order.legs:
            yield from order.legs
        else:
            yield order


def _of(symbol: str, orders: Iterable[Order]) -> Iterator[Order]:
    return (order for order in orders if same_symbol(order.symbol, symbol))


def _key(symbol: str) -> str:
    """One spelling of a symbol: positions say BTCUSD for BTC/USD."""
    return symbol.replace("/", "")


def _shares_left(one: Judged) -> Callable[[Order], Decimal | None]:
    """Tells the shares that an order may still fill; dollars are reckoned at the bid."""

    def left(order: Order) -> Decimal | None:
        if order.qty is not None:
            return order.remaining
        dollars, quote = _rest_of_notional(order), one.world.market
        if dollars is None or quote is None or quote.bid is None:
            return None
        return dollars / quote.bid

    return left


def _dollars_left(one: Judged, positions: Sequence[Position]) -> Callable[[Order], Decimal | None]:
    """Tells the dollars that an order may still fill, at the highest price known of it.

    A buy's limit bounds it.
    """

    priced = {_key(position.symbol): position.current_price for position in positions}

    def price(order: Order) -> Decimal | None:
        if order.side == "buy" and order.limit_price is not None:
            return order.limit_price
        quote = one.world.market if same_symbol(order.symbol, one.draft.symbol) else None
        held = priced.get(_key(order.symbol))
        known = (None if quote is None else quote.ask, order.limit_price, order.stop_price, held)
        return max((price for price in known if price is not None), default=None)

    def left(order: Order) -> Decimal | None:
        if order.qty is None:
            return _rest_of_notional(order)
        at, remaining = price(order), order.remaining
        if at is None or remaining is None:
            return None
        mine = same_symbol(order.symbol, one.draft.symbol)
        other = CONTRACT if is_option(order.symbol) else Decimal(1)
        return remaining * at * (one.draft.multiplier(one.world) if mine else other)

    return left


def _rest_of_notional(order: Order) -> Decimal | None:
    """Dollars that an order for dollars may still fill."""
    if order.notional is None or order.filled_qty is None:
        return None
    if order.filled_qty == 0:
        return order.notional
    if order.filled_avg_price is None:
        return None
    return max(order.notional - order.filled_qty * order.filled_avg_price, ZERO)
