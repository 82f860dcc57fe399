"""An order of several legs: each leg is judged, and for money all of them together.

What the legs are worth is the premium of all of them, bought and sold, at the costly side of their
quotes: a bound that needs no model of the risk, and no measure of what a sold option may cost. What
the broker reserves for it is another thing: what the legs can lose together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from runner.effects import Json
from runner.guards.draft import Draft, Judged
from runner.guards.reference import usable

ZERO = Decimal(0)

_CONTRACT = re.compile(r"([A-Z0-9]{1,6})(\d{6})([CP])(\d{8})")


class Net(Struct, frozen=True):
    """Dollars a share of one of the order: at the quotes it would take, at their middles, and all
    that changes hands, bought and sold. A debit is positive, a credit negative."""

    natural: Decimal
    middle: Decimal
    gross: Decimal


class Contract(Struct, frozen=True):
    """An option by its symbol. `expires` is as in the symbol (YYMMDD), `strike` in dollars."""

    root: str
    expires: str
    is_call: bool
    strike: Decimal


def contract_of(symbol: str) -> Contract | None:
    """The option that a symbol names, such as AAPL261218C00200000."""
    found = _CONTRACT.fullmatch(symbol)
    if found is None:
        return None
    root, expires, kind, strike = found.groups()
    return Contract(root, expires, kind == "C", Decimal(strike) / 1000)


def as_one(legs: Sequence[Judged]) -> Judged:
    """All legs as one order in dollars, by the newest reading; without a worth if one has none."""
    worths = [leg.notional for leg in legs]
    known = [worth for worth in worths if worth is not None]
    body: dict[str, Json] = {"notional": f"{sum(known):f}"} if len(known) == len(legs) else {}
    return replace(legs[-1], draft=Draft("", "", body))


def net_of(draft: Draft, legs: Sequence[Judged]) -> Net | str:
    """What one of the order comes to; the symbol of a leg where that cannot be told."""
    qty = draft.qty
    natural = middle = gross = ZERO
    for leg in legs:
        quote, contracts = usable(leg), leg.draft.qty
        if quote is None or quote.bid is None or quote.ask is None or not qty or contracts is None:
            return leg.draft.symbol
        ratio = contracts / qty
        buys = leg.draft.side == "buy"
        mid = (quote.bid + quote.ask) / 2
        natural += (quote.ask if buys else -quote.bid) * ratio
        middle += (mid if buys else -mid) * ratio
        gross += mid * ratio
    return Net(natural, middle, gross)


def most_it_can_lose(draft: Draft, legs: Sequence[Judged]) -> Decimal | None:
    """Dollars that the order can lose with its premium, at expiry: what the broker reserves.

    A bought option covers a sold one of the same underlying only if it lives as long, unless it
    closes what was sold. None where the loss has no bound, or no fresh quote tells the premium.
    """
    limit, net, qty = draft.number("limit_price"), net_of(draft, legs), draft.qty
    price = limit if limit is not None or isinstance(net, str) else net.natural
    if price is None or qty is None:
        return None
    loss, size = ZERO, legs[0].draft.multiplier(legs[0].world)
    by_root: dict[str, list[tuple[Contract, Decimal]]] = {}
    for leg, contract, number in _opening(legs):
        if contract is None or number is None:
            return None
        signed = number if leg.draft.side == "buy" else -number
        by_root.setdefault(contract.root, []).append((contract, signed))
    for held in by_root.values():
        if sum(number for contract, number in held if contract.is_call) < 0:
            return None
        strikes = (ZERO, *(contract.strike for contract, _ in held))
        loss += max(-_worth_at(strike, held) for strike in strikes) * size
    return max(loss + price * qty * size, ZERO)


def _opening(legs: Sequence[Judged]) -> list[tuple[Judged, Contract | None, Decimal | None]]:
    """The legs that count: not sales of what is held, nor what expires before a sold one does."""
    read = [(leg, contract_of(leg.draft.symbol), leg.draft.qty) for leg in legs]
    counted = [one for one in read if one[0].draft.side == "buy" or not one[0].reduces]
    sold = [one[1].expires for one in counted if one[0].draft.side != "buy" and one[1] is not None]
    last = max(sold, default="")
    return [
        (leg, contract, number)
        for leg, contract, number in counted
        if contract is None or contract.expires >= last or leg.reduces or leg.draft.side != "buy"
    ]


def _worth_at(price: Decimal, held: Sequence[tuple[Contract, Decimal]]) -> Decimal:
    """What the contracts are worth at expiry, at a price of the underlying."""
    worth = ZERO
    for contract, number in held:
        inside = price - contract.strike if contract.is_call else contract.strike - price
        worth += number * max(inside, ZERO)
    return worth
