"""The rules over one order's arguments: exactly what Alpaca forbids, and nothing that it takes."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.broker.orders import NotAnOrder, order_request
from runner.effects import Json
from runner.sim.messages import Refusal
from runner.sim.ticket_reader import read_ticket
from runner.steps.order_rules import check, check_closing

SIMPLE = {
    "symbol": "AAPL", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day",
    "order_class": "simple",
}  # fmt: skip
EXITS = {"take_profit": "110", "stop_loss": "90"}
CALL, PUT = "AAPL261204C00270000", "AAPL261204P00250000"


def values(**arguments: Any) -> dict[str, Any]:
    """An order's arguments as the rules are told them; None takes one away."""
    merged = {**SIMPLE, **arguments}
    numbers = ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent",
               "collar", "take_profit", "stop_loss", "stop_loss_limit", "ratio")  # fmt: skip
    return {
        key: Decimal(value) if key in numbers else value
        for key, value in merged.items()
        if value is not None
    }


def codes(**arguments: Any) -> list[str]:
    known = values(**arguments)
    return [f"{one.code} {one.field}" for one in check(known, frozenset(known))]


def group(kind: str, **more: Any) -> dict[str, Any]:
    return {"order_class": kind, **EXITS, **more}


# ------------------------------------------------------------------------- exits


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (group("bracket"), []),
        (group("bracket", stop_loss_limit="89"), []),
        (group("bracket", type="limit", limit_price="100"), []),
        (group("bracket", type="stop", stop_price="100"), []),
        (group("bracket", type="stop_limit", stop_price="100", limit_price="101"), []),
        (group("bracket", type="marketable_limit", collar="0.01"), []),
        (group("bracket", time_in_force="gtc"), []),
        (group("bracket", take_profit=None), ["RB507 order_class"]),
        (group("bracket", stop_loss=None), ["RB507 order_class"]),
        (group("oto", take_profit=None), []),
        (group("oto", stop_loss=None), []),
        (group("oto"), ["RB507 order_class"]),
        (group("oto", take_profit=None, stop_loss=None), ["RB507 order_class"]),
        (group("oto", stop_loss=None, stop_loss_limit="89"), ["RB507 stop_loss_limit"]),
        (group("simple"), ["RB507 stop_loss", "RB507 take_profit"]),
        (group("simple", take_profit=None, stop_loss=None, stop_loss_limit="5"),
         ["RB507 stop_loss_limit"]),
        (group("oco", side="sell", type="limit"), []),
        (group("oco", side="sell"), ["RB514 type"]),
        (group("oco", side="sell", type="stop", stop_price="90"),
         ["RB514 type", "RB514 stop_price"]),
        (group("oco", side="sell", type="limit", limit_price="110"), ["RB514 limit_price"]),
        (group("oco", side="sell", type="limit", stop_loss=None), ["RB507 order_class"]),
        (group("bracket", type="trailing_stop", trail_percent="0.02"),
         ["RB513 type", "RB513 trail_percent"]),
        (group("bracket", trail_price="1"), ["RB513 trail_price"]),
        (group("oco", side="sell", type="limit", trail_percent="0.02"), ["RB513 trail_percent"]),
        (group("bracket", time_in_force="ioc"), ["RB508 time_in_force"]),
        (group("bracket", qty="0.5"), ["RB505 order_class"]),
        (group("bracket", qty=None, notional="500"), ["RB505 order_class"]),
        (group("bracket", type="limit", limit_price="100", extended_hours=True),
         ["RB506 extended_hours"]),
        (group("bracket", position_intent="buy_to_open"), []),
        (group("bracket", position_intent="buy_to_close"), ["RB511 position_intent"]),
        (group("oto", take_profit=None, position_intent="buy_to_close"), []),
        (group("oco", side="sell", type="limit", position_intent="sell_to_open"),
         ["RB511 position_intent"]),
        (group("bracket", take_profit="110.005"), ["RB501 take_profit"]),
        (group("bracket", stop_loss_limit="89.999"), ["RB501 stop_loss_limit"]),
    ],
)  # fmt: skip
def test_exits(order: dict[str, Any], expected: list[str]) -> None:
    assert codes(**order) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"take_profit": "100.01", "stop_loss": "99.99"}, []),
        ({"take_profit": "100"}, ["RB515 take_profit"]),
        ({"take_profit": "99.99", "stop_loss": "90"}, ["RB515 take_profit"]),
        ({"stop_loss": "100"}, ["RB515 stop_loss"]),
        ({"stop_loss": "110"}, ["RB515 stop_loss"]),  # not below the profit either
        ({"side": "sell", "take_profit": "90", "stop_loss": "110"}, []),
        ({"side": "sell", "take_profit": "99.99", "stop_loss": "100.01"}, []),
        ({"side": "sell", "take_profit": "100", "stop_loss": "110"}, ["RB515 take_profit"]),
        ({"side": "sell", "take_profit": "90", "stop_loss": "100"}, ["RB515 stop_loss"]),
        ({"side": "sell", "take_profit": "110", "stop_loss": "90"}, ["RB515 stop_loss"]),
    ],
)
def test_where_the_exits_of_an_entry_may_lie(order: dict[str, Any], expected: list[str]) -> None:
    for entry in ({"type": "limit", "limit_price": "100"}, {"type": "stop", "stop_price": "100"}):
        assert codes(**group("bracket", **entry, **order)) == expected


