"""How far from the market an order may pay up or sell down.

A buy may pay at most the ask and the collar on top, a sale may take at least the bid less the
collar; `reference` says what stands in for the quote. A market order has no price of its own: it is
measured by the quote it would take, as last seen, which must be there. One that waits for the open
takes a price that nobody knows yet, and an old quote proves nothing by itself: what was seen last
must lie within the collar of the previous close, on either side, because a quote too low makes the
order look smaller than it is. One that goes into an auction needs no more than that close. The
limit of a stop-limit is measured against its stop; how far the stop lies is `stop_distance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from runner.guards import spread
from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.reference import (
    COLLAR,
    OPTION_COLLAR,
    Reference,
    collar_of,
    in_auction,
    last_close,
    limit_of,
    reference,
    trades_at_once,
    waits_at_market,
)

CODE = "price_collar"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order priced further away, or whose market cannot be told."""
    draft, collar = one.draft, collar_of(one)
    if draft.type in ("stop", "trailing_stop"):
        return let_pass(CODE, "a stop's price is decided when it triggers")
    if draft.type == "stop_limit":
        stop, limit = draft.number("stop_price"), draft.number("limit_price")
        if stop is None or limit is None or stop <= 0:
            words = "the order does not say both its stop price and its limit"
            return refuse(CODE, words, price_collar=collar)
        return _measured(draft, limit, Reference(stop, "its stop"), collar)
    if waits_at_market(one):
        return _waiting(one, collar)
    market = reference(one)
    if market is None:
        return refuse(CODE, _untold(one), price_collar=collar)
    limit = limit_of(draft)
    price = _at_market(one, market) if limit is None else limit
    if price is None:
        words = "nothing is quoted on the side that the order would take"
        return refuse(CODE, words, price_collar=collar, **market.values)
    return _measured(draft, price, market, collar)


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """Refuses a net price too far from the net of the quotes, by all that changes hands.

    A debit is positive, a credit negative. A market order is measured from the middle.
    """
    collar = collar_of(legs[0])
    net = spread.net_of(draft, legs)
    if isinstance(net, str):
        words = f"the price of {net} cannot be told: no fresh quote with two sides"
        return refuse(CODE, words, price_collar=collar)
    limit = draft.number("limit_price")
    price, anchor = (net.natural, net.middle) if limit is None else (limit, net.natural)
    away = (price - anchor) / net.gross
    values = {"price": price, "market": anchor, "basis": "net of the legs' quotes",
              "away": f"{away:.6f}", "price_collar": collar}  # fmt: skip
    words = f"a net of ${price:f} is {away:.2%} of the legs from the market at ${anchor:f}"
    if away > collar:
        return refuse(CODE, f"{words}, more than {collar:.2%}", **values)
    return let_pass(CODE, f"{words}, within {collar:.2%}", **values)


def _measured(draft: Draft, price: Decimal, market: Reference, collar: Decimal) -> Verdict:
    beyond = price - market.price if draft.side == "buy" else market.price - price
    away = beyond / market.price
    values = {"price": price, **market.values, "away": f"{away:.6f}", "price_collar": collar}
    words = f"${price:f} is {away:.2%} from the market at {market}"
    if beyond > collar * market.price:
        return refuse(CODE, f"{words}, more than {collar:.2%}", **values)
    return let_pass(CODE, f"{words}, within {collar:.2%}", **values)


def _waiting(one: Judged, collar: Decimal) -> Verdict:
    """Of a market order that waits for the open: what was seen last against the previous close."""
    close, seen = last_close(one), reference(one)
    if close is None:
        words = "what it would pay at the open cannot be told: the previous close is not known"
        return refuse(CODE, words, price_collar=collar)
    if seen is None or seen.basis == close.basis:
        words = "what it would pay at the open cannot be told: no usable quote and no trade is seen"
        return refuse(CODE, words, price_collar=collar, **close.values)
    away = abs(seen.price - close.price) / close.price
    values = {"price": seen.price, "seen": seen.basis, **close.values, "away": f"{away:.6f}",
              "price_collar": collar}  # fmt: skip
    words = f"{seen}, seen last, is {away:.2%} from the market at {close}"
    if away > collar:
        help_ = "; a limit order says what it may cost"
        return refuse(CODE, f"{words}, more than {collar:.2%}{help_}", **values)
    return let_pass(CODE, f"{words}, within {collar:.2%}", **values)


def _at_market(one: Judged, market: Reference) -> Decimal | None:
    """What a market order would pay, as far as anything says; None with nothing to take."""
    if in_auction(one.draft):
        return market.price
    quote = one.world.quote
    if quote is None:
        return None
    return quote.ask if one.draft.side == "buy" else quote.bid


def _untold(one: Judged) -> str:
    if in_auction(one.draft):
        return "the market's price cannot be told: the previous close is not known"
    if not trades_at_once(one):
        return "the market's price cannot be told: no quote, trade or previous close is known"
    return (
        "the market's price cannot be told: the quote is missing, old, one-sided or too wide, and "
        "nothing was traded in the last minute"
    )


def known_bad(one: Judged) -> Judged:
    """The same order with a limit twice as far as the collar lets it pay, or half of what it must
    take; a buy where the collar lets a sale take anything."""
    draft, collar = one.draft, collar_of(one)
    if draft.side == "sell" and collar >= 1:
        draft = replace(draft, side="buy", body={**draft.body, "side": "buy"})
    quote, market = one.world.quote, reference(one)
    seen = () if quote is None else (quote.bid, quote.ask)
    known = [price for price in (*seen, market.price if market else None) if price]
    if draft.side == "buy":
        price = max(known, default=Decimal(100)) * (1 + collar) * 2
    else:
        price = min(known, default=Decimal(100)) * (1 - collar) / 2
    kept = {key: value for key, value in draft.body.items() if key not in ("stop_price", "legs")}
    body = {**kept, "type": "limit", "order_class": "simple", "limit_price": f"{price:f}"}
    return replace(one, draft=replace(draft, body=body, legs=()))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a buy would pay more than the ask and the collar on top, a sale would take less than "
    "the bid less the collar, a stop-limit's limit lies further from its stop; or nothing fresh "
    "tells the price",
    default=f"{COLLAR:.0%}; options {OPTION_COLLAR:.0%}",
    reason="A price with a slipped digit, or a market order into an empty book.",
    source="house rule; SEC Rule 15c3-5(c)(1)(ii): erroneous prices; facts page 2.4: the broker's "
    "own collar",
    limit=CODE,
    scope=Scope.SINGLE,
    judge_legs=judge_legs,
)
