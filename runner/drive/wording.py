"""What is assumed of orders, and what estimates rest on, in words. Times are New York's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from runner.drive.readings import Readings
from runner.effects import ReadQuote, Status
from runner.world import Quote

if TYPE_CHECKING:
    from runner.drive.overlay import Overlay
    from runner.sim.orders import Order

NEW_YORK = ZoneInfo("America/New_York")


def clock_time(at: datetime) -> str:
    """A time of day in New York, to the second."""
    return at.astimezone(NEW_YORK).strftime("%H:%M:%S")


def in_new_york(at: datetime) -> str:
    """A date and time of day in New York."""
    return at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")


def plain(number: Decimal) -> str:
    """A number without trailing zeros or exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def order_words(order: Order) -> str:
    """What an order trades: `buy 5 AAPL`."""
    ticket = order.ticket
    if ticket.qty is not None:
        size = plain(ticket.qty - order.filled_qty)
    else:
        size = f"${plain(ticket.notional or Decimal(0))} of"
    if ticket.legs:
        return f"{size} x {len(ticket.legs)} legs"
    return f"{ticket.side} {size} {order.asset.symbol}"


def fill_words(orders: Sequence[Order], overlay: Overlay) -> str:
    """That orders fill, and at what."""
    said = []
    for order in orders:
        ticket = order.ticket
        if ticket.type == "market" or overlay.at_the_market(order.id):
            how = "at the market"
        elif order.stop_price is not None and ticket.type != "limit":
            how = f"at its stop {plain(order.stop_price)}"
        else:
            how = f"at its limit {plain(ticket.limit_price or Decimal(0))}"
        said.append(f"{order_words(order)} fills {how}")
    return "; ".join(said)


def unfilled_words(orders: Sequence[Order], until: datetime) -> str:
    """That orders do not fill in time."""
    names = ", ".join(map(order_words, orders))
    return f"{names}: not filled by {clock_time(until)}"


def quote_basis(readings: Readings, symbol: str, side: str) -> str:
    """Where a price comes from: `ask at 09:31:02`."""
    answer = readings.ask(ReadQuote(symbol))
    at = Quote.read(answer.data).at if answer.status is Status.OK else None
    return f"{side} at {clock_time(at)}" if at is not None else side


def fill_basis(readings: Readings, order: Mapping[str, Any]) -> str:
    """What the assumed price of a fill rests on."""
    symbol, side = str(order.get("symbol") or ""), str(order.get("side") or "")
    price = order.get("filled_avg_price")
    if price is None or not symbol:
        return "assumed fill"
    answer = readings.ask(ReadQuote(symbol))
    quote = Quote.read(answer.data) if answer.status is Status.OK else None
    if quote is not None:
        for name, seen in (("ask", quote.ask), ("bid", quote.bid)):
            if (
                seen is not None
                and seen == Decimal(str(price))
                and (name == "ask") == (side == "buy")
            ):
                return quote_basis(readings, symbol, name)
    for name in ("limit_price", "stop_price"):
        if order.get(name) is not None and Decimal(str(order[name])) == Decimal(str(price)):
            return "its " + name.removesuffix("_price")
    return "assumed fill"
