"""Market data of crypto pairs and options, at the paths of their own clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.sim.bars import bars, minute_bar
from runner.sim.market_routes import asked, quote_body, snapshot_body, trade_body
from runner.sim.market_view import Sight, look_at
from runner.sim.messages import Refusal, Request, Response
from runner.sim.routing import Routes
from runner.sim.wire import read_decimal, read_int, stamp

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

CRYPTO, OPTIONS = "/v1beta3/crypto/{feed}", "/v1beta1/options"
PAGE, MOST = 100, 1000


def _kind(exchange: Exchange, request: Request) -> list[Sight]:
    """What is shown of the assets asked for, all of the kind that the path is for."""
    found = asked(exchange, request)
    wanted = "crypto" if request.path.startswith("/v1beta3") else "us_option"
    for asset, _ in found:
        if asset.asset_class != wanted:
            raise Refusal(400, None, f"invalid symbol: {asset.symbol}")
    return found


def latest_quotes(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: market.other-quotes
    found = _kind(exchange, request)
    return Response(200, {"quotes": {s.asset.symbol: quote_body(exchange, s) for s in found}})


def latest_trades(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = _kind(exchange, request)
    return Response(200, {"trades": {s.asset.symbol: trade_body(exchange, s) for s in found}})


def latest_bars(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = _kind(exchange, request)
    return Response(200, {"bars": {s.asset.symbol: minute_bar(exchange, s) for s in found}})


def bars_of_many(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = {s.asset.symbol: bars(exchange, s, request) for s in _kind(exchange, request)}
    return Response(200, {"bars": found, "next_page_token": None})


def latest_books(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    return Response(
        200, {"orderbooks": {s.asset.symbol: _book(exchange, s) for s in _kind(exchange, request)}}
    )


def _book(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    quote = exchange.tape.quote(sight.asset.symbol, sight.at)
    return {
        "t": stamp(sight.at.replace(microsecond=0)),
        "b": [{"p": quote.bid, "s": quote.bid_size}],
        "a": [{"p": quote.ask, "s": quote.ask_size}],
    }


def snapshots(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = _kind(exchange, request)
    return Response(200, {"snapshots": {s.asset.symbol: snapshot_body(exchange, s) for s in found}})


# ------------------------------------------------------------------------- options


def option_snapshots(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    found = {s.asset.symbol: _option(exchange, s) for s in _kind(exchange, request)}
    return Response(200, {"snapshots": found, "next_page_token": None})


def option_chain(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    # rule: market.option-chain
    query = request.query
    low, high = (read_decimal(query.get(f"strike_price_{end}"), end) for end in ("gte", "lte"))
    limit = read_int(query.get("limit"), "limit", PAGE, 1, MOST)
    first = read_int(query.get("page_token"), "page_token", 0, 0, 10**9)
    found = [
        asset
        for asset in exchange.assets.options().values()
        if (contract := asset.contract) is not None
        and contract.underlying == parts[0]
        and exchange.now < contract.closes_at
        and query.get("type") in (None, "", contract.kind)
        and query.get("expiration_date") in (None, "", contract.expires.isoformat())
        and (query.get("expiration_date_gte") or "") <= contract.expires.isoformat()
        and contract.expires.isoformat() <= (query.get("expiration_date_lte") or "9999")
        and (low is None or contract.strike >= low)
        and (high is None or contract.strike <= high)
    ]
    page = found[first : first + limit]
    following = str(first + limit) if first + limit < len(found) else None
    body = {
        asset.symbol: _option(exchange, look_at(exchange, asset, request.path)) for asset in page
    }
    return Response(200, {"snapshots": body, "next_page_token": following})


def _option(exchange: Exchange, sight: Sight) -> dict[str, Any]:
    return {
        "latestTrade": trade_body(exchange, sight),
        "latestQuote": quote_body(exchange, sight),
    }


def option_exchanges(_exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    return Response(200, {"V": "simulated"})


ROUTES: Routes = {
    ("GET", f"{CRYPTO}/latest/quotes"): latest_quotes,
    ("GET", f"{CRYPTO}/latest/trades"): latest_trades,
    ("GET", f"{CRYPTO}/latest/bars"): latest_bars,
    ("GET", f"{CRYPTO}/latest/orderbooks"): latest_books,
    ("GET", f"{CRYPTO}/bars"): bars_of_many,
    ("GET", f"{CRYPTO}/snapshots"): snapshots,
    ("GET", f"{OPTIONS}/quotes/latest"): latest_quotes,
    ("GET", f"{OPTIONS}/trades/latest"): latest_trades,
    ("GET", f"{OPTIONS}/bars"): bars_of_many,
    ("GET", f"{OPTIONS}/meta/exchanges"): option_exchanges,
    ("GET", f"{OPTIONS}/snapshots"): option_snapshots,
    ("GET", f"{OPTIONS}/snapshots/{{underlying_symbol}}"): option_chain,
}
