"""The wash-trade matrix: which orders of one account must not meet each other."""

from __future__ import annotations

from runner.sim.messages import forbidden
from runner.sim.orders import Order
from runner.sim.situation import Situation
from runner.sim.tickets import Ticket
from runner.sim.wire import optional_text

LIMITED = frozenset({"limit", "stop_limit"})


def check_wash_trade(ticket: Ticket, seen: Situation) -> None:
    """Raises `Refusal` (403) when an open order on the other side could trade with the ticket."""
    # rule: wash-trade.matrix
    if ticket.type == "trailing_stop" or ticket.order_class:
        return
    opposite = "sell" if ticket.side == "buy" else "buy"
    for other in seen.book.working(seen.asset.symbol, opposite):
        reason = _washes(ticket, other)
        if reason is None:
            continue
        extra: dict[str, object] = {"reject_reason": reason, "existing_order_id": other.id}
        limits = {ticket.side: ticket.limit_price, opposite: other.ticket.limit_price}
        for side, limit in limits.items():
            if limit is not None:
                extra[f"{side}_limit_price"] = optional_text(limit)
        raise forbidden("potential wash trade detected. use complex orders", **extra)


def _washes(ticket: Ticket, other: Order) -> str | None:
    if other.ticket.type == "trailing_stop" or other.ticket.order_class:
        return None
    if other.ticket.type not in LIMITED:
        return "opposite side market/stop order exists"
    if ticket.type not in LIMITED:
        return "opposite side limit order exists. use complex/limit/stop_limit orders"
    mine, theirs = ticket.limit_price, other.ticket.limit_price
    assert mine is not None
    assert theirs is not None
    if ticket.side == "buy":
        if mine < theirs:
            return None
        return "sell order exists, buy limit price should be less than existing sell limit price"
    if mine > theirs:
        return None
    return "buy order exists, sell limit price should be greater than existing buy limit price"
