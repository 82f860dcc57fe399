"""Faults over real connections, met by Alpaca's own client."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest
from pydantic import ValidationError
from requests.adapters import HTTPAdapter

from runner.sim import Exchange, FlowingClock, Served, VirtualClock, default_scenario, serve
from runner.sim.faults_reader import read_fault

READ_TIMEOUT = 0.8
ORDER = MarketOrderRequest(symbol="AAPL", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)


class Impatient(HTTPAdapter):
    """Gives every request the read timeout that alpaca-py lacks."""

    def send(self, *args: Any, **keywords: Any) -> requests.Response:
        return super().send(*args, **{**keywords, "timeout": (1, READ_TIMEOUT)})


@pytest.fixture
def served() -> Iterator[Served]:
    scenario = default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Any:
    return client_of(served)


def client_of(served: Served) -> Any:
    found: Any = TradingClient("k", "s", url_override=served.url)
    found._session.trust_env = False
    found._session.mount("http://", Impatient())
    found._retry_codes = []
    return found


def arm(served: Served, effect: str, **keys: Any) -> None:
    served.exchange.faults.arm(read_fault({"fault": effect, **keys}), served.now())


def orders(served: Served) -> int:
    return len(served.exchange.book)


@pytest.mark.parametrize(("commit", "landed"), [("yes", 1), ("no", 0)])
def test_a_dropped_connection_is_no_answer_at_all(
    served: Served, client: Any, commit: str, landed: int
) -> None:
    arm(served, "drop", method="POST", nth=1, commit=commit)
    with pytest.raises(requests.exceptions.ConnectionError, match="without response"):
        client.submit_order(ORDER)
    assert orders(served) == landed
    client.submit_order(ORDER)  # the client connects anew
    assert orders(served) == landed + 1


def test_a_hanging_answer_ends_with_the_clients_own_timeout(served: Served, client: Any) -> None:
    arm(served, "hang", method="POST", nth=1)
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.submit_order(ORDER)
    assert READ_TIMEOUT <= time.monotonic() - began < READ_TIMEOUT + 1
    assert orders(served) == 1
    assert client.get_clock().is_open  # others are served meanwhile and after


def test_the_exchange_stops_at_once_while_an_answer_hangs() -> None:
    scenario = default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        arm(served, "hang")
        host, port = served.url.removeprefix("http://").split(":")
        waiting = socket.create_connection((host, int(port)))
        waiting.sendall(b"GET /v2/clock HTTP/1.1\r\nHost: x\r\n\r\n")
        while not served.received.total:
            time.sleep(0.005)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert waiting.recv(10) == b""
    waiting.close()


def test_a_delay_passes_at_once_on_a_virtual_clock(served: Served, client: Any) -> None:
    arm(served, "delay", method="POST", time="20s")
    before = served.now()
    began = time.monotonic()
    client.submit_order(ORDER)
    assert time.monotonic() - began < READ_TIMEOUT
    assert served.now() - before >= timedelta(seconds=20)


@pytest.mark.parametrize("commit", ["yes", "late"])
def test_a_delay_is_waited_for_on_a_flowing_clock(commit: str) -> None:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start, 100)) as served:
        arm(served, "delay", method="POST", time="20s", commit=commit)
        client = client_of(served)
        began = time.monotonic()
        client.submit_order(ORDER)
        assert time.monotonic() - began >= 0.19
        arm(served, "delay", method="GET", time="200s")
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.get_account()


def test_a_late_order_arrives_after_the_client_has_given_up(served: Served, client: Any) -> None:
    arm(served, "drop", method="POST", commit="late", time="30s", nth=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.submit_order(ORDER)
    assert client.get_orders() == []
    changed = served.wait_for_change(served.now() + timedelta(minutes=5))
    assert changed < served.now() + timedelta(seconds=31)
    assert orders(served) == 1


@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_page_of_html_is_an_api_error_without_a_code(
    served: Served, client: Any, status: int
) -> None:
    arm(served, "answer", method="POST", status=status, body="html", commit="yes")
    with pytest.raises(APIError) as error:
        client.submit_order(ORDER)
    assert error.value.status_code == status
    assert "<h1>" in str(error.value)
    assert orders(served) == 1


def test_a_burst_of_429_is_over_after_so_many(served: Served, client: Any) -> None:
    arm(served, "answer", path="/v2/account", status=429, first=2, headers="no")
    for _ in range(2):
        with pytest.raises(APIError) as error:
            client.get_account()
        assert (error.value.status_code, error.value.code) == (429, 42910000)
    assert client.get_account().cash == "100000"


@pytest.mark.parametrize(
    ("effect", "keys", "error"),
    [
        ("truncate", {}, requests.exceptions.JSONDecodeError),
        ("empty", {}, TypeError),
        ("alter", {"set": {"status": "teleported"}}, ValidationError),
        ("alter", {"omit": ["created_at"]}, ValidationError),
    ],
)
def test_an_answer_that_cannot_be_read_belongs_to_an_accepted_order(
    served: Served, client: Any, effect: str, keys: dict[str, Any], error: type[Exception]
) -> None:
    arm(served, effect, method="POST", **keys)
    with pytest.raises(error):
        client.submit_order(ORDER)
    assert orders(served) == 1


def test_what_was_received_is_told_with_the_fault_it_met(served: Served, client: Any) -> None:
    arm(served, "drop", method="POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.submit_order(ORDER)
    client.get_clock()
    rows = [received.body() for received in served.received.after(0, 10)]
    assert [(row["method"], row["status"], row["fault"]) for row in rows] == [
        ("POST", None, "drop"),
        ("GET", 200, None),
    ]
    assert '"symbol": "AAPL"' in rows[0]["body"]
    assert "APCA" not in str(rows)
