"""Bracket, OCO and OTO orders: what is answered, what goes live when, and what ends what."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Holding

FLAT = {"AAPL": [(0, "100")]}
RISES = {"AAPL": [(0, "100"), (60, "111")]}
FALLS = {"AAPL": [(0, "100"), (60, "94")]}
Make = Callable[..., Any]
HELD = (Holding("AAPL", Decimal(10), Decimal(90)),)
BRACKET: dict[str, Any] = {
    "symbol": "AAPL",
    "qty": "10",
    "order_class": "bracket",
    "take_profit": {"limit_price": "110"},
    "stop_loss": {"stop_price": "95"},
}
OCO: dict[str, Any] = {
    "symbol": "AAPL",
    "qty": "10",
    "side": "sell",
    "type": "limit",
    "order_class": "oco",
    "take_profit": {"limit_price": "110"},
    "stop_loss": {"stop_price": "95"},
}


def statuses(desk: Any, order: dict[str, Any], after: Any = 0) -> list[str]:
    """The statuses of a group: its first order, then its legs."""
    desk.wait(after)
    found = desk.ask(f"orders/{order['id']}", nested="true")
    return [found["status"], *(leg["status"] for leg in found["legs"])]


def test_the_answer_to_a_bracket_has_its_held_legs(broker: Make) -> None:
    order = broker(steps=FLAT).submit(**BRACKET)
    assert (order["status"], order["order_class"]) == ("pending_new", "bracket")
    profit, stop = order["legs"]
    assert (profit["type"], profit["limit_price"], profit["side"]) == ("limit", "110", "sell")
    assert (stop["type"], stop["stop_price"], stop["limit_price"]) == ("stop", "95", None)
    assert {leg["status"] for leg in order["legs"]} == {"held"}
    assert {leg["order_class"] for leg in order["legs"]} == {"bracket"}
    assert {leg["position_intent"] for leg in order["legs"]} == {"sell_to_close"}
    assert len({order["id"], profit["id"], stop["id"]}) == 3
    assert profit["legs"] is None


def test_a_stop_with_a_limit_is_a_stop_limit_leg(broker: Make) -> None:
    stop = {"stop_price": "95", "limit_price": "94.5", "trail_percent": "3"}
    leg = broker(steps=FLAT).submit(**BRACKET | {"stop_loss": stop})["legs"][1]
    assert (leg["type"], leg["limit_price"], leg["trail_percent"]) == ("stop_limit", "94.5", None)


def test_legs_go_live_when_the_entry_is_filled_and_hold_the_shares_once(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    assert statuses(desk, order, "0.1") == ["new", "held", "held"]
    assert statuses(desk, order, 1) == ["filled", "new", "held"]
    assert desk.position("AAPL")["qty_available"] == "0"
    refused = desk.post(symbol="AAPL", side="sell", qty="1")
    assert refused.body["held_for_orders"] == "10"


def test_a_filled_profit_order_cancels_the_stop(broker: Make) -> None:
    desk = broker(steps=RISES)
    order = desk.submit(**BRACKET)
    assert statuses(desk, order, 61) == ["filled", "filled", "canceled"]
    assert desk.ask("positions") == []
    assert desk.ask("orders") == []


def test_a_stop_that_is_set_off_cancels_the_profit_order(broker: Make) -> None:
    desk = broker(steps=FALLS)
    order = desk.submit(**BRACKET)
    assert statuses(desk, order, 61) == ["filled", "canceled", "filled"]
    assert desk.ask("positions") == []
    names = [event.name for event in desk.exchange.events]
    assert names == [
        "pending_new", "new", "fill", "new", "canceled", "new", "fill",
    ]  # fmt: skip


def test_a_short_bracket_is_the_mirror_image(broker: Make) -> None:
    desk = broker(steps=RISES)
    order = desk.submit(
        **BRACKET
        | {
            "side": "sell",
            "take_profit": {"limit_price": "90"},
            "stop_loss": {"stop_price": "105"},
        }
    )
    assert statuses(desk, order, 1) == ["filled", "new", "held"]
    assert statuses(desk, order, 61) == ["filled", "canceled", "filled"]
    assert desk.ask("positions") == []


@pytest.mark.parametrize("leg", ["take_profit", "stop_loss"])
def test_the_one_leg_of_an_oto_goes_live(broker: Make, leg: str) -> None:
    desk = broker(steps=FLAT)
    given = {
        key: value for key, value in BRACKET.items() if key not in ("take_profit", "stop_loss")
    }
    order = desk.submit(**given | {"order_class": "oto", leg: BRACKET[leg]})
    assert len(order["legs"]) == 1
    assert statuses(desk, order, 1) == ["filled", "new"]


@pytest.mark.parametrize("member", [0, 1, 2])
def test_cancelling_any_order_cancels_the_group_a_second_later(broker: Make, member: int) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET | {"type": "limit", "limit_price": "99"})
    desk.wait(1)
    chosen = [order, *order["legs"]][member]
    assert desk.cancel(chosen).status == 204
    now = statuses(desk, order, "0.1")
    assert now[member] == "canceled"
    assert now.count("canceled") == 1
    assert statuses(desk, order, "1.1") == ["canceled"] * 3


def test_cancelling_a_live_leg_leaves_the_position_unprotected(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    desk.wait(1)
    desk.cancel(order["legs"][0])
    assert statuses(desk, order, 2) == ["filled", "canceled", "canceled"]
    assert desk.position("AAPL")["qty_available"] == "10"


def test_what_a_partly_filled_entry_bought_is_unprotected_after_its_end(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1, seed=1)
    order = desk.submit(**BRACKET | {"qty": "1000"})
    desk.wait("0.3")
    assert statuses(desk, order) == ["partially_filled", "held", "held"]
    desk.cancel(order)
    assert statuses(desk, order, 2) == ["canceled"] * 3
    assert 0 < int(desk.position("AAPL")["qty"]) < 1000


def test_a_day_bracket_ends_at_the_close(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    desk.go("2026-11-23 16:00")
    assert statuses(desk, order) == ["filled", "expired", "expired"]


def test_an_entry_that_never_fills_takes_its_legs_with_it(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET | {"type": "limit", "limit_price": "99"})
    desk.go("2026-11-23 16:00")
    assert statuses(desk, order) == ["expired"] * 3


def test_legs_without_shares_to_close_are_rejected(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1, seed=1)
    order = desk.submit(**BRACKET | {"qty": "1000"})
    desk.wait("0.3")
    desk.submit(symbol="AAPL", side="sell", qty="5")
    assert statuses(desk, order, 60) == ["filled", "rejected", "rejected"]


# ------------------------------------------------------------------------- one cancels other


def test_an_oco_is_a_limit_order_with_a_stop_and_holds_the_shares_once(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=HELD)
    order = desk.submit(**OCO)
    assert (order["type"], order["limit_price"]) == ("limit", "110")
    assert [leg["stop_price"] for leg in order["legs"]] == ["95"]
    assert statuses(desk, order, 1) == ["new", "held"]
    assert desk.position("AAPL")["qty_available"] == "0"
    assert desk.post(**OCO).body["held_for_orders"] == "10"


@pytest.mark.parametrize(
    ("steps", "ended"), [(RISES, ["filled", "canceled"]), (FALLS, ["canceled", "filled"])]
)
def test_one_side_of_an_oco_cancels_the_other(broker: Make, steps: Any, ended: list[str]) -> None:
    desk = broker(steps=steps, positions=HELD)
    order = desk.submit(**OCO)
    assert statuses(desk, order, 62) == ended
    assert desk.ask("positions") == []


def test_a_part_of_one_side_makes_the_other_smaller(broker: Make) -> None:
    desk = broker(
        steps=RISES,
        positions=(Holding("AAPL", Decimal(1000), Decimal(90)),),
        partial_fills=1,
    )
    order = desk.submit(**OCO | {"qty": "1000"})
    desk.wait("59.9")
    found = desk.order(order, after="0.3")
    assert found["status"] == "partially_filled"
    stop = desk.order(order["legs"][0])
    assert int(stop["qty"]) == 1000 - int(found["filled_qty"])
    assert statuses(desk, order, 60) == ["filled", "canceled"]


def test_an_oco_before_the_open_is_set_off_at_the_open(broker: Make) -> None:
    desk = broker(
        steps={"AAPL": [(0, "100"), (3600, "90")]}, positions=HELD, start="2026-11-23 08:00"
    )
    order = desk.submit(**OCO)
    desk.go("2026-11-23 09:30:01")
    assert statuses(desk, order) == ["canceled", "filled"]


# ------------------------------------------------------------------------- listing


def test_nested_rolls_a_group_up_and_flat_lists_each_order(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    flat = desk.ask("orders")
    assert len(flat) == 3
    assert {found["legs"] for found in flat} == {None}
    nested = desk.ask("orders", nested="True")
    assert [found["id"] for found in nested] == [order["id"]]
    assert [leg["id"] for leg in nested[0]["legs"]] == [leg["id"] for leg in order["legs"]]
    assert desk.order(order)["legs"] is None
    desk.wait(1)
    assert [found["status"] for found in desk.ask("orders")] == ["held", "new"]
    (top,) = desk.ask("orders", nested="true")
    assert top["status"] == "filled"


def test_cancelling_all_cancels_a_group(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    desk.wait(1)
    rows = desk.send("DELETE", "orders").body
    assert [row["status"] for row in rows] == [200, 200]
    assert statuses(desk, order, 1) == ["filled", "canceled", "canceled"]


# ------------------------------------------------------------------------- refusals

MALFORMED = [
    ({"time_in_force": "ioc"}, 'bracket orders support only "day" or "gtc" time_in_force'),
    ({"take_profit": None}, "bracket orders require take_profit.limit_price"),
    ({"stop_loss": None}, "bracket orders require stop_loss.stop_price"),
    ({"stop_loss": {"limit_price": "9"}}, "bracket orders require stop_loss.stop_price"),
    ({"order_class": "oto", "take_profit": None, "stop_loss": None},
     "oto orders require stop_loss.stop_price"),
    ({"take_profit": {"limit_price": "0"}}, "take_profit.limit_price must be > 0"),
    ({"stop_loss": "95"}, "stop_loss is invalid"),
    ({"order_class": "pair"}, "invalid order_class"),
    ({"type": "trailing_stop", "trail_price": "1"},
     "bracket orders do not support trailing_stop orders"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), MALFORMED)
def test_a_malformed_group_is_refused(broker: Make, changes: dict[str, Any], message: str) -> None:
    answer = broker(steps=FLAT).post(**BRACKET | changes)
    assert (answer.status, answer.body) == (422, {"code": 40010001, "message": message})


GEOMETRY = [
    ({"take_profit": {"limit_price": "100"}},
     "take_profit.limit_price must be >= base_price + 0.01", "100"),
    ({"stop_loss": {"stop_price": "100"}},
     "stop_loss.stop_price must be <= base_price - 0.01", "100"),
    ({"type": "limit", "limit_price": "94", "stop_loss": {"stop_price": "95"}},
     "stop_loss.stop_price must be <= base_price - 0.01", "94"),
    ({"side": "sell"}, "take_profit.limit_price must be <= base_price - 0.01", "100"),
    ({"side": "sell", "take_profit": {"limit_price": "95"}, "stop_loss": {"stop_price": "95"}},
     "stop_loss.stop_price must be >= base_price + 0.01", "100"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message", "base"), GEOMETRY)
def test_senseless_prices_are_refused_with_their_base(
    broker: Make, changes: dict[str, Any], message: str, base: str
) -> None:
    answer = broker(steps=FLAT).post(**BRACKET | changes)
    assert answer.status == 422
    assert answer.body == {"code": 42210000, "message": message, "base_price": base}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"take_profit": {"limit_price": "94"}},
         "take_profit.limit_price must be > stop_loss.stop_price"),
        ({"stop_loss": {"stop_price": "100"}}, "stop_loss.stop_price must be <= base_price - 0.01"),
    ],
)  # fmt: skip
def test_senseless_prices_of_an_oco_are_refused(
    broker: Make, changes: dict[str, Any], message: str
) -> None:
    answer = broker(steps=FLAT, positions=HELD).post(**OCO | changes)
    assert answer.body == {"code": 42210000, "message": message, "base_price": "100"}


def test_groups_have_their_direction(broker: Make) -> None:
    flat, holding = broker(steps=FLAT), broker(steps=FLAT, positions=HELD)
    assert flat.post(**OCO).body["message"] == "oco orders must be exit orders"
    sold = BRACKET | {
        "side": "sell",
        "take_profit": {"limit_price": "90"},
        "stop_loss": {"stop_price": "105"},
    }
    assert holding.post(**sold).body["message"] == "bracket orders must be entry orders"


def test_groups_have_no_extended_hours_and_no_fractions(broker: Make) -> None:
    desk = broker(steps=FLAT)
    limit = BRACKET | {"type": "limit", "limit_price": "100"}
    answer = desk.post(**limit | {"order_class": "oto", "extended_hours": True})
    assert answer.status == 403
    assert answer.body["message"] == "oto orders do not support extended hours trading"
    answer = desk.post(**BRACKET | {"qty": "1.5"})
    assert answer.status == 422
    assert answer.body["message"] == "fractional orders must be simple orders"


def test_a_sub_penny_leg_is_refused(broker: Make) -> None:
    answer = broker(steps=FLAT).post(**BRACKET | {"take_profit": {"limit_price": "110.123"}})
    assert answer.body["message"].startswith("invalid take_profit.limit_price 110.123. sub-penny")


def test_legs_of_a_simple_order_are_ignored(broker: Make) -> None:
    order = broker(steps=FLAT).submit(**BRACKET | {"order_class": None})
    assert (order["order_class"], order["legs"]) == ("", None)


def test_a_refused_group_leaves_no_trace(broker: Make) -> None:
    desk = broker(steps=FLAT)
    assert desk.post(**BRACKET | {"qty": "100000"}).status == 403
    assert desk.ask("orders", status="all") == []


def test_groups_are_exempt_from_the_wash_trade_rule(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=HELD)
    desk.submit(**OCO)
    assert desk.post(symbol="AAPL").status == 200
    assert desk.post(**BRACKET | {"type": "limit", "limit_price": "99"}).status == 200


@pytest.mark.parametrize("time_in_force", ["ioc", "fok", "opg", "cls"])
def test_a_leg_is_not_replaced_by_one_that_no_group_has(broker: Make, time_in_force: str) -> None:
    desk = broker(steps=FLAT)
    legs = {"take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "95"}}
    order = desk.submit(symbol="AAPL", qty="10", order_class="bracket", **legs)
    desk.wait(1)
    change = {"time_in_force": time_in_force}
    answer = desk.send("PATCH", f"orders/{order['legs'][0]['id']}", change)
    assert answer.status == 422
