"""What only reduces a position is known as such, and what might open one never is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE

from runner.guards import Draft
from runner.world import World

D = Decimal


def world(qty: str, available: str | None = None, **changes: Any) -> World:
    free = qty if available is None else available
    held = {"symbol": "AAPL", "qty": qty, "qty_available": free}
    position = held if qty != "0" else None
    data = {"account": ACCOUNT, "position": position, "positions": [], "open_orders": [],
            "quote": QUOTE, "asset": ASSET, "clock": CLOCK, **changes}  # fmt: skip
    return World.read("AAPL", data)


def reduces(side: str, seen: World, expected: str, **body: str) -> bool:
    whole = {"symbol": "AAPL", "side": side, "type": "market", **body}
    return Draft("AAPL", side, whole).reduces(seen, D(expected))


@pytest.mark.parametrize(
    ("side", "qty", "expected", "only"),
    [
        ("sell", "5", "5", True),
        ("sell", "5.1", "5", False),
        ("sell", "5", "0", False),
        ("sell", "5", "-5", False),
        ("sell", "0", "5", False),
        ("buy", "5", "-5", True),
        ("buy", "6", "-5", False),
        ("buy", "5", "5", False),
    ],
)
def test_an_exit_that_says_it_closes_reduces_however_late_the_position_is_shown(
    side: str, qty: str, expected: str, only: bool
) -> None:
    intent = {"qty": qty, "position_intent": f"{side}_to_close"}
    assert reduces(side, world("0"), expected, **intent) is only
    assert not reduces(side, world("0"), expected, qty=qty), "without the word it may open"


def test_what_another_open_order_may_sell_already_is_not_there_to_be_closed_twice() -> None:
    """Two exits for the whole position would open a short one where a server lets them."""
    resting = {"id": "o", "symbol": "AAPL", "side": "sell", "qty": "5", "filled_qty": "2"}
    close = {"position_intent": "sell_to_close"}
    seen = world("5", open_orders=[resting])
    assert reduces("sell", seen, "5", qty="2", **close)
    assert not reduces("sell", seen, "5", qty="3", **close)
    untold = world("5", open_orders=[{**resting, "filled_qty": None}])
    assert not reduces("sell", untold, "5", qty="1", **close)


def test_a_position_that_is_shown_on_the_other_side_makes_it_no_exit() -> None:
    assert not reduces("sell", world("-5"), "5", qty="5", position_intent="sell_to_close")


def test_the_intent_to_open_never_reduces_what_is_not_shown() -> None:
    assert not reduces("sell", world("0"), "5", qty="5", position_intent="sell_to_open")


def test_an_order_in_dollars_reduces_where_there_is_more_than_it_can_sell() -> None:
    """The bid is 99.99: 800 dollars are 8.0008 shares, 8.8009 where the price falls by a tenth."""
    assert reduces("sell", world("8.81"), "8.81", notional="800")
    assert not reduces("sell", world("8.80"), "8.80", notional="800")
    assert not reduces("sell", world("10", quote=None), "10", notional="800")
    assert not reduces("buy", world("10"), "10", notional="100")


def test_a_bracket_is_an_entry_whatever_it_says() -> None:
    body = {"qty": "1", "order_class": "bracket", "position_intent": "sell_to_close"}
    assert not reduces("sell", world("5"), "5", **body)
