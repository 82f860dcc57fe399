"""Faults without a network: what they match, how often they act, and what they do to orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Exchange, Request, Response, ScenarioError, default_scenario
from runner.sim.faults import EFFECTS, Fault, Faults, Subject
from runner.sim.faults_http import Delivery, deliver
from runner.sim.faults_reader import fault_body, fault_schema, keys_of, read_fault
from runner.sim.wire import encode

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}


def fault(effect: str, **keys: Any) -> Fault:
    return read_fault({"fault": effect, **keys})


# ------------------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ("keys", "acts"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"first": 2}, [1, 2]),
        ({"every": 3}, [3, 6]),
        ({"first": 4, "every": 2}, [2, 4]),
        ({"chance": 0}, []),
        ({"chance": "100%"}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_fault_acts_on_the_requests_that_its_counts_name(
    keys: dict[str, Any], acts: list[int]
) -> None:
    faults = Faults([fault("drop", path="/v2/orders", **keys)], 0, NOW)
    other, wanted = Subject(path="/v2/clock"), Subject(path="/v2/orders")
    struck = []
    for number in range(1, 7):
        assert faults.strike(other, NOW, "drop") is None
        if faults.strike(wanted, NOW, "drop"):
            struck.append(number)
    assert struck == acts
    assert [(armed.matched, armed.acted) for armed in faults] == [(6, len(acts))]


def test_a_chance_is_drawn_from_the_seed() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults([fault("drop", chance="50%")], seed, NOW)
        return [faults.strike(Subject(), NOW, "drop") is not None for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 70 < sum(drawn(1)) < 130


def test_of_two_faults_the_first_acts_and_both_count() -> None:
    faults = Faults([fault("drop", nth=2), fault("hang")], 0, NOW)
    found = [faults.strike(Subject(), NOW, "drop", "hang") for _ in range(2)]
    assert [one.effect for one in found if one] == ["hang", "drop"]
    assert [armed.matched for armed in faults] == [2, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fault": "explode"}, "the fault.fault: expected one of delay, hang"),
        ({}, "expected one of delay, hang"),
        ({"fault": "drop", "status": 504}, "the fault.status: is not a key of drop; known are"),
        ({"fault": "delay"}, "delay needs `time`"),
        ({"fault": "drop", "commit": "late"}, "`commit: late` needs `time`"),
        ({"fault": "drop", "commit": "maybe"}, "the fault.commit: expected one of yes, no, late"),
        ({"fault": "drop", "nth": 0}, "counting begins with 1"),
        ({"fault": "answer", "status": 99}, "expected an HTTP status"),
        ({"fault": "alter"}, "alter needs `set` or `omit`"),
        ({"fault": "partial_fill", "part": 0}, "more than 0%"),
        ({"fault": "drop", "chance": "200%"}, "expected a chance"),
        ("drop", "expected a mapping"),
    ],
)
def test_a_wrong_fault_is_refused_with_what_to_write(given: Any, message: str) -> None:
    with pytest.raises(ScenarioError) as error:
        read_fault(given)
    assert message in str(error.value)


def test_every_effect_is_described_and_has_its_schema() -> None:
    branches = fault_schema()["allOf"]
    assert [branch["then"]["description"] for branch in branches] == [
        effect.sentence for effect in EFFECTS.values()
    ]
    for name, effect in EFFECTS.items():
        assert effect.sentence.endswith(".")
        assert set(effect.needs) <= set(effect.takes) <= set(keys_of(name))


def test_an_armed_fault_is_shown_as_it_was_asked_for() -> None:
    faults = Faults([], 0, NOW)
    armed = faults.arm(fault("late_reject", symbol="AAPL", time="1m30s", chance="10%"), NOW)
    assert fault_body(armed) == {
        "id": 1,
        "fault": "late_reject",
        "symbol": "AAPL",
        "chance": "0.1",
        "time": "90s",
        "matched": 0,
        "acted": 0,
    }
    assert faults.clear(2) == 0
    assert faults.clear() == 1
    assert list(faults) == []


# ------------------------------------------------------------------------- around requests


class Faulty:
    """An exchange with faults, and requests that arrive a second apart."""

    def __init__(self, *faults: Fault) -> None:
        self.exchange = Exchange(default_scenario(faults=faults))
        self.at = self.exchange.now

    def send(self, method: str, path: str, body: Any = None, **query: str) -> Delivery:
        self.at += timedelta(seconds=1)
        content = b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"/v2/{path}", query, KEYS, content)
        return deliver(self.exchange, request, self.at)

    def post(self, **order: Any) -> Delivery:
        body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market"}
        return self.send("POST", "orders", {**body, "time_in_force": "day", **order})

    def ask(self, path: str, **query: str) -> Any:
        response = self.send("GET", path, **query).response
        assert response is not None
        return response.body


@pytest.mark.parametrize("effect", ["drop", "hang"])
@pytest.mark.parametrize(("commit", "orders"), [("yes", 1), ("no", 0)])
def test_an_answer_that_never_comes_says_nothing_about_the_order(
    effect: str, commit: str, orders: int
) -> None:
    broker = Faulty(fault(effect, method="POST", commit=commit))
    delivery = broker.post()
    assert delivery.response is None
    assert delivery.hang is (effect == "hang")
    assert len(broker.ask("orders", status="all")) == orders


def test_a_late_request_takes_effect_after_its_client_gave_up() -> None:
    broker = Faulty(fault("drop", method="POST", commit="late", time="3s"))
    assert broker.post(client_order_id="mine").response is None
    assert broker.ask("orders:by_client_order_id", client_order_id="mine")["code"] == 40410000
    assert broker.ask("orders:by_client_order_id", client_order_id="mine")["code"] == 40410000
    found = broker.ask("orders:by_client_order_id", client_order_id="mine")
    assert (found["client_order_id"], found["status"]) == ("mine", "pending_new")


@pytest.mark.parametrize(
    ("keys", "status", "content"),
    [
        ({"status": 504, "commit": "yes", "body": "html"}, 504, b"Gateway Timeout"),
        ({"status": 503, "body": "html"}, 503, b"Service Unavailable"),
        ({"status": 500}, 500, b'"code":50010000'),
        ({"status": 429}, 429, b'"code":42910000'),
        ({"status": 418, "body": "empty"}, 418, b""),
    ],
)
def test_another_answer_can_be_put_in_place(
    keys: dict[str, Any], status: int, content: bytes
) -> None:
    broker = Faulty(fault("answer", method="POST", **keys))
    delivery = broker.post()
    assert delivery.response is not None
    assert delivery.response.status == status
    sent = encode(delivery.response.body) if delivery.content is None else delivery.content
    assert content in sent
    assert len(broker.ask("orders", status="all")) == (1 if keys.get("commit") == "yes" else 0)


@pytest.mark.parametrize(("headers", "present"), [("yes", True), ("no", False)])
def test_a_burst_of_429_comes_with_or_without_headers(headers: str, present: bool) -> None:
    broker = Faulty(fault("answer", status=429, first=2, headers=headers))
    answers = [broker.post().response for _ in range(3)]
    assert [answer.status for answer in answers if answer] == [429, 429, 200]
    assert answers[0] is not None
    assert ("X-RateLimit-Remaining" in answers[0].headers) is present


def test_an_answer_can_be_cut_emptied_and_altered() -> None:
    broker = Faulty(
        fault("truncate", nth=1),
        fault("empty", nth=2),
        fault("alter", nth=3, set={"status": "teleported"}, omit=["symbol"]),
    )
    cut, empty, altered = broker.post(), broker.post(), broker.post()
    assert cut.content is not None
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.content)
    assert empty.content == b""
    assert altered.response is not None
    assert altered.response.body["status"] == "teleported"
    assert "symbol" not in altered.response.body
    assert len(broker.ask("orders", status="all")) == 3


def test_rows_of_a_list_are_altered_one_by_one() -> None:
    broker = Faulty(fault("alter", method="GET", path="/v2/orders", omit=["id"]))
    broker.post()
    broker.post()
    assert [sorted(row)[:1] for row in broker.ask("orders", status="all")] == [["asset_class"]] * 2


@pytest.mark.parametrize(
    ("keys", "struck"),
    [
        ({"symbol": "AA*"}, [True, False, True, False]),
        ({"client_order_id": "b-?"}, [False, True, False, True]),
        ({"method": "DELETE"}, [False, False, True, True]),
        ({"path": "/v2/orders/*"}, [False, False, True, True]),
    ],
)
def test_a_request_is_matched_by_its_route_and_by_the_order_it_names(
    keys: dict[str, Any], struck: list[bool]
) -> None:
    broker = Faulty(fault("drop", **keys))
    far = {"type": "limit", "limit_price": "1", "time_in_force": "gtc"}
    sent = [
        broker.post(symbol="AAPL", client_order_id="a-1", **far),
        broker.post(symbol="F", client_order_id="b-1", **far),
    ]
    for order in list(broker.exchange.book.oldest_first()):
        sent.append(broker.send("DELETE", f"orders/{order.id}"))
    assert [delivery.response is None for delivery in sent] == struck


def test_a_delay_is_told_to_the_shell() -> None:
    broker = Faulty(fault("delay", time="5s", nth=1), fault("delay", time="5s", commit="late"))
    first, second = broker.post(), broker.post()
    assert (first.wait, first.late) == (timedelta(seconds=5), None)
    assert isinstance(first.response, Response)
    assert (second.response, second.late is not None) == (None, True)
    assert len(broker.exchange.book) == 1


# ------------------------------------------------------------------------- in the life of orders

Make = Callable[..., Any]


def test_an_accepted_order_is_rejected_later(broker: Make) -> None:
    exchange = broker(faults=(fault("late_reject", time="2s"),))
    order = exchange.submit(symbol="AAPL")
    assert order["status"] == "pending_new"
    assert exchange.order(order, after=1)["status"] == "pending_new"
    late = exchange.order(order, after=1)
    assert (late["status"], late["filled_qty"]) == ("rejected", "0")
    assert late["failed_at"] is not None
    assert exchange.ask("positions") == []
    assert exchange.account()["buying_power"] == "400000"
    assert [event.name for event in exchange.exchange.events] == ["pending_new", "rejected"]


@pytest.mark.parametrize(
    ("part", "status", "filled"), [("100%", "filled", "10"), ("40%", "canceled", "4")]
)
def test_an_order_fills_while_its_cancel_is_pending(
    broker: Make, part: str, status: str, filled: str
) -> None:
    exchange = broker(faults=(fault("fill_on_cancel", part=part),))
    order = exchange.submit(symbol="AAPL", qty="10", type="limit", limit_price="200")
    exchange.wait(1)
    assert exchange.cancel(order).status == 204
    found = exchange.order(order, after=1)
    assert (found["status"], found["filled_qty"]) == (status, filled)
    assert found["filled_avg_price"] == "200"
    assert exchange.position("AAPL")["qty"] == filled


def test_a_cancel_can_be_stuck_and_come_loose(broker: Make) -> None:
    exchange = broker(faults=(fault("stuck_cancel", time="10m"),))
    order = exchange.submit(symbol="AAPL", type="limit", limit_price="1")
    exchange.cancel(order)
    assert exchange.order(order, after=599)["status"] == "pending_cancel"
    assert exchange.order(order, after=2)["status"] == "canceled"


def test_a_cancel_can_be_stuck_until_the_order_expires(broker: Make) -> None:
    exchange = broker(faults=(fault("stuck_cancel"),))
    order = exchange.submit(symbol="AAPL", type="limit", limit_price="1")
    exchange.cancel(order)
    assert exchange.order(order, after=3600)["status"] == "pending_cancel"
    exchange.go("2026-11-23 16:01")
    assert exchange.order(order)["status"] == "canceled"


def test_a_fill_can_be_for_a_part_and_the_rest_come_later_or_never(broker: Make) -> None:
    faults = (
        fault("partial_fill", symbol="AAPL", nth=1, part="30%", time="1m"),
        fault("partial_fill", symbol="F", nth=1, part="30%"),
    )
    exchange = broker(faults=faults)
    some, none = exchange.submit(symbol="AAPL", qty="10"), exchange.submit(symbol="F", qty="10")
    assert exchange.order(some, after=1)["filled_qty"] == "3"
    assert exchange.order(some, after=60)["status"] == "filled"
    rest = exchange.order(none, after=3600)
    assert (rest["status"], rest["filled_qty"]) == ("partially_filled", "3")


def test_positions_can_lag_behind_orders(broker: Make) -> None:
    exchange = broker(faults=(fault("lag_positions", time="10s"),))
    exchange.filled(symbol="AAPL", qty="3")
    assert exchange.ask("positions") == []
    assert exchange.send("GET", "positions/AAPL").status == 404
    exchange.wait(10)
    assert exchange.position("AAPL")["qty"] == "3"
    exchange.filled(symbol="AAPL", qty="1", side="sell")
    assert exchange.position("AAPL")["qty"] == "3"
    exchange.wait(10)
    assert exchange.position("AAPL")["qty"] == "2"


def test_an_order_can_be_unknown_by_client_id_for_a_while(broker: Make) -> None:
    exchange = broker(faults=(fault("hide_client_id", client_order_id="m*", time="5s"),))
    exchange.submit(symbol="AAPL", client_order_id="mine")
    lookup = {"client_order_id": "mine"}
    assert exchange.send("GET", "orders:by_client_order_id", **lookup).status == 404
    exchange.wait(5)
    assert exchange.ask("orders:by_client_order_id", **lookup)["client_order_id"] == "mine"


def test_the_same_faults_and_requests_give_the_same_answers(broker: Make) -> None:
    def play() -> list[bytes]:
        faults = (
            fault("partial_fill", part="50%", chance="50%", time="1s"),
            fault("late_reject", chance="30%", time="100ms"),
        )
        exchange = broker(faults=faults, rate_limit=None)
        for _ in range(20):
            exchange.submit(symbol="AAPL", qty="10")
        exchange.wait(60)
        return [encode(row) for row in exchange.ask("orders", status="all")]

    first = play()
    assert first == play()
    assert {json.loads(row)["status"] for row in first} == {"filled", "rejected"}


def test_a_fault_on_a_fractional_order_keeps_nine_places(broker: Make) -> None:
    exchange = broker(faults=(fault("partial_fill", part="33.3333%", nth=1),))
    order = exchange.submit(symbol="AAPL", qty="0.5")
    assert Decimal(exchange.order(order, after=1)["filled_qty"]) == Decimal("0.1666665")


# ------------------------------------------------------------------------- together


def test_a_fault_acts_between_two_moments() -> None:
    faults = Faults([fault("drop", after="10s", until="20s", nth=1)], 0, NOW)
    moments = [NOW + timedelta(seconds=second) for second in (0, 9, 10, 15)]
    acted = [faults.strike(Subject(), at, "drop") is not None for at in moments]
    assert acted == [False, False, True, False]
    later = Faults([fault("drop", until="20s")], 0, NOW)
    assert later.strike(Subject(), NOW + timedelta(seconds=20), "drop") is None


def test_a_delay_and_another_fault_act_together() -> None:
    exchange = Exchange(
        default_scenario(
            faults=(fault("answer", status=504, commit="yes"), fault("delay", time="30s"))
        )
    )
    body = b'{"symbol":"AAPL","qty":1,"side":"buy","type":"market","time_in_force":"day"}'
    found = deliver(exchange, Request("POST", "/v2/orders", {}, KEYS, body), exchange.now)
    assert found.response is not None
    assert (found.response.status, found.wait) == (504, timedelta(seconds=30))
    assert found.fault == "delay, answer"
    assert len(exchange.book) == 1
    assert [armed.acted for armed in exchange.faults] == [1, 1]


def test_a_field_deep_inside_an_answer_is_altered_or_missing() -> None:
    alter = fault("alter", path="/v2/stocks/*", set={"quotes.*.ap": "null"}, omit=["quotes.*.bp"])
    exchange = Exchange(default_scenario(faults=(alter,)))
    query = {"symbols": "AAPL,MSFT"}
    request = Request("GET", "/v2/stocks/quotes/latest", query, KEYS)
    found = deliver(exchange, request, exchange.now).response
    assert found is not None
    for quote in found.body["quotes"].values():
        assert quote["ap"] is None
        assert "bp" not in quote
        assert "bs" in quote


def test_the_legs_of_an_order_can_have_an_unknown_status() -> None:
    alter = fault("alter", set={"legs.status": "odd", "status": "odder"})
    exchange = Exchange(default_scenario(faults=(alter,)))
    body = {"symbol": "AAPL", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"}
    legs = {"take_profit": {"limit_price": 900}, "stop_loss": {"stop_price": 1}}
    content = json.dumps(body | legs | {"order_class": "bracket"}).encode()
    found = deliver(exchange, Request("POST", "/v2/orders", {}, KEYS, content), exchange.now)
    assert found.response is not None
    assert found.response.body["status"] == "odder"
    assert [leg["status"] for leg in found.response.body["legs"]] == ["odd", "odd"]


def test_the_data_host_words_its_429_in_its_own_way() -> None:
    exchange = Exchange(default_scenario(faults=(fault("answer", status=429),)))
    request = Request("GET", "/v2/stocks/AAPL/quotes/latest", {}, KEYS)
    found = deliver(exchange, request, exchange.now).response
    assert found is not None
    assert found.body == {"message": "too many requests."}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/stocks/AAPL/quotes/latest", {}),
        ("/v2/stocks/quotes/latest", {"symbols": "AAPL"}),
        ("/v2/positions/AAPL", {}),
    ],
)
def test_a_request_is_matched_by_the_symbol_it_asks_for(path: str, query: Any) -> None:
    exchange = Exchange(default_scenario(faults=(fault("drop", symbol="AAPL"),)))
    found = deliver(exchange, Request("GET", path, query, KEYS), exchange.now)
    assert found.fault == "drop"
    other = path.replace("AAPL", "MSFT")
    query = dict.fromkeys(query, "MSFT")
    assert deliver(exchange, Request("GET", other, query, KEYS), exchange.now).fault is None


@pytest.mark.parametrize("time", ["10ms", "5s"])
def test_a_replacement_can_be_rejected_late_and_the_old_order_lives_on(
    broker: Make, time: str
) -> None:
    reject = fault("late_reject", client_order_id="new", time=time)
    desk = broker(steps={"AAPL": [(0, "100")]}, faults=(reject,))
    old = desk.submit(symbol="AAPL", type="limit", limit_price="90", qty="10")
    desk.wait(1)
    change = {"limit_price": "91", "client_order_id": "new"}
    new = desk.send("PATCH", f"orders/{old['id']}", change).body
    assert desk.order(old)["status"] == "pending_replace"
    assert desk.order(new, after=6)["status"] == "rejected"
    assert desk.order(old)["status"] == "new"
    assert desk.exchange.book.reserved == 900
    names = [event.name for event in desk.exchange.events]
    assert names[2:] == ["pending_replace", "pending_new", "rejected", "order_replace_rejected"]


def test_a_replacement_can_be_unknown_by_client_id_for_a_while(broker: Make) -> None:
    hide = fault("hide_client_id", client_order_id="new", time="2s")
    desk = broker(steps={"AAPL": [(0, "100")]}, faults=(hide,))
    old = desk.submit(symbol="AAPL", type="limit", limit_price="90")
    desk.wait(1)
    change = {"limit_price": "91", "client_order_id": "new"}
    assert desk.send("PATCH", f"orders/{old['id']}", change).status == 200
    asked = {"client_order_id": "new"}
    assert desk.send("GET", "orders:by_client_order_id", **asked).status == 404
    desk.wait(3)
    assert desk.send("GET", "orders:by_client_order_id", **asked).status == 200
