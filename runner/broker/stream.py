"""Trade updates as a wake-up call: alpaca-py's TradingStream in a thread of its own.

A frame of the stream is never believed. It only says that an order is worth reading now instead of
at the next poll, so a frame that is lost, late, doubled or empty costs time and nothing else (facts
page 1.8 and 4). Nothing that happens here reaches the run: it does not raise, print or wait.

TradingStream has no word for being ready, swallows its errors into its logger, and ends seconds
after it was told to, or never. So its task is cancelled instead of stopped, its answers are watched
for the one to `listen`, and its log records are caught.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from runner.broker import sdk
from runner.broker.credentials import Credentials

if TYPE_CHECKING:
    from alpaca.trading.stream import TradingStream

TRADE_UPDATES = "trade_updates"

GRACE = 3.0
"""Seconds without a stream after which that is worth saying."""

FAREWELL = 0.25
"""Seconds that a server has to answer a closing handshake."""

END_WITHIN = 1.0
"""Seconds after which the thread is left behind. It is a daemon: it keeps no process alive."""

_LONGEST_REASON = 200


class TradeUpdates:
    """The stream of one account. `changed` is set whenever a watched order is worth reading.

    `base_url` is the trading server's. `now` gives seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        paper: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed = threading.Event()
        self._url = stream_url(base_url)
        self._credentials = credentials
        self._paper = paper
        self._now = now
        self._watched: frozenset[str] = frozenset()
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._acknowledged = False
        self._missed = False  # a change was found that the stream had not told
        self._absent_since = 0.0
        self._why = ""
        self._complained = False

    @property
    def listening(self) -> bool:
        """Whether the stream can be relied on to tell of a change."""
        return self._acknowledged and not self._missed

    def start(self) -> None:
        """Connect, without waiting for it. Starting twice does nothing."""
        if self._thread is None and not self._ending.is_set():
            self._absent_since = self._now()
            thread = threading.Thread(target=self._run, name="trade-updates", daemon=True)
            with suppress(RuntimeError):  # this machine has no thread to give
                thread.start()
                self._thread = thread

    def watch(self, order_ids: Iterable[str]) -> None:
        """The orders, by the broker's ids, whose updates count from now on."""
        self._watched = frozenset(order_ids)

    def take(self) -> bool:
        """Whether `changed` was set; it no longer is."""
        was_set = self.changed.is_set()
        self.changed.clear()
        return was_set

    def missed(self) -> None:
        """A poll found what the stream had not told: it counts as silent until it speaks again."""
        self._missed = True

    def complaint(self) -> str:
        """Why there are no updates, once, when that has lasted; otherwise nothing."""
        started = self._thread is not None and not self._complained
        if not started or self._acknowledged or self._now() - self._absent_since < GRACE:
            return ""
        self._complained = True
        why = f" ({self._why})" if self._why else ""
        return f"no trade updates from the stream{why}; orders are read at intervals all the same"

    def stop(self) -> None:
        """End the connection and the thread; takes a second at most."""
        self._ending.set()
        with suppress(RuntimeError):  # its loop has ended already
            self._end()
        if self._thread is not None:
            self._thread.join(END_WITHIN)

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        log = logging.getLogger("alpaca.trading.stream")
        caught = _Caught(self._explain)
        log.addFilter(caught)
        try:
            asyncio.run(self._listen())
        except Exception as error:  # noqa: BLE001 - the run goes on without the stream
            self._explain(str(error))
        finally:
            log.removeFilter(caught)
            self._lost()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        # What is left over when the connection is torn down concerns nobody.
        loop.set_exception_handler(lambda loop, context: None)
        ended = asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        if self._ending.is_set():
            return
        stream: Any = self._made()
        # Its own `run` prints on Ctrl-C, and its `stop` needs up to five seconds, or has no effect.
        listening = asyncio.create_task(stream._run_forever())
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait({listening, ending}, return_when=asyncio.FIRST_COMPLETED)
        for task in (listening, ending):
            task.cancel()
        await asyncio.wait({listening, ending}, timeout=FAREWELL)
        if listening.done() and not listening.cancelled() and listening.exception() is not None:
            self._explain(str(listening.exception()))
        socket = stream._ws
        if socket is not None:
            with suppress(Exception):
                await asyncio.wait_for(stream.close(), FAREWELL)
            socket.transport.abort()

    def _made(self) -> TradingStream:
        sdk.load()
        from alpaca.trading.stream import TradingStream  # noqa: PLC0415 - slow: see broker.sdk

        hear, lost = self._hear, self._lost

        class Watched(TradingStream):
            async def _dispatch(self, msg: dict[str, Any]) -> None:
                hear(msg)

            async def close(self) -> None:
                lost()
                await super().close()

        async def nothing(update: object) -> None:
            """TradingStream connects only when somebody subscribes; `hear` sees every frame."""

        stream = Watched(
            self._credentials.key_id,
            self._credentials.secret,
            paper=self._paper,
            raw_data=True,
            url_override=self._url,
            websocket_params={
                "ping_interval": 10,
                "ping_timeout": 10,
                "close_timeout": FAREWELL,
                "max_queue": 1024,
                "logger": _silent(),
            },
        )
        stream.subscribe_trade_updates(nothing)
        return stream

    def _hear(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        kind, data = message.get("stream"), message.get("data")
        if kind == "listening":
            streams = data.get("streams") if isinstance(data, dict) else None
            if isinstance(streams, list) and TRADE_UPDATES in streams:
                self._acknowledged = True
                self.changed.set()  # what happened before is not told
        elif kind == TRADE_UPDATES:
            self._acknowledged, self._missed = True, False
            if not self._is_of_others(data):
                self.changed.set()

    def _is_of_others(self, data: object) -> bool:
        """Whether an update names an order that nobody waits for. One without a name may be ours:
        `data: null` has been seen."""
        order = data.get("order") if isinstance(data, dict) else None
        named = order.get("id") if isinstance(order, dict) else None
        return isinstance(named, str) and named not in self._watched

    def _lost(self) -> None:
        if self._acknowledged:
            self._acknowledged = False
            self._absent_since = self._now()
            self.changed.set()  # a poll may be far off

    def _explain(self, message: str) -> None:
        if "HTTP 429" in message:
            message = "HTTP 429: another program holds the account's one stream connection"
        self._why = message[:_LONGEST_REASON]


class _Caught(logging.Filter):
    """Keeps the log records of this thread from everybody else; warnings are explained."""

    def __init__(self, explain: Callable[[str], None]) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._explain = explain

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            words = str(record.exc_info[1]) if record.exc_info else record.getMessage()
            self._explain(words.rpartition("connection: ")[2])
        return False


def _silent() -> logging.Logger:
    """A logger that nobody hears: at debug level websockets logs frames, the secret in the first
    one included."""
    logger = logging.Logger("trade-updates")
    logger.disabled = True
    return logger


def stream_url(base_url: str) -> str:
    """Where the stream of a trading server is: wss, or ws where the server itself is plain http."""
    parts = urlsplit(base_url)
    scheme = {"https": "wss", "http": "ws"}[parts.scheme]
    return urlunsplit((scheme, parts.netloc, f"{parts.path}/stream", "", ""))
