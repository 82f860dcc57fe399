"""Trade updates wake and do nothing else: alpaca-py's own TradingStream over real sockets."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from runner.broker.credentials import Credentials
from runner.broker.stream import GRACE, TradeUpdates, stream_url

KEYS = Credentials("PKSTREAM", "a-very-secret-word")
OURS, THEIRS = "order-1", "order-2"
AUTHORIZED = {"stream": "authorization", "data": {"status": "authorized"}}
LISTENING = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
SOON = 1.5
"""Seconds within which an end counts as prompt on a machine that does other things."""


def update(order_id: str) -> dict[str, object]:
    return {"stream": "trade_updates", "data": {"event": "fill", "order": {"id": order_id}}}


def eventually(holds: Callable[[], object]) -> None:
    over = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < over
        time.sleep(0.005)


class Server:
    """A stream server that says what a test wants after the two answers."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.connections: list[ServerConnection] = []
        self.heard: list[str | bytes] = []
        self.url = ""

    def say(self, frame: object) -> None:
        self.connections[-1].send(frame if isinstance(frame, str) else json.dumps(frame))

    def _handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        answers = list(self.answers)
        with suppress(ConnectionClosed):
            for frame in connection:
                self.heard.append(frame)
                if answers:
                    self.say(answers.pop(0))


@contextmanager
def serving(*answers: object) -> Iterator[Server]:
    server = Server(*answers)
    quiet = logging.Logger("server", logging.CRITICAL)
    with serve(server._handle, "127.0.0.1", 0, logger=quiet) as running:
        server.url = f"http://127.0.0.1:{running.socket.getsockname()[1]}"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(AUTHORIZED, LISTENING) as running:
        yield running


@contextmanager
def listening_to(url: str) -> Iterator[TradeUpdates]:
    updates = TradeUpdates(url, KEYS)
    updates.watch([OURS])
    updates.start()
    try:
        yield updates
    finally:
        updates.stop()
        assert not any(one.name == "trade-updates" for one in threading.enumerate())


def test_it_wakes_when_it_begins_to_listen_because_what_was_before_is_not_told(
    server: Server,
) -> None:
    with listening_to(server.url) as updates:
        eventually(lambda: updates.listening)
        assert updates.take()
        assert not updates.take()


@pytest.mark.parametrize(
    "frame",
    [update(OURS), {"stream": "trade_updates", "data": None}, {"stream": "trade_updates"},
     {"stream": "trade_updates", "data": {"order": "?"}}],
    ids=["an own order", "null", "no data", "no order"],
)  # fmt: skip
def test_an_update_that_may_be_ours_wakes(server: Server, frame: object) -> None:
    with listening_to(server.url) as updates:
        eventually(lambda: updates.listening and updates.take())
        server.say(frame)
        assert updates.changed.wait(5)


def test_updates_of_other_orders_cost_no_reads(server: Server) -> None:
    with listening_to(server.url) as updates:
        eventually(lambda: updates.listening and updates.take())
        server.say(update(THEIRS))
        server.say("no JSON at all")
        server.say([1])
        assert not updates.changed.wait(0.1)
        server.say(update(OURS))
        assert updates.changed.wait(5)


def test_a_lost_connection_wakes_and_is_not_relied_on(server: Server) -> None:
    with listening_to(server.url) as updates:
        eventually(lambda: updates.listening and updates.take())
        server.connections[-1].close()
        eventually(lambda: not updates.listening)
        assert updates.take()
        eventually(lambda: updates.listening)
        assert len(server.connections) == 2


def test_a_stream_that_missed_a_change_is_not_relied_on_until_it_speaks(server: Server) -> None:
    with listening_to(server.url) as updates:
        eventually(lambda: updates.listening)
        updates.missed()
        assert not updates.listening
        server.say(update(THEIRS))
        eventually(lambda: updates.listening)


@pytest.mark.parametrize(
    "answers",
    [(), (AUTHORIZED,), ({"stream": "authorization", "data": {"status": "unauthorized"}},),
     (AUTHORIZED, {"stream": "listening", "data": {"streams": []}}), ("null", "null"),
     (AUTHORIZED, LISTENING)],
    ids=["silent", "never acknowledged", "refused", "other streams", "nonsense", "well"],
)  # fmt: skip
def test_it_ends_at_once_whatever_the_server_does(answers: tuple[object, ...]) -> None:
    with serving(*answers) as server, listening_to(server.url) as updates:
        eventually(lambda: server.heard)
        time.sleep(0.05)
        began = time.monotonic()
        updates.stop()
        assert time.monotonic() - began < SOON
        assert not updates.listening


def test_it_ends_at_once_when_nobody_answers_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        with listening_to(f"http://127.0.0.1:{deaf.getsockname()[1]}") as updates:
            time.sleep(0.2)
            began = time.monotonic()
            updates.stop()
        assert time.monotonic() - began < SOON


def test_it_ends_before_it_began() -> None:
    with listening_to("http://127.0.0.1:9") as updates:
        updates.stop()
    never = TradeUpdates("http://127.0.0.1:9", KEYS)
    never.stop()
    never.start()
    assert not any(one.name == "trade-updates" for one in threading.enumerate())


def test_its_absence_is_said_once_and_only_when_it_lasts() -> None:
    seconds = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    updates = TradeUpdates(f"http://127.0.0.1:{closed}", KEYS, now=lambda: seconds[0])
    assert updates.complaint() == ""
    updates.start()
    try:
        assert updates.complaint() == ""
        eventually(lambda: updates._why)
        seconds[0] = GRACE
        said = updates.complaint()
        assert "no trade updates" in said
        assert "Connect call failed" in said
        assert updates.complaint() == ""
    finally:
        updates.stop()


def test_it_logs_nothing_anywhere_and_no_secret(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        with listening_to(server.url) as updates:
            eventually(lambda: updates.listening)
            server.say({"stream": "trade_updates", "data": None})
            server.say("no JSON")
        with listening_to("http://127.0.0.1:9"):
            time.sleep(0.2)
    assert any(KEYS.secret in str(frame) for frame in server.heard)
    assert KEYS.secret not in caplog.text
    assert "alpaca" not in caplog.text
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_somebody_elses_stream_in_this_process_keeps_its_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), listening_to(server.url) as updates:
        eventually(lambda: updates.listening)
        logging.getLogger("alpaca.trading.stream").info("the user's own bot")
    assert [record.getMessage() for record in caplog.records] == ["the user's own bot"]


@pytest.mark.parametrize(
    ("base", "url"),
    [("https://paper-api.alpaca.markets", "wss://paper-api.alpaca.markets/stream"),
     ("http://127.0.0.1:8787", "ws://127.0.0.1:8787/stream"),
     ("https://broker.example/alpaca", "wss://broker.example/alpaca/stream")],
)  # fmt: skip
def test_the_stream_is_beside_the_trading_api(base: str, url: str) -> None:
    assert stream_url(base) == url
