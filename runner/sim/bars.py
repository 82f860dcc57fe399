"""Bars of any symbol: minutes, hours, days, weeks and months, as market data gives them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from runner.sim import calendar, continuous
from runner.sim.market_view import Sight
from runner.sim.messages import Refusal, Request
from runner.sim.tape import Bar
from runner.sim.wire import CENT, read_int, read_moment, whole_stamp

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

TIMEFRAME = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D|Week|W|Month|M)")
UNITS = {"Min": 1, "T": 1, "Hour": 60, "H": 60}
MOST_BARS = 10_000
HISTORY = timedelta(days=730)  # how far before its start a scenario has bars


def bars(exchange: Exchange, sight: Sight, request: Request) -> list[dict[str, Any]]:
    """The bars that a request asks for. Raises `Refusal` (400, 422)."""
    # rule: market.bars
    query, asset, now = request.query, sight.asset, sight.at
    days = continuous if asset.crypto else calendar
    start = read_moment(query["start"], "start") if query.get("start") else _midnight(now)
    end = read_moment(query["end"], "end") if query.get("end") else now
    limit = read_int(query.get("limit"), "limit", 1000, 1, MOST_BARS)
    minutes, spanned = _timeframe(query.get("timeframe", ""))
    first = max(start, exchange.scenario.start - HISTORY)
    if spanned is not None:
        first = _begin(first, spanned)
    day, last = days.session_from(calendar.local_day(first)), calendar.local_day(min(end, now))
    sessions = []
    while day.day <= last:
        sessions.append(day)
        day = days.session_after(day.day)
    descending = query.get("sort") == "desc"
    if descending and spanned is None:
        sessions.reverse()
    found: list[Bar] = []
    for session in sessions:
        inside = [b for b in _of(exchange, sight, session, minutes) if first <= b.start <= end]
        found += inside[::-1] if descending and spanned is None else inside
        if len(found) >= limit and spanned is None:
            break
    if spanned is not None:
        found = [_join(list(group)) for _, group in groupby(found, lambda bar: spanned(_day(bar)))]
        found = found[::-1] if descending else found
    return [bar_body(bar) for bar in found[:limit]]


def bar_body(bar: Bar) -> dict[str, Any]:
    """One bar's JSON; prices are numbers."""
    middle = ((bar.high + bar.low + bar.close) / 3).quantize(CENT)
    return {
        "t": whole_stamp(bar.start),
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": bar.volume,
        "n": bar.volume // 100,
        "vw": middle,
    }


def minute_bar(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    """The bar of the minute that is shown, as far as it has happened."""
    minute = sight.at.replace(second=0, microsecond=0)
    return bar_body(exchange.tape.bar(sight.asset.symbol, minute, sight.at))


def _of(exchange: Exchange, sight: Sight, session: calendar.Session, minutes: int) -> list[Bar]:
    """The bars of a session that have begun: one of the day, or one for each so many minutes."""
    tape, asset, now = exchange.tape, sight.asset, sight.at
    if not minutes:
        bar = tape.daily_bar(asset.symbol, session, now)
        return [] if bar is None else [bar]
    span, at, found = timedelta(minutes=minutes), session.pre_open, []
    while at < session.post_close and at <= now:
        found.append(tape.bar(asset.symbol, at, min(at + span, session.post_close, now)))
        at += span
    return found


Span = Callable[[date], date]


def _timeframe(text: str) -> tuple[int, Span | None]:
    """Minutes of a bar (0 for a day or more), and the first day of the span that a day is in."""
    found = TIMEFRAME.fullmatch(text)
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit in UNITS and 0 < number < (60 if UNITS[unit] == 1 else 24):
        return number * UNITS[unit], None
    if unit in ("Day", "D") and number == 1:
        return 0, None
    if unit in ("Week", "W") and number == 1:
        return 0, _week
    if unit in ("Month", "M") and number in (1, 2, 3, 4, 6, 12):
        return 0, lambda day: day.replace(month=(day.month - 1) // number * number + 1, day=1)
    raise Refusal(400, None, f"invalid timeframe: {text}")


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _day(bar: Bar) -> date:
    return calendar.local_day(bar.start)


def _begin(moment: datetime, span: Span) -> datetime:
    return calendar.new_york(span(calendar.local_day(moment)), datetime.min.time())


def _join(bars: list[Bar]) -> Bar:
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    volume = sum(bar.volume for bar in bars)
    return Bar(bars[0].start, bars[0].open, high, low, bars[-1].close, volume)


def _midnight(moment: datetime) -> datetime:
    return calendar.new_york(calendar.local_day(moment), datetime.min.time())
