"""A real HTTP server on loopback whose answers are scripted, and a clock that tests can move."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"


@dataclass
class Reply:
    """One answer. `act` is what happens instead, or besides.

    drop, hang, reset: no answer; truncate: less than announced; trickle: byte by byte;
    close after: the connection is closed afterwards without a word.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    act: str = ""

    @property
    def text(self) -> bytes:
        if self.body is None:
            return b""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Received:
    """One request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


class Broker:
    """What the server will say and what it was asked. The last reply of a path repeats."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.release = threading.Event()
        self.closed = threading.Event()
        self._replies: dict[tuple[str, str], list[Reply]] = defaultdict(list)

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self._replies[method, path] = list(replies)

    def next_reply(self, method: str, path: str) -> Reply:
        replies = self._replies[method, path]
        if not replies:
            return Reply(404, {"code": 40410000, "message": f"no script for {method} {path}"})
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def count(self, method: str, path: str) -> int:
        return sum((one.method, one.path) == (method, path) for one in self.received)


def handler(broker: Broker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            parts = urlsplit(self.path)
            path = parts.path if self.command != "CONNECT" else self.path
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            broker.received.append(Received(self.command, path, query, headers, body))
            reply = broker.next_reply(self.command, path)
            if reply.act == "hang":
                broker.release.wait(10)
            if reply.act == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if reply.act in ("drop", "hang", "reset"):
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            cut = 20 if reply.act == "truncate" else 0
            if reply.status != 204:
                self.send_header("Content-Length", str(len(reply.text) + cut))
            self.end_headers()
            if reply.act == "trickle":
                self._trickle(reply.text)
            else:
                self.wfile.write(reply.text)
            self.close_connection = bool(reply.act)

        def _trickle(self, text: bytes) -> None:
            for at in range(len(text)):
                self.wfile.write(text[at : at + 1])
                if broker.release.wait(0.02):
                    break

        def finish(self) -> None:
            super().finish()
            self.connection.close()
            broker.closed.set()

        do_GET = do_POST = do_PATCH = do_DELETE = do_CONNECT = _answer  # noqa: N815

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is what several tests are about."""


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
