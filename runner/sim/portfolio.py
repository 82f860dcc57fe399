"""Portfolio history: what the account was worth at each step of a stretch of time."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runner.sim import calendar
from runner.sim.messages import Refusal, Request, Response, unprocessable
from runner.sim.routing import Routes
from runner.sim.wire import CENT, ZERO, read_moment

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

TIMEFRAMES = {"1Min": 1, "5Min": 5, "15Min": 15, "1H": 60, "1D": 0}
UNITS = {"D": 1, "W": 7, "M": 30, "A": 365}
FRACTION = Decimal("0.0001")
LONGEST = timedelta(days=3660)  # before the scenario's start


def get_portfolio_history(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: portfolio.history
    query = request.query
    if all(query.get(name) for name in ("start", "end", "period")):
        raise unprocessable("only two of start, end and period are accepted")
    reset = query.get("pnl_reset") or "per_day"
    if reset not in ("per_day", "no_reset"):
        raise unprocessable("invalid pnl_reset")
    days = _days(query.get("period") or "1M")
    end = min(_moment(query.get("end") or query.get("date_end"), "end", exchange.now), exchange.now)
    start = _moment(query.get("start"), "start", end - timedelta(days=days))
    start = max(start, exchange.scenario.start - LONGEST)
    if query.get("start"):
        days = max((end - start).days, 1)
    default = "1Min" if days < 7 else "15Min" if days < 30 else "1D"
    timeframe = query.get("timeframe") or default
    if timeframe not in TIMEFRAMES:
        raise unprocessable("invalid timeframe")
    if days > 30 and timeframe != "1D":
        raise unprocessable("only 1D timeframe is accepted for periods longer than 30 days")
    hours = "extended_hours" if query.get("extended_hours", "").lower() == "true" else ""
    reporting = hours or query.get("intraday_reporting") or "market_hours"
    moments = _moments(start, end, TIMEFRAMES[timeframe], reporting)
    daily = timeframe != "1D" and reset == "per_day"
    return Response(200, _body(exchange, timeframe, moments, reset_daily=daily))


def _days(period: str) -> int:
    number, unit = period[:-1], period[-1:]
    if not number.isdigit() or unit not in UNITS or not int(number):
        raise unprocessable("invalid period")
    return min(int(number) * UNITS[unit], 3660)


def _moment(value: str | None, name: str, default: datetime) -> datetime:
    return read_moment(value, name) if value else default


def _moments(start: datetime, end: datetime, minutes: int, reporting: str) -> list[datetime]:
    """The begin of each step: New York midnight of each session, or steps within sessions."""
    found = []
    for session in calendar.sessions(calendar.local_day(start), calendar.local_day(end)):
        if not minutes:
            found.append(calendar.new_york(session.day, time()))
            continue
        first, last = {
            "market_hours": (session.open, session.close),
            "extended_hours": (session.pre_open, session.post_close),
        }.get(reporting, (session.evening, session.post_close))
        at = first
        while at < last and at <= end:
            if at >= start:
                found.append(at)
            at += timedelta(minutes=minutes)
    return found


def _body(
    exchange: Exchange, timeframe: str, moments: list[datetime], *, reset_daily: bool
) -> dict[str, Any]:
    day = timeframe == "1D"
    valued = [_valued_at(exchange, at, day=day) for at in moments]
    first = calendar.session_from(calendar.local_day(moments[0])) if moments else None
    before = (
        calendar.session_before(first.day)
        if first
        else calendar.session_before(calendar.local_day(exchange.now))
    )
    worth = _equity(exchange, {*valued, before.close})
    equity, base = [worth[at] for at in valued], worth[before.close]
    bases = _bases(exchange, moments) if reset_daily else [base] * len(moments)
    profits = [value - of for value, of in zip(equity, bases, strict=True)]
    return {
        "timestamp": [int(at.timestamp()) for at in moments],
        "equity": equity,
        "profit_loss": profits,
        "profit_loss_pct": [
            (profit / of).quantize(FRACTION) if of else ZERO
            for profit, of in zip(profits, bases, strict=True)
        ],
        "base_value": base,
        "base_value_asof": before.day.isoformat(),
        "timeframe": timeframe,
        "cashflow": {},
    }


def _bases(exchange: Exchange, moments: list[datetime]) -> list[Decimal]:
    """What each moment's profit is measured from: the equity at the close before its session."""
    closes = [calendar.session_before(calendar.trading_day(at).day).close for at in moments]
    worth = _equity(exchange, set(closes))
    return [worth[close] for close in closes]


def _valued_at(exchange: Exchange, at: datetime, *, day: bool) -> datetime:
    if not day:
        return at
    session = calendar.session_from(calendar.local_day(at))
    return min(session.close, exchange.now)


def _price(exchange: Exchange, symbol: str, at: datetime) -> Decimal:
    """Dollars that one share or contract was worth; at a close as the scenario gives that."""
    session = calendar.session(calendar.local_day(at))
    if session is None or at != session.close:
        return exchange.price(symbol, at)
    asset = exchange.find_asset(symbol)
    return exchange.tape.closing_price(asset.symbol, session) * asset.size


def _equity(exchange: Exchange, moments: set[datetime]) -> dict[datetime, Decimal]:
    """Cash and positions as they were at each moment, at that moment's last prices.

    From now back, undoing what happened since: what is older than the first moment is not read.
    """
    worth = {}
    cash = exchange.account.cash
    held = {position.asset.symbol: position.qty for position in exchange.positions}
    later = reversed(exchange.activities)
    activity = next(later, None)
    for at in sorted(moments, reverse=True):
        while activity is not None and activity.at > at:
            symbol = activity.symbol
            qty, paid = activity.changes(exchange.find_asset(symbol).size)
            held[symbol] = held.get(symbol, ZERO) - qty
            cash -= paid
            activity = next(later, None)
        values = [qty * _price(exchange, symbol, at) for symbol, qty in held.items() if qty]
        worth[at] = (cash + sum(values, start=ZERO)).quantize(CENT)
    return worth


# ------------------------------------------------------------------------- announcements


def get_announcements(_exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: announcements
    for name in ("ca_types", "since", "until"):
        if not request.query.get(name):
            raise unprocessable(f"{name} is required")
    return Response(200, [])


def get_announcement(_exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    raise Refusal(404, 40410000, f"announcement not found for {parts[0]}")


ROUTES: Routes = {
    ("GET", "/v2/account/portfolio/history"): get_portfolio_history,
    ("GET", "/v2/corporate_actions/announcements"): get_announcements,
    ("GET", "/v2/corporate_actions/announcements/{id}"): get_announcement,
}
