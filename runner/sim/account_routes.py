"""Account, configuration, activities, assets, clock and calendar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from runner.sim import calendar
from runner.sim.activities import Activity, Fill
from runner.sim.messages import Request, Response, malformed
from runner.sim.routing import Routes
from runner.sim.wire import NEW_YORK, read_date, read_int, read_moment, read_object

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

PAGE = 100
CALENDAR_FIRST, CALENDAR_LAST = date(1970, 1, 2), date(2029, 12, 31)


def get_account(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    margin, reserved = exchange.margin(), exchange.book.reserved
    return Response(200, exchange.account.body(margin, reserved, exchange.day_trades()))


def get_configurations(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    return Response(200, exchange.account.configuration_body())


def patch_configurations(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    return Response(200, exchange.account.configure(read_object(request.body)))


# ------------------------------------------------------------------------- activities


def get_activities(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    # rule: activities.fill
    kinds = parts or [kind for kind in request.query.get("activity_types", "").split(",") if kind]
    category = request.query.get("category")
    if category not in (None, "", "trade_activity", "non_trade_activity"):
        raise malformed("category is invalid")
    if parts and category:
        raise malformed("category cannot be given with an activity type")
    direction = request.query.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise malformed("direction is invalid")
    found = iter(exchange.activities) if direction == "asc" else reversed(exchange.activities)
    size = read_int(request.query.get("page_size"), "page_size", PAGE, 1, PAGE)
    wanted = _wanted(request, kinds, category)
    token = request.query.get("page_token")
    if token:
        found = _after_token(found, token)
    page = islice((activity for activity in found if wanted(activity)), size)
    return Response(200, [activity.body() for activity in page])


def _wanted(request: Request, kinds: list[str], category: str | None) -> Callable[[Activity], bool]:
    after, until = (_moment(request, name) for name in ("after", "until"))
    day = request.query.get("date")
    on = read_date(day, "date") if day else None
    order_id = request.query.get("order_id")

    def wanted(activity: Activity) -> bool:
        fill = isinstance(activity, Fill)
        return (
            (not kinds or activity.kind in kinds)
            and (not category or (category == "trade_activity") == fill)
            and (after is None or activity.at > after)
            and (until is None or activity.at < until)
            and (on is None or calendar.local_day(activity.at) == on)
            and (not order_id or (isinstance(activity, Fill) and activity.order_id == order_id))
        )

    return wanted


def _moment(request: Request, name: str) -> datetime | None:
    value = request.query.get(name)
    return read_moment(value, name) if value else None


def _after_token(found: Iterator[Activity], token: str) -> Iterator[Activity]:
    for activity in found:
        if activity.id == token:
            return found
    raise malformed("page_token is invalid")


# ------------------------------------------------------------------------- assets


def get_assets(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: assets.listing
    query = request.query
    wanted = {
        "status": query.get("status"),
        "asset_class": query.get("asset_class") or "us_equity",
        "exchange": query.get("exchange"),
    }
    attributes = {name for name in query.get("attributes", "").split(",") if name}
    every = sorted(exchange.assets.all(), key=lambda asset: (asset.exchange, asset.symbol))
    found = [
        asset.body()
        for asset in every
        if all(not value or getattr(asset, name) == value for name, value in wanted.items())
        and (not attributes or attributes & set(asset.attributes))
    ]
    return Response(200, found)


def get_asset(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    return Response(200, exchange.find_asset("/".join(parts)).body())


# ------------------------------------------------------------------------- clock and calendar


def get_clock(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    return Response(200, clock_body(exchange.now))


def clock_body(now: datetime) -> dict[str, Any]:
    """The clock's JSON at a moment."""
    # rule: clock.next-open
    is_open = calendar.phase(now) is calendar.Phase.REGULAR
    session = calendar.session_from(calendar.local_day(now))
    if now >= session.close:
        session = calendar.session_after(session.day)
    following = calendar.session_after(session.day) if is_open else session
    local = now.astimezone(NEW_YORK)
    text = local.isoformat(timespec="microseconds")
    return {
        "timestamp": f"{text[:26]}000{text[26:]}",
        "is_open": is_open,
        "next_open": following.open.astimezone(NEW_YORK).isoformat(),
        "next_close": session.close.astimezone(NEW_YORK).isoformat(),
    }


def get_calendar(_exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    start, end = request.query.get("start"), request.query.get("end")
    first = max(read_date(start, "start") if start else CALENDAR_FIRST, CALENDAR_FIRST)
    last = min(read_date(end, "end") if end else CALENDAR_LAST, CALENDAR_LAST)
    settles = request.query.get("date_type", "TRADING") == "SETTLEMENT"
    if first == CALENDAR_FIRST and last == CALENDAR_LAST:
        return Response(200, _whole_calendar())
    name = "settlement_date" if settles else "date"
    low, high = first.isoformat(), last.isoformat()
    rows = _calendar(first - timedelta(days=7) if settles else first, last)
    return Response(200, [row for row in rows if low <= row[name] <= high])


@lru_cache(maxsize=1)
def _whole_calendar() -> list[dict[str, str]]:
    """Every day of sixty years: worked out once, because it takes a while."""
    return _calendar(CALENDAR_FIRST, CALENDAR_LAST)


def _calendar(first: date, last: date) -> list[dict[str, str]]:
    # rule: calendar.shape
    days = calendar.trading_days(first, last + timedelta(days=10))
    return [
        {
            "date": day.isoformat(),
            "open": "09:30",
            "close": "13:00" if half else "16:00",
            "session_open": "0400",
            "session_close": "1700" if half else "2000",
            "settlement_date": following.isoformat(),
        }
        for day, following in pairwise(days)
        if day <= last
        for half in (calendar.is_half(day),)
    ]


ROUTES: Routes = {
    ("GET", "/v2/account"): get_account,
    ("GET", "/v2/account/configurations"): get_configurations,
    ("PATCH", "/v2/account/configurations"): patch_configurations,
    ("GET", "/v2/account/activities"): get_activities,
    ("GET", "/v2/account/activities/{activity_type}"): get_activities,
    ("GET", "/v2/assets"): get_assets,
    ("GET", "/v2/assets/{symbol_or_asset_id}"): get_asset,
    ("GET", "/v2/assets/{base}/{quote}"): get_asset,
    ("GET", "/v2/clock"): get_clock,
    ("GET", "/v2/calendar"): get_calendar,
}
