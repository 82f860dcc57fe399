"""The exchange's time for an in-process run, and its service on loopback.

`serve` yields what a run needs: the base URL for any Alpaca client, and the exchange's time.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from runner.sim.clock import Clock, FlowingClock, VirtualClock
from runner.sim.exchange import Exchange
from runner.sim.faults_http import Delivery, commit_late, deliver
from runner.sim.messages import Request, Response
from runner.sim.received import ReceivedRequests

LONGEST_TICK = timedelta(minutes=1)


class ServeError(RuntimeError):
    """The exchange could not be served; the message says why."""


class Served:
    """A running exchange: where it listens, its time, and the requests that it received.

    All of it may be used from any thread; `lock` orders requests, jumps and changes.
    """

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.exchange = exchange
        self.clock = clock
        self.url = ""
        self.received = ReceivedRequests()
        self.lock = threading.RLock()
        self.streaming = False  # whether the account's one stream connection is taken
        self.listening = False  # whether it is sent trade updates
        self.snapshots: dict[str, bytes] = {}
        self._closed = threading.Event()
        self._watchers: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ time

    def now(self) -> datetime:
        """The exchange's time, UTC."""
        with self.lock:
            return max(self.clock.now(), self.exchange.now)

    def sleep_until(self, moment: datetime) -> datetime:
        """Returns when the exchange's time is `moment`: at once on a virtual clock. Gives now."""
        if isinstance(self.clock, VirtualClock):
            return self.jump_to(moment)
        self._wait(moment)
        return self.now()

    def jump_to(self, moment: datetime) -> datetime:
        """Moves the time to `moment`, never backwards, on any clock. Gives now."""
        with self.lock:
            self.clock.advance_to(moment)
            self._catch_up(self.clock.now())
            now = self.clock.now()
        self.tell_watchers()
        return now

    def wait_for_change(self, until: datetime) -> datetime:
        """Returns after the next change of an open order, at `until` at the latest. Gives now."""
        return self.sleep_until(self.next_change(until))

    def tick(self) -> float | None:
        """Performs what is due by now; gives the wall seconds until something else may be.

        None on a virtual clock, where nothing comes due by itself.
        """
        if self.clock.virtual:
            return None
        with self.lock:
            self._catch_up(self.clock.now())
            limit = self.exchange.now + LONGEST_TICK
            return self.wall_seconds(self.next_change(limit) - self.exchange.now)

    def wall_seconds(self, span: timedelta) -> float:
        """How long a span of the exchange's time is for people; nothing on a virtual clock."""
        speed = self.clock.speed if isinstance(self.clock, FlowingClock) else None
        return 0.0 if speed is None else span.total_seconds() / float(speed)

    def next_change(self, until: datetime) -> datetime:
        """When an open order may change next; `until` at the latest."""
        with self.lock:
            late = self.exchange.faults.late
            moments = [until, self.exchange.next_event_at(until), late[0].at if late else None]
            return min(moment for moment in moments if moment is not None)

    def _catch_up(self, moment: datetime) -> None:
        commit_late(self.exchange, moment)
        self.exchange.advance(moment)

    def _wait(self, moment: datetime) -> None:
        if isinstance(self.clock, FlowingClock):
            self._closed.wait(self.clock.wall_seconds(moment))

    def close(self) -> None:
        """Ends every wait on a flowing clock."""
        self._closed.set()

    # ------------------------------------------------------------------ requests

    def answer(self, request: Request) -> Response:
        """The exchange's answer to a request now, faults aside. A defect of ours becomes a 500."""
        return self.guarded(lambda: self.exchange.apply(request, self._arrival()))

    def deliver(self, request: Request) -> Delivery:
        """What becomes of a request now. On a virtual clock its waits are over already."""
        delivery = Delivery()

        def handle() -> Response:
            nonlocal delivery
            at = self._arrival()
            delivery = deliver(self.exchange, request, at)
            if isinstance(self.clock, VirtualClock) and delivery.wait:
                # rule: faults.virtual
                self.clock.advance_to(at + delivery.wait)
                if delivery.late is not None:
                    self._catch_up(self.clock.now())
                    return self.exchange.apply(delivery.late, self.clock.now())
            return delivery.response or Response(0)

        with self.lock:
            response = self.guarded(handle)
            if response.status and response is not delivery.response:
                delivery = Delivery(response, fault=delivery.fault)
            self.received.add(self.exchange.now, request, delivery)
        self.tell_watchers()
        return delivery

    def guarded(self, handle: Callable[[], Response]) -> Response:
        """What `handle` gives, under the lock. A defect of ours becomes a 500."""
        try:
            with self.lock:
                return handle()
        except Exception as error:  # noqa: BLE001 - a client must get an answer, not a dead socket
            # rule: error.internal
            traceback.print_exc(file=sys.stderr)
            message = f"internal error of the embedded exchange: {type(error).__name__}: {error}"
            return Response(500, {"code": 50010000, "message": message})

    def _arrival(self) -> datetime:
        at = self.clock.request()
        if isinstance(self.clock, VirtualClock):
            # rule: rate.virtual
            ready = self.exchange.limit.ready_at(at)
            self.clock.advance_to(ready)
            at = self.clock.now()
        return at

    # ------------------------------------------------------------------ another state

    def replace(self, exchange: Exchange) -> None:
        """Goes on with another exchange at its own moment: a scenario or a snapshot."""
        with self.lock:
            self.exchange = exchange
            self.clock.reset(exchange.now)
        self.tell_watchers()

    # ------------------------------------------------------------------ watching

    def watch(self, watcher: Callable[[], None]) -> None:
        """Calls `watcher`, from any thread, whenever orders may have changed."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Ends that."""
        self._watchers.remove(watcher)

    def tell_watchers(self) -> None:
        """Says that orders may have changed."""
        for watcher in list(self._watchers):
            watcher()


# ------------------------------------------------------------------------- starting


@contextmanager
def serve(
    exchange: Exchange, clock: Clock, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Served]:
    """Serves the exchange on a loopback address while the context lasts; port 0 takes a free one.

    Raises `ServeError` for an address that other machines could reach, and when the port is taken.
    """
    _require_loopback(host)
    # Imported here: asyncio and uvicorn take 0.15 s, which importing this package must not cost.
    from runner.sim.shell import start  # noqa: PLC0415

    served = Served(exchange, clock)
    server = start(served, host, port)
    if server.url is None:
        raise ServeError(
            f"cannot listen on {host}:{port}; the port may be taken by another program"
        )
    served.url = server.url
    try:
        yield served
    finally:
        served.close()
        server.stop()


def _require_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ServeError(
            f"the embedded exchange is served on loopback only, not on {host!r}:"
            " use 127.0.0.1 or ::1"
        )
