"""The rare statuses: an order is taken from the market and comes back, ends, or fills."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runner.sim import Exchange, Request, Served, VirtualClock, default_scenario
from runner.sim.control import control
from runner.sim.faults_reader import read_fault
from runner.sim.orders import INTERRUPTIONS

FALLING = {"AAPL": [(0, "100"), (10, "95")]}
FLAT = {"AAPL": [(0, "100")]}
LIMIT = {"symbol": "AAPL", "qty": "10", "type": "limit", "limit_price": "98"}
Make = Callable[..., Any]


def interrupted(to: str, **keys: Any) -> dict[str, Any]:
    return {"faults": (read_fault({"fault": "interrupt", "to": to, **keys}),)}


def names(desk: Any) -> list[str]:
    return [event.name for event in desk.exchange.events]


@pytest.mark.parametrize("status", INTERRUPTIONS)
def test_an_order_can_have_every_rare_status_and_does_not_trade_in_it(
    broker: Make, status: str
) -> None:
    desk = broker(steps=FALLING, **interrupted(status, time="30s"))
    order = desk.submit(**LIMIT)
    found = desk.order(order, after=15)  # the price has been within its limit for five seconds
    assert (found["status"], found["filled_qty"]) == (status, "0")
    assert names(desk) == ["pending_new", "new", status]
    assert desk.order(order, after=16)["status"] == "filled"
    assert names(desk)[3:] == (["fill"] if status == "stopped" else ["new", "fill"])


def test_a_market_order_can_be_suspended_before_it_fills(broker: Make) -> None:
    desk = broker(steps=FLAT, **interrupted("suspended"))
    order = desk.submit(symbol="AAPL")
    assert desk.order(order, after=60)["status"] == "suspended"
    desk.go("2026-11-23 16:00")
    assert desk.order(order)["status"] == "expired"


def test_a_stopped_order_fills_at_its_price_though_the_market_is_elsewhere(broker: Make) -> None:
    desk = broker(steps=FLAT, **interrupted("stopped"))
    order = desk.submit(**LIMIT)
    assert desk.order(order, after="0.5")["status"] == "stopped"
    found = desk.order(order, after=1)
    assert (found["status"], found["filled_avg_price"]) == ("filled", "98")


def test_what_is_done_for_the_day_is_new_again_at_four_in_the_morning(broker: Make) -> None:
    desk = broker(steps=FLAT, **interrupted("done_for_day"))
    lasting = desk.submit(**LIMIT, time_in_force="gtc")
    short = desk.submit(**LIMIT)
    desk.go("2026-11-24 03:59:59")
    assert desk.order(lasting)["status"] == "done_for_day"
    assert desk.order(short)["status"] == "expired"
    desk.go("2026-11-24 04:00:01")
    assert desk.order(lasting)["status"] == "new"


def test_an_interrupted_order_is_cancelled_and_not_replaced(broker: Make) -> None:
    desk = broker(steps=FLAT, **interrupted("suspended"))
    order = desk.submit(**LIMIT)
    desk.wait(1)
    answer = desk.send("PATCH", f"orders/{order['id']}", {"limit_price": "97"})
    assert (answer.status, answer.body["message"]) == (
        422,
        "cannot replace order in suspended status",
    )
    assert desk.account()["buying_power"] == "399020"
    assert desk.cancel(order).status == 204
    assert desk.order(order, after=1)["status"] == "canceled"
    assert desk.account()["buying_power"] == "400000"


def test_a_partly_filled_order_comes_back_as_partly_filled(broker: Make) -> None:
    part = read_fault({"fault": "partial_fill", "part": "40%", "nth": 1})
    desk = broker(steps=FALLING, faults=(part,))
    order = desk.submit(**LIMIT)
    desk.wait(11)
    world = World(desk.exchange)
    assert world.post(order["id"], status="suspended", time="5s")["status"] == "suspended"
    desk.at = world.served.now()
    found = desk.order(order, after=6)
    assert (found["status"], found["filled_qty"]) == ("filled", "10")
    assert names(desk)[-3:] == ["suspended", "restated", "fill"]


def test_legs_of_a_bracket_wait_for_an_entry_that_is_done_for_the_day(broker: Make) -> None:
    desk = broker(steps=FALLING, **interrupted("done_for_day", first=1))
    group = desk.submit(
        **LIMIT,
        time_in_force="gtc",
        order_class="bracket",
        take_profit={"limit_price": "120"},
        stop_loss={"stop_price": "90"},
    )
    desk.wait(60)
    found = desk.ask(f"orders/{group['id']}", nested="true")
    assert [found["status"], *(leg["status"] for leg in found["legs"])] == [
        "done_for_day",
        "held",
        "held",
    ]
    desk.cancel(found["legs"][1])
    desk.wait(2)
    found = desk.ask(f"orders/{group['id']}", nested="true")
    assert {found["status"], *(leg["status"] for leg in found["legs"])} == {"canceled"}


# ------------------------------------------------------------------------- by hand


class World:
    """The control API of an exchange without its server."""

    def __init__(self, exchange: Exchange) -> None:
        self.served = Served(exchange, VirtualClock(exchange.now))

    def ask(self, order: str, body: Any) -> Any:
        headers = {"host": "127.0.0.1:8787"}
        content = json.dumps(body).encode()
        return control(self.served, Request("POST", f"/sim/orders/{order}", {}, headers, content))

    def post(self, order: str, **body: Any) -> Any:
        answer = self.ask(order, body)
        assert answer.status == 200, answer.body
        return answer.body


def test_a_live_order_is_interrupted_and_put_back_by_hand(broker: Make) -> None:
    desk = broker(steps=FALLING)
    order = desk.submit(**LIMIT, client_order_id="mine")
    desk.wait(1)
    world = World(desk.exchange)
    assert world.post("mine", status="done_for_day")["status"] == "done_for_day"
    desk.wait(20)
    assert desk.order(order)["status"] == "done_for_day"
    world = World(desk.exchange)
    assert world.post(order["id"], status="new")["status"] in ("new", "filled")
    assert desk.order(order, after=1)["status"] == "filled"
    desk.go("2026-11-24 04:00:01")
    assert desk.order(order)["status"] == "filled"


def test_a_second_interruption_takes_the_place_of_the_first(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**LIMIT)
    desk.wait(1)
    world = World(desk.exchange)
    world.post(order["id"], status="suspended", time="10s")
    world.post(order["id"], status="new")
    world.post(order["id"], status="calculated", time="1m")
    desk.at = world.served.now()
    assert desk.order(order, after=30)["status"] == "calculated"
    assert desk.order(order, after=31)["status"] == "new"


def test_an_interruption_that_was_ended_by_hand_does_not_come_again(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**LIMIT)
    desk.wait(1)
    world = World(desk.exchange)
    world.post(order["id"], status="suspended", time="10s")
    world.post(order["id"], status="new")
    desk.at = world.served.now()
    assert desk.order(order, after=15)["status"] == "new"


@pytest.mark.parametrize(
    ("order", "body", "status", "message"),
    [
        ("nobody", {"status": "suspended"}, 404, "there is no order 'nobody' that is open"),
        ("mine", {"status": "suspendd"}, 422, "did you mean suspended?"),
        ("mine", {"status": "filled"}, 422, "status: expected one of suspended"),
        ("mine", {}, 422, "status: expected one of suspended"),
        ("mine", {"status": "suspended", "time": "soon"}, 422, "expected a time"),
        ("mine", {"status": "suspended", "qty": 1}, 422, "is not a key of interrupt"),
        ("done", {"status": "suspended"}, 422, "only a live order is interrupted"),
    ],
)
def test_a_senseless_interruption_is_refused(
    broker: Make, order: str, body: Any, status: int, message: str
) -> None:
    desk = broker(steps=FLAT)
    desk.submit(**LIMIT, client_order_id="mine")
    desk.submit(symbol="AAPL", client_order_id="done")
    desk.wait(1)
    answer = World(desk.exchange).ask(order, body)
    assert answer.status == status
    assert message in answer.body["message"]


def test_a_spread_is_interrupted_with_its_legs() -> None:
    scenario = default_scenario(**interrupted("suspended"))
    exchange = Exchange(scenario)
    served = Served(exchange, VirtualClock(scenario.start))
    legs = [
        {"symbol": "AAPL261204C00270000", "side": "buy", "ratio_qty": "1"},
        {"symbol": "AAPL261204C00280000", "side": "sell", "ratio_qty": "1"},
    ]
    body = {"order_class": "mleg", "qty": "1", "type": "market", "time_in_force": "day"}
    keys = {"apca-api-key-id": "k", "apca-api-secret-key": "s"}
    content = json.dumps({**body, "legs": legs}).encode()
    served.deliver(Request("POST", "/v2/orders", {}, keys, content))
    served.wait_for_change(scenario.start.replace(minute=1))
    served.sleep_until(scenario.start.replace(minute=2))
    (top,) = [order for order in exchange.book.open_orders() if order.parent is None]
    assert [member.status for member in top.family()] == ["suspended"] * 3
