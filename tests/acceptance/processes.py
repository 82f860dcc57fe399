"""Runs in processes of their own, on an exchange that this process serves: real signals, real ends.

The exchange's time flows as the wall's does. Between the two stands a proxy, so that a test knows
the moment at which a request arrives and can act just then.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acceptance.faulty_broker import FaultyBroker, faulty
from acceptance.leaks import shown

from runner.sim import Exchange, FlowingClock, Scenario, Served, default_scenario, serve

PATIENCE = 15.0
"""Seconds after which a test gives up waiting for a process."""

ENDED = ("filled", "canceled", "expired", "rejected", "replaced")

RESTING = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 150.00}\n"
    "  - await_fill: {order: entry, timeout: 60s}"
)


def eventually(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    over = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < over, f"never happened: {what}"
        time.sleep(0.01)


@dataclass
class Running:
    """A process, what it printed so far, and when."""

    process: subprocess.Popen[str]
    lines: list[tuple[float, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    def read(self) -> None:
        for stream, keep in ((self.process.stdout, self._keep), (self.process.stderr, self._err)):
            if stream is not None:
                reader = threading.Thread(target=lambda s=stream, k=keep: [*map(k, s)], daemon=True)
                reader.start()
                self.readers.append(reader)

    def _keep(self, line: str) -> None:
        self.lines.append((time.monotonic(), line.rstrip("\n")))

    def _err(self, line: str) -> None:
        self.errors.append(line.rstrip("\n"))

    @property
    def shown(self) -> str:
        return "\n".join(line for _, line in self.lines)

    @property
    def stderr(self) -> str:
        return "\n".join(self.errors)

    @property
    def last_line(self) -> str:
        return self.lines[-1][1] if self.lines else ""

    def send(self, *names: str) -> None:
        """Signals, far enough apart not to become one."""
        for name in names:
            self.process.send_signal(getattr(signal, name))
            time.sleep(0.03)

    def when(self, words: str) -> float:
        """The moment at which a line with these words came."""
        eventually(lambda: words in self.shown, f"{words!r} in {self.shown!r}")
        return next(at for at, line in self.lines if words in line)

    def end(self) -> int:
        """The exit code; negative for the signal that killed it."""
        code = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code


@dataclass
class Market:
    """An exchange behind a proxy, and the folder in which runs are made."""

    served: Served
    broker: FaultyBroker
    folder: Path
    started: list[Running] = field(default_factory=list)

    @property
    def audit(self) -> Path:
        return self.folder / "audit"

    @property
    def last(self) -> Running:
        """The run that was started last."""
        return self.started[-1]

    @property
    def log(self) -> Path:
        """The only run's log."""
        (found,) = (one for one in self.audit.glob("*.jsonl") if one.name != "ledger.jsonl")
        return found

    def ask(self, path: str) -> Any:
        """What the exchange itself says, past the proxy."""
        keys = {"APCA-API-KEY-ID": "PKTEST", "APCA-API-SECRET-KEY": "a-secret"}
        with closing(http.client.HTTPConnection(urlsplit(self.served.url).netloc)) as connection:
            connection.request("GET", path, headers=keys)
            return json.loads(connection.getresponse().read())

    def control(self, path: str, body: dict[str, Any]) -> None:
        """Move the world by the exchange's control API, past the proxy."""
        with closing(http.client.HTTPConnection(urlsplit(self.served.url).netloc)) as connection:
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            assert response.status < 300, response.read()

    @property
    def open_orders(self) -> list[dict[str, Any]]:
        return [one for one in self.orders if one["status"] not in ENDED]

    @property
    def orders(self) -> list[dict[str, Any]]:
        """Every order, the newest first; asking for them spends nothing of the rate limit."""
        found: list[dict[str, Any]] = self.ask("/sim/orders?limit=1000")["rows"]
        return found[::-1]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "APCA" not in name}
        kept = {name: value for name, value in kept.items() if "ALPACA" not in name}
        return {**kept, "RUNBOOK_STATE_DIR": str(self.folder / "state"), **more}

    def start(
        self,
        plan: str,
        *options: str,
        on: str = "",
        environment: Mapping[str, str] | None = None,
        **process: Any,
    ) -> Running:
        """Begin a run. Keyword arguments are those of `Popen`."""
        file = self.folder / f"plan-{len(self.started)}.yaml"
        file.write_text(plan, encoding="utf-8")
        command = [sys.executable, "-m", "runner", "run", str(file), "--on", on or self.broker.url,
                   "--audit-dir", str(self.audit), *options]  # fmt: skip
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **process}
        running = Running(
            subprocess.Popen(
                command, cwd=self.folder, env=self.environment(**(environment or {})), text=True,
                **given,
            )
        )  # fmt: skip
        running.read()
        self.started.append(running)
        return running

    def awaiting(self, plan: str, *options: str, **more: Any) -> Running:
        """Begin a run and return when its resting order has been read at least once."""
        running = self.start(plan, *options, **more)
        eventually(
            lambda: any(method == "GET" and path.startswith("/v2/orders/")
                        for method, path in [*self.broker.asked])
            or running.process.poll() is not None,
            "the order is awaited",
        )  # fmt: skip
        assert running.process.poll() is None, (running.shown, running.stderr)
        return running


@contextmanager
def a_market(folder: Path, scenario: Scenario | None = None) -> Iterator[Market]:
    """A served exchange whose time flows, and its proxy; ends the processes that were left."""
    scenario = scenario or default_scenario()
    with (
        serve(Exchange(scenario), FlowingClock(scenario.start)) as served,
        faulty(served.url) as broker,
    ):
        market = Market(served, broker, folder)
        try:
            yield market
        finally:
            for running in market.started:
                if running.process.poll() is None:
                    running.process.kill()
                running.end()
                shown(running.shown, running.stderr)
                for stream in (running.process.stdout, running.process.stderr):
                    if stream is not None:
                        stream.close()
