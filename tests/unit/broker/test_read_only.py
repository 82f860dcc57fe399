"""A gateway that only reads: no write leaves it, however it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alpaca.trading.requests import MarketOrderRequest
from unit.broker.broker_server import ORDER_ID, Broker, Reply

from runner.broker.gateway import Gateway
from runner.broker.wire import Intent, IntentMismatch
from runner.effects import Cancel, ReadAccount, Reason, Replace, Status, Submit

BODY = {
    "symbol": "AAPL",
    "side": "buy",
    "type": "market",
    "time_in_force": "day",
    "qty": "1",
    "client_order_id": "rb-1",
}
CHANGE = {"limit_price": "10", "client_order_id": "rb-1"}
WRITES = (
    Submit("rb-1", BODY),
    Submit("rb-1", BODY, opens=False),
    Replace(ORDER_ID, "rb-1", CHANGE),
    Cancel(ORDER_ID),
)
ANYTHING = Reply(200, {"id": ORDER_ID, "client_order_id": "rb-1", "status": "new"})


@pytest.fixture
def reader(broker: Broker, make_gateway: Callable[..., Gateway]) -> Gateway:
    """A gateway that only reads, to a server that would take anything."""
    paths = ("/v2/orders", f"/v2/orders/{ORDER_ID}", "/v2/positions", "/v2/positions/AAPL")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in paths:
            broker.on(method, path, ANYTHING)
    broker.on("GET", "/v2/account", Reply(200, {"id": "an-account"}))
    return make_gateway(broker.url, read_only=True)


@pytest.mark.parametrize("effect", WRITES, ids=lambda effect: effect.name)
def test_a_write_is_refused_as_not_sent(reader: Gateway, broker: Broker, effect: Any) -> None:
    answer = reader.perform(effect, 1)
    assert answer.status is Status.REFUSED
    assert answer.problem is not None
    assert answer.problem.reason is Reason.NOT_SENT
    assert "this connection only reads" in answer.problem.message
    assert broker.received == []


@pytest.mark.parametrize("effect", WRITES, ids=lambda effect: effect.name)
def test_the_same_write_leaves_a_gateway_that_writes(
    broker: Broker, make_gateway: Callable[..., Gateway], effect: Any
) -> None:
    make_gateway(broker.url).perform(effect, 1)
    assert [one.method for one in broker.received] != []


RAW: dict[str, Callable[[Any], object]] = {
    "submit": lambda client: client.submit_order(
        MarketOrderRequest(symbol="AAPL", side="buy", time_in_force="day", qty=1)
    ),
    "cancel": lambda client: client.cancel_order_by_id(ORDER_ID),
    "cancel all": lambda client: client.cancel_orders(),
    "close": lambda client: client.close_position("AAPL"),
    "close all": lambda client: client.close_all_positions(cancel_orders=True),
    "post": lambda client: client.post("/orders", BODY),
    "put": lambda client: client.put("/orders", BODY),
    "patch": lambda client: client.patch(f"/orders/{ORDER_ID}", CHANGE),
    "delete": lambda client: client.delete("/positions"),
    "session": lambda client: client._session.post(f"{client._base_url}/v2/orders", json=BODY),
    "session's own": lambda client: client._session.request(
        "DELETE", f"{client._base_url}/v2/orders"
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_call_of_the_client_is_stopped_at_the_transport(
    reader: Gateway, broker: Broker, name: str
) -> None:
    with pytest.raises(IntentMismatch):
        RAW[name](reader._client)
    assert broker.received == []


@pytest.mark.parametrize("name", RAW)
def test_not_even_an_intent_opens_the_way(reader: Gateway, broker: Broker, name: str) -> None:
    transport = reader._connection._transport
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        transport.begin(Intent(method, f"{broker.url}/v2/orders", BODY), 1, lambda wire: None)
        with pytest.raises(IntentMismatch, match="only reads"):
            RAW[name](reader._client)
    assert broker.received == []


def test_it_still_reads(reader: Gateway, broker: Broker) -> None:
    assert reader.perform(ReadAccount(), 1).status is Status.OK
    assert [one.method for one in broker.received] == ["GET"]
