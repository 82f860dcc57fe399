"""The fate of a write, through the real TradingClient and a real socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alpaca.common.rest import RESTClient
from unit.broker.broker_server import ORDER_ID, Broker, Clock, Reply

from runner.broker import transport
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts, Wire, WireError, WireRequest, WireResponse
from runner.effects import Answer, Cancel, Json, ReadAccount, Reason, Replace, Status, Submit

ORDERS = "/v2/orders"
ORDER = f"{ORDERS}/{ORDER_ID}"
CLIENT_ID = "rb-run-1"
ACCEPTED = {"id": ORDER_ID, "client_order_id": CLIENT_ID, "status": "accepted"}

LIMIT: dict[str, Json] = {
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "qty": "0.000000001",
    "limit_price": "100.10",
    "client_order_id": CLIENT_ID,
}


def submit(body: dict[str, Json] = LIMIT) -> Submit:
    return Submit(client_order_id=CLIENT_ID, body=body)


def reason(answer: Answer) -> Reason:
    assert answer.problem is not None
    return answer.problem.reason


# ------------------------------------------------------------------- what is on the wire


BODIES: list[dict[str, Json]] = [
    LIMIT,
    LIMIT | {"type": "market", "qty": "1"} | {"limit_price": None},
    {
        "symbol": "AAPL",
        "side": "buy",
        "type": "market",
        "time_in_force": "day",
        "notional": "1.00",
        "client_order_id": CLIENT_ID,
    },
    {
        "symbol": "AAPL",
        "side": "sell",
        "type": "stop",
        "time_in_force": "gtc",
        "qty": "12345678901234567890.123456789",
        "stop_price": "0.1001",
        "client_order_id": CLIENT_ID,
    },
    {
        "symbol": "AAPL",
        "side": "sell",
        "type": "stop_limit",
        "time_in_force": "gtc",
        "qty": "10",
        "stop_price": "99.90",
        "limit_price": "99.50",
        "position_intent": "sell_to_close",
        "client_order_id": CLIENT_ID,
    },
    {
        "symbol": "AAPL",
        "side": "sell",
        "type": "trailing_stop",
        "time_in_force": "day",
        "qty": "10",
        "trail_percent": "1.50",
        "client_order_id": CLIENT_ID,
    },
    LIMIT
    | {
        "order_class": "bracket",
        "qty": "10",
        "extended_hours": False,
        "take_profit": {"limit_price": "110.10"},
        "stop_loss": {"stop_price": "95.00", "limit_price": "94.50"},
    },
    {
        "symbol": "AAPL",
        "side": "sell",
        "type": "limit",
        "time_in_force": "gtc",
        "order_class": "oco",
        "qty": "10",
        "take_profit": {"limit_price": "110.10"},
        "stop_loss": {"stop_price": "95.00"},
        "client_order_id": CLIENT_ID,
    },
    {
        "type": "limit",
        "time_in_force": "day",
        "order_class": "mleg",
        "qty": "1",
        "limit_price": "-0.60",
        "legs": [
            {
                "symbol": "AAPL261218C00200000",
                "ratio_qty": "1",
                "side": "buy",
                "position_intent": "buy_to_open",
            },
            {
                "symbol": "AAPL261218C00210000",
                "ratio_qty": "1",
                "position_intent": "sell_to_open",
            },
        ],
        "client_order_id": CLIENT_ID,
    },
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.get("order_class") or body["type"])
def test_the_body_on_the_wire_is_the_intended_one(
    body: dict[str, Json], gateway: Gateway, broker: Broker
) -> None:
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    answer = gateway.perform(submit(body), 1)
    assert answer == Answer(Status.OK, ACCEPTED)
    [received] = broker.received
    assert json.loads(received.body, parse_float=lambda text: {"a float": text}) == body


def test_decimals_travel_as_the_text_they_were_written_in(gateway: Gateway, broker: Broker) -> None:
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    gateway.perform(submit(), 1)
    assert '"qty": "0.000000001"' in broker.received[0].body
    assert '"limit_price": "100.10"' in broker.received[0].body


def test_a_replacement_sends_exactly_what_changes(gateway: Gateway, broker: Broker) -> None:
    broker.on("PATCH", ORDER, Reply(200, ACCEPTED))
    body: dict[str, Json] = {"qty": "2", "limit_price": "3.10", "client_order_id": CLIENT_ID}
    answer = gateway.perform(Replace(ORDER_ID, CLIENT_ID, body), 1)
    assert answer.status is Status.OK
    assert json.loads(broker.received[0].body) == body


def test_a_cancel_is_accepted_with_204_or_any_other_2xx(gateway: Gateway, broker: Broker) -> None:
    broker.on("DELETE", ORDER, Reply(204), Reply(200, "whatever"), Reply(202))
    for _ in range(3):
        assert gateway.perform(Cancel(ORDER_ID), 1) == Answer(Status.OK)
    assert [(one.path, one.query, one.body) for one in broker.received] == [(ORDER, {}, "")] * 3


# --------------------------------------------------------------------- sent at most once


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("method", "path", "effect"),
    [
        ("POST", ORDERS, submit()),
        ("PATCH", ORDER, Replace(ORDER_ID, CLIENT_ID, {"client_order_id": CLIENT_ID})),
        ("DELETE", ORDER, Cancel(ORDER_ID)),
    ],
)
def test_a_failing_server_gets_one_request_and_the_write_is_unknown(
    *, method: str, path: str, effect: Submit, status: int, gateway: Gateway, broker: Broker
) -> None:
    broker.on(method, path, Reply(status, "<html>"))
    assert gateway.perform(effect, 1).status is Status.UNKNOWN
    assert len(broker.received) == 1


def test_a_rate_limited_write_is_refused_after_one_request(
    gateway: Gateway, broker: Broker, clock: Clock
) -> None:
    broker.on("POST", ORDERS, Reply(429, {"message": "too many"}, {"Retry-After": "3"}))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.RATE_LIMITED)
    assert answer.problem is not None
    assert answer.problem.extra == {"retry_after": "3"}
    assert (len(broker.received), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("hang", Reason.TIMEOUT),
        ("drop", Reason.UNREACHABLE),
        ("reset", Reason.UNREACHABLE),
        ("truncate", Reason.UNREACHABLE),
    ],
)
def test_an_answer_that_does_not_come_leaves_the_write_unknown(
    act: str, expected: Reason, gateway: Gateway, broker: Broker
) -> None:
    broker.on("POST", ORDERS, Reply(200, ACCEPTED, act=act))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.UNKNOWN, expected)
    assert len(broker.received) == 1


def test_a_kept_connection_that_dies_under_a_write_leaves_it_unknown(
    gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", "/v2/account", Reply(200, {"id": "a"}))
    broker.on("POST", ORDERS, Reply(act="reset"))
    assert gateway.perform(ReadAccount(), 1).status is Status.OK
    assert gateway.perform(submit(), 2).status is Status.UNKNOWN


def test_a_connection_that_the_server_closed_before_is_not_used_for_a_write(
    gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", "/v2/account", Reply(200, {"id": "a"}, act="close after"))
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    assert gateway.perform(ReadAccount(), 1).status is Status.OK
    broker.closed.wait(5)
    assert gateway.perform(submit(), 2).status is Status.OK
    assert broker.count("POST", ORDERS) == 1


def test_a_slow_trickle_ends_with_the_total_time(
    broker: Broker, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway(broker.url, timeouts=Timeouts(connect=0.5, read=0.5, total=0.1))
    broker.on("POST", ORDERS, Reply(200, ACCEPTED, act="trickle"))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.UNKNOWN, Reason.TIMEOUT)


def test_an_answer_without_end_is_not_read_to_its_end(
    gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 1000)
    broker.on("POST", ORDERS, Reply(200, "x" * 1001), Reply(200, ACCEPTED | {"x": "x" * 800}))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.UNKNOWN, Reason.UNREADABLE)
    assert gateway.perform(submit(), 1).status is Status.OK


def test_a_failure_says_which_server_it_was(make_gateway: Callable[..., Gateway]) -> None:
    port = refused_port()
    answer = make_gateway(f"http://127.0.0.1:{port}").perform(submit(), 1)
    assert answer.problem is not None
    assert answer.problem.message.startswith(
        f"no connection to 127.0.0.1:{port} could be made (ConnectionRefusedError"
    )


def test_what_fails_here_for_an_unknown_reason_leaves_a_write_unknown(
    gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: transport.Transport, response: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(transport.Transport, "_read", read)
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.UNKNOWN, Reason.OTHER)


@pytest.mark.parametrize(
    "body",
    [
        ACCEPTED | {"status": "a status of next year", "asset_class": "moon_rock"},
        {"id": ORDER_ID, "client_order_id": CLIENT_ID},
        ACCEPTED | {"qty": 1.0, "limit_price": None, "legs": "odd"},
    ],
)
def test_an_accepted_order_with_unfamiliar_fields_is_accepted(
    body: dict[str, Any], gateway: Gateway, broker: Broker
) -> None:
    broker.on("POST", ORDERS, Reply(200, body))
    assert gateway.perform(submit(), 1).status is Status.OK


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "<html>",
        "null",
        [],
        {},
        {"client_order_id": CLIENT_ID},
        {"id": "", "client_order_id": CLIENT_ID},
        {"id": ORDER_ID, "client_order_id": "somebody else's"},
    ],
)
def test_an_acceptance_that_is_not_about_our_order_is_unknown(
    body: object, gateway: Gateway, broker: Broker
) -> None:
    broker.on("POST", ORDERS, Reply(200, body))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.UNKNOWN, Reason.UNREADABLE)


def test_a_redirect_is_not_followed(gateway: Gateway, broker: Broker) -> None:
    broker.on("POST", ORDERS, Reply(307, headers={"Location": f"{broker.url}/v2/orders2"}))
    assert gateway.perform(submit(), 1).status is Status.UNKNOWN
    assert len(broker.received) == 1


# --------------------------------------------------------------------- provably not sent


def refused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_refused_connection_is_proof_that_nothing_was_sent(
    make_gateway: Callable[..., Gateway], wire: list[tuple[int, Wire]]
) -> None:
    gateway = make_gateway(f"http://127.0.0.1:{refused_port()}")
    for effect in (submit(), Cancel(ORDER_ID)):
        answer = gateway.perform(effect, 1)
        assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.UNREACHABLE)
    assert isinstance(wire[-1][1], WireError)
    assert not wire[-1][1].sent


def test_a_connection_that_is_never_answered_is_proof_too(
    make_gateway: Callable[..., Gateway],
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        gateway = make_gateway(url, timeouts=Timeouts(connect=0.1, read=0.1))
        answer = gateway.perform(submit(), 1)
        for one in waiting:
            one.close()
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.UNREACHABLE)


def test_a_failed_tls_handshake_is_proof_too(
    broker: Broker, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway(broker.url.replace("http:", "https:"))
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.UNREACHABLE)
    assert broker.received == []


def test_a_proxy_that_refuses_is_proof_too_and_is_not_told_the_key(
    broker: Broker, make_gateway: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", broker.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    broker.on("CONNECT", "broker.example:443", Reply(403))
    answer = make_gateway("https://broker.example").perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.UNREACHABLE)
    [received] = broker.received
    assert "hidden-secret" not in str(received.headers)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (LIMIT | {"type": "market"}, "limit_price is not supported for market orders."),
        (LIMIT | {"notional": "5"}, "Both qty and notional can not be set."),
        (LIMIT | {"qty": "many"}, "qty 'many' is not a number"),
        (LIMIT | {"qty": "NaN"}, "qty 'NaN' is not a number"),
        (LIMIT | {"side": "hold"}, "side: "),
        (LIMIT | {"type": "iceberg"}, "not a type of order"),
        (LIMIT | {"order_class": "bracket"}, "take_profit.limit_price"),
        (LIMIT | {"order_class": "mleg", "legs": [{"symbol": "A"}]}, "side or position_intent"),
        (LIMIT | {"take_profit": {}}, "limit_price: Field required"),
        (LIMIT | {"client_order_id": "another"}, "client_order_id"),
    ],
)
def test_what_the_sdks_own_checks_refuse_is_not_sent(
    body: dict[str, Json], words: str, gateway: Gateway, broker: Broker
) -> None:
    answer = gateway.perform(submit(body), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert answer.problem is not None
    assert words in answer.problem.message
    assert "\n" not in answer.problem.message
    assert broker.received == []


@pytest.mark.parametrize(
    "effect",
    [
        Cancel("../account"),
        Replace(ORDER_ID, CLIENT_ID, {"qty": "2.5", "client_order_id": CLIENT_ID}),
        Replace(ORDER_ID, CLIENT_ID, {"qty": "0", "client_order_id": CLIENT_ID}),
        Replace(ORDER_ID, CLIENT_ID, {"qty": "2"}),
        Replace("x", CLIENT_ID, {"client_order_id": CLIENT_ID}),
        Submit("", LIMIT | {"client_order_id": ""}),
    ],
)
def test_a_write_that_makes_no_sense_is_not_sent(
    effect: Submit, gateway: Gateway, broker: Broker
) -> None:
    answer = gateway.perform(effect, 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert broker.received == []


def test_a_request_that_is_not_the_intended_one_never_leaves(
    gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(self: RESTClient, path: str, data: dict[str, Json]) -> object:
        return self._request("POST", path, data | {"qty": 1e-09})

    monkeypatch.setattr(RESTClient, "post", post)
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert answer.problem is not None
    assert "1e-09" in answer.problem.message
    assert broker.received == []


@pytest.mark.parametrize("path", ["/orders/x", "/../v1/orders", "/orders?nested=true"])
def test_a_write_to_another_address_never_leaves(
    path: str, gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(self: RESTClient, _: str, data: dict[str, Json]) -> object:
        return self._request("POST", path, data)

    monkeypatch.setattr(RESTClient, "post", post)
    answer = gateway.perform(submit(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert broker.received == []


def test_no_request_goes_to_a_server_that_is_not_the_targets(
    gateway: Gateway, broker: Broker, wire: list[tuple[int, Wire]]
) -> None:
    gateway._client._base_url = broker.url.replace("127.0.0.1", "localhost")
    for effect in (ReadAccount(), submit()):
        answer = gateway.perform(effect, 1)
        assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert (broker.received, wire) == ([], [])


def test_an_sdk_that_sends_twice_sends_once(
    gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(self: RESTClient, path: str, data: dict[str, Json]) -> object:
        self._request("POST", path, data)
        return self._request("POST", path, data)

    monkeypatch.setattr(RESTClient, "post", post)
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    assert gateway.perform(submit(), 1) == Answer(Status.OK, ACCEPTED)
    assert len(broker.received) == 1


def test_an_sdk_that_writes_where_a_read_was_asked_for_is_stopped(
    gateway: Gateway, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RESTClient, "get", lambda self, *_: self.delete("/positions"))
    answer = gateway.perform(ReadAccount(), 1)
    assert (answer.status, reason(answer)) == (Status.REFUSED, Reason.NOT_SENT)
    assert broker.received == []


# --------------------------------------------------------------------------- the tap


def test_the_tap_hears_the_request_before_and_the_answer_after(
    gateway: Gateway, broker: Broker, wire: list[tuple[int, Wire]]
) -> None:
    broker.on("POST", ORDERS, Reply(200, '{"id": "1",   "client_order_id": "rb-run-1"}'))
    gateway.perform(submit(), 41)
    (n, request), (m, response) = wire
    assert (n, m) == (41, 41)
    assert isinstance(request, WireRequest)
    assert isinstance(response, WireResponse)
    assert (request.method, request.url) == ("POST", f"{broker.url}{ORDERS}")
    assert json.loads(request.body) == LIMIT
    assert response.body == '{"id": "1",   "client_order_id": "rb-run-1"}'
    assert (response.status, response.headers["content-length"]) == (200, "44")


def test_no_credential_reaches_the_tap(
    gateway: Gateway, broker: Broker, wire: list[tuple[int, Wire]]
) -> None:
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    gateway.perform(submit(), 1)
    assert broker.received[0].headers["apca-api-secret-key"] == "hidden-secret"
    assert "hidden-secret" not in repr(wire)
    assert "PKTEST" not in repr(wire)


class LogIsFull(Exception):  # noqa: N818
    pass


def test_a_request_that_cannot_be_recorded_is_not_sent(
    broker: Broker, make_gateway: Callable[..., Gateway]
) -> None:
    def tap(n: int, what: Wire) -> None:
        raise LogIsFull

    gateway = make_gateway(broker.url, tap=tap)
    for effect in (submit(), Cancel(ORDER_ID), ReadAccount()):
        with pytest.raises(LogIsFull):
            gateway.perform(effect, 1)
    assert broker.received == []


# ------------------------------------------------------------------- this machine only


def test_proxies_and_netrc_play_no_part_on_loopback(
    broker: Broker,
    make_gateway: Callable[..., Gateway],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    broker.on("POST", ORDERS, Reply(200, ACCEPTED))
    remote_data = resolve(broker.url, data_url="https://prices.example")
    for gateway in (make_gateway(broker.url), make_gateway("", target=remote_data)):
        assert gateway.perform(submit(), 1).status is Status.OK
        assert "authorization" not in broker.received[-1].headers


def test_a_gateway_needs_an_address() -> None:
    with pytest.raises(ValueError, match="with_base"):
        Gateway(resolve("sim"), Credentials("k", "s"))


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_gateways_page_is_no_refusal_of_a_write(
    gateway: Gateway, broker: Broker, status: int
) -> None:
    """It may have passed the order on before it answered."""
    broker.on("DELETE", f"/v2/orders/{ORDER_ID}", Reply(status, "<html>blocked</html>"))
    assert gateway.perform(Cancel(ORDER_ID), 1).status is Status.UNKNOWN
