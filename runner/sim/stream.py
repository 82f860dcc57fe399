"""`/stream`: the trade updates of the account, over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.sim.events import OrderEvent
from runner.sim.faults import Fault, Subject
from runner.sim.routes import allows
from runner.sim.stream_protocol import TRADE_UPDATES, Codec, Session
from runner.sim.wire import encode

if TYPE_CHECKING:
    from runner.sim.server import Served

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

PATH = "/stream"
FOR_EVER = datetime.max.replace(tzinfo=UTC)
SHORTEST_WAIT = 0.001
EFFECTS = (
    "stream_silence",
    "stream_lose",
    "stream_duplicate",
    "stream_reorder",
    "stream_null",
    "stream_drop",
)


async def connect(served: Served, scope: Scope, receive: Receive, send: Send) -> None:
    """Serves one connection until it ends."""
    await receive()
    if scope["path"] != PATH:
        await _refuse(send, 404, {"code": 40410000, "message": f"no stream at {scope['path']}"})
        return
    with served.lock:
        refused = served.exchange.faults.strike(Subject(), served.now(), "stream_refuse")
    if refused is not None or served.streaming:
        # rule: stream.one-connection
        await _refuse(send, 429, {"code": 42910000, "message": "connection limit exceeded"})
        return
    served.streaming = True
    try:
        await Connection(served, scope, send).run(receive)
    finally:
        served.streaming = False


async def _refuse(send: Send, status: int, body: dict[str, object]) -> None:
    content = encode(body)
    headers = [
        (b"content-type", b"application/json; charset=UTF-8"),
        (b"content-length", str(len(content)).encode()),
    ]
    start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": content})


class Connection:
    """One open connection: what the client says, and the updates that it is sent."""

    def __init__(self, served: Served, scope: Scope, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._served = served
        self._transport = scope["transport"]
        self._send = send
        self._codec = Codec(headers.get(b"content-type", b"").decode("latin-1"))
        self._session = Session(lambda key, secret: allows(served.exchange, key, secret))
        self._exchange = served.exchange
        self._sent = 0  # the number of the last event that was dealt with
        self._silent_until: datetime | None = None
        self._held_back: OrderEvent | None = None
        self._changed = asyncio.Event()

    async def run(self, receive: Receive) -> None:
        """Serves the connection until the client goes or it is cut."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._changed.set)

        await self._send({"type": "websocket.accept"})
        self._served.watch(changed)
        updates = asyncio.create_task(self._send_updates())
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self._hear(message.get("bytes") or message.get("text") or b"")
        finally:
            self._served.listening = False
            self._served.unwatch(changed)
            updates.cancel()

    async def _hear(self, frame: bytes | str) -> None:
        was_listening = self._session.listening
        answer = self._session.hear(self._codec.read(frame))
        if answer is None:
            return
        if answer["stream"] == "listening":
            with self._served.lock:
                faults, now = self._served.exchange.faults, self._served.now()
                mute = faults.strike(Subject(), now, "stream_no_ack")
                if self._session.listening and not was_listening:
                    self._sent = len(self._served.exchange.events)
            if mute is not None:
                self._session.streams = []
                return
            self._served.listening = self._session.listening
        await self._write(answer)

    # ------------------------------------------------------------------ updates

    async def _send_updates(self) -> None:
        while True:
            self._changed.clear()
            wait = self._served.tick()
            for event, fault in self._due():
                await self._deliver(event, None if fault is None else fault.effect)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(wait, SHORTEST_WAIT) if wait is not None else None):
                    await self._changed.wait()

    def _due(self) -> list[tuple[OrderEvent, Fault | None]]:
        """The events since the last time, each with the fault that meets it."""
        with self._served.lock:
            exchange = self._served.exchange
            if exchange is not self._exchange:
                self._exchange, self._sent = exchange, len(exchange.events)
            if not self._session.listening:
                return []
            events = exchange.events.after(self._sent)
            self._sent += len(events)
            return [(event, self._fault(event)) for event in events if not self._silent(event)]

    def _fault(self, event: OrderEvent) -> Fault | None:
        order = event.order
        subject = Subject(order["symbol"], order["client_order_id"], event=event.name)
        fault = self._exchange.faults.strike(subject, event.at, *EFFECTS)
        if fault is not None and fault.effect == "stream_silence":
            self._silent_until = FOR_EVER if fault.time is None else event.at + fault.time
        return fault

    def _silent(self, event: OrderEvent) -> bool:
        return self._silent_until is not None and event.at < self._silent_until

    async def _deliver(self, event: OrderEvent, effect: str | None) -> None:
        if effect in ("stream_silence", "stream_lose"):
            return
        if effect == "stream_drop":
            self._transport.abort()
            return
        if effect == "stream_reorder" and self._held_back is None:
            self._held_back = event
            return
        data = None if effect == "stream_null" else event.data()
        for _ in range(2 if effect == "stream_duplicate" else 1):
            await self._write({"stream": TRADE_UPDATES, "data": data})
        if self._held_back is not None:
            held, self._held_back = self._held_back, None
            await self._write({"stream": TRADE_UPDATES, "data": held.data()})

    async def _write(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "bytes": self._codec.write(message)})
