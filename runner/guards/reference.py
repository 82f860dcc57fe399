"""The price that an order is measured against, and what must be read to know it.

While the order would trade at once, in this order: the quote while it is fresh and its spread lies
within the collar; the last trade of the last minute; for a limit, the near side of a fresh quote
that is too wide, which no price beside it can be costlier than. In an auction it is the previous
close. An order that waits for the market to open is measured by what was seen last, however old,
because nothing newer can be: the quote, the trade, or the previous close. At the market, where
no limit bounds what it pays, what was seen last must itself lie near the previous close, or it
would be its own proof (`waits_at_market`). There is no other reference, and without one nothing
that opens risk is sent.

How old a fresh quote may be depends on its feed: 10 seconds on SIP, which has every exchange; 60 on
IEX, which is one of them and quotes seldom. 60 for options, whose quotes change with the underlying
and not by themselves, and for crypto, which is Alpaca's own venue. A feed that is not known counts
as SIP. Source: house rule, after SEC Rule 15c3-5(c)(1)(ii), erroneous prices.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

from runner.guards.draft import Draft, Judged
from runner.world import Clock, Quote, decimal, is_option

FRESH = timedelta(seconds=10)
FRESH_ON = {
    feed: timedelta(seconds=60) for feed in ("iex", "opra", "indicative", "us")
}  # "us" is Alpaca's crypto venue
RECENT_TRADE = timedelta(seconds=60)

COLLAR = Decimal("0.05")
OPTION_COLLAR = Decimal("0.25")
"""The collar where nobody sets one."""

AUCTIONS = ("opg", "cls")
NEW_YORK = ZoneInfo("America/New_York")


class Reference(Struct, frozen=True):
    """A price in dollars a share, and where it is from. `age` is None where nobody says."""

    price: Decimal
    basis: str  # ask, bid, last trade, previous close
    feed: str | None = None
    age: timedelta | None = None

    @property
    def values(self) -> dict[str, object]:
        """What of it goes into a verdict; the age is in seconds."""
        age = None if self.age is None else f"{self.age.total_seconds():.1f}"
        return {"market": self.price, "basis": self.basis, "feed": self.feed, "age": age}

    def __str__(self) -> str:
        age = "" if self.age is None else f", {_in_words(self.age)} old"
        return f"${self.price:f} ({self.basis}{age})"


def collar_of(one: Judged) -> Decimal:
    """How far from the market the order's price may lie on the costly side, as a part of it."""
    set_ = one.bounds.rules.limits.price_collar
    if set_ is not None:
        return set_
    return OPTION_COLLAR if is_option(one.draft.symbol) else COLLAR


def limit_of(draft: Draft) -> Decimal | None:
    """The limit that the order trades at; the first order of an OCO has it as its take-profit."""
    profit = draft.body.get("take_profit")
    if draft.body.get("order_class") == "oco" and isinstance(profit, dict):
        return decimal(profit.get("limit_price"))
    return draft.number("limit_price")


def reference(one: Judged) -> Reference | None:
    """What the order is measured against; None when nothing tells the price."""
    draft, bounds = one.draft, one.bounds
    if in_auction(draft):
        return _close(bounds.previous_close)
    seen = _by_quote(one)
    if seen is not None:
        return seen
    trade, now = bounds.trade, one.world.clock.timestamp
    at_once = trades_at_once(one)
    if trade is not None and trade.price is not None:
        age = _age(trade.at, now)
        if not at_once or (age is not None and abs(age) <= RECENT_TRADE):
            return Reference(trade.price, "last trade", trade.feed, age)
    return _near_side(one) if at_once else _close(bounds.previous_close)


def wants_trade(one: Judged) -> bool:
    """Whether the quote is no measure, so that the last trade is needed."""
    return not in_auction(one.draft) and _by_quote(one) is None


def wants_previous_close(one: Judged) -> bool:
    """Whether the order goes into an auction, or waits for the open at the market or without a
    usable quote."""
    if in_auction(one.draft) or waits_at_market(one):
        return True
    return not trades_at_once(one) and _by_quote(one) is None


def waits_at_market(one: Judged) -> bool:
    """Whether the order waits for the market to open and then takes whatever price there is."""
    at_market = one.draft.type == "market" and limit_of(one.draft) is None
    return at_market and not in_auction(one.draft) and not trades_at_once(one)


def last_close(one: Judged) -> Reference | None:
    """The previous close as a reference; None where it is not known."""
    return _close(one.bounds.previous_close)


def in_auction(draft: Draft) -> bool:
    """Whether it trades in an opening or closing auction alone."""
    return draft.body.get("time_in_force") in AUCTIONS


def trades_at_once(one: Judged) -> bool:
    """Whether the order could trade as soon as it arrives, as far as can be told.

    Crypto always can. A stock can while the market is open; outside of that with `extended_hours`
    on a weekday from 4:00 to 20:00 in New York. The night session is not counted, because no feed
    that is read has its quotes: there an order, always one with a limit, counts as one that waits.
    """
    if "/" in one.draft.symbol or one.world.clock.is_open is not False:
        return True
    return one.draft.body.get("extended_hours") is True and _is_extended(one.world.clock)


def is_fresh(quote: Quote, clock: Clock) -> bool:
    """Whether a quote is young enough for its feed, by the broker's clock."""
    age = _age(quote.at, clock.timestamp)
    return age is not None and abs(age) <= FRESH_ON.get(quote.feed or "", FRESH)


def usable(one: Judged) -> Quote | None:
    """The quote if it can be reckoned with: both sides, and fresh where the order trades at once.

    How wide it is does not matter here.
    """
    quote = one.world.quote
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    return quote if not trades_at_once(one) or is_fresh(quote, one.world.clock) else None


def spread_of(quote: Quote) -> Decimal | None:
    """The spread as a part of the middle, 0 to 2; None for a quote with one side."""
    if quote.bid is None or quote.ask is None:
        return None
    return abs(quote.ask - quote.bid) * 2 / (quote.ask + quote.bid)


def _by_quote(one: Judged) -> Reference | None:
    """The side of the quote that the order would take, if the quote is a measure."""
    quote = usable(one)
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    if abs(quote.ask - quote.bid) * 2 > collar_of(one) * (quote.ask + quote.bid):
        return None
    return _side(one, quote, "ask" if one.draft.side == "buy" else "bid")


def _near_side(one: Judged) -> Reference | None:
    """For a limit, the cautious side of a quote that is too wide to say more."""
    quote = usable(one)
    if quote is None or limit_of(one.draft) is None:
        return None
    return _side(one, quote, "bid" if one.draft.side == "buy" else "ask")


def _side(one: Judged, quote: Quote, side: str) -> Reference | None:
    price = quote.ask if side == "ask" else quote.bid
    age = _age(quote.at, one.world.clock.timestamp)
    return None if price is None else Reference(price, side, quote.feed, age)


def _close(price: Decimal | None) -> Reference | None:
    return Reference(price, "previous close") if price else None


def _age(at: datetime | None, now: datetime | None) -> timedelta | None:
    return None if at is None or now is None else now - at


def _is_extended(clock: Clock) -> bool:
    if clock.timestamp is None:
        return True
    local = clock.timestamp.astimezone(NEW_YORK)
    return local.weekday() < 5 and 4 <= local.hour < 20


def _in_words(age: timedelta) -> str:
    seconds = max(age.total_seconds(), 0)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
