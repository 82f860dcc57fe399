"""Reads, through the real TradingClient and a real socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from unit.broker.broker_server import ORDER_ID, Broker, Clock, Reply

from runner import effects
from runner.broker.connection import ATTEMPTS
from runner.broker.gateway import Gateway
from runner.broker.rate import RateLimit
from runner.broker.wire import Wire, WireRequest
from runner.effects import Answer, Effect, Json, Reason, Status

ACCOUNT = "/v2/account"
ORDER: dict[str, Json] = {
    "id": ORDER_ID,
    "client_order_id": "rb-1",
    "symbol": "AAPL",
    "status": "new",
}
CLOCK: dict[str, Json] = {
    "timestamp": "2026-11-23T10:30:00.123456789-05:00",
    "is_open": True,
    "next_open": "2026-11-24T09:30:00-05:00",
    "next_close": "2026-11-23T16:00:00-05:00",
}
ABSENT = Reply(404, {"code": 40410000, "message": "there is no such thing"})
READ_ACCOUNT = effects.ReadAccount()


def reason(answer: Answer) -> Reason:
    assert answer.problem is not None
    return answer.problem.reason


SINGLE: list[tuple[Effect, str, dict[str, str], object, dict[str, Json]]] = [
    (READ_ACCOUNT, ACCOUNT, {}, '{"cash": 100.10}', {"cash": "100.10"}),
    (
        effects.ReadConfiguration(),
        "/v2/account/configurations",
        {},
        {"no_shorting": False},
        {"no_shorting": False},
    ),
    (
        effects.ReadPositions(),
        "/v2/positions",
        {},
        [{"symbol": "AAPL", "qty": "3"}],
        {"positions": [{"symbol": "AAPL", "qty": "3"}]},
    ),
    (
        effects.ReadPosition("BRK.B"),
        "/v2/positions/BRK.B",
        {},
        {"symbol": "BRK.B", "qty": "3"},
        {"symbol": "BRK.B", "qty": "3"},
    ),
    (
        effects.ReadPosition("BTC/USD"),
        "/v2/positions/BTCUSD",
        {},
        {"symbol": "BTCUSD", "qty": "0.1"},
        {"symbol": "BTCUSD", "qty": "0.1"},
    ),
    (effects.ReadOrder(ORDER_ID), f"/v2/orders/{ORDER_ID}", {"nested": "True"}, ORDER, dict(ORDER)),
    (
        effects.ReadOrderByClientId("rb-1"),
        "/v2/orders:by_client_order_id",
        {"client_order_id": "rb-1"},
        ORDER,
        dict(ORDER),
    ),
    (
        effects.ReadAsset("BTC/USD"),
        "/v2/assets/BTC%2FUSD",
        {},
        {"symbol": "BTC/USD", "tradable": True},
        {"symbol": "BTC/USD", "tradable": True},
    ),
    (effects.ReadClock(), "/v2/clock", {}, CLOCK, dict(CLOCK)),
    (
        effects.ReadCalendar(date(2026, 11, 23), date(2026, 11, 27)),
        "/v2/calendar",
        {"start": "2026-11-23", "end": "2026-11-27"},
        [{"date": "2026-11-23", "open": "09:30", "close": "16:00"}],
        {"days": [{"date": "2026-11-23", "open": "09:30", "close": "16:00"}]},
    ),
]


@pytest.mark.parametrize(
    ("effect", "path", "query", "body", "data"), SINGLE, ids=lambda one: getattr(one, "name", "")
)
def test_each_read_asks_for_one_thing_and_gives_it_back(
    *,
    effect: Effect,
    path: str,
    query: dict[str, str],
    body: object,
    data: dict[str, Json],
    gateway: Gateway,
    broker: Broker,
) -> None:
    broker.on("GET", path, Reply(200, body))
    assert gateway.perform(effect, 1) == Answer(Status.OK, data)
    assert [(one.path, one.query) for one in broker.received] == [(path, query)]


@pytest.mark.parametrize(
    ("effect", "path"),
    [
        (effects.ReadPosition("AAPL"), "/v2/positions/AAPL"),
        (effects.ReadOrder(ORDER_ID), f"/v2/orders/{ORDER_ID}"),
        (effects.ReadOrderByClientId("rb-1"), "/v2/orders:by_client_order_id"),
        (effects.ReadAsset("AAPL"), "/v2/assets/AAPL"),
    ],
)
@pytest.mark.parametrize("page", ["<html>404</html>", "", "{}"])
def test_absence_needs_the_brokers_own_words(
    effect: Effect, path: str, page: str, gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", path, ABSENT)
    assert gateway.perform(effect, 1).status is Status.ABSENT
    broker.on("GET", path, Reply(404, page))
    assert gateway.perform(effect, 1).status is Status.UNAVAILABLE


@pytest.mark.parametrize(
    ("effect", "path", "body"),
    [
        (effects.ReadOrder(ORDER_ID), f"/v2/orders/{ORDER_ID}", ORDER | {"id": "another"}),
        (
            effects.ReadOrderByClientId("rb-1"),
            "/v2/orders:by_client_order_id",
            ORDER | {"client_order_id": "another"},
        ),
        (effects.ReadPosition("AAPL"), "/v2/positions/AAPL", {"symbol": "MSFT", "qty": "1"}),
        (effects.ReadAsset("AAPL"), "/v2/assets/AAPL", {"tradable": True}),
        (READ_ACCOUNT, ACCOUNT, [1]),
        (effects.ReadPositions(), "/v2/positions", {"positions": []}),
        (effects.ReadPositions(), "/v2/positions", ["AAPL"]),
        (effects.ReadOpenOrders(), "/v2/orders", None),
        (effects.ReadClock(), "/v2/clock", CLOCK | {"is_open": "yes"}),
        (effects.ReadClock(), "/v2/clock", CLOCK | {"timestamp": "2026-11-23T10:30:00"}),
        (effects.ReadClock(), "/v2/clock", {}),
    ],
)
def test_an_answer_about_something_else_is_not_believed(
    effect: Effect, path: str, body: object, gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", path, Reply(200, body))
    answer = gateway.perform(effect, 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.UNREADABLE)


# ------------------------------------------------------------------------------ retries


@pytest.mark.parametrize(
    "failure",
    [
        Reply(500),
        Reply(503, "<html>"),
        Reply(504),
        Reply(429),
        Reply(200, None),
        Reply(200, "<html>"),
        Reply(200, {"id": "a"}, act="truncate"),
        Reply(act="drop"),
        Reply(act="reset"),
        Reply(act="hang"),
    ],
    ids=lambda one: f"{one.status} {one.act}",
)
def test_a_read_is_tried_again(
    failure: Reply, gateway: Gateway, broker: Broker, clock: Clock, wire: list[tuple[int, Wire]]
) -> None:
    broker.on("GET", ACCOUNT, failure, failure, Reply(200, {"id": "a"}))
    assert gateway.perform(READ_ACCOUNT, 1) == Answer(Status.OK, {"id": "a"})
    assert clock.slept == [0.5, 1.0]
    attempts = [what.attempt for _, what in wire if isinstance(what, WireRequest)]
    assert attempts == [1, 2, 3]


def test_a_read_is_given_up_after_a_few_attempts(
    gateway: Gateway, broker: Broker, clock: Clock
) -> None:
    broker.on("GET", ACCOUNT, Reply(503, {"message": "closed for repairs"}))
    answer = gateway.perform(READ_ACCOUNT, 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.BROKER_FAULT)
    assert answer.problem is not None
    assert answer.problem.message == "closed for repairs"
    assert broker.count("GET", ACCOUNT) == ATTEMPTS
    assert clock.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"X-RateLimit-Reset": "1795334430", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, 30.0),
        ({"X-RateLimit-Reset": "1795334430"}, 0.5),
    ],
)
def test_a_read_waits_as_long_as_the_broker_asks(
    headers: dict[str, str], pause: float, gateway: Gateway, broker: Broker, clock: Clock
) -> None:
    broker.on("GET", ACCOUNT, Reply(429, None, headers), Reply(200, {"id": "a"}))
    assert gateway.perform(READ_ACCOUNT, 1).status is Status.OK
    assert clock.slept == [pause]


def test_a_read_does_not_wait_for_ever(gateway: Gateway, broker: Broker, clock: Clock) -> None:
    broker.on("GET", ACCOUNT, Reply(429, None, {"Retry-After": "86400"}))
    answer = gateway.perform(READ_ACCOUNT, 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.RATE_LIMITED)
    assert (broker.count("GET", ACCOUNT), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, {"message": "unauthorized."}), Reason.CREDENTIALS),
        (Reply(401, "<html>"), Reason.CREDENTIALS),
        (Reply(403, {"code": 40310000, "message": "no"}), Reason.FORBIDDEN),
        (Reply(422, {"code": 40010001, "message": "no"}), Reason.INVALID_ORDER),
    ],
)
def test_a_refused_read_is_not_repeated(
    reply: Reply, expected: Reason, gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", ACCOUNT, reply)
    answer = gateway.perform(READ_ACCOUNT, 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, expected)
    assert broker.count("GET", ACCOUNT) == 1


def test_a_redirected_read_is_neither_followed_nor_repeated(
    gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", ACCOUNT, Reply(302, headers={"Location": f"{broker.url}/v2/clock"}))
    answer = gateway.perform(READ_ACCOUNT, 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.UNREADABLE)
    assert len(broker.received) == 1


def test_a_server_without_the_endpoint_is_not_asked_again(gateway: Gateway, broker: Broker) -> None:
    path = "/v2/orders:by_client_order_id"
    broker.on("GET", path, Reply(404, {"code": 40410000, "message": "endpoint not found."}))
    answer = gateway.perform(effects.ReadOrderByClientId("rb-1"), 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.NOT_FOUND)
    assert len(broker.received) == 1


def test_an_unreachable_broker_is_unavailable(make_gateway: Callable[..., Gateway]) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    answer = make_gateway(f"http://127.0.0.1:{port}").perform(READ_ACCOUNT, 1)
    assert (answer.status, reason(answer)) == (Status.UNAVAILABLE, Reason.UNREACHABLE)


def test_a_refused_certificate_is_not_tried_again(
    broker: Broker, make_gateway: Callable[..., Gateway], clock: Clock
) -> None:
    gateway = make_gateway(broker.url.replace("http:", "https:"))
    assert gateway.perform(READ_ACCOUNT, 1).status is Status.UNAVAILABLE
    assert clock.slept == []


def test_reads_stay_under_the_rate_limit_and_cancels_do_not_wait(
    broker: Broker, make_gateway: Callable[..., Gateway], clock: Clock
) -> None:
    gateway = make_gateway(broker.url, rate_limit=RateLimit(per_minute=4, reserve=2))
    broker.on("GET", ACCOUNT, Reply(200, {"id": "a"}))
    broker.on("DELETE", f"/v2/orders/{ORDER_ID}", Reply(204))
    gateway.perform(READ_ACCOUNT, 1)
    gateway.perform(READ_ACCOUNT, 2)
    gateway.perform(effects.Cancel(ORDER_ID), 3)
    assert clock.slept == []
    gateway.perform(READ_ACCOUNT, 4)
    assert clock.slept == [60.0]


# -------------------------------------------------------------------------------- lists


def test_open_orders_of_all_symbols_are_asked_for_with_their_legs(
    gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", "/v2/orders", Reply(200, [ORDER]))
    answer = gateway.perform(effects.ReadOpenOrders(), 1)
    assert answer == Answer(Status.OK, {"orders": [dict(ORDER)]})
    assert broker.received[0].query == {
        "status": "open",
        "limit": "500",
        "direction": "asc",
        "nested": "True",
    }


def test_open_orders_of_a_symbol_are_found_however_it_is_spelt_and_in_legs(
    gateway: Gateway, broker: Broker
) -> None:
    orders: list[dict[str, Any]] = [
        {"id": "1", "symbol": "BTC/USD"},
        {"id": "2", "symbol": "BTCUSD"},
        {"id": "3", "symbol": "AAPL"},
        {"id": "4", "symbol": "", "legs": [{"id": "5", "symbol": "BTC/USD"}]},
        {"id": "6", "symbol": None, "legs": None},
    ]
    broker.on("GET", "/v2/orders", Reply(200, orders))
    answer = gateway.perform(effects.ReadOpenOrders(("BTC/USD",)), 1)
    found = answer.data["orders"]
    assert isinstance(found, list)
    assert [order["id"] for order in found if isinstance(order, dict)] == ["1", "2", "4"]


def test_open_orders_beyond_one_page_are_all_read(gateway: Gateway, broker: Broker) -> None:
    def order(number: int) -> dict[str, str]:
        return {"id": str(number), "submitted_at": f"2026-11-23T14:30:00.{number:06}999Z"}

    first = [order(number) for number in range(500)]
    second = [order(number) for number in range(499, 510)]
    broker.on("GET", "/v2/orders", Reply(200, first), Reply(200, second))
    answer = gateway.perform(effects.ReadOpenOrders(), 1)
    assert answer.data["orders"] == [order(number) for number in range(510)]
    assert broker.received[1].query["after"] == "2026-11-23T14:30:00.000498+00:00"


def test_activities_are_read_page_by_page_oldest_first(gateway: Gateway, broker: Broker) -> None:
    path = "/v2/account/activities/FILL"
    known: list[Json] = [{"id": f"a{number}", "price": "1.10"} for number in range(101)]
    broker.on("GET", path, Reply(200, known[:100]), Reply(200, known[100:]))
    after = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    answer = gateway.perform(effects.ReadActivities("FILL", after), 1)
    assert answer == Answer(Status.OK, {"activities": known})
    first, second = (one.query for one in broker.received)
    assert first == {
        "after": "2026-11-23T14:30:00.000000Z",
        "direction": "asc",
        "page_size": "100",
    }
    assert second == first | {"page_token": "a99"}


# -------------------------------------------------------------------------------- world


QUOTE = {"bp": 99.95, "ap": 100.05, "bs": 1, "as": 2, "t": "2026-11-23T15:30:00Z", "ax": "V"}
READ_WORLD = effects.ReadWorld("AAPL")
HELD: list[Json] = [{"symbol": "BTCUSD", "qty": "1"}, {"symbol": "AAPL", "qty": "3"}]


@pytest.fixture
def world(broker: Broker) -> Broker:
    broker.on("GET", ACCOUNT, Reply(200, {"cash": "5"}))
    broker.on("GET", "/v2/positions", Reply(200, HELD))
    broker.on("GET", "/v2/orders", Reply(200, [ORDER]))
    broker.on("GET", "/v2/clock", Reply(200, CLOCK))
    broker.on("GET", "/v2/assets/AAPL", Reply(200, {"symbol": "AAPL", "tradable": True}))
    broker.on("GET", "/v2/stocks/AAPL/quotes/latest", Reply(200, {"quote": QUOTE}))
    return broker


def test_the_world_is_one_reading_of_everything(gateway: Gateway, world: Broker) -> None:
    answer = gateway.perform(READ_WORLD, 1)
    assert answer.status is Status.OK
    assert answer.data == {
        "account": {"cash": "5"},
        "position": {"symbol": "AAPL", "qty": "3"},
        "positions": HELD,
        "open_orders": [ORDER],
        "clock": CLOCK,
        "asset": {"symbol": "AAPL", "tradable": True},
        "quote": {
            "symbol": "AAPL",
            "feed": "default",
            "quote": {"bp": "99.95", "ap": "100.05", "bs": 1, "as": 2, "t": QUOTE["t"]},
        },
    }


def test_what_is_absent_or_can_be_done_without_is_null(gateway: Gateway, world: Broker) -> None:
    world.on("GET", "/v2/positions", Reply(200, []))
    world.on("GET", "/v2/assets/AAPL", ABSENT)
    world.on("GET", "/v2/stocks/AAPL/quotes/latest", Reply(500))
    world.on("GET", "/v2/clock", Reply(500))
    answer = gateway.perform(READ_WORLD, 1)
    assert answer.status is Status.OK
    assert [answer.data[name] for name in ("position", "asset", "quote", "clock")] == [None] * 4
    assert world.count("GET", "/v2/stocks/AAPL/quotes/latest") == 2
    assert world.count("GET", "/v2/clock") == 2


@pytest.mark.parametrize("path", [ACCOUNT, "/v2/positions", "/v2/orders"])
def test_a_world_without_an_essential_part_is_unavailable(
    path: str, gateway: Gateway, world: Broker
) -> None:
    for reply in (Reply(503), Reply(200, "<html>"), Reply(404, "<html>")):
        world.on("GET", path, reply)
        answer = gateway.perform(READ_WORLD, 1)
        assert (answer.status, answer.data) == (Status.UNAVAILABLE, {})
    world.on("GET", path, ABSENT)
    assert gateway.perform(READ_WORLD, 1).status is Status.UNAVAILABLE


@pytest.mark.parametrize("listed", [[{"qty": "3"}], [{"symbol": None, "qty": "3"}], ["AAPL"], {}])
def test_positions_of_which_one_may_be_any_are_no_world(
    listed: Json, gateway: Gateway, world: Broker
) -> None:
    world.on("GET", "/v2/positions", Reply(200, listed))
    assert gateway.perform(READ_WORLD, 1).status is Status.UNAVAILABLE


def test_a_crypto_position_is_found_under_either_spelling(gateway: Gateway, world: Broker) -> None:
    world.on("GET", "/v2/assets/BTC%2FUSD", ABSENT)
    world.on("GET", "/v1beta3/crypto/us/latest/quotes", ABSENT)
    answer = gateway.perform(effects.ReadWorld("BTC/USD"), 1)
    assert answer.data["position"] == HELD[0]


def test_a_world_read_with_a_wrong_key_says_so(gateway: Gateway, world: Broker) -> None:
    world.on("GET", ACCOUNT, Reply(401, {"message": "unauthorized."}))
    answer = gateway.perform(READ_WORLD, 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.CREDENTIALS)


def test_what_a_broker_does_not_perform_is_the_drivers(gateway: Gateway) -> None:
    with pytest.raises(TypeError, match="sleep"):
        gateway.perform(effects.Sleep(datetime(2026, 11, 23, tzinfo=UTC)), 1)
