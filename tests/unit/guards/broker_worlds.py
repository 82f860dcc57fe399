"""Worlds that broker-rule guards are asked about, built by hand or read from the exchange."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from unit.machine.scripted import ACCOUNT, CLOCK

from runner.effects import Json
from runner.guards import Bounds, Draft, Judged, Rules, Tally
from runner.world import Configuration, World

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
STAMP = "2026-11-23T15:00:00Z"
CALL, PUT = "AAPL261218C00200000", "AAPL261218P00200000"
CONFIGURATION: dict[str, Any] = {
    "suspend_trade": False, "no_shorting": False, "fractional_trading": True,
    "max_options_trading_level": 3,
}  # fmt: skip
MARGIN_ACCOUNT: dict[str, Any] = {**ACCOUNT, "options_trading_level": 3}
STOCK: dict[str, Any] = {
    "symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True,
    "fractionable": True, "shortable": True, "marginable": True, "easy_to_borrow": True,
    "attributes": ["fractional_eh_enabled", "overnight_tradable"],
}  # fmt: skip
PAIR: dict[str, Any] = {
    "symbol": "BTC/USD", "class": "crypto", "status": "active", "tradable": True,
    "fractionable": True, "shortable": False, "marginable": False,
    "min_order_size": "0.0001", "min_trade_increment": "0.0001", "price_increment": "0.5",
}  # fmt: skip
OPTION: dict[str, Any] = {"symbol": CALL, "status": "active", "tradable": True}


def asset_of(symbol: str) -> dict[str, Any]:
    if "/" in symbol:
        return PAIR
    return {**OPTION, "symbol": symbol} if len(symbol) > 12 else {**STOCK, "symbol": symbol}


def body(**fields: Json) -> dict[str, Json]:
    """A market buy of one AAPL for the day, unless told otherwise; None leaves a field out."""
    known: dict[str, Json] = {"symbol": "AAPL", "side": "buy", "type": "market",
                              "time_in_force": "day"}  # fmt: skip
    if "notional" not in fields:
        known["qty"] = "1"
    return {key: value for key, value in {**known, **fields}.items() if value is not None}


def judged(
    order: Mapping[str, Json] | None = None,
    *,
    held: str | None = "0",
    free: str | None = None,
    expected: str | None = None,
    account: Mapping[str, Any] | None = None,
    asset: Mapping[str, Any] | None = None,
    clock: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
    quote: tuple[str, str] | None = ("99.99", "100.01"),
    orders: list[dict[str, Any]] | None = None,
    rules: Rules | None = None,
    **fields: Json,
) -> Judged:
    """One order beside a world; what is not given is as on a quiet morning.

    `held` None: the broker does not say. The account should hold what it holds, unless `expected`
    says otherwise. Extra fields go into the order's body.
    """
    sent = dict(order) if order is not None else body(**fields)
    symbol, side = str(sent.get("symbol", "")), str(sent.get("side", ""))
    position = {"symbol": symbol, "qty": held, "qty_available": held if free is None else free}
    bid, ask = quote or ("0", "0")
    data = {
        "account": {**MARGIN_ACCOUNT, **(account or {})},
        "position": None if held == "0" else position,
        "positions": [],
        "open_orders": orders or [],
        "quote": {"symbol": symbol, "feed": "iex", "quote": {"bp": bid, "ap": ask, "t": STAMP}},
        "asset": {**asset_of(symbol), **(asset or {})},
        "clock": {**CLOCK, **(clock or {})},
    }
    should = held if expected is None else expected
    bounds = Bounds(
        rules or Rules(),
        None,
        Tally(),
        AT,
        Decimal(should) if should is not None else None,
        read_at=AT,
        configuration=Configuration.read({**CONFIGURATION, **(configuration or {})}),
    )
    return Judged(Draft(symbol, side, sent), World.read(symbol, data), bounds)


def new_york(text: str) -> datetime:
    """A moment of November 2026, when New York is five hours behind UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(hours=5)


def clock_at(now: str, opens: str, closes: str, *, is_open: bool = False) -> dict[str, Any]:
    """The broker's clock at New York wall times."""
    return {
        "timestamp": new_york(now).isoformat(),
        "is_open": is_open,
        "next_open": new_york(opens).isoformat(),
        "next_close": new_york(closes).isoformat(),
    }
