"""Whatever is sent, the exchange answers as a broker does: never a traceback, never a 500."""

from __future__ import annotations

import http.client
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.sim import Exchange, Request, VirtualClock, default_scenario, serve
from runner.sim.routes import TABLE
from runner.sim.wire import encode

KEYS = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}
ROUTES = sorted(TABLE)

FIELDS: dict[str, list[Any]] = {
    "symbol": ["AAPL", "F", "NOPE", "", 5, None],
    "qty": ["1", 1, 0.5, "-1", "1e400", "NaN", True, {}, "0.0000000001", 10**30],
    "notional": ["5", "x", -1, []],
    "side": ["buy", "sell", "hold", 1],
    "type": ["market", "limit", "stop", "stop_limit", "trailing_stop", "twap", None],
    "time_in_force": ["day", "gtc", "opg", "cls", "ioc", "fok", "never"],
    "limit_price": ["250", 0, "1e-9", "∞", "250.001"],
    "stop_price": ["290", "", [1]],
    "trail_price": ["1", "-1"],
    "trail_percent": ["1", "100", "x"],
    "extended_hours": [True, "True", "maybe", 2],
    "client_order_id": ["a", "a" * 129, "", 7, "\x00", "é", "\ud800"],
    "order_class": ["", "simple", "bracket", "oco", "oto", "mleg", "best"],
    "position_intent": ["buy_to_open", "sell_to_close", "hold"],
    "take_profit": [{"limit_price": "300"}, {}, "300", None, [1]],
    "stop_loss": [{"stop_price": "200"}, {"stop_price": "x"}, {"limit_price": 1}, 5],
    "legs": [[], [{}], "legs", [{"symbol": "AAPL", "side": "buy", "ratio_qty": "1"}]],
    "trail": ["1", "x"],
    "suspend_trade": [True, "x"],
}
QUERY: dict[str, list[str]] = {
    "status": ["open", "closed", "all", "x", ""],
    "limit": ["1", "-1", "x", "9" * 30],
    "after": ["2026-11-23", "2026-11-23T15:00:00+00:00", "x", "9999-12-31T23:59:59-12:00"],
    "until": ["2026-11-23T15:00:00Z", "0001-01-01T00:00:00+14:00"],
    "direction": ["asc", "desc", "up"],
    "nested": ["True", "maybe"],
    "symbols": ["AAPL,F", "NOPE", ","],
    "side": ["buy", "x"],
    "client_order_id": ["a", "", "\x00"],
    "qty": ["1", "-1", "x"],
    "percentage": ["50", "0", "x"],
    "cancel_orders": ["True", "x"],
    "start": ["2026-11-01", "x", "2027-01-01T00:00:00+99:00"],
    "end": ["2026-11-30", "9999-12-31"],
    "timeframe": ["1Min", "1Day", "0Min", "x"],
    "page_token": ["x"],
    "page_size": ["1", "x"],
    "date": ["2026-11-23", "x"],
    "date_type": ["SETTLEMENT"],
    "sort": ["desc"],
    "period": ["1D", "x"],
    "underlying_symbols": ["AAPL", "NOPE"],
    "expiration_date": ["x", "2026-12-18"],
    "type": ["call", "x"],
}
ODD_TEXT = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)


def some_of(choices: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    options = {name: st.sampled_from(values) for name, values in choices.items()}
    return st.lists(st.sampled_from(sorted(options)), max_size=8, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: options[name] for name in names})
    )


likely = some_of(FIELDS).map(
    lambda body: {"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day"} | body
)
bodies = st.one_of(
    likely.map(lambda body: json.dumps(body).encode()),
    some_of(FIELDS).map(lambda body: json.dumps(body).encode()),
    json_values.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=40),
)
queries = st.one_of(some_of(QUERY), st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=3))
parts = st.one_of(
    st.sampled_from(["AAPL", "NOPE", "x", "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415", "../..", "%00"]),
    ODD_TEXT,
)
requests = st.tuples(st.sampled_from(ROUTES), parts, queries, bodies)


def bounded(pattern: str, query: dict[str, Any]) -> dict[str, Any]:
    """The query; without a start the calendar would be of sixty years, in a second."""
    return {"start": "2026-11-01", **query} if pattern == "/v2/calendar" else query


def path_of(pattern: str, part: str) -> str:
    return "/".join(part if piece.startswith("{") else piece for piece in pattern.split("/"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests, min_size=1, max_size=12))
def test_no_request_makes_the_exchange_fail(sent: list[tuple[Any, ...]]) -> None:
    exchange = Exchange(default_scenario(rate_limit=None))
    at = exchange.now
    for (method, pattern), part, query, body in sent:
        at += timedelta(milliseconds=40)
        asked = bounded(pattern, query)
        answer = exchange.apply(Request(method, path_of(pattern, part), asked, KEYS, body), at)
        encode(answer.body)
        assert answer.status < 500
        if answer.status >= 400:
            assert isinstance(answer.body["message"], str)


@pytest.fixture(scope="module")
def connection() -> Any:
    scenario = default_scenario(rate_limit=None)
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        found = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=5)
        yield found
        found.close()


@settings(max_examples=60, deadline=None)
@given(requests)
def test_no_request_breaks_the_connection(connection: Any, sent: tuple[Any, ...]) -> None:
    (method, pattern), part, query, body = sent
    path = quote(path_of(pattern, part), errors="replace")
    query = bounded(pattern, query)
    parameters = urlencode(query, errors="replace")
    connection.request(method, f"{path}?{parameters}" if query else path, body, KEYS)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status < 500
    assert answer.status == 204 or isinstance(json.loads(content), dict | list)
