"""How orders live: what their status is, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runner.sim.orders import TERMINAL, TRANSITIONS

FLAT = {"AAPL": [(0, "100")]}
Make = Callable[..., Any]


def test_a_market_order_is_pending_new_then_new_then_filled(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(symbol="AAPL")
    assert order["status"] == "pending_new"
    new = desk.order(order, after="0.030")
    assert new["status"] == "new"
    assert new["submitted_at"] > order["submitted_at"]
    assert new["created_at"] == order["created_at"]
    filled = desk.order(order, after="0.200")
    assert filled["status"] == "filled"
    assert filled["filled_qty"] == "1"
    assert filled["filled_avg_price"] == "100.01"
    assert filled["filled_at"] is not None


def test_an_order_has_every_key_and_nulls(broker: Make) -> None:
    order = broker(steps=FLAT).submit(symbol="AAPL", type="limit", limit_price="99.50")
    assert len(order) == 36
    nulls = {key for key, value in order.items() if value is None}
    assert nulls >= {"filled_at", "legs", "hwm", "source", "subtag", "replaced_by", "notional"}
    assert order["order_class"] == ""
    assert order["limit_price"] == "99.5"
    assert order["position_intent"] == "buy_to_open"
    assert order["expires_at"] == "2026-11-23T21:00:00Z"
    assert order["created_at"].endswith("Z")
    assert len(order["created_at"]) == len("2026-11-23T15:00:00.001000123Z")


def test_an_order_outside_hours_is_accepted_until_four_in_the_morning(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-23 17:00")
    order = desk.submit(symbol="AAPL")
    assert order["status"] == "accepted"
    desk.go("2026-11-24 03:59:59")
    assert desk.order(order)["status"] == "accepted"
    desk.go("2026-11-24 04:00")
    assert desk.order(order)["status"] == "new"
    desk.go("2026-11-24 09:29:59")
    assert desk.order(order)["status"] == "new"
    desk.go("2026-11-24 09:30")
    filled = desk.order(order)
    assert filled["status"] == "filled"
    assert filled["filled_at"].startswith("2026-11-24T14:30:00")


def test_an_order_before_the_open_is_routed_at_once_and_fills_at_the_open(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-23 08:00")
    order = desk.submit(symbol="AAPL")
    assert order["status"] == "pending_new"
    desk.go("2026-11-23 09:29")
    assert desk.order(order)["status"] == "new"
    desk.go("2026-11-23 09:30")
    assert desk.order(order)["status"] == "filled"


def test_a_day_order_expires_at_the_close_and_early_on_a_half_day(broker: Make) -> None:
    for day, close in (("2026-11-23", "16:00"), ("2026-11-27", "13:00")):
        desk = broker(steps=FLAT, start=f"{day} 10:00")
        order = desk.submit(symbol="AAPL", type="limit", limit_price="90")
        desk.go(f"{day} {close}:00")
        ended = desk.order(order)
        assert ended["status"] == "expired"
        assert ended["expired_at"] is not None
        assert ended["canceled_at"] is None


def test_an_order_on_a_holiday_waits_for_the_next_session(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-26 10:00")
    order = desk.submit(symbol="AAPL")
    assert order["status"] == "accepted"
    assert order["expires_at"] == "2026-11-27T18:00:00Z"


def test_a_gtc_order_outlives_the_day_and_ends_after_ninety(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(symbol="AAPL", type="limit", limit_price="90", time_in_force="gtc")
    assert order["expires_at"] == "2027-02-21T21:15:00Z"
    desk.go("2027-02-21 16:14")
    assert desk.order(order)["status"] == "new"
    desk.go("2027-02-21 16:15")
    assert desk.order(order)["status"] == "canceled"


def test_a_cancel_is_done_a_moment_later_and_may_be_repeated(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(symbol="AAPL", type="limit", limit_price="90")
    desk.wait(1)
    assert desk.cancel(order).status == 204
    assert desk.order(order)["status"] == "pending_cancel"
    assert desk.cancel(order).status == 204
    canceled = desk.order(order, after="0.100")
    assert canceled["status"] == "canceled"
    assert canceled["canceled_at"] is not None
    assert desk.cancel(order).status == 204


def test_a_cancel_of_a_filled_order_is_refused(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.filled(symbol="AAPL")
    answer = desk.cancel(order)
    assert answer.status == 422
    assert answer.body == {"code": 42210000, "message": 'order is already in "filled" state'}


def test_a_fill_may_come_before_the_cancel(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(symbol="AAPL")
    desk.wait("0.120")
    assert desk.cancel(order).status == 204
    assert desk.order(order, after=1)["status"] == "filled"


def test_shares_stay_held_until_the_cancel_is_done(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol="AAPL", qty="5")
    order = desk.submit(
        symbol="AAPL", qty="5", side="sell", type="stop", stop_price="90", time_in_force="gtc"
    )
    desk.wait(1)
    assert desk.position("AAPL")["qty_available"] == "0"
    desk.cancel(order)
    assert desk.position("AAPL")["qty_available"] == "0"
    refused = desk.post(symbol="AAPL", qty="5", side="sell")
    assert refused.status == 403
    assert refused.body["related_orders"] == [order["id"]]
    desk.wait("0.100")
    assert desk.position("AAPL")["qty_available"] == "5"
    assert desk.post(symbol="AAPL", qty="5", side="sell").status == 200


@pytest.mark.parametrize("time_in_force", ["ioc", "fok"])
def test_an_immediate_order_fills_or_is_gone(broker: Make, time_in_force: str) -> None:
    desk = broker(steps=FLAT)
    good = desk.submit(symbol="AAPL", type="limit", limit_price="101", time_in_force=time_in_force)
    assert desk.order(good, after=1)["status"] == "filled"
    short = desk.submit(symbol="AAPL", type="limit", limit_price="99", time_in_force=time_in_force)
    assert desk.order(short, after=1)["status"] == "canceled"


def test_auction_orders_trade_at_the_open_and_at_the_close(broker: Make) -> None:
    desk = broker(
        steps={"AAPL": [(0, "100"), (5400, "101"), (28800, "103")]}, start="2026-11-23 08:00"
    )
    opening = desk.submit(symbol="AAPL", time_in_force="opg")
    limited = desk.submit(symbol="AAPL", time_in_force="opg", type="limit", limit_price="100.50")
    closing = desk.submit(symbol="AAPL", time_in_force="cls")
    desk.go("2026-11-23 09:30")
    assert desk.order(opening)["filled_avg_price"] == "101"
    assert desk.order(limited)["status"] == "canceled"
    assert desk.order(closing)["status"] == "new"
    desk.go("2026-11-23 16:00")
    assert desk.order(closing)["filled_avg_price"] == "103"


def test_the_next_event_is_the_next_change_of_an_open_order(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (7200, "95")]})
    limit = desk.exchange.now.replace(hour=23)
    assert desk.exchange.next_event_at(limit) is None
    order = desk.submit(symbol="AAPL", type="limit", limit_price="96")
    desk.wait(1)
    event = desk.exchange.next_event_at(limit)
    assert event == desk.exchange.scenario.start.replace(hour=17)
    assert desk.order(order)["status"] == "new"
    desk.exchange.advance(event)
    desk.at = event
    assert desk.order(order)["status"] == "filled"
    assert desk.exchange.next_event_at(limit) is None


def test_the_next_event_is_found_on_a_later_day(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (3 * 86400, "95"), (4 * 86400, "94")]})
    order = desk.submit(symbol="AAPL", type="limit", limit_price="96", time_in_force="gtc")
    desk.wait(1)
    event = desk.exchange.next_event_at(desk.at.replace(month=12, day=20))
    # Three days on is Thanksgiving; the price counts at the open of the day after.
    assert event is not None
    assert event.isoformat() == "2026-11-27T14:30:00+00:00"
    assert desk.order(order)["status"] == "new"


def test_partial_fills_grow_and_end_in_filled(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1)
    order = desk.submit(symbol="AAPL", qty="100")
    seen = [desk.order(order, after=1) for _ in range(30)]
    filled = [int(state["filled_qty"]) for state in seen]
    assert seen[0]["status"] == "partially_filled"
    assert filled == sorted(filled)
    assert filled[-1] == 100
    assert seen[-1]["status"] == "filled"
    fills = desk.ask("account/activities/FILL", direction="asc")
    assert sum(int(fill["qty"]) for fill in fills) == 100
    assert [fill["type"] for fill in fills[-2:]] == ["partial_fill", "fill"]
    assert fills[-1]["leaves_qty"] == "0"


def test_an_immediate_order_keeps_its_part_and_loses_the_rest(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1)
    order = desk.order(desk.submit(symbol="AAPL", qty="100", time_in_force="ioc"), after=1)
    assert order["status"] == "canceled"
    assert 0 < int(order["filled_qty"]) < 100
    assert desk.position("AAPL")["qty"] == order["filled_qty"]


def test_every_status_but_the_terminal_ones_leads_somewhere() -> None:
    reachable = set().union(*TRANSITIONS.values()) | {"accepted", "pending_new"}
    assert reachable == set(TRANSITIONS)
    assert {"filled", "canceled", "expired"} <= TERMINAL
