"""Market data at the same base: latest quotes and trades, bars and snapshots of stocks.

Prices here are JSON numbers, as in Alpaca's market data API; they stay Decimal until written.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.sim import calendar, continuous
from runner.sim.bars import bar_body, bars, minute_bar
from runner.sim.market_view import Sight, look_at
from runner.sim.messages import Refusal, Request, Response
from runner.sim.routing import Routes
from runner.sim.wire import stamp

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


def _bad(message: str) -> Refusal:
    return Refusal(400, None, message)


def find(exchange: Exchange, request: Request, symbol: str) -> Sight:
    """What a request is shown of a symbol. Raises `Refusal` (400)."""
    asset = exchange.assets.find(symbol)
    if asset is None:
        # rule: market.unknown-symbol
        raise _bad(f"invalid symbol: {symbol}")
    return look_at(exchange, asset, request.path)


def asked(exchange: Exchange, request: Request) -> list[Sight]:
    """What a request is shown of each of its `symbols`. Raises `Refusal` (400)."""
    names = [name for name in request.query.get("symbols", "").split(",") if name]
    if not names:
        raise _bad("symbols is required")
    return [find(exchange, request, name) for name in dict.fromkeys(names)]


# ------------------------------------------------------------------------- quotes and trades


def quote_body(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    """The latest quote's JSON; prices are numbers."""
    # rule: market.quote-shape
    quote = exchange.tape.quote(sight.asset.symbol, sight.at)
    return {
        "t": stamp(_second(sight.at)),
        "ax": "V",
        "ap": quote.ask,
        "as": quote.ask_size,
        "bx": "V",
        "bp": quote.bid,
        "bs": quote.bid_size,
        "c": ["R"],
        "z": "C",
    }


def trade_body(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    """The latest trade's JSON; its price is a number."""
    at = _second(sight.at)
    price = exchange.tape.last(sight.asset.symbol, sight.at)
    return {
        "t": stamp(at),
        "x": "V",
        "p": price,
        "s": 100 + int(price * 100) % 5 * 20,
        "c": ["@"],
        "i": int(at.timestamp()),
        "z": "C",
    }


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def latest_quote(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    sight = find(exchange, request, parts[0])
    return Response(200, {"symbol": sight.asset.symbol, "quote": quote_body(exchange, sight)})


def latest_quotes(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = asked(exchange, request)
    return Response(200, {"quotes": {s.asset.symbol: quote_body(exchange, s) for s in found}})


def latest_trade(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    sight = find(exchange, request, parts[0])
    return Response(200, {"symbol": sight.asset.symbol, "trade": trade_body(exchange, sight)})


def latest_trades(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = asked(exchange, request)
    return Response(200, {"trades": {s.asset.symbol: trade_body(exchange, s) for s in found}})


# ------------------------------------------------------------------------- bars


def bars_of_one(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    sight = find(exchange, request, parts[0])
    found = bars(exchange, sight, request)
    return Response(200, {"symbol": sight.asset.symbol, "bars": found, "next_page_token": None})


def bars_of_many(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = {s.asset.symbol: bars(exchange, s, request) for s in asked(exchange, request)}
    return Response(200, {"bars": found, "next_page_token": None})


def latest_bar(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    sight = find(exchange, request, parts[0])
    return Response(200, {"symbol": sight.asset.symbol, "bar": minute_bar(exchange, sight)})


def latest_bars(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = asked(exchange, request)
    return Response(200, {"bars": {s.asset.symbol: minute_bar(exchange, s) for s in found}})


# ------------------------------------------------------------------------- snapshots


def snapshot_body(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    """The latest trade and quote, and the bars of this minute, today and the day before."""
    now, tape, symbol = sight.at, exchange.tape, sight.asset.symbol
    days = continuous if sight.asset.crypto else calendar
    session = days.session_from(calendar.local_day(now))
    if now < session.open:
        session = days.session_before(session.day)
    today = tape.daily_bar(symbol, session, now)
    before = tape.daily_bar(symbol, days.session_before(session.day), now)
    return {
        "latestTrade": trade_body(exchange, sight),
        "latestQuote": quote_body(exchange, sight),
        "minuteBar": minute_bar(exchange, sight),
        "dailyBar": None if today is None else bar_body(today),
        "prevDailyBar": None if before is None else bar_body(before),
    }


def snapshot(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    sight = find(exchange, request, parts[0])
    return Response(200, {"symbol": sight.asset.symbol, **snapshot_body(exchange, sight)})


def snapshots(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = asked(exchange, request)
    return Response(200, {s.asset.symbol: snapshot_body(exchange, s) for s in found})


ROUTES: Routes = {
    ("GET", "/v2/stocks/quotes/latest"): latest_quotes,
    ("GET", "/v2/stocks/trades/latest"): latest_trades,
    ("GET", "/v2/stocks/bars"): bars_of_many,
    ("GET", "/v2/stocks/snapshots"): snapshots,
    ("GET", "/v2/stocks/{symbol}/quotes/latest"): latest_quote,
    ("GET", "/v2/stocks/{symbol}/trades/latest"): latest_trade,
    ("GET", "/v2/stocks/{symbol}/bars"): bars_of_one,
    ("GET", "/v2/stocks/bars/latest"): latest_bars,
    ("GET", "/v2/stocks/{symbol}/bars/latest"): latest_bar,
    ("GET", "/v2/stocks/{symbol}/snapshot"): snapshot,
}
