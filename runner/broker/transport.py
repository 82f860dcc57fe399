"""The adapter between requests and the network that alpaca-py's session is given.

It adds what alpaca-py leaves out (facts page 1.1): timeouts, a bound on the size of an answer, a
record of every exchange, and a last look at every write. alpaca-py parses answers into floats and
raises in the middle of accepted orders, so nobody reads what it returns: the answer is the
`exchange` kept here.

Only `runner.broker.connection` imports this module, and only when it makes a client, because it
imports requests.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from runner.broker.targets import on_loopback
from runner.broker.wire import (
    Exchange,
    Failure,
    Intent,
    IntentMismatch,
    Timeouts,
    Wire,
    WireError,
    WireRequest,
    WireResponse,
)

MAX_BODY = 64 * 1024 * 1024
"""Bytes. A page of 500 orders with legs is under 2 MB."""

_CHUNK = 64 * 1024
_SECRET_HEADERS = frozenset({"apca-api-key-id", "apca-api-secret-key", "authorization", "cookie"})
REDACTED = "[redacted]"


class Oversized(Exception):  # noqa: N818 - it says what the answer is
    """An answer is larger than MAX_BODY."""


class Transport(HTTPAdapter):
    """Sends one request at a time, from one thread, to the servers in `bases` and no other.

    `read_only` for good: nothing but a GET can leave, whatever was intended.
    """

    def __init__(
        self, bases: tuple[str, ...], timeouts: Timeouts, *, read_only: bool = False
    ) -> None:
        self._bases = tuple(f"{base}/" for base in bases)
        self._read_only = read_only
        self._timeouts = timeouts
        self._connect_failed = False
        self._intent: Intent | None = None
        self._attempt = 1
        self._tell: Callable[[Wire], None] = lambda _: None
        self.tap_failure: BaseException | None = None
        self.exchange: Exchange | None = None
        super().__init__(max_retries=0)

    def begin(self, intent: Intent | None, attempt: int, tell: Callable[[Wire], None]) -> None:
        """Forget the last exchange and get ready for the next: a read when `intent` is None."""
        self._intent = intent
        self._attempt = attempt
        self._tell = tell
        self.tap_failure = None
        self.exchange = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._note_failed_connect)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _pool_classes(self._note_failed_connect)
        return manager

    def _note_failed_connect(self) -> None:
        self._connect_failed = True

    def send(  # noqa: PLR0917 - the signature is HTTPAdapter's
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send `request`, keep the exchange, and return the response with its body read.

        Raises IntentMismatch before anything is sent, and whatever requests and urllib3 raise.
        """
        self._check(request)
        wire = WireRequest(
            method=request.method or "",
            url=request.url or "",
            headers=_readable(request.headers),
            body=_text(request.body),
            attempt=self._attempt,
        )
        self._report(wire)
        self._connect_failed = False
        try:
            response = super().send(
                request,
                stream=True,
                timeout=(self._timeouts.connect, self._timeouts.read),
                verify=verify,
                cert=cert,
                proxies={} if on_loopback(wire.url) else proxies,
            )
            with closing(response):
                body = self._read(response)
            answer = WireResponse(
                status=response.status_code,
                headers=_readable(response.headers),
                body=body.decode("utf-8", "backslashreplace"),
            )
        except Exception as error:
            failure = WireError(
                kind=_kind(error, self._connect_failed),
                message=_sentence(error),
                sent=not self._connect_failed,
            )
            self.exchange = Exchange(wire, error=failure)
            self._report(failure)
            raise
        response.raw = io.BytesIO(body)
        self.exchange = Exchange(wire, response=answer)
        self._report(answer)
        return response

    def _check(self, request: requests.PreparedRequest) -> None:
        url = request.url or ""
        if not url.startswith(self._bases):
            raise IntentMismatch(f"a request to {url}, which is not a server of this run")
        if self._read_only and request.method != "GET":
            raise IntentMismatch(f"a {request.method} to {url}: this connection only reads")
        intent, self._intent = self._intent, None
        if intent is None:
            if request.method != "GET":
                raise IntentMismatch(f"a {request.method} to {url} that nobody intended")
            return
        if (request.method, url) != (intent.method, intent.url):
            raise IntentMismatch(f"{request.method} {url} instead of {intent.method} {intent.url}")
        body, intended = _text(request.body), intent.body
        if _canonical(json.loads(body) if body else None) != _canonical(intended):
            raise IntentMismatch(f"the body {body} instead of {_canonical(intended)}")

    def _report(self, wire: Wire) -> None:
        try:
            self._tell(wire)
        except BaseException as error:
            self.tap_failure = error
            raise

    def _read(self, response: requests.Response) -> bytes:
        """The body, decoded. Each piece has the read timeout, all of them `timeouts.total`."""
        deadline = time.monotonic() + self._timeouts.total
        body = bytearray()
        while piece := response.raw.read1(_CHUNK, decode_content=True):
            body += piece
            if len(body) > MAX_BODY:
                raise Oversized(f"the answer is larger than {MAX_BODY} bytes")
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout(
                    f"the answer was not whole after {self._timeouts.total:g} seconds"
                )
        return bytes(body)


def _pool_classes(connect_failed: Callable[[], None]) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools that report a connection that was never made.

    That is the proof that no byte of a request left: urllib3 raises the same errors for a
    connection that failed later, and a connection kept from the last request is not made at all.
    """

    class Plain(HTTPConnection):
        def connect(self) -> None:
            try:
                super().connect()
            except BaseException:
                connect_failed()
                raise

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            try:
                super().connect()
            except BaseException:
                connect_failed()
                raise

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _kind(error: Exception, connect_failed: bool) -> Failure:
    if isinstance(error, Oversized):
        return Failure.OVERSIZED
    if isinstance(error, requests.exceptions.SSLError):
        return Failure.TLS
    if isinstance(error, requests.exceptions.Timeout | Urllib3TimeoutError):
        return Failure.TIMEOUT
    if connect_failed:
        return Failure.UNREACHABLE
    if isinstance(error, requests.RequestException | HTTPError):
        return Failure.DROPPED
    return Failure.OTHER


def _sentence(error: Exception) -> str:
    """What went wrong, without the object addresses that urllib3 puts into its messages."""
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _text(body: object) -> str:
    if isinstance(body, bytes):
        return body.decode("utf-8", "backslashreplace")
    return "" if body is None else str(body)


def _readable(headers: Any) -> dict[str, str]:
    return {
        name.lower(): REDACTED if name.lower() in _SECRET_HEADERS else _text(value)
        for name, value in headers.items()
    }


def _canonical(body: object) -> str:
    return json.dumps(body if body is None else dict(body), sort_keys=True)  # type: ignore[call-overload]
