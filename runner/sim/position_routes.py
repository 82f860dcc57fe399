"""Positions: listed, read and closed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from runner.sim.accepting import submit
from runner.sim.faults_orders import seen_position, seen_positions
from runner.sim.lifecycle import cancel_now
from runner.sim.messages import Refusal, Request, Response, malformed, not_found
from runner.sim.orders import Order
from runner.sim.positions import Position
from runner.sim.routing import Routes
from runner.sim.tickets import Ticket
from runner.sim.wire import NANO, read_bool, read_decimal

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


def get_positions(exchange: Exchange, _request: Request, _parts: list[str]) -> Response:
    return Response(200, [exchange.position_body(p) for p in seen_positions(exchange)])


def get_position(exchange: Exchange, _request: Request, parts: list[str]) -> Response:
    return Response(200, exchange.position_body(_find(exchange, "/".join(parts), seen_position)))


def delete_position(exchange: Exchange, request: Request, parts: list[str]) -> Response:
    # rule: positions.close
    position = _find(exchange, "/".join(parts))
    order = _close(exchange, position, _close_qty(position, request))
    return Response(200, order.body())


def delete_positions(exchange: Exchange, request: Request, _parts: list[str]) -> Response:
    # rule: positions.close-all
    if read_bool(request.query.get("cancel_orders"), "cancel_orders"):
        for order in exchange.book.open_orders():
            if order.open:  # a leg of a multi-leg order has ended with it
                cancel_now(exchange, order)
    rows: list[dict[str, object]] = []
    for position in exchange.positions:
        row: dict[str, object] = {"symbol": position.asset.position_symbol}
        try:
            order = _close(exchange, position, abs(position.qty))
            rows.append(row | {"status": 200, "body": order.body()})
        except Refusal as refusal:
            rows.append(row | {"status": refusal.status, "body": refusal.body()})
    return Response(207, rows)


def _held(exchange: Exchange, symbol: str) -> Position | None:
    return exchange.positions.find(symbol)


def _find(
    exchange: Exchange,
    symbol_or_id: str,
    find: Callable[[Exchange, str], Position | None] = _held,
) -> Position:
    asset = exchange.assets.find(symbol_or_id)
    position = None if asset is None else find(exchange, asset.symbol)
    if position is None:
        if asset is None:
            raise not_found(f"symbol not found: {symbol_or_id}")
        raise not_found("position does not exist")
    return position


def _close_qty(position: Position, request: Request) -> Decimal:
    """Shares to close: all, `qty`, or `percentage` of the position."""
    qty = read_decimal(request.query.get("qty"), "qty")
    percentage = read_decimal(request.query.get("percentage"), "percentage")
    if qty is not None and percentage is not None:
        raise malformed("only one of qty or percentage is accepted")
    held = abs(position.qty)
    if qty is not None:
        if qty <= 0:
            raise malformed("qty must be > 0")
        return qty
    if percentage is None:
        return held
    if not 0 < percentage <= 100:
        raise malformed("percentage must be between 0 and 100")
    # A whole position is closed in whole shares, as Alpaca's reference says.
    whole = held == held.to_integral_value()
    part = (held * percentage / 100).quantize(Decimal(1) if whole else NANO, ROUND_DOWN)
    if not part:
        raise malformed("qty must be > 0")
    return part


def _close(exchange: Exchange, position: Position, qty: Decimal) -> Order:
    side = "sell" if position.qty > 0 else "buy"
    return submit(
        exchange,
        Ticket(
            symbol=position.asset.symbol,
            side=side,
            type="market",
            time_in_force="gtc" if position.asset.crypto else "day",
            qty=qty,
            position_intent=f"{side}_to_close",
        ),
    )


ROUTES: Routes = {
    ("GET", "/v2/positions"): get_positions,
    ("DELETE", "/v2/positions"): delete_positions,
    ("GET", "/v2/positions/{symbol_or_asset_id}"): get_position,
    ("GET", "/v2/positions/{base}/{quote}"): get_position,
    ("DELETE", "/v2/positions/{base}/{quote}"): delete_position,
    ("DELETE", "/v2/positions/{symbol_or_asset_id}"): delete_position,
}
