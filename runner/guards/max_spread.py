"""How wide the quote may be for an order that names no worst price."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.reference import in_auction, limit_of, spread_of, trades_at_once
from runner.world import Quote, is_option

CODE = "max_spread"
SPREAD = Decimal("0.05")
OPTION_SPREAD = Decimal("0.3")

WIDEST = Decimal(2)
"""What a spread comes to, as a part of the middle, while the bid goes to nothing."""


def judge(one: Judged) -> Verdict | None:
    """Refuses a quote that is wider, or a spread that cannot be told.

    Asked of each order without a limit price that trades against quotes now or once it triggers:
    not of an auction, and not while the market is closed, when its quotes say nothing of the open.
    """
    if limit_of(one.draft) is not None:
        return None
    most = _most(one)
    if in_auction(one.draft) or not trades_at_once(one):
        words = "an auction or the open decides the price: today's spread says nothing of it"
        return let_pass(CODE, words, max_spread=most)
    quote = one.world.market
    wide = None if quote is None else spread_of(quote)
    if quote is None or wide is None:
        words = "the spread cannot be told: the quote is missing, old or one-sided"
        return refuse(CODE, words, max_spread=most)
    values = {"bid": quote.bid, "ask": quote.ask, "spread": f"{wide:.6f}", "max_spread": most}
    words = f"the spread is {wide:.2%} (${quote.bid:f} to ${quote.ask:f})"
    if wide > most:
        return refuse(CODE, f"{words}, more than {most:.2%}", **values)
    return let_pass(CODE, f"{words}, within {most:.2%}", **values)


def _most(one: Judged) -> Decimal:
    set_ = one.bounds.rules.limits.max_spread
    if set_ is not None:
        return set_
    return OPTION_SPREAD if is_option(one.draft.symbol) else SPREAD


def known_bad(one: Judged) -> Judged:
    """A market order while the market is open and its spread is halfway from what is allowed to
    the widest there can be; one-sided where any spread is allowed."""
    now, draft = one.world.clock.timestamp, one.draft
    wide = (_most(one) + WIDEST) / 2
    ask = Decimal(50) * (2 + wide) / (2 - wide) if wide < WIDEST else None
    quote = Quote(draft.symbol, "sip", Decimal(50), ask, now)
    dropped = ("limit_price", "stop_price", "time_in_force", "take_profit", "order_class")
    kept = {key: value for key, value in draft.body.items() if key not in dropped}
    clock = replace(one.world.clock, is_open=True)
    world = replace(one.world, quote=quote, clock=clock)
    body = {**kept, "type": "market", "time_in_force": "day"}
    return replace(one, draft=replace(draft, body=body), world=world)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="an order without a limit price meets a wider quote, as a part of its middle, or the "
    "spread cannot be told",
    default=f"{SPREAD:.0%}; options {OPTION_SPREAD:.0%}",
    reason="An order without a limit pays the spread, whatever it is.",
    source="house rule; SEC Rule 15c3-5(c)(1)(ii): erroneous prices",
    limit=CODE,
    scope=Scope.SINGLE,
)
