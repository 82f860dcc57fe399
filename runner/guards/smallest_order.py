"""Fractions and crypto have a smallest order in dollars."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.holding import beyond_holding
from runner.guards.reference import reference

CODE = "smallest_order"
FRACTION = Decimal(1)
CRYPTO = Decimal(10)


def judge(one: Judged) -> Verdict | None:
    """Refuses an order for fewer dollars, or one whose dollars cannot be told.

    Crypto either way, of stocks only fractions that open, or are given in dollars. A price that is
    not given is the market's: what is added to it elsewhere would make a small order look large.
    """
    crypto, dollars = one.asset_class == "crypto", one.draft.body.get("notional") is not None
    if not crypto and not (one.fractional and (dollars or beyond_holding(one) != 0)):
        return None
    least, what = (CRYPTO, "crypto") if crypto else (FRACTION, "fractional")
    worth = _worth(one)
    values = {"worth": worth, "least": least}
    if worth is None:
        return refuse(
            CODE,
            "what the order is worth cannot be told: nothing says the market's price",
            **values,
        )
    if worth < least:
        words = f"${worth:f} is less than ${least:f}, the smallest {what} order"
        return refuse(CODE, words, **values)
    return let_pass(CODE, f"${worth:f} of at least ${least:f}", **values)


def _worth(one: Judged) -> Decimal | None:
    draft = one.draft
    given = draft.number("notional")
    if given is not None:
        return given
    price = draft.number("limit_price") or draft.number("stop_price")
    if price is None:
        market = reference(one)
        price = market.price if market is not None else None
    qty = draft.qty
    return None if price is None or qty is None else qty * price


def known_bad(one: Judged) -> Judged:
    """An order for fifty cents."""
    symbol = "AAPL" if one.asset_class == "us_option" else one.draft.symbol
    body = {"symbol": symbol, "side": "buy", "type": "market", "time_in_force": "day",
            "notional": "0.50"}  # fmt: skip
    return replace(one, draft=Draft(symbol, "buy", body))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a fractional buy for less than a dollar, or a crypto order for less than ten, or when "
    "it cannot be told",
    default="$1 for fractions, $10 for crypto",
    reason="The broker refuses it in the middle of the run.",
    source="Alpaca: cost basis must be >= minimal amount of order (facts page 2.3)",
    scope=Scope.SINGLE,
)
