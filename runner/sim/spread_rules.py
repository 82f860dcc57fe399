"""What is refused of multi-leg option orders, and what they set aside."""

from __future__ import annotations

from decimal import Decimal

from runner.sim import calendar
from runner.sim.contracts import SIZE, Contract, parse
from runner.sim.messages import forbidden, unprocessable
from runner.sim.option_margin import pending_calls, requirement, uncovered_calls
from runner.sim.option_rules import require_level, reserve
from runner.sim.positions import Positions
from runner.sim.situation import Situation, Verdict
from runner.sim.tickets import LegTicket, Ticket
from runner.sim.wire import ZERO, decimal_text


def check_spread(ticket: Ticket, seen: Situation) -> Verdict:
    """The verdict on a multi-leg ticket. Raises `Refusal`."""
    require_level(seen.account, 3)
    qty, price = ticket.qty, ticket.limit_price
    assert qty is not None
    if price is not None and price % Decimal("0.01"):
        raise unprocessable(f"invalid limit_price {decimal_text(price)}")
    contracts = [_contract(leg.symbol, seen) for leg in ticket.legs]
    if len({contract.underlying for contract in contracts}) > 1:
        # rule: options.one-underlying
        raise unprocessable("all legs must have the same underlying")
    if price is None:
        if calendar.phase(seen.now) is not calendar.Phase.REGULAR:
            raise unprocessable("options market orders are only allowed during market hours")
        price = seen.quote.ask
    own = _own(contracts, seen)
    for leg in ticket.legs:
        _check_leg(leg, leg.ratio * qty, own.get(leg.symbol, ZERO), seen)
    changes = [
        (contract, leg.ratio * qty if leg.side == "buy" else -leg.ratio * qty)
        for contract, leg in zip(contracts, ticket.legs, strict=True)
    ]
    required = _required(changes, contracts[0].underlying, seen)
    # rule: options.spread-cost
    cost = max(required + price * qty * SIZE, ZERO)
    return Verdict("", reserve(seen, cost), ZERO)


def leg_intent(leg: LegTicket, positions: Positions) -> str:
    """The position intent that follows from a leg's side and what is held."""
    held = positions.qty(leg.symbol)
    if leg.side == "buy":
        return "buy_to_close" if held < 0 else "buy_to_open"
    return "sell_to_close" if held > 0 else "sell_to_open"


def _contract(symbol: str, seen: Situation) -> Contract:
    contract = parse(symbol)
    if contract is None:
        raise unprocessable(f'asset "{symbol}" not found')
    if seen.now >= contract.closes_at:
        raise unprocessable(f'asset "{symbol}" is not active')
    return contract


def _own(contracts: list[Contract], seen: Situation) -> dict[str, Decimal]:
    """What the order that is to be replaced holds of each leg, and would no longer hold."""
    # rule: replace.multi-leg-calendar
    if seen.instead_of is None or len({contract.expires for contract in contracts}) > 1:
        return {}
    return {leg.asset.symbol: leg.held for leg in seen.instead_of.legs}


def _check_leg(leg: LegTicket, number: Decimal, own: Decimal, seen: Situation) -> None:
    inferred = leg_intent(leg, seen.positions)
    if leg.position_intent not in (None, inferred):
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {leg.position_intent}"
        )
    if inferred.endswith("_open"):
        return
    existing = abs(seen.positions.qty(leg.symbol))
    held = min(seen.book.held(leg.symbol, leg.side) - own, existing)
    if number > existing - held:
        raise forbidden(
            "insufficient qty available for order"
            f" (requested: {decimal_text(number)}, available: {decimal_text(existing - held)})",
            available=decimal_text(existing - held),
            existing_qty=decimal_text(existing),
            held_for_orders=decimal_text(held),
            symbol=leg.symbol,
        )


def _required(changes: list[tuple[Contract, Decimal]], underlying: str, seen: Situation) -> Decimal:
    """Dollars that the positions would require more than now; short calls must be covered."""
    numbers: dict[Contract, Decimal] = {}
    for position in seen.positions:
        contract = position.asset.contract
        if contract is not None and contract.underlying == underlying:
            numbers[contract] = position.qty
    before = list(numbers.items())
    for contract, number in changes:
        numbers[contract] = numbers.get(contract, ZERO) + number
    after = list(numbers.items())
    shares = seen.positions.qty(underlying) - seen.book.held(underlying, "sell")
    pending = pending_calls(seen.book.open_option_orders(), underlying, seen.instead_of)
    exposed = uncovered_calls(after, pending)
    if exposed * SIZE > max(shares, uncovered_calls(before, pending) * SIZE):
        raise forbidden("account not eligible to trade uncovered option contracts")
    return requirement(after) - requirement(before)
