"""What is refused of option orders: by form, by the account's level, and without cover."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from runner.sim import calendar
from runner.sim.account import Account
from runner.sim.contracts import SIZE, Contract
from runner.sim.messages import forbidden, unprocessable
from runner.sim.situation import Situation
from runner.sim.tickets import Ticket
from runner.sim.wire import CENT, ZERO, decimal_text


def check_option(ticket: Ticket, seen: Situation) -> None:
    """Raises `Refusal` (422) for what no option order may be, now."""
    # rule: options.order
    if ticket.notional is not None or ticket.fractional:
        raise unprocessable("options orders must be for a whole number of contracts")
    if ticket.type not in ("market", "limit"):
        raise unprocessable("options orders must be market or limit orders")
    if ticket.time_in_force != "day":
        raise unprocessable("options orders must be DAY orders")
    if ticket.extended_hours:
        raise unprocessable("options orders do not support extended hours trading")
    if ticket.order_class not in ("", "mleg"):
        raise unprocessable(f"{ticket.order_class} orders are not supported for options")
    contract = seen.asset.contract
    assert contract is not None
    if seen.now >= contract.closes_at:
        raise unprocessable(f'asset "{seen.asset.symbol}" is not active')
    if ticket.type == "market" and calendar.phase(seen.now) is not calendar.Phase.REGULAR:
        # rule: options.market-hours
        raise unprocessable("options market orders are only allowed during market hours")


def require_level(account: Account, level: int) -> None:
    """Raises `Refusal` (403) when the account may not trade options at a level."""
    # rule: options.level
    if account.options_level < level:
        raise forbidden(f"account not eligible for level{level} options trading")


def option_cost(ticket: Ticket, seen: Situation, contracts: Decimal, intent: str) -> Decimal:
    """Dollars of buying power that opening a single-leg option order sets aside."""
    contract = seen.asset.contract
    assert contract is not None
    if intent == "buy_to_open":
        require_level(seen.account, 2)
        price = ticket.limit_price if ticket.limit_price is not None else seen.quote.ask
        return reserve(seen, price * contracts * SIZE)
    require_level(seen.account, 1)
    # rule: options.covered
    if contract.call:
        _require_shares(contract, seen, contracts)
        return ZERO
    return reserve(seen, contract.strike * contracts * SIZE)


def _require_shares(contract: Contract, seen: Situation, contracts: Decimal) -> None:
    symbol = contract.underlying
    old = seen.instead_of
    own = (old.ticket.qty or ZERO) - old.filled_qty if old is not None else ZERO
    covering = max(seen.covering - own * SIZE, ZERO)
    free = seen.positions.qty(symbol) - seen.book.held(symbol, "sell") - covering
    if free < contracts * SIZE:
        raise forbidden("account not eligible to trade uncovered option contracts")


def reserve(seen: Situation, cost: Decimal) -> Decimal:
    """A cost in options buying power. Raises `Refusal` (403) when there is less."""
    # rule: options.buying-power
    own = seen.instead_of.reserved / seen.margin.multiplier if seen.instead_of else ZERO
    power = seen.cash_power + own
    if cost > power:
        raise forbidden(
            "insufficient options buying power",
            options_buying_power=decimal_text(power),
            cost_basis=decimal_text(cost),
        )
    return (cost * seen.margin.multiplier).quantize(CENT, ROUND_UP)
