"""Setting a price by hand, and what that means for the orders that wait for one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from runner.sim.changes import EXECUTION, look
from runner.sim.matching import Step, follow
from runner.sim.sources import Point

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

FROM_THE_TAPE = (Step.TRIGGER, Step.FILL, Step.LAPSE, Step.LOOK)


def set_price(
    exchange: Exchange,
    symbol: str,
    price: Decimal,
    book: tuple[Decimal, Decimal] | None = None,
) -> None:
    """From now on the last price is `price` (dollars), and bid and ask are `book` when given."""
    # rule: control.price
    concerned = {
        order.id: order
        for order in exchange.book.open_orders()
        if order.asset.symbol == symbol or _derived(exchange, order.asset.symbol)
    }
    for order in concerned.values():
        follow(order, exchange.now, exchange.tape)
    bid, ask = book or (None, None)
    exchange.tape.set_price(symbol, Point(exchange.now, price, bid, ask))
    waiting = exchange.agenda.drop(
        lambda due: due.order_id in concerned and due.step in FROM_THE_TAPE
    )
    for order_id in dict.fromkeys(due.order_id for due in waiting):
        order = concerned[order_id]
        order.searched_mark = None
        look(exchange, order, max(exchange.now, order.created_at + EXECUTION))


def _derived(exchange: Exchange, symbol: str) -> bool:
    """Whether a price follows from others, as an option's does."""
    return not exchange.tape.knows(symbol)
