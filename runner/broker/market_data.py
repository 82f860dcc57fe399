"""Where a symbol's market data is found and how it is read: stocks, crypto and options differ.

Addresses and parameters are those of Alpaca's Market Data API (docs.alpaca.markets/reference, read
2026-11). On Alpaca's own hosts the feed is asked for by name, the whole market first and the free
feed when the account's subscription refuses that, so that a quote always says which market it saw.
Another server decides that itself, and its quotes say `default`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from msgspec import Struct

from runner.broker.reading import Unreadable
from runner.broker.shapes import Nothing, Shape, an_object, moment
from runner.effects import Json
from runner.world import is_option

NEW_YORK = ZoneInfo("America/New_York")

Latest = Literal["quote", "trade"]

_FIELDS: Mapping[Latest, tuple[str, ...]] = {
    "quote": ("bp", "ap", "bs", "as", "t"),
    "trade": ("p", "s", "t"),
}
_LOOK_BACK = timedelta(days=12)
"""Long enough to hold a completed session whatever the holidays are."""

_DAY = timedelta(days=1)


class Market(Struct, frozen=True):
    """One asset class: its version of the API, and its feeds, the best first."""

    name: Literal["stocks", "crypto", "options"]
    api_version: str
    feeds: tuple[str, ...]


class Query(Struct, frozen=True):
    """A GET below `api_version` on the market data host."""

    api_version: str
    path: str
    params: Mapping[str, str]


STOCKS = Market("stocks", "v2", ("sip", "iex"))
CRYPTO = Market("crypto", "v1beta3", ("us",))
OPTIONS = Market("options", "v1beta1", ("opra", "indicative"))


def market_of(symbol: str) -> Market:
    """Crypto for a pair such as `BTC/USD`, options for `AAPL261218C00200000`, else stocks."""
    if "/" in symbol:
        return CRYPTO
    return OPTIONS if is_option(symbol) else STOCKS


def latest(what: Latest, symbol: str, feed: str | None) -> Query:
    """The latest quote or trade of `symbol` on `feed`, the server's own choice when None."""
    market = market_of(symbol)
    path = {
        "stocks": f"/stocks/{quote(symbol, safe='')}/{what}s/latest",
        "crypto": f"/crypto/us/latest/{what}s",
        "options": f"/options/{what}s/latest",
    }[market.name]
    return Query(market.api_version, path, _params(market, symbol, feed))


def latest_shape(what: Latest, symbol: str, feed: str | None) -> Shape:
    """Reads what `latest` answers: `{"symbol", "feed", "quote" or "trade"}`."""

    def shape(body: Json) -> dict[str, Json]:
        answer = an_object(body)
        if market_of(symbol) is STOCKS:
            found = answer.get(what)
        else:
            found = an_object(answer.get(f"{what}s") or {}).get(symbol)
        if found is None:
            raise Nothing(f"there is no {what} of {symbol}")
        fields = an_object(found)
        missing = [name for name in _FIELDS[what] if fields.get(name) is None]
        if missing:
            raise Unreadable(f"the {what} of {symbol} has no {', '.join(missing)}")
        return {
            "symbol": symbol,
            "feed": feed or "default",
            what: {name: fields[name] for name in _FIELDS[what]},
        }

    return shape


def daily_bars(symbol: str, until: datetime, feed: str | None) -> Query:
    """The daily bars of the days before `until`, prices adjusted for splits since.

    Without that a split overnight would look like a fall of the price by half.
    """
    market = market_of(symbol)
    path = {
        "stocks": f"/stocks/{quote(symbol, safe='')}/bars",
        "crypto": "/crypto/us/bars",
        "options": "/options/bars",
    }[market.name]
    params = _params(market, symbol, feed)
    params |= {"timeframe": "1Day", "limit": "1000"}
    params |= {"start": _rfc3339(until - _LOOK_BACK), "end": _rfc3339(until)}
    if market is STOCKS:
        params["adjustment"] = "split"
    return Query(market.api_version, path, params)


def last_bar_shape(symbol: str, until: datetime) -> Shape:
    """Reads the newest bar of `daily_bars` that was complete at `until`: `{"symbol", "bar"}`.

    A stock's bar is stamped midnight in New York and complete when `until` is its session's close;
    a bar of crypto is complete 24 hours after its stamp.
    """
    is_crypto = market_of(symbol) is CRYPTO
    newest = until - _DAY if is_crypto else until

    def shape(body: Json) -> dict[str, Json]:
        bars = an_object(body).get("bars") or []
        if isinstance(bars, dict):
            bars = bars.get(symbol) or []
        if not isinstance(bars, list):
            raise Unreadable("bars is not a list")
        complete = [bar for bar in map(an_object, bars) if moment(bar.get("t")) <= newest]
        if not complete:
            raise Nothing(f"there is no daily bar of {symbol} in the days before {until}")
        bar = max(complete, key=lambda bar: moment(bar.get("t")))
        if bar.get("c") is None:
            raise Unreadable(f"the daily bar of {symbol} has no closing price")
        return {"symbol": symbol, "bar": bar}

    return shape


def last_close(days: Json, at: datetime) -> datetime:
    """When the last regular session that was over at `at` closed, from the broker's calendar days.

    The calendar gives the date and the closing time in New York. Raises Unreadable.
    """
    closes = []
    for day in days if isinstance(days, list) else []:
        fields = an_object(day)
        try:
            on = date.fromisoformat(str(fields.get("date")))
            closing = time.fromisoformat(str(fields.get("close")))
        except ValueError:
            raise Unreadable(f"a calendar day without a date and a close: {day}") from None
        closes.append(datetime.combine(on, closing, NEW_YORK).astimezone(UTC))
    over = [close for close in closes if close <= at]
    if not over:
        raise Unreadable("the calendar names no completed session")
    return max(over)


def calendar_days(at: datetime) -> tuple[date, date]:
    """The first and last calendar day to ask for, to find the last session completed at `at`."""
    today = at.astimezone(NEW_YORK).date()
    return today - _LOOK_BACK, today


def _params(market: Market, symbol: str, feed: str | None) -> dict[str, str]:
    params = {} if market is STOCKS else {"symbols": symbol}
    if feed is not None and market is not CRYPTO:
        params["feed"] = feed
    return params


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
