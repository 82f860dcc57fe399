"""When an order trades against the tape, and at what price.

Everything here is a function of one order, the tape and the calendar: no other order matters,
because paper trading fills against the market's quotes and not against a book.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from msgspec import Struct

from runner.sim import calendar, continuous
from runner.sim.orders import Order
from runner.sim.tape import Tape

MOMENT = timedelta(microseconds=1)
AUCTIONS = frozenset({"opg", "cls"})
IMMEDIATE = frozenset({"ioc", "fok"})


class Step(IntEnum):
    """What happens to an order; of several at one moment, the lower one comes first."""

    ACTIVATE = 0
    TRIGGER = 1
    FILL = 2
    LAPSE = 3  # its only chance passed without a fill
    CANCEL = 4
    LOOK = 5  # nothing yet: search on from here
    REPLACE = 6  # takes the place of another order
    FAULT = 7  # something goes wrong, as the order's fault says


class Touch(Struct, frozen=True):
    """The next thing that the tape does to an order."""

    at: datetime
    step: Step


class Window(Struct, frozen=True):
    """An interval [start, end) of one trading day in which an order may trade."""

    start: datetime
    end: datetime
    session: calendar.Session


def window(order: Order, moment: datetime) -> Window:
    """The first interval at or after `moment` in which the order may trade, expiry aside."""
    ticket = order.ticket
    days = continuous if order.asset.crypto else calendar
    day = days.session_from(calendar.local_day(moment))
    while True:
        if not ticket.extended_hours:
            start, end = day.open, day.close
        else:
            # rule: hours.extended
            start = day.evening if order.asset.overnight else day.pre_open
            end = day.post_close
        if moment < end:
            return Window(max(start, moment), end, day)
        day = days.session_after(day.day)


def next_touch(order: Order, since: datetime, tape: Tape) -> Touch | None:
    """What the tape does to an open order first, at or after `since`; None when it expires first.

    `LOOK` at the end of a day means that nothing happened in it.
    """
    ticket = order.ticket
    found = window(order, since)
    if found.start >= order.expires_at and ticket.time_in_force not in AUCTIONS:
        return None
    if ticket.time_in_force in AUCTIONS:
        auction = found.session.open if ticket.time_in_force == "opg" else found.session.close
        priced = auction_price(order, tape, auction) is not None
        return Touch(auction, Step.FILL if priced else Step.LAPSE)
    if ticket.time_in_force in IMMEDIATE:
        # rule: match.immediate
        return Touch(found.start, Step.FILL if fill_price(order, tape, found.start) else Step.LAPSE)
    end = min(found.end, order.expires_at)
    at = _first_touch(order, found.start, end, tape)
    if at is None:
        return Touch(end, Step.LOOK)
    return Touch(at, Step.FILL if executable(order) else Step.TRIGGER)


def executable(order: Order) -> bool:
    """Whether it trades as it stands: not a stop that waits for its price."""
    return order.ticket.type in ("market", "limit") or order.triggered


def _first_touch(order: Order, since: datetime, until: datetime, tape: Tape) -> datetime | None:
    symbol, ticket = order.asset.symbol, order.ticket
    buying = ticket.side == "buy"
    if executable(order):
        limit = ticket.limit_price
        if limit is None:
            return since if since < until else None
        return tape.first(
            symbol,
            since,
            until,
            lambda at: fill_price(order, tape, at) is not None,
            low=limit if buying else None,
            high=None if buying else limit,
        )
    if ticket.type == "trailing_stop":
        return _trail(order, since, until, tape)
    stop = order.stop_price
    assert stop is not None
    # rule: match.stop-trigger
    return tape.first(
        symbol,
        since,
        until,
        lambda at: reached(order, tape.last(symbol, at)),
        low=None if buying else stop,
        high=stop if buying else None,
    )


def reached(order: Order, last: Decimal) -> bool:
    """Whether a last price sets off a stop."""
    stop = order.stop_price
    assert stop is not None
    return last >= stop if order.ticket.side == "buy" else last <= stop


# ------------------------------------------------------------------------- trailing stops


def trail_stop(order: Order, hwm: Decimal) -> Decimal:
    """The stop price that follows from a high (or low) water mark."""
    ticket = order.ticket
    if ticket.trail_price is not None:
        distance = ticket.trail_price
    else:
        assert ticket.trail_percent is not None
        distance = hwm * ticket.trail_percent / 100
    stop = hwm + distance if ticket.side == "buy" else hwm - distance
    return stop.quantize(Decimal("0.01") if stop >= 1 else Decimal("0.0001"))


def follow(order: Order, until: datetime, tape: Tape) -> None:
    """Brings the water mark and the stop price of a waiting trailing stop up to a moment."""
    if order.triggered or order.watched_until is None or order.watched_until > until:
        return
    assert order.hwm is not None
    found = window(order, order.watched_until)
    while found.start <= until:
        end = min(found.end, until + MOMENT)
        order.hwm, _ = _climb(order, order.hwm, found.start, end, tape)
        found = window(order, found.end)
    order.watched_until = until + MOMENT
    order.stop_price = trail_stop(order, order.hwm)


def _trail(order: Order, since: datetime, until: datetime, tape: Tape) -> datetime | None:
    """When a trailing stop is set off in an interval; its visible mark stays as of now."""
    mark = order.searched_mark if order.searched_mark is not None else order.hwm
    assert mark is not None
    order.searched_mark, at = _climb(order, mark, since, until, tape)
    return at


def _climb(
    order: Order, hwm: Decimal, since: datetime, until: datetime, tape: Tape
) -> tuple[Decimal, datetime | None]:
    """Follows the tape: the mark at the end of an interval, and when the stop was set off."""
    # rule: match.trailing
    symbol, buying = order.asset.symbol, order.ticket.side == "buy"
    while True:
        stop = trail_stop(order, hwm)
        low, high = (hwm, stop) if buying else (stop, hwm)

        def moves(
            at: datetime, low: Decimal = low, high: Decimal = high, mark: Decimal = hwm
        ) -> bool:
            last = tape.last(symbol, at)
            return last != mark and (last <= low or last >= high)

        at = tape.first(symbol, since, until, moves, low=low, high=high)
        if at is None:
            return hwm, None
        last = tape.last(symbol, at)
        if last >= high if buying else last <= low:
            return hwm, at
        hwm, since = last, at + MOMENT


# ------------------------------------------------------------------------- prices


def fill_price(order: Order, tape: Tape, at: datetime) -> Decimal | None:
    """The price at which an executable order trades at a moment; None when its limit forbids it.

    A buy takes the ask and a sell hits the bid, however large the order.
    """
    # rule: match.quote
    quote = tape.quote(order.asset.symbol, at)
    price = quote.ask if order.ticket.side == "buy" else quote.bid
    return _within(order, price)


def auction_price(order: Order, tape: Tape, at: datetime) -> Decimal | None:
    """The price in the opening or closing auction; None when the limit forbids it."""
    # rule: match.auction
    return _within(order, tape.last(order.asset.symbol, at))


def _within(order: Order, price: Decimal) -> Decimal | None:
    limit = order.ticket.limit_price
    if limit is None:
        return price
    # rule: match.limit
    return price if (price <= limit if order.ticket.side == "buy" else price >= limit) else None