def test_an_entry_between_two_prices_is_wrong_only_where_it_is_whatever_it_fills_at() -> None:
    entry = {"type": "stop_limit", "stop_price": "100", "limit_price": "104"}
    assert codes(**group("bracket", **entry, take_profit="102", stop_loss="90")) == []
    assert codes(**group("bracket", **entry, take_profit="120", stop_loss="102")) == []
    assert codes(**group("bracket", **entry, take_profit="100")) == ["RB515 take_profit"]
    assert codes(**group("bracket", **entry, stop_loss="104")) == ["RB515 stop_loss"]


@pytest.mark.parametrize(
    ("side", "profit", "stop", "expected"),
    [
        ("sell", "110", "90", []),
        ("sell", "90", "110", ["RB515 stop_loss"]),
        ("sell", "90", "90", ["RB515 stop_loss"]),
        ("buy", "90", "110", []),
        ("buy", "110", "90", ["RB515 stop_loss"]),
    ],
)
def test_the_exits_of_an_oco_lie_on_both_sides(
    side: str, profit: str, stop: str, expected: list[str]
) -> None:
    order = group("oco", side=side, type="limit", take_profit=profit, stop_loss=stop)
    assert codes(**order) == expected


def test_what_is_not_known_before_the_run_is_not_judged() -> None:
    given_keys = frozenset({*values(**group("bracket")), "limit_price"})
    known = {"order_class": "bracket", "side": "buy", "type": "limit"}
    assert list(check(known, given_keys)) == []
    assert list(check({}, given_keys)) == []


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    """A bracket, OTO or OCO of any type, with whatever prices."""

    def price() -> str:
        return f"{Decimal(draw(st.integers(1, 30))) / 100:f}"

    kind = draw(st.sampled_from(("market", "limit", "stop", "stop_limit")))
    order_class = draw(st.sampled_from(("bracket", "oto", "oco")))
    order = {"order_class": order_class, "side": draw(st.sampled_from(("buy", "sell"))),
             "type": kind, "take_profit": price()}  # fmt: skip
    if draw(st.booleans()):
        order["stop_loss"] = price()
    if "limit" in kind and order_class != "oco":
        order["limit_price"] = price()
    if "stop" in kind:
        order["stop_price"] = price()
    return order


@settings(deadline=None)  # the first example imports the broker's client
@given(groups())
def test_what_passes_is_taken_by_the_brokers_client_and_read_by_the_exchange(
    order: dict[str, Any],
) -> None:
    if codes(**order):
        return
    body: dict[str, Json] = {
        **{key: value for key, value in SIMPLE.items() if key != "order_class"},
        **order,
        "take_profit": {"limit_price": order["take_profit"]},
    }
    if "stop_loss" in order:
        body["stop_loss"] = {"stop_price": order["stop_loss"]}
    assert order_request(body).to_request_fields() == body
    read_ticket(body)


# ------------------------------------------------------------------------- prices and collars


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"type": "marketable_limit", "collar": "0.01"}, []),
        ({"type": "marketable_limit", "limits.price_collar": Decimal("0.03")}, []),
        ({"type": "marketable_limit"}, ["RB518 type"]),
        ({"type": "marketable_limit", "collar": "0.01", "limit_price": "5"}, ["RB503 limit_price"]),
        ({"type": "limit", "limit_price": "5", "collar": "0.01"}, ["RB503 collar"]),
        ({"type": "marketable_limit", "collar": "0.01", "extended_hours": True}, []),
        ({"type": "marketable_limit", "collar": "0.01", "time_in_force": "ioc"}, []),
        ({"type": "limit", "limit_price": "0"}, ["RB203 limit_price"]),
        ({"type": "limit", "limit_price": "-5"}, ["RB203 limit_price"]),
        ({"type": "limit", "limit_price": "0.12345"}, ["RB501 limit_price"]),
    ],
)
def test_limits_and_collars(order: dict[str, Any], expected: list[str]) -> None:
    assert codes(**order) == expected


# ------------------------------------------------------------------------- options


def leg(symbol: str = CALL, side: str = "buy", ratio: str = "1", intent: str = "") -> Any:
    return {"symbol": symbol, "side": side, "ratio": Decimal(ratio),
            "position_intent": intent or None}  # fmt: skip


