"""A real HTTP proxy in front of a served exchange, with scripted faults.

Faults are scripted by method and path, one a request, in order; what has no fault passes. What
reached the exchange is kept, so that a test can compare it with what the client believes.
"""

from __future__ import annotations

import fnmatch
import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HTML = b"<html><body><h1>Something went wrong</h1></body></html>"
RATE_LIMITED = b'{"code":42910000,"message":"rate limit exceeded"}'
NOT_FOUND = b'{"code":40410000,"message":"order not found"}'
_HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Answer:
    """What the client is told."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    announced: int | None = None  # bytes that the header promises, when they are not those sent


Change = Callable[[Answer], Answer]


@dataclass(frozen=True)
class Fault:
    """What becomes of one request. `arrives`: whether it reaches the exchange.

    `change` turns the exchange's answer into another; without one, and without an answer of its
    own, nothing is answered and the connection ends. `held` seconds pass before that. A request
    that is `late` reaches the exchange only when that many further requests have come. `before` is
    called first: what happens in the world just then.
    """

    arrives: bool = True
    change: Change | None = None
    answer: Answer | None = None
    held: float = 0
    late: int = 0
    copies: int = 1  # how often it arrives; the answer is that to the last
    before: Callable[[], None] = lambda: None


def _altered(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(
        change=lambda answer: replace(
            answer, body=json.dumps(change(json.loads(answer.body))).encode()
        )
    )


def with_fields(**fields: Any) -> Fault:
    """It arrives, and these fields of the answer are others."""
    return _altered(lambda body: {**body, **fields})


def without(*names: str) -> Fault:
    """It arrives, and these fields of the answer are missing."""
    return _altered(lambda body: {key: value for key, value in body.items() if key not in names})


def answered(status: int, body: bytes = b"", *, arrives: bool = False, **headers: str) -> Fault:
    """Whatever the exchange said, if it was asked at all, this is the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(arrives=arrives, answer=Answer(status, body, named))


PASS = Fault(change=lambda answer: answer)
LOST = Fault(arrives=False)
SWALLOWED = Fault()
ARRIVES_THEN_504 = answered(504, HTML, arrives=True)
LOST_WITH_504 = answered(504, HTML)
ARRIVES_THEN_500 = answered(500, HTML, arrives=True)
LOST_WITH_500 = answered(500, HTML)
TOO_MANY = answered(429, RATE_LIMITED)
TOO_MANY_UNTIL = answered(429, RATE_LIMITED, retry_after="2", x_ratelimit_remaining="0")
ABSENT = answered(404, NOT_FOUND)
CUT_JSON = Fault(change=lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]))
CUT_CONNECTION = Fault(
    change=lambda answer: replace(
        answer, body=answer.body[: len(answer.body) // 2], announced=len(answer.body)
    )
)
DOUBLED = Fault(copies=2, change=lambda answer: answer)
ARRIVES_THEN_429 = answered(429, RATE_LIMITED, arrives=True)
EMPTY = Fault(change=lambda answer: replace(answer, body=b""))
PORTAL = answered(200, HTML, arrives=True)
ODD_STATUS = with_fields(status="under_a_new_regime")
HUNG = Fault(held=5)
LOST_AND_HUNG = Fault(arrives=False, held=5)


def late(requests: int) -> Fault:
    """No answer; it reaches the exchange only when so many further requests have come."""
    return Fault(arrives=False, late=requests)


@dataclass(frozen=True)
class Reached:
    """One request that the exchange handled."""

    method: str
    path: str
    body: dict[str, Any]
    status: int


@dataclass
class _Script:
    method: str
    pattern: str
    faults: list[Fault]
    for_ever: bool
    met: bool = False  # at the last of them


class FaultyBroker:
    """The proxy: its `url`, its script, and what passed through it."""

    def __init__(self, exchange_url: str) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self.reached: list[Reached] = []
        self.closing = threading.Event()
        self._exchange = urlsplit(exchange_url).netloc
        self._scripts: list[_Script] = []
        self._held_back: list[tuple[int, Callable[[], object]]] = []
        self._lock = threading.Lock()

    def on(self, method: str, pattern: str, *faults: Fault, for_ever: bool = False) -> None:
        """Script the next requests of a method whose path fits; the last fault may stay."""
        self._scripts.append(_Script(method, pattern, list(faults), for_ever))

    def forget(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._scripts = []

    def unused(self) -> list[tuple[str, str]]:
        """Where faults were scripted for requests that did not come."""
        return [(one.method, one.pattern) for one in self._scripts if one.faults and not one.met]

    def orders_sent(self) -> list[dict[str, Any]]:
        """The bodies of the orders that reached the exchange, refused ones included."""
        return [one.body for one in self.reached if (one.method, one.path) == ORDERS]

    def next_fault(self, method: str, path: str) -> Fault:
        with self._lock:
            self.asked.append((method, path))
            for script in self._scripts:
                fits = script.method == method and fnmatch.fnmatchcase(path, script.pattern)
                if fits and script.faults:
                    script.met = len(script.faults) == 1
                    stays = script.for_ever and script.met
                    return script.faults[0] if stays else script.faults.pop(0)
            return PASS

    def deliver(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Hand a request to the exchange."""
        connection = http.client.HTTPConnection(self._exchange, timeout=10)
        try:
            connection.request(method, path, body or None, dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()
        content = json.loads(body) if body else {}
        with self._lock:
            self.reached.append(Reached(method, urlsplit(path).path, content, answer.status))
        return answer

    def hold_back(self, requests: int, deliver: Callable[[], object]) -> None:
        with self._lock:
            self._held_back.append((len(self.asked) + requests, deliver))

    def deliver_what_is_due(self) -> None:
        with self._lock:
            due = [one for count, one in self._held_back if count <= len(self.asked)]
            self._held_back = [one for one in self._held_back if one[0] > len(self.asked)]
        for deliver in due:
            deliver()


ORDERS = ("POST", "/v2/orders")


def _handler(broker: FaultyBroker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            method, path = self.command, self.path
            headers = {name: value for name, value in self.headers.items()
                       if name.lower() not in _HOP_HEADERS}  # fmt: skip
            fault = broker.next_fault(method, urlsplit(path).path)
            broker.deliver_what_is_due()
            fault.before()
            if fault.late:
                broker.hold_back(fault.late, lambda: broker.deliver(method, path, headers, body))
            answer = None
            for _ in range(fault.copies if fault.arrives else 0):
                answer = broker.deliver(method, path, headers, body)
            if fault.held:
                broker.closing.wait(fault.held)
            if fault.answer is not None:
                self._reply(fault.answer)
            elif fault.change is not None and answer is not None:
                self._reply(fault.change(answer))
            else:
                self.close_connection = True

        def _reply(self, answer: Answer) -> None:
            announced = len(answer.body) if answer.announced is None else answer.announced
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_HEADERS:
                    self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = announced != len(answer.body)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base's names

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    errors: list[BaseException | None]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keeps what went wrong; a client that gave up waiting is what several tests are about."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.errors.append(error)


@contextmanager
def faulty(exchange_url: str) -> Iterator[FaultyBroker]:
    """A proxy in front of the exchange at a URL, while the context lasts."""
    broker = FaultyBroker(exchange_url)
    server = _Server(("127.0.0.1", 0), _handler(broker))
    server.errors = []
    broker.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield broker
    finally:
        broker.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
    assert server.errors == []
