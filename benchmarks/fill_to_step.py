"""How soon a fill is acted on: from the fill at the exchange to what comes next in the program.

    python benchmarks/fill_to_step.py

A limit order rests; after a while that is drawn anew each time the price is set and the exchange
fills it. Measured is the time from the fill's own stamp to the end of the `await_fill` step as the
log stamps it, with the stream of trade updates and by polling; and, beside it, to the line after
the wait in two alpaca-py scripts: one that asks for the order every second, as the tutorials do,
and one that listens to TradingStream and believes it.

The exchange is a `runbook sim` on loopback whose time flows as the wall's does. Takes 50 seconds.
"""

from __future__ import annotations

import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from run import exchange

from runner.audit.log import read_log

FILLS, PER_RUN = 14, 7
"""A run that awaits more than a few orders a minute slows down to stay under the broker's limit."""

ABOVE, BELOW = "250.00", "199.00"
RESTS = (0.15, 0.65)
"""Seconds between which an order rests: long against the polls, so that they meet it anywhere."""

AT_MOST = {"stream": 50, "polling": 300}
"""Milliseconds that the median is meant to stay below."""

SCRIPT = Path(__file__).with_name("bare_fill.py")


class Market:
    """The exchange as its control API shows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._seen = 0
        self._draw = random.Random(1)
        # How far its time is ahead of the wall's; good to half the time of the quickest request.
        self._ahead = min(self._look_at_clock() for _ in range(20))[1]
        self.set_price(ABOVE)

    def _look_at_clock(self) -> tuple[float, float]:
        before = time.time()
        shown = _seconds(self.ask("/sim/clock")["now"])
        after = time.time()
        return after - before, shown - (before + after) / 2

    def ask(self, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, content) as answer:
            return json.load(answer)

    def set_price(self, price: str) -> None:
        self.ask("/sim/prices", {"AAPL": price})

    def fill_each(self, process: subprocess.Popen[str], fills: int) -> list[float]:
        """Fill the orders of a process, each after a while. The moments, in seconds of the wall."""
        found: list[float] = []
        while len(found) < fills and process.poll() is None:
            time.sleep(0.02)
            for event in self.ask(f"/sim/events?after={self._seen}&limit=1000")["rows"]:
                self._seen = event["number"]
                if event["event"] == "new":
                    time.sleep(self._draw.uniform(*RESTS))
                    self.set_price(BELOW)
                elif event["event"] == "fill":
                    found.append(_seconds(event["at"]) - self._ahead)
                    self.set_price(ABOVE)
        return found


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def ours(market: Market, folder: str, option: str) -> list[float]:
    """Seconds from each fill to the end of its step, in runs of a few orders each."""
    runbook = Path(folder) / "fills.yaml"
    steps = "".join(
        f"  - id: buy_{n}\n"
        "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 200.00}\n"
        f"  - await_fill: {{order: buy_{n}, timeout: 30s}}\n"
        for n in range(PER_RUN)
    )
    runbook.write_text(f"runbook: 1\nname: fills\nsymbols: [AAPL]\nsteps:\n{steps}", "utf-8")
    command = [str(Path(sys.executable).parent / "runbook"), "run", str(runbook), "--json", option]
    command += ["--on", market.url]
    found: list[float] = []
    while len(found) < FILLS:
        # What other runs sent counts with the guards.
        audit = ["--audit-dir", f"{folder}/audit-{option}-{len(found)}"]
        filled, said = watched(market, [*command, *audit], PER_RUN, RUNBOOK_STATE_DIR=folder)
        records = read_log(Path(json.loads(said)["audit_log"])).records
        ends = [
            _seconds(record.ts)
            for record in records
            if record.type == "step.finished" and record.data["action"] == "await_fill"
        ]
        found += [end - fill for fill, end in zip(filled, ends, strict=True)]
    return found


def theirs(market: Market, *mode: str) -> list[float]:
    """The same for a script: to the line after its wait."""
    command = [sys.executable, str(SCRIPT), market.url, str(FILLS), *mode]
    filled, said = watched(market, command, FILLS)
    return [float(line) - fill for fill, line in zip(filled, said.split(), strict=True)]


def watched(
    market: Market, command: Sequence[str], fills: int, **environment: str
) -> tuple[list[float], str]:
    """When the orders of a process were filled, and what it printed."""
    variables = {**os.environ, **environment}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    ) as process:
        filled = market.fill_each(process, fills)
        said, complained = process.communicate(timeout=60)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {said}{complained}")
    return filled, said


def line(what: str, seconds: Sequence[float], at_most: int | None = None) -> str:
    """One printed line, in milliseconds."""
    ordered = sorted(one * 1000 for one in seconds)
    worst = ordered[math.ceil(0.95 * len(ordered)) - 1]
    aim = f"   (median at most {at_most})" if at_most is not None else ""
    return f"{what:<36} median {statistics.median(ordered):7.1f} ms   p95 {worst:7.1f} ms{aim}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, exchange(folder) as url:
        market = Market(url)
        streamed = ours(market, folder, "--stream")
        print(line("runbook run --stream", streamed, AT_MOST["stream"]), flush=True)
        polled = ours(market, folder, "--no-stream")
        print(line("runbook run --no-stream", polled, AT_MOST["polling"]), flush=True)
        print(line("script, TradingStream believed", theirs(market, "stream")), flush=True)
        print(line("script, asking every second", theirs(market)), flush=True)


if __name__ == "__main__":
    main()
