"""Gateways with a real TradingClient, talking to a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from unit.broker.broker_server import Broker, Clock, Server, handler

from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts, Wire


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    server = Server(("127.0.0.1", 0), handler(broker))
    broker.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield broker
    broker.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire() -> list[tuple[int, Wire]]:
    """What the tap of `gateway` was told."""
    return []


@pytest.fixture
def make_gateway(clock: Clock, wire: list[tuple[int, Wire]]) -> Iterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def make(url: str, **options: Any) -> Gateway:
        settings: dict[str, Any] = {
            "timeouts": Timeouts(connect=0.5, read=0.2, total=2.0),
            "tap": lambda n, what: wire.append((n, what)),
            "sleep": clock.sleep,
            "now": clock.now,
        }
        target = options.pop("target", None) or resolve(url)
        gateway = Gateway(target, Credentials("PKTEST", "hidden-secret"), **(settings | options))
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(broker: Broker, make_gateway: Callable[..., Gateway]) -> Gateway:
    return make_gateway(broker.url)
