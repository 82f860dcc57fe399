"""Replacing multi-leg option orders: a new order and new legs take the places of the old ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Response

FLAT = {"AAPL": [(0, "270")]}
CALL, HIGHER, LATER = "AAPL261204C00270000", "AAPL261204C00280000", "AAPL261218C00270000"
PUT, LOWER = "AAPL261204P00270000", "AAPL261204P00260000"
Make = Callable[..., Any]


def spread(*legs: tuple[str, str], qty: str = "2", price: str | None = "0.05") -> dict[str, Any]:
    order = {"side": None, "qty": qty, "order_class": "mleg"}
    priced = {} if price is None else {"type": "limit", "limit_price": price}
    rows = [{"side": side, "symbol": symbol, "ratio_qty": "1"} for side, symbol in legs]
    return order | priced | {"legs": rows}


DEBIT = (("buy", CALL), ("sell", HIGHER))
CLOSING = (("sell", CALL), ("buy", HIGHER))


def resting(desk: Any, *legs: tuple[str, str], **order: Any) -> dict[str, Any]:
    made: dict[str, Any] = desk.submit(**spread(*legs, **order))
    desk.wait(1)
    return made


def patch(desk: Any, order: dict[str, Any], **changes: Any) -> Response:
    answer: Response = desk.send("PATCH", f"orders/{order['id']}", changes)
    return answer


def shown(desk: Any, order: dict[str, Any]) -> dict[str, Any]:
    return dict(desk.ask(f"orders/{order['id']}", nested="true"))


def statuses(order: dict[str, Any]) -> list[str]:
    return [order["status"], *(leg["status"] for leg in order["legs"])]


def test_a_spread_is_replaced_with_all_of_its_legs(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk, *DEBIT)
    answer = patch(desk, old, limit_price="0.07", qty=3, client_order_id="again")
    assert answer.status == 200, answer.body
    new = answer.body
    assert (new["order_class"], new["limit_price"], new["qty"]) == ("mleg", "0.07", "3")
    assert (new["replaces"], new["client_order_id"]) == (old["id"], "again")
    assert [leg["qty"] for leg in new["legs"]] == ["3", "3"]
    assert statuses(new) == ["pending_new"] * 3
    assert statuses(shown(desk, old)) == ["pending_replace"] * 3
    desk.wait("0.2")
    ended, live = shown(desk, old), shown(desk, new)
    assert statuses(ended) == ["replaced"] * 3
    assert statuses(live) == ["new"] * 3
    assert ended["replaced_by"] == new["id"]
    pairs = zip(ended["legs"], live["legs"], strict=True)
    assert all(a["replaced_by"] == b["id"] and b["replaces"] == a["id"] for a, b in pairs)
    names = [event.name for event in desk.exchange.events]
    assert names == ["pending_new", "new", "pending_replace", "pending_new", "replaced", "new"]


def test_a_replaced_spread_can_fill(broker: Make) -> None:
    desk = broker(steps=FLAT)
    new = patch(desk, resting(desk, *DEBIT), limit_price="9").body
    desk.wait(1)
    assert statuses(shown(desk, new)) == ["filled"] * 3
    assert {p["symbol"]: p["qty"] for p in desk.ask("positions")} == {CALL: "2", HIGHER: "-2"}
    assert desk.exchange.book.reserved == 0


def test_a_credit_is_replaced_by_another_credit(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk, ("sell", PUT), ("buy", LOWER), qty="1", price="-9")
    new = patch(desk, old, limit_price="-8.5").body
    assert new["limit_price"] == "-8.5"
    desk.wait(1)
    reserved = 400000 - Decimal(desk.account()["buying_power"])
    assert reserved == 4 * (1000 - 850)


def test_while_a_spread_is_replaced_the_larger_of_both_is_set_aside(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk, *DEBIT)
    assert desk.exchange.book.reserved == 4 * 10
    patch(desk, old, limit_price="0.01")
    assert desk.exchange.book.reserved == 4 * 10
    desk.wait(1)
    assert desk.exchange.book.reserved == 4 * 2


def test_a_closing_spread_holds_its_legs_once_while_it_is_replaced(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(**spread(*DEBIT, price=None))
    old = resting(desk, *CLOSING, price="-9")
    assert desk.position(CALL)["qty_available"] == "0"
    new = patch(desk, old, limit_price="-8.9")
    assert new.status == 200, new.body
    assert desk.exchange.book.held(CALL, "sell") == 2
    desk.wait(1)
    assert desk.exchange.book.held(CALL, "sell") == 2
    desk.cancel(new.body)
    desk.wait(1)
    assert desk.position(CALL)["qty_available"] == "2"


def test_a_closing_calendar_spread_is_refused_as_users_report(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(**spread(("buy", LATER), ("sell", CALL), price=None))
    old = resting(desk, ("sell", LATER), ("buy", CALL), price="-50")
    answer = patch(desk, old, limit_price="-49")
    assert (answer.status, answer.body["code"]) == (403, 40310000)
    assert answer.body["message"].startswith("insufficient qty available for order")
    assert shown(desk, old)["status"] == "new"


def test_a_spread_that_fills_first_rejects_its_replacement(broker: Make) -> None:
    desk = broker(steps=FLAT, faults=(), partial_fills=0)
    order = desk.submit(**spread(*DEBIT, price="9"))
    desk.wait("0.1")
    new = patch(desk, order, limit_price="8.9").body
    desk.wait(1)
    assert statuses(shown(desk, order)) == ["filled"] * 3
    assert statuses(shown(desk, new)) == ["rejected"] * 3
    assert desk.exchange.book.open_orders() == []
    assert desk.exchange.book.reserved == 0


def test_a_replacement_is_cancelled_like_any_spread(broker: Make) -> None:
    desk = broker(steps=FLAT)
    old = resting(desk, *DEBIT)
    new = patch(desk, old, limit_price="0.06").body
    desk.cancel(new["legs"][0])
    desk.wait(1)
    assert statuses(shown(desk, old)) == ["replaced"] * 3
    assert statuses(shown(desk, new)) == ["canceled"] * 3
    assert desk.exchange.book.reserved == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit_price": "0.05"}, "order parameters are not changed"),
        ({}, "order parameters are not changed"),
        ({"limit_price": "0.055"}, "invalid limit_price 0.055"),
        ({"qty": "1.5"}, "qty must be integer"),
        ({"time_in_force": "gtc"}, "options orders must be DAY orders"),
        ({"stop_price": "1"}, "limit orders must not have stop_price"),
        ({"qty": 100000}, "insufficient options buying power"),
    ],
)
def test_a_senseless_replacement_of_a_spread_is_refused(
    broker: Make, changes: Any, message: str
) -> None:
    desk = broker(steps=FLAT)
    order = resting(desk, *DEBIT)
    answer = patch(desk, order, **changes)
    assert answer.status in (403, 422)
    assert answer.body["message"] == message
    assert statuses(shown(desk, order)) == ["new"] * 3


def test_a_leg_of_a_spread_is_not_replaced_alone(broker: Make) -> None:
    desk = broker(steps=FLAT)
    leg = resting(desk, *DEBIT)["legs"][0]
    answer = patch(desk, leg, qty="5")
    assert (answer.status, answer.body["message"]) == (
        422,
        "legs of mleg orders cannot be replaced",
    )


def test_closing_everything_cancels_open_spreads_first(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = resting(desk, *DEBIT)
    assert desk.send("DELETE", "positions", cancel_orders="true").status == 207
    assert statuses(shown(desk, order)) == ["canceled"] * 3


def test_legs_show_that_their_cancel_is_pending(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = resting(desk, *DEBIT)
    desk.cancel(order)
    assert statuses(shown(desk, order)) == ["pending_cancel"] * 3
