"""Watchlists: named lists of symbols, which change nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.sim.messages import Request, Response, not_found, unprocessable
from runner.sim.routing import Routes
from runner.sim.wire import derived_uuid, read_object, stamp

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

LONGEST_NAME = 64


@dataclass(slots=True)
class Watchlist:
    """One list; its symbols in the order in which they were added."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    symbols: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Watchlists:
    """Every list of the account, in the order in which they were made."""

    lists: dict[str, Watchlist] = field(default_factory=dict)
    made: int = 0

    def named(self, name: str) -> Watchlist | None:
        """The list of a name."""
        return next((found for found in self.lists.values() if found.name == name), None)


def get_watchlists(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    lists = exchange.watchlists.lists.values()
    return Response(200, [_body(exchange, found, assets=False) for found in lists])


def post_watchlist(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: watchlists
    body, lists = read_object(request.body), exchange.watchlists
    name = _name(exchange, body, None)
    symbols = _symbols(exchange, body)
    lists.made += 1
    made = Watchlist(
        derived_uuid(exchange.seed, "watchlist", lists.made), name, exchange.now, exchange.now
    )
    made.symbols = symbols
    lists.lists[made.id] = made
    return Response(200, _body(exchange, made))


def get_watchlist(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    return Response(200, _body(exchange, _find(exchange, request, parts)))


def put_watchlist(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    found, body = _find(exchange, request, parts), read_object(request.body)
    name = _name(exchange, body, found) if body.get("name") else found.name
    symbols = _symbols(exchange, body) if body.get("symbols") is not None else found.symbols
    found.name, found.symbols, found.updated_at = name, symbols, exchange.now
    return Response(200, _body(exchange, found))


def post_symbol(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    found, body = _find(exchange, request, parts), read_object(request.body)
    symbol = exchange.find_asset(str(body.get("symbol", ""))).symbol
    if symbol in found.symbols:
        raise unprocessable("duplicated symbol")
    found.symbols.append(symbol)
    found.updated_at = exchange.now
    return Response(200, _body(exchange, found))


def delete_symbol(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    found, symbol = _find(exchange, request, parts), exchange.find_asset(parts[1]).symbol
    if symbol not in found.symbols:
        raise not_found(f"symbol not found: {parts[1]}")
    found.symbols.remove(symbol)
    found.updated_at = exchange.now
    return Response(200, _body(exchange, found))


def delete_watchlist(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    del exchange.watchlists.lists[_find(exchange, request, parts).id]
    return Response(204)


def _find(exchange: Exchange, request: Request, parts: list[str]) -> Watchlist:
    lists = exchange.watchlists
    if parts:
        found = lists.lists.get(parts[0].lower())
    else:
        found = lists.named(request.query.get("name", ""))
    if found is None:
        raise not_found("watchlist not found")
    return found


def _name(exchange: Exchange, body: Mapping[str, Any], own: Watchlist | None) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise unprocessable("watchlist name is required")
    if len(name) > LONGEST_NAME:
        raise unprocessable(f"watchlist name must be no more than {LONGEST_NAME} characters")
    if exchange.watchlists.named(name) not in (None, own):
        raise unprocessable("watchlist name must be unique")
    return name


def _symbols(exchange: Exchange, body: Mapping[str, Any]) -> list[str]:
    symbols = body.get("symbols") or []
    if not isinstance(symbols, list):
        raise unprocessable("symbols is invalid")
    return list(dict.fromkeys(exchange.find_asset(str(symbol)).symbol for symbol in symbols))


def _body(exchange: Exchange, found: Watchlist, *, assets: bool = True) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": found.id,
        "account_id": exchange.account.id,
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.updated_at),
        "name": found.name,
    }
    if assets:
        body["assets"] = [exchange.find_asset(symbol).body() for symbol in found.symbols]
    return body


ROUTES: Routes = {
    ("GET", "/v2/watchlists"): get_watchlists,
    ("POST", "/v2/watchlists"): post_watchlist,
    ("GET", "/v2/watchlists:by_name"): get_watchlist,
    ("PUT", "/v2/watchlists:by_name"): put_watchlist,
    ("POST", "/v2/watchlists:by_name"): post_symbol,
    ("DELETE", "/v2/watchlists:by_name"): delete_watchlist,
    ("GET", "/v2/watchlists/{watchlist_id}"): get_watchlist,
    ("PUT", "/v2/watchlists/{watchlist_id}"): put_watchlist,
    ("POST", "/v2/watchlists/{watchlist_id}"): post_symbol,
    ("DELETE", "/v2/watchlists/{watchlist_id}"): delete_watchlist,
    ("DELETE", "/v2/watchlists/{watchlist_id}/{symbol}"): delete_symbol,
}
