"""The guards against the embedded exchange, which holds the same rules written a second time.

Orders are drawn at random over types, times in force, classes, sizes, prices, hours, positions and
what rests already. Whatever the exchange refuses for a reason that a guard holds, a guard refuses
before it is sent; what the exchange takes, no guard refuses.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from unit.sim.conftest import KEYS, Broker

from runner.guards import (
    Bounds,
    Draft,
    Judged,
    Rules,
    Tally,
    asset_flags,
    auction_cutoff,
    bracket_geometry,
    fractional,
    no_crossing_zero,
    options_level,
    order_terms,
    price_increment,
    shorting,
    smallest_order,
    wash_trade,
)
from runner.sim import Holding, Request
from runner.sim.assets import DEFAULT_MARKET, Asset
from runner.sim.wire import encode
from runner.world import Configuration, World, same_symbol

GUARDS = (
    asset_flags, auction_cutoff, bracket_geometry, fractional, no_crossing_zero, options_level,
    order_terms, price_increment, shorting, smallest_order, wash_trade,
)  # fmt: skip
FORETOLD = {
    "wash trade": wash_trade,
    "sub-penny": price_increment,
    "decimal places": price_increment,
    "whole number of contracts": (price_increment, fractional),
    "is not fractionable": (asset_flags, fractional),
    "must be simple": (fractional, order_terms),
    "sold short|not allowed to short": (shorting, fractional),
    "insufficient balance for BTC": (shorting, no_crossing_zero),
    "insufficient qty": no_crossing_zero,
    "must be submitted after": auction_cutoff,
    "exit orders|entry orders|base_price|take_profit|stop_loss": bracket_geometry,
    "minimal amount|notional must be": (smallest_order, fractional),
    "eligible for level": options_level,
    "time_in_force|extended hours|DAY|GTC|limit orders": order_terms,
    "not support|must be market|during market": order_terms,
}
"""Which guard holds what the exchange refuses with such words."""

OTHER_REASONS = "insufficient (options )?buying power|balance for USD|stop price must|uncovered"
"""Refusals that these guards do not foretell: money, and the side of the market a stop is on."""

STRICTER = r"(99\.99|100\.01) is not a cent or more .* base price|price_increment of BTC/USD"
"""What guards refuse on purpose although this exchange takes it: an exit that lies within the
spread, where the last price decides, and a price that a pair's increments do not have."""

CALL = "AAPL261204C00260000"
HOURS = (
    "2026-11-23 03:00", "2026-11-23 09:27", "2026-11-23 09:29", "2026-11-23 11:00",
    "2026-11-23 15:49", "2026-11-23 15:51", "2026-11-23 17:00", "2026-11-23 19:30",
    "2026-11-27 12:49", "2026-11-27 12:51", "2026-11-28 11:00",
)  # fmt: skip
TIMES = ("day", "gtc", "opg", "cls", "ioc", "fok")
PRICES = ("90", "95.5", "99.99", "100", "100.01", "101.255", "105", "110", "0.5")
SIZES: tuple[dict[str, str], ...] = (
    {"qty": "1"}, {"qty": "5"}, {"qty": "10"}, {"qty": "11"}, {"qty": "0.5"}, {"qty": "0.00001"},
    {"qty": "1.0000000001"}, {"notional": "50"}, {"notional": "0.5"}, {"notional": "2000"},
)  # fmt: skip
RESTING: tuple[dict[str, str] | None, ...] = (
    None, None, None,
    {"side": "sell", "type": "limit", "limit_price": "105", "qty": "3", "time_in_force": "gtc"},
    {"side": "buy", "type": "limit", "limit_price": "95", "qty": "3", "time_in_force": "gtc"},
    {"side": "buy", "type": "stop", "stop_price": "108", "qty": "3", "time_in_force": "gtc"},
    {"side": "sell", "type": "trailing_stop", "trail_price": "9", "qty": "3",
     "time_in_force": "gtc"},
)  # fmt: skip


