"""Whether sold calls are covered: by calls that are held and live as long, or by free shares.

The loss of a sold call that nothing covers has no bound, and none of the account levels 0 to 3
allows one (Alpaca options trading page, 2026-09-16; facts page 2.3). A call is covered by a held or
bought one of the same underlying that expires no earlier, whatever its strike, as the broker has
it. What is left takes the shares of the underlying that no open order and no other sold call uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from runner.guards.draft import Judged
from runner.guards.spread import contract_of
from runner.world import Order, Position

ZERO = Decimal(0)

Calls = dict[str, Decimal]
"""Contracts by their symbol, bought or held above zero, sold below."""


def uncovered_in_words(legs: Sequence[Judged]) -> str:
    """What covers too little of the calls that an order sells to open; empty where all is covered.

    `legs` are the parts of the order, or the order itself.
    """
    one = legs[0]
    positions = one.world.positions
    sold = [leg for leg in legs if leg.draft.side == "sell" and _is_call(leg.draft.symbol)]
    for root in sorted({_root(leg.draft.symbol) for leg in sold}):
        if positions is None:
            return f"whether free shares of {root} cover the sold call cannot be told"
        before, after = _before(legs, positions, root), _after(legs, positions, root)
        if before is None or after is None:
            return f"whether free shares of {root} cover the sold call cannot be told"
        needed, needed_before = (_uncovered(calls) for calls in (after, before))
        if needed <= needed_before:
            continue
        size = one.draft.multiplier(one.world)
        free = _free_shares(positions, root)
        if free is None:
            return f"how many shares of {root} are free to cover the sold call cannot be told"
        if needed * size > free:
            left = max(free - needed_before * size, ZERO)
            return (
                f"{(needed - needed_before) * size:f} free shares of {root} must cover the sold "
                f"call, and {left:f} are free: no options level allows an uncovered one"
            )
    return ""


def _before(legs: Sequence[Judged], positions: Iterable[Position], root: str) -> Calls | None:
    """What is held, and what open orders may still sell; None when one does not say how many."""
    calls: Calls = {}
    for position in positions:
        if _is_call(position.symbol) and _root(position.symbol) == root:
            if position.qty is None:
                return None
            calls[position.symbol] = position.qty
    for leg in legs:  # what this run has sold may not be shown yet
        symbol, expected = leg.draft.symbol, leg.bounds.expected
        if expected is not None and _is_call(symbol) and _root(symbol) == root:
            calls[symbol] = min(calls.get(symbol, ZERO), expected)
    replaced = {order.id for leg in legs for order in leg.draft.instead}
    for order in _flat(legs[0].world.open_orders, replaced):
        if order.side == "sell" and _is_call(order.symbol) and _root(order.symbol) == root:
            if order.remaining is None:
                return None
            calls[order.symbol] = calls.get(order.symbol, ZERO) - order.remaining
    return calls


def _after(legs: Sequence[Judged], positions: Iterable[Position], root: str) -> Calls | None:
    calls = _before(legs, positions, root)
    for leg in legs:
        symbol, qty = leg.draft.symbol, leg.draft.qty
        if calls is None or not _is_call(symbol) or _root(symbol) != root:
            continue
        if qty is None:
            return None
        calls[symbol] = calls.get(symbol, ZERO) + (qty if leg.draft.side == "buy" else -qty)
    return calls


def _uncovered(calls: Calls) -> Decimal:
    """Sold calls that no held one covers. The longest-lived go first: fewest calls cover them."""
    held = {symbol: number for symbol, number in calls.items() if number > 0}
    left = ZERO
    for symbol in sorted((one for one in calls if calls[one] < 0), key=_expires, reverse=True):
        needed = -calls[symbol]
        for other, number in held.items():
            if _expires(other) >= _expires(symbol):
                taken = min(number, needed)
                held[other] = number - taken
                needed -= taken
        left += needed
    return left


def _free_shares(positions: Iterable[Position], root: str) -> Decimal | None:
    """Shares of the underlying that open orders have not taken; 0 where none are held."""
    for position in positions:
        if position.symbol.replace(".", "") == root:
            if position.qty is None or position.qty_available is None:
                return None
            return max(min(position.qty, position.qty_available), ZERO)
    return ZERO


def _flat(orders: Iterable[Order], replaced: set[str]) -> Iterator[Order]:
    """Open orders and the legs of multi-leg ones, without those whose place the order takes."""
    for order in orders:
        if order.id not in replaced and not order.terminal:
            yield from order.legs if order.order_class == "mleg" and order.legs else (order,)


def _is_call(symbol: str) -> bool:
    contract = contract_of(symbol)
    return contract is not None and contract.is_call


def _root(symbol: str) -> str:
    contract = contract_of(symbol)
    return "" if contract is None else contract.root


def _expires(symbol: str) -> str:
    contract = contract_of(symbol)
    return "" if contract is None else contract.expires