def mleg(*legs: Any, **more: Any) -> dict[str, Any]:
    legs = legs or (leg(), leg(PUT, "sell"))
    return {"order_class": "mleg", "symbol": None, "side": None, "legs": legs, **more}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (mleg(), []),
        (mleg(type="limit", limit_price="1.25"), []),
        (mleg(type="limit", limit_price="-1.25"), []),
        (mleg(type="limit", limit_price="0"), []),
        (mleg(type="limit", limit_price="-0.125"), ["RB501 limit_price"]),
        (mleg(type="limit"), ["RB502 type"]),
        (mleg(type="marketable_limit", collar="0.01"), ["RB517 type"]),
        (mleg(type="stop", stop_price="1"), ["RB517 type"]),
        (mleg(qty="1.5"), ["RB517 qty"]),
        (mleg(qty=None), ["RB504 qty"]),
        (mleg(qty=None, notional="500"), ["RB516 notional"]),
        (mleg(time_in_force="gtc"), ["RB517 time_in_force"]),
        (mleg(extended_hours=True), ["RB517 extended_hours"]),
        (mleg(symbol="AAPL", side="buy"), ["RB516 symbol", "RB516 side"]),
        (mleg(position_intent="buy_to_open"), ["RB516 position_intent"]),
        (mleg(legs=None), ["RB516 order_class"]),
        (mleg(take_profit="5"), ["RB507 take_profit"]),
        (mleg(leg()), ["RB516 legs"]),
        (mleg(*(leg(f"AAPL261204C0027{n}000") for n in range(4))), []),
        (mleg(*(leg(f"AAPL261204C0027{n}000") for n in range(5))), ["RB516 legs"]),
        (mleg(leg(), leg(side="sell")), ["RB516 legs.1.symbol"]),
        (mleg(leg("AAPL"), leg()), ["RB516 legs.0.symbol"]),
        (mleg(leg(ratio="2"), leg(PUT, ratio="4")), ["RB516 legs"]),
        (mleg(leg(ratio="2"), leg(PUT, ratio="3")), []),
        (mleg(leg(intent="sell_to_open"), leg(PUT)), ["RB511 legs.0.position_intent"]),
        (mleg(leg(intent="buy_to_close"), leg(PUT, "sell", intent="sell_to_open")), []),
        ({"legs": (leg(), leg(PUT))}, ["RB516 legs"]),
    ],
)
def test_orders_of_several_legs(order: dict[str, Any], expected: list[str]) -> None:
    assert codes(**order) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({}, []),
        ({"type": "limit", "limit_price": "0.05"}, []),
        ({"type": "marketable_limit", "collar": "0.05"}, []),
        ({"qty": "0.5"}, ["RB517 qty"]),
        ({"qty": None, "notional": "500"}, ["RB517 notional"]),
        ({"type": "stop", "stop_price": "5"}, ["RB517 type"]),
        ({"type": "trailing_stop", "trail_price": "1"}, ["RB517 type"]),
        ({"time_in_force": "ioc"}, ["RB517 time_in_force"]),
        ({"type": "limit", "limit_price": "0.0525"}, ["RB501 limit_price"]),
        ({"type": "limit", "limit_price": "5", "extended_hours": True}, ["RB517 extended_hours"]),
        (group("bracket"), ["RB517 order_class"]),
    ],
)
def test_orders_for_one_contract(order: dict[str, Any], expected: list[str]) -> None:
    assert codes(symbol=CALL, **order) == expected


def test_a_closing_order_is_not_judged_by_a_default_that_is_replaced_anyway() -> None:
    for symbol, default in ((CALL, "gtc"), ("BTC/USD", "day")):
        known = {"symbol": symbol, "type": "market", "time_in_force": default}
        assert list(check_closing(known, frozenset({"symbol"}))) == []
        written = frozenset({"symbol", "time_in_force"})
        assert [one.field for one in check_closing(known, written)] == ["time_in_force"]


_LEGS = st.tuples(
    st.sampled_from((CALL, PUT, "AAPL261204C00280000", "AAPL")),
    st.sampled_from(("buy", "sell")),
    st.integers(1, 6),
)


@settings(deadline=None)
@given(st.lists(_LEGS, max_size=6))
def test_legs_that_pass_are_taken_by_the_brokers_client_and_read_by_the_exchange(
    drawn: list[tuple[str, str, int]],
) -> None:
    legs = [leg(symbol, side, str(ratio)) for symbol, side, ratio in drawn]
    sound = not codes(**{**mleg(), "legs": tuple(legs) or None})
    body: dict[str, Json] = {
        "qty": "1", "type": "market", "time_in_force": "day", "order_class": "mleg",
        "legs": [{"symbol": symbol, "side": side, "ratio_qty": str(ratio)}
                 for symbol, side, ratio in drawn],
    }  # fmt: skip
    try:
        order_request(body)
        read_ticket(body)
        taken = all(symbol != "AAPL" for symbol, _, _ in drawn)
    except (NotAnOrder, Refusal):
        taken = False
    assert sound == taken


def test_no_rule_fails_on_values_it_was_not_made_for() -> None:
    """What is unknown or odd is somebody else's finding, never an error of ours."""
    odd: list[Any] = [None, "", "x", Decimal("-1"), Decimal("1e17"), True]
    for kind, side, price in product(("simple", "bracket", "oco", "mleg", "x"), odd, odd):
        order = group(kind, side=side, limit_price=None, type="limit", symbol=side)
        known = {**values(**order), "take_profit": price, "stop_loss": price, "legs": ()}
        list(check(known, frozenset(known)))
