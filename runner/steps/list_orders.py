"""`list_orders`: the open orders, and what they would buy and sell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.effects import ReadOpenOrders, ReadQuote
from runner.language.declare import Action, Output, arg
from runner.language.kinds import (
    COUNT,
    DURATION,
    MOMENT,
    PERCENT,
    QUANTITY,
    RECORD,
    SYMBOL,
    choice,
    list_of,
)
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.sessions import read_clock
from runner.world import STALE, Clock, Order, Quote, same_symbol

ZERO = Decimal(0)
UNTOLD = "if an order does not tell how many, as one for dollars"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrders:
    """Each leg of a group counts as an order of its own."""

    symbol: str | None = arg(SYMBOL, "Only orders in this symbol.", example="AAPL")
    side: str | None = arg(choice("buy", "sell"), "Only orders on this side.")
    scope: str = arg(
        choice("account", "run"), "All orders of the account, or those of this run.",
        default="account",
    )  # fmt: skip
    older_than: timedelta | None = arg(
        DURATION, "Only orders made longer ago than this, by the broker's clock.", above="0s"
    )
    farther_than: Decimal | None = arg(
        PERCENT,
        "Only orders whose price is farther than this from the market, a buy's from the bid and a "
        "sale's from the ask. An order that the market has reached is at no distance.",
        least="0%",
        example="2%",
    )


OUTPUTS = {
    "count": Output(COUNT, "How many orders there are, each leg counted."),
    "buy_qty": Output(
        QUANTITY,
        "Shares that are left to buy; of exits that cancel each other the larger.",
        optional=UNTOLD,
    ),
    "sell_qty": Output(
        QUANTITY, "Shares that are left to sell, reckoned in the same way.", optional=UNTOLD
    ),
    "oldest": Output(MOMENT, "When the oldest was made.", optional="if there is none"),
    "orders": Output(
        list_of(RECORD),
        "The orders: order_id, client_order_id, symbol, side, type, status, remaining_qty, "
        "limit_price, stop_price, created_at.",
    ),
}


class Row(Struct, frozen=True):
    """One open order. Orders with the same `group` cancel each other."""

    order: Order
    group: str


def list_orders(args: ListOrders, run: Run) -> Steps[Mapping[str, Plain]]:
    data = yield from run.read(ReadOpenOrders((args.symbol,) if args.symbol is not None else ()))
    found = data.get("orders") if data is not None else None
    if not isinstance(found, list):
        raise refused("the open orders could not be read")
    rows = [row for one in found for row in _rows(Order.read(one)) if _wanted(args, run, row.order)]
    if rows and (args.older_than is not None or args.farther_than is not None):
        clock = yield from read_clock(run)
        if args.older_than is not None:
            rows = [row for row in rows if _older(row.order, clock, args.older_than)]
        if args.farther_than is not None:
            quotes = yield from _quotes(run, rows, clock)
            most = args.farther_than
            rows = [row for row in rows if _distance(row.order, quotes) > most]
    made = [row.order.created_at for row in rows]
    known = [moment for moment in made if moment is not None]
    return {
        "count": Decimal(len(rows)),
        "buy_qty": _left(rows, "buy"),
        "sell_qty": _left(rows, "sell"),
        "oldest": min(known) if known and len(known) == len(made) else None,
        "orders": tuple(_record(row.order) for row in rows),
    }


def _rows(order: Order) -> Iterator[Row]:
    """An order and its open legs. The legs of a multi-leg order stand for it: it has no symbol."""
    if order.order_class == "mleg" and order.legs:
        yield from (Row(leg, leg.id) for leg in order.legs)
        return
    if not order.terminal:
        yield Row(order, order.id)
    yield from (Row(leg, order.id) for leg in order.legs if not leg.terminal)


def _wanted(args: ListOrders, run: Run, order: Order) -> bool:
    """Whether it is one of those asked for. Raises `Failure` when the broker does not say."""
    if not order.id or not order.symbol or order.side not in ("buy", "sell"):
        raise refused(
            f"the broker reports an open order {order.id or order.client_order_id} without its id, "
            "symbol or side"
        )
    return (
        (args.symbol is None or same_symbol(order.symbol, args.symbol))
        and (args.side is None or order.side == args.side)
        and (args.scope == "account" or run.orders.knows(order))
    )


def _older(order: Order, clock: Clock, age: timedelta) -> bool:
    if order.created_at is None or clock.timestamp is None:
        raise refused(f"the broker does not say when order {order.id} was made")
    return clock.timestamp - order.created_at > age


def _quotes(run: Run, rows: list[Row], clock: Clock) -> Steps[dict[str, Quote]]:
    """The quote of each symbol. Raises `Failure` when one is missing, or too old to go by."""
    quotes = {}
    for symbol in dict.fromkeys(row.order.symbol for row in rows if _price(row.order) is not None):
        quote = Quote.read((yield from run.read(ReadQuote(symbol))) or {})
        at, now = quote.at, clock.timestamp
        stale = clock.is_open and (at is None or now is None or now - at > STALE)
        if quote.bid is None or quote.ask is None or stale:
            raise refused(
                f"how far the orders in {symbol} are from the market cannot be told: there is no "
                "recent two-sided quote"
            )
        quotes[symbol] = quote
    return quotes


def _price(order: Order) -> Decimal | None:
    """The price that the market must reach; None for an order that trades at any price."""
    price = order.stop_price if order.stop_price is not None else order.limit_price
    if price is None and order.type != "market":
        raise refused(f"the broker does not say at which price order {order.id} trades")
    return price


def _distance(order: Order, quotes: Mapping[str, Quote]) -> Decimal:
    """How far its price is from the market, as a part of that; zero where the market is past it.

    A limit waits for a better price than the market's, a stop for a worse one.
    """
    price = _price(order)
    if price is None:
        return ZERO
    quote = quotes[order.symbol]
    market = (quote.bid if order.side == "buy" else quote.ask) or ZERO
    below = order.side == "buy" if order.stop_price is None else order.side == "sell"
    return max((market - price if below else price - market) / market, ZERO)


def _left(rows: list[Row], side: str) -> Decimal | None:
    """Shares left to trade on a side; None when an order does not tell."""
    groups: dict[str, Decimal] = {}
    for row in rows:
        if row.order.side == side:
            if row.order.remaining is None:
                return None
            groups[row.group] = max(groups.get(row.group, ZERO), row.order.remaining)
    return sum(groups.values(), ZERO)


def _record(order: Order) -> dict[str, Any]:
    created: datetime | None = order.created_at
    return {
        "order_id": order.id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "status": order.status,
        "remaining_qty": order.remaining,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "created_at": created,
    }


ACTION = Action(
    "list_orders",
    "Lists open orders, and says what they would buy and sell.",
    ListOrders,
    OUTPUTS,
    list_orders,
    polls=True,
)
