"""The broker's wash-trade matrix, as the guard predicts it: four types resting, four arriving."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from unit.guards.broker_worlds import judged

from runner.guards import Judged, wash_trade
from runner.world import Order

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


def prices(kind: str, limit: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind}
    if "limit" in kind and limit is not None:
        found["limit_price"] = limit
    if "stop" in kind:
        found["stop_price"] = "100"
    return found


def resting(side: str, kind: str, limit: str | None = None, **more: Any) -> dict[str, Any]:
    """An open order of somebody else in the same account."""
    return {"id": "theirs", "client_order_id": "by-hand", "symbol": "AAPL", "side": side,
            "status": "new", "qty": "3", "filled_qty": "0", **prices(kind, limit),
            **more}  # fmt: skip


def arriving(rests: dict[str, Any], kind: str, limit: str | None = None, **more: Any) -> Judged:
    side = OPPOSITE[rests["side"]]
    return judged(side=side, orders=[rests], **prices(kind, limit), **more)


def refused(one: Judged) -> bool:
    verdict = wash_trade.judge(one)
    assert verdict is not None
    return verdict.refused


@pytest.mark.parametrize("distance", [-1, 0, 1])
@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: f"{row[0]}-{row[1]}")
def test_the_matrix(row: tuple[str, str, str], side: str, distance: int) -> None:
    """`distance`: by how much the buy's limit is above the sale's, in cents."""
    rests, arrives, when = row
    cents = 10000 + (distance if side == "sell" else -distance)
    one = arriving(resting(side, rests, "100.00"), arrives, f"{cents // 100}.{cents % 100:02d}")
    assert refused(one) is (when == ALWAYS or distance >= 0)


def test_the_matrix_has_thirty_two_rows() -> None:
    assert len({(side, *row) for side in OPPOSITE for row in MATRIX}) == 32


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_trailing_stops_and_complex_orders_are_exempt_on_either_side(side: str) -> None:
    trailing = resting(side, "trailing_stop")
    assert not refused(arriving(trailing, "market"))
    assert not refused(arriving(resting(side, "market"), "trailing_stop"))
    for order_class in ("bracket", "oco", "oto", "mleg"):
        assert not refused(arriving(resting(side, "limit", "100", order_class=order_class),
                                    "market"))  # fmt: skip
        if order_class != "mleg":
            one = arriving(resting(side, "market"), "limit", "100", order_class=order_class)
            assert not refused(one)


@pytest.mark.parametrize(
    "other",
    [
        resting("buy", "market"),  # the same side
        resting("sell", "market", symbol="MSFT"),
        resting("sell", "market", status="canceled"),
        resting("sell", "market", status="filled"),
    ],
)
def test_what_cannot_meet_it_does_not_matter(other: dict[str, Any]) -> None:
    assert not refused(judged(orders=[other]))


@pytest.mark.parametrize(
    "other",
    [
        resting("sell", "limit"),  # a limit order that does not show its limit
        resting("sell", "mystery"),
        resting("sell", "limit", "150", status="pending_cancel"),
        resting("sell", "limit", "150", status="held"),
        resting("sell", "limit", "150", status="word_of_tomorrow"),
    ],
)
def test_what_is_not_known_of_an_order_in_the_way_refuses(other: dict[str, Any]) -> None:
    kind = "limit" if other.get("limit_price") is None else "market"
    assert refused(arriving(other, kind, "90"))


def test_both_spellings_of_a_pair_are_one_symbol() -> None:
    other = resting("sell", "limit", "150", symbol="BTCUSD")
    assert refused(judged(symbol="BTC/USD", time_in_force="gtc", orders=[other]))


def test_the_order_that_is_replaced_is_not_in_the_way_and_gives_its_class() -> None:
    old = resting("sell", "limit", "100")
    one = arriving(old, "market")
    order = Order.read(old)
    assert not refused(replace(one, draft=replace(one.draft, instead=(order,))))
    other = Order.read(resting("buy", "limit", "90", id="leg", order_class="bracket"))
    assert refused(one)
    assert not refused(replace(one, draft=replace(one.draft, instead=(other,))))


def test_the_message_names_the_order_and_what_to_do() -> None:
    verdict = wash_trade.judge(arriving(resting("sell", "limit", "150"), "market"))
    assert verdict is not None
    assert "by-hand (sell 3 AAPL limit 150)" in verdict.message
    assert "cancel that order first" in verdict.message
    assert verdict.values["existing_order_id"] == "theirs"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "stop", "stop_price": "250"}, "sell 3 AAPL stop 250"),
        ({"type": "stop_limit", "stop_price": "250", "limit_price": "249"},
         "sell 3 AAPL stop 250 limit 249"),
        ({"type": "market"}, "sell 3 AAPL market"),
        ({"type": "trailing_stop", "stop_price": "250"}, "sell 3 AAPL trailing_stop stop 250"),
        ({"type": "limit"}, "sell 3 AAPL limit"),
    ],
)  # fmt: skip
def test_an_open_order_is_named_without_saying_a_word_twice(
    fields: dict[str, str], words: str
) -> None:
    order = Order.read({"id": "o", "symbol": "AAPL", "side": "sell", "qty": "3", **fields})
    assert wash_trade.named(order) == f"the open order o ({words})"
