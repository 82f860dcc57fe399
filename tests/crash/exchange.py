"""An exchange in a process of its own, which outlives every run that is killed.

It is told through its control API alone: set back for each point, its time moved, its prices set,
its orders read. Waiting jumps, so that a run costs no time.
"""

from __future__ import annotations

import http.client
import json
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from runner.sim import Exchange, VirtualClock, default_scenario, serve

KEYS = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "a-secret"}


MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SharedClock(VirtualClock):
    """A clock that other processes can read without asking for it."""

    def __init__(self, start: datetime, shown: mmap.mmap) -> None:
        super().__init__(start)
        self._shown = shown
        self._show()

    def advance_to(self, moment: datetime) -> None:
        """Moves to `moment`; never backwards."""
        super().advance_to(moment)
        self._show()

    def reset(self, moment: datetime) -> None:
        """Begins again at `moment`."""
        super().reset(moment)
        self._show()

    def request(self) -> datetime:
        """Moves by the latency."""
        moment = super().request()
        self._show()
        return moment

    def _show(self) -> None:
        struct.pack_into("q", self._shown, 0, (self.now() - EPOCH) // MICROSECOND)


@dataclass
class Remote:
    """The exchange at a URL. Stands in for `Served`, which a run takes its time from."""

    url: str
    _shown: mmap.mmap
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.reconnect()

    def reconnect(self) -> None:
        """A connection of its own: a fork must not speak through its parent's."""
        self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    # ------------------------------------------------------------------ what a run needs

    def now(self) -> datetime:
        """The exchange's time."""
        (shown,) = struct.unpack_from("q", self._shown)
        return EPOCH + timedelta(microseconds=shown)

    def sleep_until(self, moment: datetime) -> datetime:
        """Jump to a moment."""
        return self._jump(moment)

    def wait_for_change(self, until: datetime) -> datetime:
        """Jump to the next change of an order, or to `until`."""
        return self._jump(until, stop_at="change")

    def _jump(self, moment: datetime, **more: str) -> datetime:
        now = self.now()
        if moment <= now:
            return now
        self.ask("POST", "/sim/clock", {"to": moment.isoformat(), **more})
        return self.now()

    # ------------------------------------------------------------------ what a sweep needs

    def begin(self, scenario: str) -> None:
        """Begin a scenario (YAML) anew."""
        self.ask("POST", "/sim/scenario", scenario)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, whatever falls due happens."""
        self.sleep_until(self.now() + timedelta(seconds=seconds))

    def orders(self) -> list[dict[str, Any]]:
        """Every order, legs as orders of their own, the oldest first."""
        found: list[dict[str, Any]] = self.ask("GET", "/sim/orders?limit=1000")["rows"]
        return found

    def positions(self) -> dict[str, str]:
        """Shares held, by symbol."""
        return {one["symbol"]: one["qty"] for one in self.ask("GET", "/v2/positions")}

    def answered(self) -> int:
        """How many requests it has answered."""
        return int(self.ask("GET", "/sim")["requests"])

    def writes_since(self, answered: int) -> list[str]:
        """What was written to it after so many requests, such as `POST /v2/orders`."""
        found = self.ask("GET", f"/sim/requests?limit=1000&after={answered}")["rows"]
        return [f"{one['method']} {one['path']}" for one in found if one["method"] != "GET"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the exchange answers. A text is sent as it is, else JSON."""
        content = body if body is None or isinstance(body, str) else json.dumps(body)
        self._connection.request(method, path, content, KEYS)
        response = self._connection.getresponse()
        said = response.read()
        assert response.status < 300, (method, path, said)
        return json.loads(said) if said else None


@contextmanager
def an_exchange() -> Iterator[Remote]:
    """An exchange in a forked process, while the context lasts."""
    shown = mmap.mmap(-1, struct.calcsize("q"))
    told, tell = os.pipe()
    wait, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        _serve(shown, tell, wait)
        os._exit(0)
    os.close(tell)
    os.close(wait)
    url = os.read(told, 200).decode()
    os.close(told)
    try:
        yield Remote(url, shown)
    finally:
        os.close(end)
        os.waitpid(child, 0)


def _serve(shown: mmap.mmap, tell: int, wait: int) -> None:
    """Serve until the other end of `wait` is closed, also by a parent that was killed."""
    scenario = default_scenario()
    with (
        suppress(KeyboardInterrupt),
        serve(Exchange(scenario), SharedClock(scenario.start, shown)) as served,
    ):
        os.write(tell, served.url.encode())
        os.close(tell)
        os.read(wait, 1)
