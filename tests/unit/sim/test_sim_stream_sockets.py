"""`/stream` over real sockets: alpaca-py's TradingStream, and a plain websockets client."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import TradeUpdate
from alpaca.trading.requests import MarketOrderRequest
from alpaca.trading.stream import TradingStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from runner.sim import (
    Exchange,
    FlowingClock,
    Request,
    Served,
    VirtualClock,
    default_scenario,
    serve,
)
from runner.sim.faults_reader import read_fault

KEYS = {"apca-api-key-id": "k", "apca-api-secret-key": "s"}
ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
ONE_ORDER = ["pending_new", "new", "fill"]


@pytest.fixture
def served() -> Iterator[Served]:
    scenario = default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as running:
        yield running


def buy(served: Served, **order: str) -> None:
    """One order, and everything that happens to it."""
    body = json.dumps({**ORDER, **order}).encode()
    assert served.answer(Request("POST", "/v2/orders", {}, KEYS, body)).status == 200
    served.sleep_until(served.now() + timedelta(seconds=1))


def arm(served: Served, effect: str, **keys: Any) -> None:
    served.exchange.faults.arm(read_fault({"fault": effect, **keys}), served.now())


async def greet(socket: ClientConnection) -> list[dict[str, Any]]:
    """Authenticates and listens; the two answers."""
    answers = []
    for message in (
        {"action": "authenticate", "data": {"key_id": "k", "secret_key": "s"}},
        {"action": "listen", "data": {"streams": ["trade_updates"]}},
    ):
        await socket.send(json.dumps(message))
        answers.append(json.loads(await socket.recv()))
    return answers


async def events(socket: ClientConnection, count: int) -> list[str | None]:
    """The names of the next updates; None for one without data."""
    found = []
    for _ in range(count):
        frame = await asyncio.wait_for(socket.recv(), 5)
        assert isinstance(frame, bytes)
        message = json.loads(frame)
        assert message["stream"] == "trade_updates"
        found.append(message["data"] and message["data"]["event"])
    return found


def talk(served: Served, conversation: Callable[[ClientConnection], Awaitable[None]]) -> None:
    """Has a conversation on one connection, in a loop of its own."""

    async def hold() -> None:
        async with connect(served.url.replace("http", "ws") + "/stream") as socket:
            await conversation(socket)

    asyncio.run(hold())


def test_each_change_of_an_order_is_an_update(served: Served) -> None:
    buy(served)  # before anybody listens: never sent

    async def conversation(socket: ClientConnection) -> None:
        assert [answer["data"] for answer in await greet(socket)] == [
            {"status": "authorized", "action": "authenticate"},
            {"streams": ["trade_updates"]},
        ]
        buy(served, client_order_id="mine")
        assert await events(socket, 2) == ["pending_new", "new"]
        data = json.loads(await socket.recv())["data"]
        assert (data["event"], data["qty"], data["position_qty"]) == ("fill", "1", "2")
        assert data["order"]["client_order_id"] == "mine"
        assert data["order"]["status"] == "filled"

    talk(served, conversation)


def test_alpacas_own_stream_receives_typed_updates(served: Served) -> None:
    stream = TradingStream(
        "k", "s", url_override=served.url.replace("http", "ws") + "/stream", raw_data=False
    )
    client: Any = TradingClient("k", "s", url_override=served.url)
    client._session.trust_env = False
    seen: list[TradeUpdate] = []
    done = threading.Event()

    async def handle(update: Any) -> None:
        seen.append(update)
        if update.event == "fill":
            done.set()

    stream.subscribe_trade_updates(handle)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    while not served.listening:  # alpaca-py tells nobody when it listens
        time.sleep(0.01)
    order = client.submit_order(
        MarketOrderRequest(symbol="AAPL", qty=2, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
    )
    served.sleep_until(served.now() + timedelta(seconds=1))
    assert done.wait(5)
    updates = list(seen)
    stream.stop()
    buy(served)  # it looks whether it should stop when a frame comes, or every five seconds
    thread.join(5)
    assert not thread.is_alive()
    assert [getattr(update.event, "value", update.event) for update in updates] == ONE_ORDER
    assert {update.order.id for update in updates} == {order.id}
    assert updates[-1].qty == 2


def test_on_a_flowing_clock_updates_come_when_they_are_due() -> None:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start, 5)) as served:

        async def conversation(socket: ClientConnection) -> None:
            await greet(socket)
            body = json.dumps(ORDER).encode()
            served.deliver(Request("POST", "/v2/orders", {}, KEYS, body))
            assert await events(socket, 3) == ONE_ORDER  # nobody asks for anything meanwhile

        talk(served, conversation)


def test_messagepack_is_spoken_when_asked_for(served: Served) -> None:
    async def hold() -> None:
        headers = {"Content-Type": "application/msgpack"}
        url = served.url.replace("http", "ws") + "/stream"
        async with connect(url, additional_headers=headers) as socket:
            keys = {"action": "authenticate", "data": {"key_id": "k", "secret_key": "s"}}
            await socket.send(msgspec.msgpack.encode(keys))
            answer = await socket.recv()
            assert isinstance(answer, bytes)
            assert msgspec.msgpack.decode(answer)["data"]["status"] == "authorized"

    asyncio.run(hold())


def refused(served: Served, path: str = "/stream") -> int:
    async def knock() -> int:
        with pytest.raises(InvalidStatus) as error:
            await connect(served.url.replace("http", "ws") + path).__aenter__()
        return error.value.response.status_code

    return asyncio.run(knock())


def test_a_second_connection_is_refused_and_the_seat_is_free_again_after(served: Served) -> None:
    async def conversation(socket: ClientConnection) -> None:
        await greet(socket)
        assert await asyncio.to_thread(refused, served) == 429

    talk(served, conversation)
    deadline = time.monotonic() + 5
    while served.streaming and time.monotonic() < deadline:
        time.sleep(0.01)
    talk(served, conversation)


def test_there_is_no_stream_elsewhere(served: Served) -> None:
    assert refused(served, "/v2/stream") == 404


def test_a_connection_can_be_refused_by_a_fault(served: Served) -> None:
    arm(served, "stream_refuse", nth=1)
    assert refused(served) == 429


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"fault": "stream_lose", "event": "new"}, ["pending_new", "fill"]),
        ({"fault": "stream_duplicate", "nth": 2}, ["pending_new", "new", "new", "fill"]),
        ({"fault": "stream_reorder", "event": "new"}, ["pending_new", "fill", "new"]),
        ({"fault": "stream_null", "first": 2}, [None, None, "fill"]),
        ({"fault": "stream_silence", "event": "pending_new", "time": "100ms"}, ["fill"]),
        ({"fault": "stream_silence", "symbol": "F"}, ONE_ORDER),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else "",
)
def test_updates_go_wrong_as_told(
    served: Served, fault: dict[str, Any], seen: list[str | None]
) -> None:
    served.exchange.faults.arm(read_fault(fault), served.now())

    async def conversation(socket: ClientConnection) -> None:
        await greet(socket)
        buy(served)
        assert await events(socket, len(seen)) == seen
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.05)

    talk(served, conversation)


def test_a_connection_is_lost_together_with_its_update(served: Served) -> None:
    arm(served, "stream_drop", event="new")

    async def conversation(socket: ClientConnection) -> None:
        await greet(socket)
        buy(served)
        assert await events(socket, 1) == ["pending_new"]
        with pytest.raises(ConnectionClosed) as error:
            await asyncio.wait_for(socket.recv(), 5)
        assert error.value.rcvd is None  # no closing handshake: the connection broke

    talk(served, conversation)


def test_a_listen_can_stay_unanswered(served: Served) -> None:
    arm(served, "stream_no_ack")

    async def conversation(socket: ClientConnection) -> None:
        keys = {"action": "authenticate", "data": {"key_id": "k", "secret_key": "s"}}
        await socket.send(json.dumps(keys))
        await socket.recv()
        await socket.send('{"action": "listen", "data": {"streams": ["trade_updates"]}}')
        buy(served)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)

    talk(served, conversation)
