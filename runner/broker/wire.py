"""What travels between this process and a broker, as records.

One exchange is one request and what came of it: an answer, or an error. The records hold text, so
they can be written to the log as they are; credentials never enter them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from runner.effects import Json


class Timeouts(Struct, frozen=True):
    """Seconds: to connect, to wait for each piece of an answer, and for a whole answer."""

    connect: float = 10.0
    read: float = 20.0
    total: float = 60.0


class Intent(Struct, frozen=True):
    """The one write that may leave: method, full URL, and body (None when it has none)."""

    method: str
    url: str
    body: Mapping[str, Json] | None = None


class IntentMismatch(Exception):  # noqa: N818 - it says what the request is
    """The outgoing request is not the intended one. It was stopped before a byte left."""


class WireRequest(Struct, frozen=True):
    """A request about to be sent. `attempt` counts from 1 within one read; a write has only 1."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    attempt: int = 1


class WireResponse(Struct, frozen=True):
    """An answer, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


class Failure(StrEnum):
    """How a request ended without an answer."""

    UNREACHABLE = "unreachable"  # no connection: refused, no such host, proxy
    TLS = "tls"  # the server's certificate or handshake
    TIMEOUT = "timeout"
    DROPPED = "dropped"  # the connection ended before the answer was whole
    OVERSIZED = "oversized"
    OTHER = "other"


class WireError(Struct, frozen=True):
    """No whole answer came. `sent` is false only when it is proven that not a byte left."""

    kind: Failure
    message: str
    sent: bool


Wire = WireRequest | WireResponse | WireError
Tap = Callable[[int, Wire], None]
"""Told of every request, answer and error, with the number of the effect it belongs to.

A tap that raises when told of a request stops it: nothing is sent and the exception leaves
`Gateway.perform` unchanged. So a request that cannot be recorded is not made.
"""


class Exchange(Struct, frozen=True):
    """One request and its outcome: exactly one of `response` and `error` is set."""

    request: WireRequest
    response: WireResponse | None = None
    error: WireError | None = None
