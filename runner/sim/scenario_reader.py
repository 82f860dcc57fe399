"""Reading a scenario from a mapping, with errors that say where and what to write instead."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from runner.sim.assets import DEFAULT_MARKET, Asset
from runner.sim.faults_reader import FAULTS
from runner.sim.scenario import DEFAULT_START, INTRADAY_MARGIN, LEGACY_PDT, Holding, Scenario
from runner.sim.scenario_values import (
    CHANCE,
    DURATION,
    FLAG,
    INTEGER,
    KEYS,
    MOMENT,
    MULTIPLIER,
    NAMES,
    NUMBER,
    PRICE,
    PRICES,
    RATE,
    TEXT,
    Kind,
    ScenarioError,
    as_mapping,
    choice,
)
from runner.sim.tape import Point


def read_scenario(data: object, folder: Path | None = Path()) -> Scenario:
    """The scenario of a mapping of text, as YAML or JSON gives it; missing fields keep defaults.

    `folder` is where CSV tapes are looked for; None refuses them. Raises `ScenarioError`.
    """
    given = as_mapping(data, "the scenario")
    known = {*READERS, "start", "positions", "assets", "prices", "tape"}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ScenarioError(
            f"{unknown[0]}: is not a field of a scenario; fields are {', '.join(sorted(known))}"
        )
    values: dict[str, Any] = {
        name: read(given[name], name) for name, read in READERS.items() if name in given
    }
    start = MOMENT(given["start"], "start") if "start" in given else DEFAULT_START
    assets = {asset.symbol: asset for asset, _ in DEFAULT_MARKET}
    prices = {asset.symbol: price for asset, price in DEFAULT_MARKET}
    for symbol, flags in as_mapping(given.get("assets", {}), "assets").items():
        assets[symbol], price = _asset(assets.get(symbol), symbol, flags)
        if price is not None:
            prices[symbol] = price
    for symbol, price in as_mapping(given.get("prices", {}), "prices").items():
        prices[symbol] = PRICE(price, f"prices.{symbol}")
        assets.setdefault(symbol, Asset(symbol, f"Simulated {symbol}"))
    tape = {}
    for symbol, points in as_mapping(given.get("tape", {}), "tape").items():
        tape[symbol] = _points(points, start, folder, f"tape.{symbol}")
        prices[symbol] = tape[symbol][0].price
        assets.setdefault(symbol, Asset(symbol, f"Simulated {symbol}"))
    missing = sorted(set(assets) - set(prices))
    if missing:
        raise ScenarioError(f"assets.{missing[0]}: give it a price, for example `price: 25.00`")
    positions = tuple(
        _holding(symbol, held, assets)
        for symbol, held in as_mapping(given.get("positions", {}), "positions").items()
    )
    return Scenario(
        start=start,
        assets=tuple(assets.values()),
        prices=prices,
        tape=tape,
        positions=positions,
        **values,
    )


READERS: dict[str, Kind] = {
    "seed": INTEGER,
    "cash": NUMBER,
    "multiplier": MULTIPLIER,
    "status": TEXT,
    "trading_blocked": FLAG,
    "account_blocked": FLAG,
    "trade_suspended_by_user": FLAG,
    "shorting_enabled": FLAG,
    "last_equity": NUMBER,
    "regime": choice(INTRADAY_MARGIN, LEGACY_PDT),
    "pattern_day_trader": FLAG,
    "daytrade_count": INTEGER,
    "omit": NAMES,
    "previous_closes": PRICES,
    "rate_limit": RATE,
    "keys": KEYS,
    "partial_fills": CHANCE,
    "faults": FAULTS,
}


# ------------------------------------------------------------------------- market

ASSET_TYPES: dict[object, Kind] = {
    "bool": FLAG,
    "Decimal": NUMBER,
    "str": TEXT,
    "tuple[str, ...]": NAMES,
}
ASSET_FIELDS: dict[str, Kind] = {
    "price": PRICE,
    **{
        spec.name: ASSET_TYPES[spec.type]
        for spec in fields(Asset)
        if spec.name != "symbol" and spec.type in ASSET_TYPES
    },
}
HOLDING_FIELDS: dict[str, Kind] = {"qty": NUMBER, "avg_entry_price": PRICE}


def _asset(base: Asset | None, symbol: str, flags: object) -> tuple[Asset, Decimal | None]:
    where = f"assets.{symbol}"
    given = dict(as_mapping(flags, where))
    price = PRICE(given.pop("price"), f"{where}.price") if "price" in given else None
    asset = base or Asset(symbol, f"Simulated {symbol}")
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if name not in ASSET_FIELDS:
            raise ScenarioError(
                f"{where}.{name}: is not a field of an asset; fields are {', '.join(ASSET_FIELDS)}"
            )
        read = ASSET_FIELDS[name](value, f"{where}.{name}")
        changes[name] = tuple(sorted(read)) if isinstance(read, frozenset) else read
    return replace(asset, **changes), price


def _holding(symbol: str, held: object, assets: Mapping[str, Asset]) -> Holding:
    where = f"positions.{symbol}"
    given = as_mapping(held, where)
    if set(given) != set(HOLDING_FIELDS):
        raise ScenarioError(f"{where}: expected {{qty: …, avg_entry_price: …}}")
    if symbol not in assets:
        raise ScenarioError(f"{where}: the scenario has no such symbol; add it under `assets`")
    qty = NUMBER(given["qty"], f"{where}.qty")
    if not qty:
        raise ScenarioError(f"{where}.qty: a position is not 0; leave it out instead")
    return Holding(symbol, qty, PRICE(given["avg_entry_price"], f"{where}.avg_entry_price"))


def _points(value: object, start: datetime, folder: Path | None, where: str) -> tuple[Point, ...]:
    rows = _csv_rows(folder, value, where) if isinstance(value, str) and value else value
    if not isinstance(rows, list | tuple) or not rows:
        raise ScenarioError(f"{where}: expected a list of [time, price], or the name of a CSV file")
    points = [_point(row, start, f"{where}[{n}]") for n, row in enumerate(rows)]
    for n, (earlier, later) in enumerate(pairwise(points), 1):
        if later.at <= earlier.at:
            raise ScenarioError(f"{where}[{n}]: times go forward")
    return tuple(points)


def _csv_rows(folder: Path | None, name: str, where: str) -> list[list[str]]:
    if folder is None:
        raise ScenarioError(f"{where}: a CSV file is only read beside a scenario file")
    path = folder / name
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    except OSError as error:
        raise ScenarioError(f"{where}: {path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ScenarioError(f"{where}: {path}: is not CSV text in UTF-8") from None
    return rows[1:] if rows and rows[0][0].strip() in ("time", "offset") else rows


def _point(row: object, start: datetime, where: str) -> Point:
    if not isinstance(row, list | tuple) or len(row) not in (2, 4):
        raise ScenarioError(f"{where}: expected [time, price] or [time, price, bid, ask]")
    at = start + DURATION(row[0], where)
    price, *book = (PRICE(value, where) for value in row[1:])
    if not book:
        return Point(at, price)
    if book[0] > book[1]:
        raise ScenarioError(f"{where}: the bid is not above the ask")
    return Point(at, price, book[0], book[1])
