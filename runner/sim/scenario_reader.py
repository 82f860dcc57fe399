"""Reading a scenario from a mapping, with errors that say where and what to write instead."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from runner.sim.assets import DEFAULT_MARKET, Asset
from runner.sim.contracts import parse
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
    Problems,
    ScenarioError,
    as_mapping,
    choice,
    unknown,
)
from runner.sim.sources import Point


def read_scenario(data: object, folder: Path | None = Path()) -> Scenario:
    """The scenario of a mapping of text, as YAML or JSON gives it; missing fields keep defaults.

    `folder` is where CSV tapes are looked for; None refuses them. Raises `ScenarioError`.
    """
    given = as_mapping(data, "the scenario")
    problems = Problems()
    known = ("start", "positions", "assets", "prices", "tape", *READERS)
    for name in given:
        with problems:
            if name not in known:
                raise unknown("", name, "a field of a scenario", known)
    values: dict[str, Any] = {}
    for name, read in READERS.items():
        with problems:
            if name in given:
                values[name] = read(given[name], name)
    start = DEFAULT_START
    with problems:
        start = MOMENT(given["start"], "start") if "start" in given else DEFAULT_START
    market = _Market(start, folder)
    market.read(given, problems)
    problems.end()
    return Scenario(
        start=start,
        assets=tuple(market.assets.values()),
        prices=market.prices,
        tape=market.tape,
        positions=tuple(market.positions),
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


class _Market:
    """The symbols of a scenario, what they cost and what is held of them, as they are read."""

    def __init__(self, start: datetime, folder: Path | None) -> None:
        self._start, self._folder = start, folder
        self.assets = {asset.symbol: asset for asset, _ in DEFAULT_MARKET}
        self.prices = {asset.symbol: price for asset, price in DEFAULT_MARKET}
        self.tape: dict[str, tuple[Point, ...]] = {}
        self.positions: list[Holding] = []

    def read(self, given: Mapping[str, Any], problems: Problems) -> None:
        """Takes in each part, symbol by symbol."""
        for part, take in (
            ("assets", self._asset),
            ("prices", self._price),
            ("tape", self._script),
            ("assets", self._priced),
            ("positions", self._holding),
        ):
            rows: Mapping[str, Any] = {}
            with problems:
                rows = as_mapping(given.get(part), part)
            for symbol, value in rows.items():
                with problems:
                    take(symbol, value, f"{part}.{symbol}")

    def _asset(self, symbol: str, flags: object, where: str) -> None:
        asset = self.assets.setdefault(symbol, Asset(symbol, f"Simulated {symbol}"))
        given = as_mapping(flags, where)
        problems, changes = Problems(), dict[str, Any]()
        for name, value in given.items():
            with problems:
                if name not in ASSET_FIELDS:
                    raise unknown(where, name, "a field of an asset", ASSET_FIELDS)
                read = ASSET_FIELDS[name](value, f"{where}.{name}")
                changes[name] = tuple(sorted(read)) if isinstance(read, frozenset) else read
        if "price" in changes:
            self.prices[symbol] = changes.pop("price")
        self.assets[symbol] = replace(asset, **changes)
        problems.end()

    def _priced(self, symbol: str, flags: object, where: str) -> None:
        if symbol not in self.prices and isinstance(flags, Mapping) and "price" not in flags:
            raise ScenarioError(f"{where}: give it a price, for example `price: 25.00`")

    def _price(self, symbol: str, price: object, where: str) -> None:
        self._take_in(symbol, where)
        self.prices[symbol] = PRICE(price, where)

    def _script(self, symbol: str, points: object, where: str) -> None:
        self._take_in(symbol, where)
        self.tape[symbol] = _points(points, self._start, self._folder, where)
        self.prices[symbol] = self.tape[symbol][0].price

    def _take_in(self, symbol: str, where: str) -> None:
        """Makes a symbol known that is priced; an option contract is listed for its price."""
        # rule: options.priced
        contract = parse(symbol)
        if contract is None:
            self.assets.setdefault(symbol, Asset(symbol, f"Simulated {symbol}"))
        elif contract.underlying not in self.assets:
            raise ScenarioError(f"{where}: give its underlying {contract.underlying} a price too")

    def _holding(self, symbol: str, held: object, where: str) -> None:
        given = as_mapping(held, where)
        if set(given) != set(HOLDING_FIELDS):
            raise ScenarioError(f"{where}: expected {{qty: …, avg_entry_price: …}}")
        if symbol not in self.assets and symbol not in self.prices:
            part = "prices" if parse(symbol) else "assets"
            raise ScenarioError(f"{where}: the scenario has no such symbol; add it under `{part}`")
        qty = NUMBER(given["qty"], f"{where}.qty")
        if not qty:
            raise ScenarioError(f"{where}.qty: a position is not 0; leave it out instead")
        entry = PRICE(given["avg_entry_price"], f"{where}.avg_entry_price")
        self.positions.append(Holding(symbol, qty, entry))


def _points(value: object, start: datetime, folder: Path | None, where: str) -> tuple[Point, ...]:
    rows = _csv_rows(folder, value, where) if isinstance(value, str) and value else value
    if not isinstance(rows, list | tuple) or not rows:
        raise ScenarioError(f"{where}: expected a list of [time, price], or the name of a CSV file")
    problems, points = Problems(), list[Point]()
    for number, row in enumerate(rows):
        with problems:
            point = _point(row, start, f"{where}[{number}]")
            if points and point.at <= points[-1].at:
                raise ScenarioError(f"{where}[{number}]: times go forward")
            points.append(point)
    problems.end()
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
