"""What positions may come to: what is held, what is open, whoever sent it, and one order more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from unit.guards.guard_sample import OPTION, D, asked, bounds, draft, world

from runner.guards import Draft, Judged
from runner.guards.exposure import dollars_after, gross_after, shares_after
from runner.guards.spread import as_one
from runner.world import World

BUY = draft("buy", qty="10", type="limit", limit_price="100")
SELL = draft("sell", qty="10", type="limit", limit_price="100")


def held(qty: str, price: str = "100", symbol: str = "AAPL") -> dict[str, Any]:
    worth = f"{D(qty) * D(price):f}"
    return {"symbol": symbol, "qty": qty, "qty_available": qty, "market_value": worth,
            "current_price": price}  # fmt: skip


def open_order(side: str | None = "buy", qty: str | None = "5", **more: Any) -> dict[str, Any]:
    return {"id": f"{side}-{qty}-{sorted(more.items())}", "symbol": "AAPL", "side": side,
            "type": "limit", "status": "new", "qty": qty, "filled_qty": "0",
            "limit_price": "100", **more}  # fmt: skip


def seen(position: Any = None, *orders: dict[str, Any], **more: Any) -> World:
    positions = [position] if position else []
    fields = {"positions": positions, **more}
    return world(position=position, open_orders=list(orders), **fields)


def shares(order: Draft, at: World) -> Any:
    return shares_after(Judged(order, at, bounds()))


def dollars(order: Draft, at: World) -> Any:
    return dollars_after(Judged(order, at, bounds()))


def gross(order: Draft, at: World) -> Any:
    return gross_after(Judged(order, at, bounds()))


# ------------------------------------------------------------------------ one symbol


@pytest.mark.parametrize(
    ("order", "position", "orders", "after"),
    [
        (BUY, None, [], 10),
        (BUY, "5", [], 15),
        (BUY, "5", [open_order()], 20),
        (BUY, "5", [open_order(filled_qty="2", status="partially_filled")], 18),
        (BUY, "5", [open_order("sell")], 15),
        (BUY, "5", [open_order(symbol="MSFT")], 15),
        (BUY, "5", [open_order(status="canceled")], 15),
        (BUY, "-5", [], 5),
        (BUY, "-50", [], 0),
        (BUY, "-5", [open_order(position_intent="buy_to_close")], 10),
        (BUY, "-5", [open_order(position_intent="buy_to_close")] * 2, 10),
        (SELL, None, [], 10),
        (SELL, "5", [], 5),
        (SELL, "5", [open_order("sell")], 10),
        # Both exits of one position: only one can fill.
        (SELL, "5", [open_order("sell", position_intent="sell_to_close")] * 2, 10),
    ],
)
def test_a_position_is_projected_to_the_side_of_the_order(
    order: Draft, position: str | None, orders: list[dict[str, Any]], after: int
) -> None:
    at = seen(held(position) if position else None, *orders)
    assert shares(order, at) == after
    if order.side == "buy":
        assert dollars(order, at) == after * 100


def test_a_short_position_is_reckoned_at_the_ask() -> None:
    at = seen(held("-5"), open_order("sell", "2"))
    assert dollars(SELL, at) == 500 + (2 + 10) * D("100.01")


@pytest.mark.parametrize("limit", ["max_position_qty", "max_position_notional"])
def test_a_position_within_its_bound_passes_and_beyond_it_does_not(limit: str) -> None:
    at, one = seen(held("5"), open_order()), D(1) if limit.endswith("qty") else D(100)
    assert asked(limit, BUY, at, **{limit: 20 * one}) == "pass"
    assert asked(limit, BUY, at, **{limit: 20 * one - D("0.001")}) == "refuse"
    assert asked(limit, BUY, at) == ""


def test_the_order_whose_place_it_takes_does_not_count() -> None:
    at = seen(None, open_order())
    instead = replace(BUY, instead=at.open_orders)
    assert shares(instead, at) == 10
    assert dollars(instead, at) == gross(instead, at) == 1000


@pytest.mark.parametrize(
    "orders",
    [
        [open_order(filled_qty=None)],
        [open_order(qty=None)],
        [open_order(symbol=None)],
        [open_order(side=None)],
        [open_order(qty=None, notional="500", filled_qty=None)],
        [open_order(qty=None, notional="500", filled_qty="1")],  # at an untold price
    ],
)
@pytest.mark.parametrize("limit", ["max_position_qty", "max_position_notional",
                                   "max_gross_exposure"])  # fmt: skip
def test_an_open_order_that_does_not_say_what_it_is_for_refuses(
    limit: str, orders: list[dict[str, Any]]
) -> None:
    assert asked(limit, BUY, seen(None, *orders), **{limit: D(10**9)}) == "refuse"


def test_an_open_order_for_dollars_counts_with_what_it_may_still_fill() -> None:
    order = open_order(qty=None, notional="500", filled_qty="1", filled_avg_price="100",
                       limit_price=None, type="market")  # fmt: skip
    at = seen(None, order)
    assert dollars(BUY, at) == 1400
    assert shares(BUY, at) == 10 + D(400) / D("99.99")


def test_a_position_that_is_not_known_refuses() -> None:
    unknown = {**held("5"), "qty": None, "market_value": None}
    for limit in ("max_position_qty", "max_position_notional", "max_gross_exposure"):
        assert asked(limit, BUY, seen(unknown), **{limit: D(10**9)}) == "refuse"


# ------------------------------------------------------------------------ the whole account


def test_all_positions_and_open_orders_count_long_and_short() -> None:
    short = held("-20", "50", "MSFT")
    at = seen(None, open_order("sell", "2", symbol="MSFT", limit_price="60"),
              positions=[held("5"), short])  # fmt: skip
    assert gross(BUY, at) == (500 + 1000) + (1000 + 120)
    assert asked("max_gross_exposure", BUY, at, max_gross_exposure=D(2620)) == "pass"
    assert asked("max_gross_exposure", BUY, at, max_gross_exposure=D("2619.99")) == "refuse"


def test_exits_that_work_do_not_make_the_account_larger() -> None:
    exits = [open_order("sell", "20", symbol="MSFT", position_intent="sell_to_close")] * 2
    at = seen(None, *exits, positions=[held("20", "50", "MSFT")])
    assert gross(BUY, at) == 1000 + 1000


def test_positions_that_are_not_known_refuse() -> None:
    at = world(positions=None)
    assert asked("max_gross_exposure", BUY, at, max_gross_exposure=D(10**9)) == "refuse"


def test_an_order_of_another_symbol_without_any_price_refuses() -> None:
    foreign = open_order(symbol="MSFT", type="market", limit_price=None)
    assert gross(BUY, seen(None, foreign)) is None
    known = seen(None, foreign, positions=[held("1", "50", "MSFT")])
    assert gross(BUY, known) == 1000 + 50 + 250


def test_the_legs_of_an_open_spread_count_each_in_its_own_symbol() -> None:
    leg = open_order(symbol=OPTION, qty="2", limit_price=None)
    spread = open_order(symbol="", side="", order_class="mleg", legs=[leg])
    at = seen(None, spread, positions=[held("1", "3", OPTION)])
    # One contract held is worth 300 by the broker; two more are reckoned at its price.
    assert gross(BUY, at) == 1000 + 3 + 600


def test_a_spread_adds_all_the_premium_that_changes_hands() -> None:
    quote = {"symbol": OPTION, "feed": "opra",
             "quote": {"bp": "1.00", "ap": "1.02", "t": "2026-11-23T15:00:00Z"}}  # fmt: skip
    leg = Judged(draft("buy", OPTION, qty="1"), world(quote=quote), bounds())
    sold = Judged(draft("sell", OPTION, qty="1"), world(quote=quote), bounds())
    assert gross_after(as_one([leg, sold])) == D("1.02") * 100 * D("1.04") + D("1.02") * 100


QTYS = st.integers(-50, 50)
OPEN = st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50))


@given(position=QTYS, orders=st.lists(OPEN, max_size=5), side=st.sampled_from(["buy", "sell"]),
       qty=st.integers(1, 50))  # fmt: skip
@settings(max_examples=100)
def test_no_order_in_which_open_orders_fill_brings_a_position_further(
    position: int, orders: list[tuple[str, int]], side: str, qty: int
) -> None:
    opened = [open_order(which, f"{size}") for which, size in orders]
    order = draft(side, qty=f"{qty}", type="limit", limit_price="100")
    after = shares(order, seen(held(f"{position}") if position else None, *opened))
    worst = position if side == "buy" else -position
    worst += qty + sum(size for which, size in orders if which == side)
    assert after == max(worst, 0)
