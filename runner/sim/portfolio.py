"""Portfolio history: what the account was worth at each step of a stretch of time."""

from __future__ import annotations

from collections import defaultdict
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


def get_portfolio_history(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: portfolio.history
    query = request.query
    days = _days(query.get("period") or "1M")
    end = min(_moment(query.get("end") or query.get("date_end"), "end", exchange.now), exchange.now)
    start = _moment(query.get("start"), "start", end - timedelta(days=days))
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
    return Response(200, _body(exchange, timeframe, moments))


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


def _body(exchange: Exchange, timeframe: str, moments: list[datetime]) -> dict[str, Any]:
    day = timeframe == "1D"
    equity = [_equity(exchange, _valued_at(exchange, at, day=day)) for at in moments]
    first = calendar.session_from(calendar.local_day(moments[0])) if moments else None
    before = (
        calendar.session_before(first.day)
        if first
        else calendar.session_before(calendar.local_day(exchange.now))
    )
    base = _equity(exchange, before.close)
    profits = [value - base for value in equity]
    return {
        "timestamp": [int(at.timestamp()) for at in moments],
        "equity": equity,
        "profit_loss": profits,
        "profit_loss_pct": [(p / base).quantize(FRACTION) if base else ZERO for p in profits],
        "base_value": base,
        "base_value_asof": before.day.isoformat(),
        "timeframe": timeframe,
        "cashflow": {},
    }


def _valued_at(exchange: Exchange, at: datetime, *, day: bool) -> datetime:
    if not day:
        return at
    session = calendar.session_from(calendar.local_day(at))
    return min(session.close, exchange.now)


def _equity(exchange: Exchange, at: datetime) -> Decimal:
    """Cash and positions as they were at a moment, at that moment's last prices."""
    cash = exchange.scenario.cash
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for holding in exchange.scenario.positions:
        held[holding.symbol] += holding.qty
    for change in exchange.positions.history:
        if change.at > at:
            break
        cash += change.cash
        held[change.symbol] += change.qty
    value = sum(
        (qty * exchange.price(symbol, at) for symbol, qty in held.items() if qty), start=ZERO
    )
    return (cash + value).quantize(CENT)


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
