"""What short options require in margin when long ones, shares or cash stand behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from runner.sim.contracts import SIZE, Contract
from runner.sim.wire import ZERO

if TYPE_CHECKING:
    from runner.sim.orders import Order

Legs = Sequence[tuple[Contract, Decimal]]
"""Contracts and how many of each: positive bought, negative sold."""


def requirement(legs: Legs) -> Decimal:
    """Dollars that the short ones among option positions require.

    A short option is covered by a long one of the same kind and underlying that lives as long:
    together they can lose the distance of their strikes. A short put without one is secured by its
    strike in cash, a short call by shares, which are not counted here.
    """
    # rule: options.spread
    left = [number if number > 0 else ZERO for _, number in legs]
    required = ZERO
    for short, number in legs:
        missing = max(-number, ZERO)
        for at, (long, _) in enumerate(legs):
            if left[at] and missing and _covers(long, short):
                taken = min(left[at], missing)
                left[at] -= taken
                missing -= taken
                gap = long.strike - short.strike if short.call else short.strike - long.strike
                required += max(gap, ZERO) * taken * SIZE
        if not short.call:
            required += short.strike * missing * SIZE
    return required


def uncovered_calls(legs: Legs, pending: Decimal = ZERO) -> Decimal:
    """Short calls that no long call covers: shares must. `pending` more are about to be sold."""
    short = sum((-number for contract, number in legs if contract.call and number < 0), ZERO)
    long = sum((number for contract, number in legs if contract.call and number > 0), ZERO)
    return max(short + pending - long, ZERO)


def pending_calls(
    orders: Iterable[Order], underlying: str, instead_of: Order | None = None
) -> Decimal:
    """Calls that open orders would sell without buying as many in the same order.

    `instead_of` is an order that is left out, because another takes its place.
    """
    # rule: options.covered
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        contract, top = order.asset.contract, order.parent or order
        if contract is None or not contract.call or contract.underlying != underlying:
            continue
        if top is instead_of or order.position_intent == "sell_to_close":
            continue
        assert order.ticket.qty is not None
        left = order.ticket.qty - order.filled_qty
        if order.ticket.side == "sell":
            net[top.id] += left
        elif order.ticket.ratio is not None:
            net[top.id] -= left
    return sum((max(number, ZERO) for number in net.values()), ZERO)


def _covers(long: Contract, short: Contract) -> bool:
    same = (long.underlying, long.call) == (short.underlying, short.call)
    return same and long.expires >= short.expires
