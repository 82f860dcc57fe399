"""Replacing orders: the chain of ids, what is refused, and the race with a fill."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Holding, Response

FLAT = {"AAPL": [(0, "100")]}
Make = Callable[..., Any]
LIMIT = {"symbol": "AAPL", "qty": "10", "type": "limit", "limit_price": "99"}


def patch(desk: Any, order: dict[str, Any], **changes: Any) -> Response:
    answer: Response = desk.send("PATCH", f"orders/{order['id']}", changes)
    return answer


def resting(desk: Any, **order: Any) -> dict[str, Any]:
    found: dict[str, Any] = desk.order(desk.submit(**{**LIMIT, **order}), after=1)
    return found


def test_a_replacement_is_a_new_order_that_names_the_old_one(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk)
    answer = patch(desk, old, limit_price="98.5", qty=7, time_in_force="gtc", client_order_id="b")
    assert answer.status == 200
    new = answer.body
    assert (new["status"], new["replaces"], new["client_order_id"]) == (
        "pending_new",
        old["id"],
        "b",
    )
    assert (new["qty"], new["limit_price"], new["time_in_force"]) == ("7", "98.5", "gtc")
    assert new["id"] != old["id"]
    assert desk.order(old)["status"] == "pending_replace"
    ended = desk.order(old, after="0.1")
    assert (ended["status"], ended["replaced_by"]) == ("replaced", new["id"])
    assert ended["replaced_at"] is not None
    assert desk.order(new)["status"] == "new"
    assert [order["id"] for order in desk.ask("orders")] == [new["id"]]
    names = [event.name for event in desk.exchange.events]
    assert names == ["pending_new", "new", "pending_replace", "pending_new", "replaced", "new"]


def test_a_chain_of_replacements_keeps_its_links(broker: Make) -> None:
    desk = broker(steps=FLAT)
    orders = [resting(desk)]
    for price in ("98", "97"):
        orders.append(patch(desk, orders[-1], limit_price=price).body)
        desk.wait(1)
    chain = [desk.order(order) for order in orders]
    assert [order["status"] for order in chain] == ["replaced", "replaced", "new"]
    assert [order["replaces"] for order in chain] == [None, orders[0]["id"], orders[1]["id"]]
    assert [order["replaced_by"] for order in chain] == [orders[1]["id"], orders[2]["id"], None]
    assert len({order["client_order_id"] for order in chain}) == 3


def test_a_replacement_can_fill(broker: Make) -> None:
    desk = broker(steps=FLAT)
    new = patch(desk, resting(desk), limit_price="101").body
    assert desk.order(new, after=1)["status"] == "filled"
    assert desk.position("AAPL")["qty"] == "10"


def test_an_order_that_fills_first_rejects_its_replacement(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (10, "98")]})
    old = resting(desk)
    desk.wait("8.970")
    new = patch(desk, old, limit_price="97").body
    desk.wait("0.2")
    assert desk.order(old)["status"] == "filled"
    rejected = desk.order(new)
    assert rejected["status"] == "rejected"
    assert rejected["failed_at"] is not None
    assert desk.account()["buying_power"] == str(400000 - 10 * 98 - 4 * Decimal("0.1"))


def test_while_replacing_the_larger_order_is_set_aside(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk)
    for price, during, after in (("89", "399010", "399110"), ("95", "399050", "399050")):
        old = patch(desk, old, limit_price=price).body
        assert desk.account()["buying_power"] == during
        desk.wait(1)
        assert desk.account()["buying_power"] == after


def test_a_replaced_sale_holds_its_shares_once(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=(Holding("AAPL", Decimal(10), Decimal(90)),))
    old = resting(desk, side="sell", limit_price="120")
    new = patch(desk, old, limit_price="119").body
    assert desk.position("AAPL")["qty_available"] == "0"
    assert desk.order(new, after=1)["status"] == "new"
    assert desk.position("AAPL")["qty_available"] == "0"
    answer = patch(desk, new, qty=11)
    assert (answer.status, answer.body["held_for_orders"]) == (403, "0")


def test_a_partly_filled_order_is_replaced_by_its_whole_quantity(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (1.3, "120")]}, partial_fills=1)
    old = desk.submit(**LIMIT | {"qty": "100", "limit_price": "110"})
    desk.wait(6)
    filled = int(desk.order(old)["filled_qty"])
    assert 0 < filled < 100
    assert patch(desk, old, qty=filled).body["message"] == "qty must be > filled_qty"
    new = patch(desk, old, limit_price="125").body
    assert (new["qty"], new["filled_qty"]) == ("100", "0")
    desk.wait(60)
    assert desk.position("AAPL")["qty"] == str(filled + 100)


def test_a_trailing_stop_gets_another_trail_and_keeps_its_mark(broker: Make) -> None:
    desk = broker(
        steps={"AAPL": [(0, "100"), (5, "110"), (10, "105")]},
        positions=(Holding("AAPL", Decimal(10), Decimal(90)),),
    )
    order = desk.submit(
        symbol="AAPL", side="sell", qty="10", type="trailing_stop", trail_price="8",
        time_in_force="gtc",
    )  # fmt: skip
    desk.wait(6)
    assert desk.order(order)["stop_price"] == "102"
    new = patch(desk, order, trail="20").body
    assert (new["trail_price"], new["hwm"], new["stop_price"]) == ("20", "110", "90")
    found = desk.order(new, after=10)
    assert (found["status"], found["hwm"], found["stop_price"]) == ("new", "110", "90")


NEVER = [
    ({}, 42210000, "order parameters are not changed"),
    ({"limit_price": "99"}, 42210000, "order parameters are not changed"),
    ({"qty": "10", "time_in_force": "day"}, 42210000, "order parameters are not changed"),
    ({"qty": "1.5"}, 40010001, "qty must be integer"),
    ({"qty": 0}, 40010001, "qty must be > 0"),
    ({"limit_price": "-1"}, 40010001, "limit price must be > 0"),
    ({"stop_price": "90"}, 42210000, "limit orders must not have stop_price"),
    ({"trail": "1"}, 42210000, "trail is only accepted for trailing_stop orders"),
    ({"time_in_force": "soon"}, 40010001, "invalid time_in_force"),
]


@pytest.mark.parametrize(("changes", "code", "message"), NEVER)
def test_a_senseless_replacement_is_refused_and_changes_nothing(
    broker: Make, changes: dict[str, Any], code: int, message: str
) -> None:
    desk = broker(steps=FLAT)
    order = resting(desk)
    answer = patch(desk, order, **changes)
    assert (answer.status, answer.body) == (422, {"code": code, "message": message})
    assert desk.order(order) == order
    assert len(desk.ask("orders", status="all")) == 1


def test_a_spent_client_order_id_and_too_high_a_price_are_refused(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = resting(desk, client_order_id="mine")
    answer = patch(desk, order, limit_price="98", client_order_id="mine")
    assert answer.body["message"] == "client_order_id must be unique"
    assert patch(desk, order, qty=5000).body["message"] == "insufficient buying power"
    sub_penny = patch(desk, order, limit_price="98.123")
    assert sub_penny.body["message"].startswith("invalid limit_price 98.123. sub-penny")


def test_only_an_order_at_the_market_is_replaced(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**LIMIT)
    change = {"limit_price": "98"}
    assert patch(desk, order, **change).body["message"] == (
        "cannot replace order in pending_new status"
    )
    desk.wait(1)
    assert patch(desk, order, **change).status == 200
    assert patch(desk, order, **change).body["message"] == (
        "cannot replace order in pending_replace status"
    )
    assert desk.cancel(order).status == 422
    desk.wait(1)
    assert patch(desk, order, **change).body["message"] == "order is not open"
    (new,) = desk.ask("orders")
    desk.cancel(new)
    assert patch(desk, new, limit_price="97").body["message"] == (
        "cannot replace order in pending_cancel status"
    )
    desk.wait(1)
    assert patch(desk, new, limit_price="97").body["message"] == "order is not open"
    notional = desk.submit(symbol="AAPL", notional="50", type="limit", limit_price="90")
    desk.wait(1)
    assert patch(desk, notional, limit_price="91").status == 422
    closed = broker(steps=FLAT, start="2026-11-23 17:00")
    waiting = closed.submit(**LIMIT)
    assert patch(closed, waiting, **change).body["message"] == (
        "cannot replace order in accepted status"
    )


def test_a_new_order_may_be_cancelled_before_it_took_the_place(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk)
    new = patch(desk, old, limit_price="98").body
    assert desk.cancel(new).status == 204
    desk.wait(1)
    assert desk.order(old)["status"] == "replaced"
    assert desk.order(new)["status"] == "canceled"
    assert desk.account()["buying_power"] == "400000"


# ------------------------------------------------------------------------- groups

BRACKET: dict[str, Any] = {
    "symbol": "AAPL",
    "qty": "10",
    "order_class": "bracket",
    "take_profit": {"limit_price": "110"},
    "stop_loss": {"stop_price": "95"},
}


def test_a_held_stop_is_replaced_and_stays_held_until_it_is_set_off(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (60, "96")]})
    order = desk.submit(**BRACKET)
    desk.wait(1)
    stop = patch(desk, order["legs"][1], stop_price="97").body
    assert stop["status"] == "pending_new"
    assert desk.order(stop, after=1)["status"] == "held"
    (top,) = desk.ask("orders", nested="true")
    assert [leg["id"] for leg in top["legs"]] == [order["legs"][0]["id"], stop["id"]]
    assert desk.order(stop, after=60)["status"] == "filled"
    assert desk.order(order["legs"][0])["status"] == "canceled"
    assert desk.ask("positions") == []


def test_a_marketable_profit_price_closes_a_bracket(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET)
    desk.wait(1)
    profit = patch(desk, order["legs"][0], limit_price="99").body
    assert desk.order(profit, after=1)["status"] == "filled"
    assert desk.order(order["legs"][1])["status"] == "canceled"
    assert desk.ask("positions") == []


def test_an_entry_that_is_replaced_keeps_its_legs(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**BRACKET | {"type": "limit", "limit_price": "99"})
    desk.wait(1)
    assert patch(desk, order, qty=11).status == 422
    new = patch(desk, order, limit_price="101").body
    desk.wait(1)
    found = desk.ask(f"orders/{new['id']}", nested="true")
    assert found["status"] == "filled"
    assert [leg["id"] for leg in found["legs"]] == [leg["id"] for leg in order["legs"]]
    assert [leg["status"] for leg in found["legs"]] == ["new", "held"]


def test_a_leg_that_is_replaced_while_the_entry_fills_goes_live(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (10, "98")]})
    order = desk.submit(**BRACKET | {"type": "limit", "limit_price": "99"})
    desk.wait("9.970")
    profit = patch(desk, order["legs"][0], limit_price="112").body
    desk.wait(1)
    assert desk.order(order)["status"] == "filled"
    assert desk.order(profit)["status"] == "new"
    assert desk.position("AAPL")["qty_available"] == "0"
