"""What is refused of crypto orders: they are for cash, never short, and trade all the time."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from runner.sim.messages import forbidden, unprocessable
from runner.sim.situation import COLLAR, Situation
from runner.sim.tickets import Ticket
from runner.sim.wire import CENT, ZERO, decimal_text

FEE = Decimal("0.0025")  # of what is received
SMALLEST = Decimal(10)  # dollars


def check_crypto(ticket: Ticket) -> None:
    """Raises `Refusal` for what no crypto order may be."""
    # rule: crypto.order
    if ticket.time_in_force not in ("gtc", "ioc"):
        raise unprocessable("invalid crypto time_in_force")
    if ticket.type not in ("market", "limit", "stop_limit"):
        raise unprocessable(f"{ticket.type} orders are not supported for crypto")
    if ticket.order_class:
        raise unprocessable(f"{ticket.order_class} orders are not supported for crypto")
    if ticket.extended_hours:
        raise unprocessable("extended hours are not supported for crypto")


def check_crypto_balance(ticket: Ticket, seen: Situation, shares: Decimal) -> Decimal:
    """Dollars of buying power that a crypto order sets aside. Raises `Refusal` (403)."""
    price = ticket.limit_price or seen.quote.ask
    cost = ticket.notional if ticket.notional is not None else shares * price
    if cost < SMALLEST:
        # rule: crypto.minimum
        raise forbidden("cost basis must be >= minimal amount of order 10", cost_basis=_text(cost))
    if ticket.side == "sell":
        own = seen.instead_of.held if seen.instead_of else ZERO
        free = max(seen.held - seen.book.held(seen.asset.symbol, "sell") + own, ZERO)
        _require(seen.asset.symbol.partition("/")[0], shares, free)
        return ZERO
    if ticket.notional is None and ticket.limit_price is None:
        cost *= COLLAR
    own_cash = seen.instead_of.reserved / seen.margin.multiplier if seen.instead_of else ZERO
    _require("USD", cost.quantize(CENT, ROUND_UP), seen.cash_power + own_cash)
    return (cost * seen.margin.multiplier).quantize(CENT, ROUND_UP)


def _require(currency: str, wanted: Decimal, free: Decimal) -> None:
    # rule: crypto.balance
    if wanted > free:
        raise forbidden(
            f"insufficient balance for {currency}"
            f" (requested: {_text(wanted)}, available: {_text(free)})"
        )


def _text(amount: Decimal) -> str:
    return decimal_text(amount.normalize())
