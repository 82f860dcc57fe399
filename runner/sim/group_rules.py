"""Where the prices of a bracket, OCO or OTO order may lie, and which way such an order may go."""

from __future__ import annotations

from decimal import Decimal

from runner.sim.messages import forbidden, unprocessable
from runner.sim.tickets import Ticket
from runner.sim.wire import CENT, decimal_text


def check_group(ticket: Ticket, intent: str, last: Decimal) -> None:
    """Raises `Refusal` when the group of a ticket makes no sense; `last` in dollars a share."""
    opens = intent.endswith("_open")
    # rule: group.direction
    if ticket.order_class == "oco":
        if opens:
            raise forbidden("oco orders must be exit orders")
        _oco(ticket, last)
        return
    if ticket.order_class == "bracket" and not opens:
        raise forbidden("bracket orders must be entry orders")
    _around(ticket, ticket.limit_price or ticket.stop_price or last)


def _around(ticket: Ticket, base: Decimal) -> None:
    """The profit leg lies beyond the entry's price in its favour, the stop leg opposite."""
    # rule: group.geometry
    buying = ticket.side == "buy"
    profit = ticket.take_profit
    if profit is not None and (profit < base + CENT if buying else profit > base - CENT):
        _refuse("take_profit.limit_price", up=buying, base=base)
    stop = ticket.stop_loss.stop_price if ticket.stop_loss else None
    if stop is not None and (stop > base - CENT if buying else stop < base + CENT):
        _refuse("stop_loss.stop_price", up=not buying, base=base)


def _oco(ticket: Ticket, last: Decimal) -> None:
    """A sell's profit price is above its stop, and its stop below the market; a buy's otherwise."""
    # rule: group.geometry
    assert ticket.take_profit is not None
    assert ticket.stop_loss is not None
    profit, stop = ticket.take_profit, ticket.stop_loss.stop_price
    selling = ticket.side == "sell"
    if profit <= stop if selling else profit >= stop:
        sign = ">" if selling else "<"
        raise unprocessable(
            f"take_profit.limit_price must be {sign} stop_loss.stop_price",
            base_price=decimal_text(last),
        )
    if stop > last - CENT if selling else stop < last + CENT:
        _refuse("stop_loss.stop_price", up=not selling, base=last)


def _refuse(name: str, *, up: bool, base: Decimal) -> None:
    bound = ">= base_price + 0.01" if up else "<= base_price - 0.01"
    raise unprocessable(f"{name} must be {bound}", base_price=decimal_text(base))
