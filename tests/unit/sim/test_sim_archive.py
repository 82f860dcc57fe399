"""What moves to disk is found as before: orders by either id, lists, activities and events."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from runner.sim import archive, book
from runner.sim.archive import BATCH, Log
from runner.sim.snapshot import restore_snapshot, take_snapshot

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly everything goes to disk at once."""
    monkeypatch.setattr(book, "BATCH", 2)
    monkeypatch.setattr(archive, "BATCH", 5)
    monkeypatch.setattr(book.OrderBook.__init__, "__defaults__", (3,))
    monkeypatch.setattr(Log.__init__, "__defaults__", (4,))


def many(desk: Any, count: int) -> list[dict[str, Any]]:
    return [desk.filled(symbol="F", client_order_id=f"mine-{n}") for n in range(count)]


def test_orders_on_disk_are_found_by_either_id(broker: Make) -> None:
    desk = broker(rate_limit=None)
    for order in many(desk, 20):
        assert desk.ask(f"orders/{order['id']}") == order
        lookup = {"client_order_id": order["client_order_id"]}
        assert desk.ask("orders:by_client_order_id", **lookup) == order
    assert len(desk.exchange.book) == 20
    assert desk.send("GET", "orders:by_client_order_id", client_order_id="other").status == 404


def test_a_client_order_id_is_spent_for_ever(broker: Make) -> None:
    desk = broker(rate_limit=None)
    many(desk, 20)
    refused = desk.post(symbol="F", client_order_id="mine-0")
    assert (refused.status, refused.body["message"]) == (422, "client_order_id must be unique")


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_lists_run_over_disk_and_memory_in_order(broker: Make, direction: str) -> None:
    desk = broker(rate_limit=None)
    resting = desk.submit(symbol="F", type="limit", limit_price="1", time_in_force="gtc")
    ids = [resting["id"], *(order["id"] for order in many(desk, 20))]
    if direction == "desc":
        ids.reverse()
    listed = desk.ask("orders", status="all", direction=direction, limit=500)
    assert [row["id"] for row in listed] == ids
    fills = desk.ask("account/activities", direction=direction)
    assert [fill["order_id"] for fill in fills] == [i for i in ids if i != resting["id"]]


def test_a_cancel_of_an_order_on_disk_is_refused_as_ever(broker: Make) -> None:
    desk = broker(rate_limit=None)
    first = many(desk, 20)[0]
    assert desk.cancel(first).body["message"] == 'order is already in "filled" state'


def test_a_group_goes_to_disk_as_a_whole_and_not_before_all_of_it_is_done(broker: Make) -> None:
    desk = broker(rate_limit=None)
    bracket = {"take_profit": {"limit_price": "90"}, "stop_loss": {"stop_price": "5"}}
    parent = desk.filled(symbol="F", order_class="bracket", **bracket)
    many(desk, 20)
    live = desk.ask(f"orders/{parent['id']}", nested="true")
    legs = [leg["id"] for leg in live["legs"]]
    assert {leg["status"] for leg in live["legs"]} <= {"new", "held"}
    desk.send("DELETE", f"orders/{legs[0]}")
    desk.wait(5)
    many_more = [desk.filled(symbol="F") for _ in range(10)]
    assert many_more
    done = desk.ask(f"orders/{parent['id']}", nested="true")
    assert [leg["status"] for leg in done["legs"]] == ["canceled", "canceled"]
    assert desk.ask(f"orders/{legs[1]}")["id"] == legs[1]
    nested = desk.ask("orders", status="all", nested="true", limit=500)
    assert sum(row["id"] == parent["id"] for row in nested) == 1
    assert not {row["id"] for row in nested} & set(legs)


def test_an_open_leg_that_replaced_another_can_be_replaced_again(broker: Make) -> None:
    desk = broker(rate_limit=None)
    parent = desk.filled(symbol="F", order_class="oto", stop_loss={"stop_price": "2"})
    leg = desk.ask(f"orders/{parent['id']}", nested="true")["legs"][0]["id"]
    replaced = []
    for cents in range(1, 12):
        answer = desk.send("PATCH", f"orders/{leg}", {"stop_price": f"2.{cents:02}"})
        assert answer.status == 200, answer.body
        replaced.append(leg)
        leg = answer.body["id"]
        desk.wait(1)
        many_more = [desk.filled(symbol="F") for _ in range(2)]
        assert many_more
    assert {desk.ask(f"orders/{one}")["status"] for one in replaced} == {"replaced"}
    assert desk.ask(f"orders/{leg}")["status"] == "new"


def test_a_large_seed_works_with_events_on_disk(broker: Make) -> None:
    desk = broker(rate_limit=None, seed=2**70)
    many(desk, 20)
    assert len(desk.ask("account/activities", direction="asc")) == 20
    assert len(list(desk.exchange.events)) >= 60


def test_events_on_disk_are_read_back(broker: Make) -> None:
    desk = broker(rate_limit=None)
    orders = many(desk, 20)
    events = desk.exchange.events
    assert [event.number for event in events] == list(range(1, 61))
    assert [event.order["id"] for event in events if event.name == "fill"] == [
        order["id"] for order in orders
    ]
    assert [event.number for event in events.after(7, 3)] == [8, 9, 10]
    assert events[0].data()["event"] == "pending_new"


def test_a_snapshot_takes_the_disk_along(broker: Make) -> None:
    desk = broker(rate_limit=None)
    orders = many(desk, 20)
    snapshot = take_snapshot(desk.exchange)
    many_more = [desk.filled(symbol="F") for _ in range(10)]
    assert len(desk.exchange.book) == 30
    desk.exchange = restore_snapshot(snapshot)
    desk.at = desk.exchange.now
    assert len(desk.exchange.book) == 20
    assert [desk.filled(symbol="F") for _ in range(10)] == many_more
    assert desk.ask(f"orders/{orders[0]['id']}") == orders[0]


def test_a_log_reads_the_same_from_disk_and_from_memory() -> None:
    items = list(range(3 * BATCH + 17))
    log: Log[int] = Log(kept=10)
    for item in items:
        log.append(item)
    assert len(log) == len(items)
    assert list(log) == items
    assert list(reversed(log)) == items[::-1]
    assert [log[index] for index in (0, 4, 5, len(items) - 1)] == [0, 4, 5, items[-1]]
    assert list(log.since(7)) == items[7:]
    assert list(log.since(len(items) + 5)) == []
    assert list(pickle.loads(pickle.dumps(log._recent))) == items[-len(log._recent) :]
