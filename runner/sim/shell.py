"""HTTP around the exchange: bytes to requests, responses to bytes, uvicorn in a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.sim.faults_http import Delivery
from runner.sim.messages import Request, Response
from runner.sim.wire import encode

if TYPE_CHECKING:
    from runner.sim.server import Served

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
JSON, HTML = b"application/json; charset=UTF-8", b"text/html; charset=UTF-8"
LARGEST_BODY = 1 << 20
HANG_SECONDS = 60.0
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class Application:
    """The ASGI application. Answers take microseconds, so they are given on the event loop."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            # Imported here: most runs never open a stream.
            from runner.sim.stream import connect  # noqa: PLC0415

            await connect(self._served, scope, receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more and len(body) <= LARGEST_BODY:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            response = Response(413, {"code": 41310000, "message": "request body too large"})
            await _send(Delivery(response), send)
            return
        request = _request(scope, body)
        if request.path == "/sim" or request.path.startswith("/sim/"):
            # Imported here: a run never asks for it.
            from runner.sim.control import control  # noqa: PLC0415

            answer = self._served.guarded(lambda: control(self._served, request))
            await _send(Delivery(answer), send)
            return
        delivery = self._served.deliver(request)
        wait = self._served.wall_seconds(delivery.wait)
        if wait:
            await asyncio.sleep(wait)
        if delivery.late is not None:
            delivery = Delivery(self._served.answer(delivery.late))
        if delivery.response is not None:
            await _send(delivery, send)
            return
        if delivery.hang:
            await _gone(receive, HANG_SECONDS)
        scope["transport"].abort()
        await _gone(receive, STOP_SECONDS)


async def _gone(receive: Receive, seconds: float) -> None:
    """Waits until the client has gone, for so many seconds at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


def _request(scope: Message, body: bytes) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=unquote(raw.decode("latin-1").partition("?")[0]),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        body=body,
    )


async def _send(delivery: Delivery, send: Send) -> None:
    response = delivery.response
    assert response is not None
    content = delivery.content
    if content is None:
        content = b"" if response.body is None else encode(response.body)
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    if response.status != 204:
        headers.append((b"content-length", str(len(content)).encode()))
        headers.append((b"content-type", HTML if delivery.html else JSON))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


# ------------------------------------------------------------------------- connections


def _with_transport(application: Any, transport: Any) -> Any:
    """The application, told its connection: ASGI has no word for cutting one."""

    async def told(scope: Message, receive: Receive, send: Send) -> None:
        scope["transport"] = transport
        await application(scope, receive, send)

    return told


class HttpConnection(H11Protocol):
    """An HTTP connection that the application can cut."""

    def connection_made(self, transport: Any) -> None:
        """Begins the connection."""
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


def websocket_connection(**arguments: Any) -> Any:
    """A WebSocket connection that the application can cut."""
    # Imported here: it takes 50 ms, and most runs never open a stream.
    from uvicorn.protocols.websockets.websockets_sansio_impl import (  # noqa: PLC0415
        WebSocketsSansIOProtocol,
    )

    class WebSocketConnection(WebSocketsSansIOProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.app = _with_transport(self.app, transport)

    return WebSocketConnection(**arguments)


# ------------------------------------------------------------------------- the thread


class Server(uvicorn.Server):
    """Uvicorn in a thread: told when to stop, instead of looking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.url: str | None = None  # None when it could not listen
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, name="exchange", daemon=True)

    def _run(self) -> None:
        with suppress(SystemExit):  # how uvicorn says that it could not listen
            self.run()
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: they belong to the run, not to this thread."""
        yield

    async def main_loop(self) -> None:
        """Serves until told to stop."""
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        address = self.servers[0].sockets[0].getsockname()
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{name}:{address[1]}"
        self.ready.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes at once; answers that a fault holds back are never given."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        if tasks:
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=STOP_SECONDS)

    def stop(self) -> None:
        """Ends the service and waits for its thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self.thread.join(STOP_SECONDS)


def start(served: Served, host: str, port: int) -> Server:
    """A server that listens, or one whose `url` is None when it cannot."""
    # The port is bound by uvicorn itself: a socket bound before lacks TCP_NODELAY, at 20 POST/s.
    config = uvicorn.Config(
        Application(served),
        host=host,
        port=port,
        loop="asyncio",
        http=HttpConnection,
        ws=websocket_connection,  # type: ignore[arg-type]
        ws_ping_interval=None,
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=600,
    )
    server = Server(config)
    server.thread.start()
    server.ready.wait(START_SECONDS)
    return server
