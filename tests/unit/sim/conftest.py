"""A broker to talk to without a network: the exchange itself, and a clock in the test's hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Exchange, Request, Response, default_scenario
from runner.sim.sources import Point
from runner.sim.wire import NEW_YORK, encode

KEYS = {"APCA-API-KEY-ID": "key", "APCA-API-SECRET-KEY": "secret"}
LATENCY = timedelta(milliseconds=1)


def new_york(text: str) -> datetime:
    """A New York wall time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


class Broker:
    """One exchange; each request arrives a millisecond after the last thing that happened."""

    def __init__(self, **changes: Any) -> None:
        if isinstance(changes.get("start"), str):
            changes["start"] = new_york(changes["start"])
        steps = changes.pop("steps", {})
        scenario = default_scenario(**changes)
        tape = {
            symbol: tuple(
                Point(scenario.start + timedelta(seconds=at), *map(Decimal, prices))
                for at, *prices in points
            )
            for symbol, points in steps.items()
        }
        self.exchange = Exchange(default_scenario(**{"tape": tape, **changes}))
        self.at = scenario.start

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Response:
        self.at += LATENCY
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(
            method,
            f"/v2/{path}",
            {name: str(value) for name, value in query.items()},
            KEYS,
            b"" if body is None else content,
        )
        return self.exchange.apply(request, self.at)

    def ask(self, path: str, **query: Any) -> Any:
        """The JSON of a GET that must succeed, as it would arrive."""
        response = self.send("GET", path, **query)
        assert response.status == 200, response.body
        return json.loads(encode(response.body))

    def post(self, **order: Any) -> Response:
        """The answer to a new order: a market buy of one share for the day unless said."""
        body = {"side": "buy", "type": "market", "time_in_force": "day", **order}
        if "notional" not in body:
            body.setdefault("qty", "1")
        return self.send("POST", "orders", {k: v for k, v in body.items() if v is not None})

    def submit(self, **order: Any) -> dict[str, Any]:
        """The JSON of a new order that must be accepted."""
        response = self.post(**order)
        assert response.status == 200, response.body
        return dict(response.body)

    def filled(self, **order: Any) -> dict[str, Any]:
        """A new order that must have filled a second later."""
        found = self.order(self.submit(**order), after=1)
        assert found["status"] == "filled", found
        return found

    def order(self, order: dict[str, Any], after: float | Decimal = 0) -> dict[str, Any]:
        """The order as it is so many seconds later."""
        self.wait(after)
        return dict(self.ask(f"orders/{order['id']}"))

    def cancel(self, order: dict[str, Any]) -> Response:
        return self.send("DELETE", f"orders/{order['id']}")

    def wait(self, seconds: float | Decimal) -> None:
        self.at += timedelta(microseconds=int(Decimal(str(seconds)) * 1_000_000))
        self.exchange.advance(self.at)

    def go(self, text: str) -> None:
        """Jumps to a New York wall time."""
        self.at = new_york(text)
        self.exchange.advance(self.at)

    def account(self) -> dict[str, Any]:
        return dict(self.ask("account"))

    def position(self, symbol: str) -> dict[str, Any]:
        return dict(self.ask(f"positions/{symbol}"))


@pytest.fixture
def broker() -> Callable[..., Broker]:
    """Makes a broker; arguments are the scenario's fields, and `steps` for scripted prices."""
    return Broker