class Drawn:
    """One situation and one order, drawn with a seed."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.symbol = draw.choices(("AAPL", "BTC/USD", CALL), (8, 1, 1))[0]
        self.held = draw.choice(("0", "0", "10", "-10")) if self.symbol == "AAPL" else "0"
        self.start = draw.choice(HOURS)
        self.resting = draw.choice(RESTING)
        self.level = draw.choice((0, 1, 2, 3))
        self.account = {"shorting_enabled": draw.random() < 0.8}
        self.fractions = draw.random() < 0.9
        flags = ("fractionable", "shortable")
        self.flags: dict[str, Any] = {flag: draw.random() < 0.8 for flag in flags}
        self.attributes = draw.choice(((), ("fractional_eh_enabled",)))
        self.body = self._body(draw)

    def _body(self, draw: random.Random) -> dict[str, Any]:
        """An order that is well formed, and mostly one that might be taken."""
        order_class = draw.choices(("", "bracket", "oco", "oto"), (8, 3, 2, 1))[0]
        kinds = ("market", "limit", "stop", "stop_limit", "trailing_stop")
        kind = draw.choices(kinds, (4, 5, 2, 2, 1))[0]
        if order_class == "oco" and draw.random() < 0.9:
            kind = "limit"
        usual = "gtc" if "/" in self.symbol else "day"
        size = draw.choice(SIZES) if draw.random() < 0.3 else draw.choice(SIZES[:4])
        body: dict[str, Any] = {
            "symbol": self.symbol,
            "side": draw.choice(("buy", "sell")),
            "type": kind,
            "time_in_force": draw.choice(TIMES) if draw.random() < 0.4 else usual,
            **size,
        }
        if kind in ("limit", "stop_limit"):
            body["limit_price"] = draw.choice(PRICES)
        if kind in ("stop", "stop_limit"):
            body["stop_price"] = "92" if body["side"] == "sell" else "108"
        if kind == "trailing_stop":
            body["trail_price"] = "2"
        if draw.random() < 0.15:
            body["extended_hours"] = True
        if order_class:
            body |= self._exits(draw, order_class)
            if order_class == "oco":
                body.pop("limit_price", None)
        if body["side"] == "sell" and Decimal(self.held) <= 0:
            body["position_intent"] = "sell_to_open"
        return body

    @staticmethod
    def _exits(draw: random.Random, order_class: str) -> dict[str, Any]:
        exits: dict[str, Any] = {
            "take_profit": {"limit_price": draw.choice(PRICES)},
            "stop_loss": {"stop_price": draw.choice(PRICES)},
        }
        if order_class == "oto":
            exits.pop(draw.choice(("take_profit", "stop_loss")))
        return {"order_class": order_class, **exits}


def exchange(drawn: Drawn) -> Broker:
    """An exchange in that situation."""
    held = Decimal(drawn.held)
    apple = replace(Asset("AAPL", "Apple", attributes=drawn.attributes), **drawn.flags)
    others = tuple(asset for asset, _ in DEFAULT_MARKET if asset.symbol != "AAPL")
    desk = Broker(
        steps={"AAPL": [(0, "100", "99.99", "100.01")]},
        positions=(Holding("AAPL", held, Decimal(100)),) if held else (),
        start=drawn.start,
        assets=(apple, *others),
        rate_limit=None,
        **drawn.account,
    )
    settings = {"max_options_trading_level": drawn.level, "fractional_trading": drawn.fractions}
    assert desk.send("PATCH", "account/configurations", settings).status == 200
    if drawn.resting is not None:
        desk.post(symbol="AAPL", **drawn.resting)
    return desk


def ask(desk: Broker, path: str, **query: str) -> Any:
    """The JSON of a GET, None when there is no such thing."""
    answer = desk.exchange.apply(Request("GET", path, query, KEYS, b""), desk.at)
    return answer.body if answer.status == 200 else None


def market(desk: Broker, symbol: str) -> Any:
    """Asset and quote of a symbol, as a reading of the world has them."""
    if len(symbol) > len("BTC/USD"):
        latest = ask(desk, "/v1beta1/options/quotes/latest", symbols=symbol)
        return ask(desk, f"/v2/options/contracts/{symbol}"), latest["quotes"][symbol]
    if "/" in symbol:
        latest = ask(desk, "/v1beta3/crypto/us/latest/quotes", symbols=symbol)
        return ask(desk, f"/v2/assets/{symbol}"), latest["quotes"][symbol]
    return ask(desk, f"/v2/assets/{symbol}"), ask(desk, f"/v2/stocks/{symbol}/quotes/latest")[
        "quote"
    ]


def seen_by_the_guards(desk: Broker, drawn: Drawn) -> Judged:
    """The order beside what the exchange says of the world."""
    symbol, positions = drawn.symbol, desk.ask("positions")
    asset, quote = market(desk, symbol)
    data = {
        "account": desk.ask("account"),
        "positions": positions,
        "position": next((p for p in positions if same_symbol(p["symbol"], symbol)), None),
        "open_orders": desk.ask("orders", status="open", nested="true"),
        "clock": desk.ask("clock"),
        "asset": asset,
        "quote": {"symbol": symbol, "feed": "iex", "quote": quote},
    }
    configuration = Configuration.read(desk.ask("account/configurations"))
    bounds = Bounds(
        Rules(allow_shorting=True), None, Tally(), desk.at, Decimal(drawn.held), read_at=desk.at,
        configuration=configuration,
    )  # fmt: skip
    draft = Draft(symbol, drawn.body["side"], drawn.body)
    return Judged(draft, World.read(symbol, json.loads(encode(data), parse_float=str)), bounds)


def verdicts(one: Judged) -> dict[str, str]:
    """What the guards that refuse say."""
    said = [guard.judge(one) for guard in GUARDS]
    return {v.guard: v.message for v in said if v is not None and v.refused}


@pytest.mark.parametrize("block", range(8))
def test_guards_foretell_the_exchange(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        drawn = Drawn(seed)
        desk = exchange(drawn)
        one = seen_by_the_guards(desk, drawn)
        found = verdicts(one)
        answer = desk.send("POST", "orders", drawn.body)
        told = f"seed {seed}: {drawn.start} held {drawn.held} {drawn.resting} {drawn.body}: "
        if answer.status == 200:
            beyond = {k: v for k, v in found.items() if not re.search(STRICTER, v)}
            assert one.reduces or beyond == {}, told + f"taken, and refused by {beyond}"
            continue
        why = str(answer.body["message"])
        if re.search(OTHER_REASONS, why):
            continue
        holds = next((who for words, who in FORETOLD.items() if re.search(words, why)), ())
        codes = [guard.CODE for guard in (holds if isinstance(holds, tuple) else (holds,))]
        assert set(codes) & set(found), told + f"refused ({why}), and {codes} did not object"
