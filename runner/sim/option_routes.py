"""Option contracts: listed, read, exercised; and what happens to positions when they end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runner.sim import calendar
from runner.sim.activities import Notice
from runner.sim.assets import Asset
from runner.sim.contracts import SIZE, Contract
from runner.sim.messages import Refusal, Request, Response, forbidden, not_found, unprocessable
from runner.sim.positions import Position
from runner.sim.routing import Routes
from runner.sim.wire import CENT, ZERO, decimal_text, read_bool, read_date, read_decimal, read_int

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

PAGE, MOST = 100, 10_000


# ------------------------------------------------------------------------- reading


def get_contracts(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: options.contracts
    query = request.query
    wanted = _wanted(exchange, request)
    deliverables = read_bool(query.get("show_deliverables"), "show_deliverables")
    limit = read_int(query.get("limit"), "limit", PAGE, 1, MOST)
    first = read_int(query.get("page_token"), "page_token", 0, 0, 10**9)
    options = exchange.assets.options().values()
    found = [a for a in options if a.contract is not None and wanted(a.contract)]
    page = [_body(exchange, asset, deliverables) for asset in found[first : first + limit]]
    following = str(first + limit) if first + limit < len(found) else None
    return Response(200, {"option_contracts": page, "next_page_token": following})


def get_contract(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    asset = exchange.assets.option(parts[0])
    if asset is None:
        raise not_found(f"option contract {parts[0]} not found")
    return Response(200, _body(exchange, asset, deliverables=True))


def _wanted(exchange: Exchange, request: Request) -> Callable[[Contract], bool]:
    query = request.query
    symbols = {name for name in query.get("underlying_symbols", "").split(",") if name}
    root, kind = query.get("root_symbol"), query.get("type")
    on, gte, lte = (
        read_date(query[name], name) if query.get(name) else None
        for name in ("expiration_date", "expiration_date_gte", "expiration_date_lte")
    )
    low, high = (read_decimal(query.get(f"strike_price_{end}"), end) for end in ("gte", "lte"))
    today = calendar.local_day(exchange.now)
    if on is None and lte is None:
        lte = today + timedelta(days=(5 - today.weekday()) % 7)
    active = (query.get("status") or "active") == "active"
    european = query.get("style") == "european"

    def wanted(contract: Contract) -> bool:
        return (
            not european
            and active == (contract.expires >= today)
            and (not symbols or contract.underlying in symbols)
            and (not root or contract.underlying == root)
            and (not kind or contract.kind == kind)
            and (on is None or contract.expires == on)
            and (gte is None or contract.expires >= gte)
            and (lte is None or contract.expires <= lte)
            and (low is None or contract.strike >= low)
            and (high is None or contract.strike <= high)
        )

    return wanted


def _body(exchange: Exchange, asset: Asset, deliverables: bool) -> dict[str, Any]:
    contract = asset.contract
    assert contract is not None
    underlying = exchange.find_asset(contract.underlying)
    before = calendar.session_before(calendar.trading_day(exchange.now).day)
    active = exchange.now < contract.closes_at
    body: dict[str, Any] = {
        "id": asset.id,
        "symbol": asset.symbol,
        "name": contract.name,
        "status": "active" if active else "inactive",
        "tradable": active,
        "expiration_date": contract.expires.isoformat(),
        "root_symbol": contract.underlying,
        "underlying_symbol": contract.underlying,
        "underlying_asset_id": underlying.id,
        "type": contract.kind,
        "style": "american",
        "strike_price": decimal_text(contract.strike),
        "multiplier": str(SIZE),
        "size": str(SIZE),
        "close_price": decimal_text(exchange.tape.last(asset.symbol, before.close)),
        "close_price_date": before.day.isoformat(),
        "ppind": True,
    }
    if deliverables:
        body["deliverables"] = [_deliverable(underlying)]
    return body


def _deliverable(underlying: Asset) -> dict[str, Any]:
    return {
        "type": "equity",
        "symbol": underlying.symbol,
        "asset_id": underlying.id,
        "amount": str(SIZE),
        "allocation_percentage": "100",
        "settlement_type": "T+1",
        "settlement_method": "CCC",
        "delayed_settlement": False,
    }


# ------------------------------------------------------------------------- exercising


def post_exercise(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    # rule: options.exercise
    position = _held(exchange, parts[0])
    if position.qty < 0:
        raise Refusal(403, 40310001, "cannot exercise short position")
    contracts = exchange.available(position)
    if contracts <= 0:
        raise forbidden("no available position for the specified contract")
    session = calendar.session(calendar.local_day(exchange.now))
    if session is not None and exchange.now >= session.close:
        raise unprocessable("exercise requests are rejected between market close and midnight")
    _exchange_for_shares(exchange, position.asset, contracts, "OPEXC")
    return Response(200)


def post_do_not_exercise(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    position = _held(exchange, parts[0])
    if position.qty < 0:
        raise Refusal(403, 40310001, "cannot submit DNE for short position")
    exchange.positions.not_exercised.add(position.asset.symbol)
    return Response(200)


def _held(exchange: Exchange, symbol_or_id: str) -> Position:
    asset = exchange.assets.option(symbol_or_id)
    if asset is None:
        raise unprocessable("invalid symbol")
    position = exchange.positions.find(asset.symbol)
    if position is None:
        raise forbidden("no available position for the specified contract")
    return position


def _exchange_for_shares(exchange: Exchange, asset: Asset, contracts: Decimal, kind: str) -> None:
    """Takes contracts (signed as held) away and moves the shares and the money they are for."""
    contract = asset.contract
    assert contract is not None
    shares = contracts * SIZE if contract.call else -contracts * SIZE
    cash = -(shares * contract.strike).quantize(CENT)
    underlying = exchange.find_asset(contract.underlying)
    exchange.book_change(asset, -contracts, ZERO, ZERO)
    exchange.book_change(underlying, shares, contract.strike, cash)
    now, strike = exchange.now, contract.strike
    exchange.activities.add(Notice(kind, now, asset.symbol, -contracts, ZERO))
    exchange.activities.add(Notice("OPTRD", now, underlying.symbol, shares, cash, strike))


def settle_expired(exchange: Exchange, day: date, close: datetime) -> None:
    """Ends the option positions whose last day this was: exercised, assigned or worthless."""
    # rule: options.expiry
    for position in list(exchange.positions):
        contract = position.asset.contract
        if contract is None or contract.expires > day:
            continue
        worth = contract.intrinsic(exchange.tape.last(contract.underlying, close))
        kept = position.asset.symbol in exchange.positions.not_exercised
        if worth >= CENT and not (kept and position.qty > 0):
            kind = "OPEXC" if position.qty > 0 else "OPASN"
            _exchange_for_shares(exchange, position.asset, position.qty, kind)
        else:
            qty = position.qty
            exchange.book_change(position.asset, -qty, ZERO, ZERO)
            exchange.activities.add(
                Notice("OPEXP", exchange.now, position.asset.symbol, -qty, ZERO)
            )


ROUTES: Routes = {
    ("GET", "/v2/options/contracts"): get_contracts,
    ("GET", "/v2/options/contracts/{symbol_or_id}"): get_contract,
    ("POST", "/v2/positions/{symbol_or_contract_id}/exercise"): post_exercise,
    ("POST", "/v2/positions/{symbol_or_contract_id}/do-not-exercise"): post_do_not_exercise,
}
