"""The wash-trade matrix of Alpaca's user protection page: four types resting, four arriving, twice.

It is evening, so that market orders rest too. Limits are given so that they cross or do not.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Holding

Make = Callable[..., Any]
FLAT = {"AAPL": [(0, "100")]}
MESSAGE = "potential wash trade detected. use complex orders"

ALWAYS, CROSSING = "always", "when the buy limit is at or above the sell limit"
# resting type, arriving type, when it is refused; for a resting sell and for a resting buy alike
MATRIX = [
    ("market", "market", ALWAYS),
    ("market", "limit", ALWAYS),
    ("market", "stop", ALWAYS),
    ("market", "stop_limit", ALWAYS),
    ("limit", "market", ALWAYS),
    ("limit", "limit", CROSSING),
    ("limit", "stop", ALWAYS),
    ("limit", "stop_limit", CROSSING),
    ("stop", "market", ALWAYS),
    ("stop", "limit", ALWAYS),
    ("stop", "stop", ALWAYS),
    ("stop", "stop_limit", ALWAYS),
    ("stop_limit", "market", ALWAYS),
    ("stop_limit", "limit", CROSSING),
    ("stop_limit", "stop", ALWAYS),
    ("stop_limit", "stop_limit", CROSSING),
]
OPPOSITE = {"buy": "sell", "sell": "buy"}
RESTING_LIMIT = {"sell": "105", "buy": "95"}
STOP = {"sell": "92", "buy": "108"}


def order(side: str, kind: str, limit: str) -> dict[str, Any]:
    """An order of a type, its stop on its own side of the market."""
    body = {"symbol": "AAPL", "side": side, "type": kind, "qty": "1"}
    if "limit" in kind:
        body["limit_price"] = limit
    if "stop" in kind:
        body["stop_price"] = STOP[side]
    return body


def resting(broker: Make, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A broker that holds ten shares, with an order that waits for the morning."""
    held = (Holding("AAPL", Decimal(10), Decimal(90)),)
    desk = broker(steps=FLAT, positions=held, start="2026-11-23 19:30")
    return desk, desk.submit(**body)


@pytest.mark.parametrize("crosses", [True, False])
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]}-{row[1]}")
def test_the_matrix(broker: Make, row: tuple[str, str, str], side: str, crosses: bool) -> None:
    rests, arrives, refused = row
    desk, existing = resting(broker, order(side, rests, RESTING_LIMIT[side]))
    away = {"buy": "90", "sell": "110"}[OPPOSITE[side]]
    limit = RESTING_LIMIT[side] if crosses else away
    answer = desk.post(**order(OPPOSITE[side], arrives, limit))
    if refused == CROSSING and not crosses:
        assert answer.status == 200, answer.body
        return
    assert (answer.status, answer.body["code"]) == (403, 40310000)
    assert answer.body["message"] == MESSAGE
    assert answer.body["existing_order_id"] == existing["id"]
    assert answer.body["reject_reason"]


def test_the_matrix_has_thirty_two_rows() -> None:
    assert len({(side, *row) for side in OPPOSITE for row in MATRIX}) == 32


def test_both_limits_are_named(broker: Make) -> None:
    desk, _ = resting(broker, order("sell", "limit", "105"))
    body = desk.post(**order("buy", "limit", "105.50")).body
    assert (body["sell_limit_price"], body["buy_limit_price"]) == ("105", "105.5")


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_trailing_stops_are_exempt(broker: Make, side: str) -> None:
    trailing = {"symbol": "AAPL", "side": side, "type": "trailing_stop", "trail_price": "5"}
    desk, _ = resting(broker, trailing)
    assert desk.post(symbol="AAPL", side=OPPOSITE[side]).status == 200
    other = {**trailing, "side": OPPOSITE[side]}
    desk, _ = resting(broker, order(side, "limit", RESTING_LIMIT[side]))
    assert desk.post(**other).status == 200


def test_complex_orders_are_exempt_whether_they_rest_or_arrive(broker: Make) -> None:
    group = {"order_class": "oto", "stop_loss": {"stop_price": "80"}}
    entry = order("buy", "limit", "95") | group
    desk, _ = resting(broker, entry)
    assert desk.post(symbol="AAPL", side="sell").status == 200
    desk, _ = resting(broker, order("sell", "limit", "105"))
    assert desk.post(**order("buy", "limit", "106") | group).status == 200
