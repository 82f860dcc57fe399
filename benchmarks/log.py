"""What a durable audit record costs beyond the disk itself.

    python benchmarks/log.py [DIRECTORY]

Appends records with `Journal.append(durable=True)` and, in turn, writes the same bytes to another
file with a bare `os.write` and `os.fdatasync`: the least that any log which survives a power
failure must do. Both run interleaved in one process, so a slow moment of the disk meets both.
Prints the two medians and their ratio; the target is at most 1.3. Then it does what a run does:
only the intent of each order is durable, and its fdatasync takes the records around it along.
DIRECTORY (default: the working
directory) should be on the disk where logs will be; on a memory file system the ratio means
nothing, because fdatasync costs nothing there.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from runner.audit.canonical import digest
from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.effects import Json

ROUNDS = 1000
WARM_UP = 50
TARGET = 1.3

ORDER: Mapping[str, Json] = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "rb-k3v7c2mqzt5a6yrx-4q2xh7ndkwp3t6mzc5ya",
    "created_at": "2026-11-23T14:30:01.123456789Z",
    "symbol": "AAPL",
    "qty": "10",
    "filled_qty": "4",
    "filled_avg_price": "100.10",
    "order_class": "simple",
    "type": "limit",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": "100.25",
    "status": "partially_filled",
    "extended_hours": False,
    "legs": None,
}


def records() -> Iterator[tuple[str, dict[str, Json]]]:
    """What a run writes for one order, over and over: intent, request, answer, outcome."""
    headers: dict[str, Json] = {"content-type": "application/json", "x-request-id": "a" * 32}
    body: dict[str, Json] = {"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit"}
    effect: dict[str, Json] = {"effect": "submit", "client_order_id": "rb-…", "body": body}
    url = "https://paper-api.alpaca.markets/v2/orders"
    n = 0
    while True:
        n += 1
        call: dict[str, Json] = {"n": n, "attempt": 1}
        yield "effect.intent", {"n": n, "effect": effect, "digest": digest(effect)}
        yield (
            "wire.request",
            {**call, "method": "POST", "url": url, "headers": headers, "body": json.dumps(body)},
        )
        yield (
            "wire.response",
            {**call, "status": 200, "headers": headers, "body": json.dumps(dict(ORDER))},
        )
        at = "2026-11-23T14:30:01.123456Z"
        yield "effect.outcome", {"n": n, "at": at, "status": "ok", "data": dict(ORDER)}


def grouped(directory: Path) -> tuple[list[int], list[int]]:
    """Nanoseconds of all records of an order of which only the intent is durable, and of writing
    the same bytes with an fdatasync for each record."""
    appends: list[int] = []
    writes: list[int] = []
    run = run_id(datetime.now(UTC), os.urandom(RANDOM_BYTES))
    bare = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    source = list(islice(records(), 4 * (WARM_UP + ROUNDS // 4)))
    with (
        Journal.create(directory, run, wall=time.time_ns) as journal,
        journal.path.open("rb") as log,
    ):
        for first in range(0, len(source), 4):
            began = time.perf_counter_ns()
            for kind, data in source[first : first + 4]:
                journal.append(kind, data, durable=kind == "effect.intent")
            appends.append(time.perf_counter_ns() - began)
            lines = [log.readline() for _ in range(4)]
            began = time.perf_counter_ns()
            for line in lines:
                os.write(bare, line)
                os.fdatasync(bare)
            writes.append(time.perf_counter_ns() - began)
    os.close(bare)
    return appends[WARM_UP:], writes[WARM_UP:]


def measure(directory: Path) -> tuple[list[int], list[int]]:
    """Nanoseconds of each journal append, and of each bare write of the same bytes."""
    appends: list[int] = []
    writes: list[int] = []
    run = run_id(datetime.now(UTC), os.urandom(RANDOM_BYTES))
    bare = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with (
        Journal.create(directory, run, wall=time.time_ns) as journal,
        journal.path.open("rb") as log,
    ):
        # Made beforehand: a disk that waits longer between two writes answers the second slower.
        for kind, data in list(islice(records(), WARM_UP + ROUNDS)):
            began = time.perf_counter_ns()
            journal.append(kind, data, durable=True)
            appends.append(time.perf_counter_ns() - began)
            line = log.readline()
            began = time.perf_counter_ns()
            os.write(bare, line)
            os.fdatasync(bare)
            writes.append(time.perf_counter_ns() - began)
    os.close(bare)
    return appends[WARM_UP:], writes[WARM_UP:]


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else "."
    with tempfile.TemporaryDirectory(dir=where, prefix="benchmark-log-") as directory:
        appends, writes = measure(Path(directory))
        together, apart = (statistics.median(each) for each in grouped(Path(directory)))
    append, write = statistics.median(appends), statistics.median(writes)
    print(f"durable records              {ROUNDS}")
    print(f"bare write + fdatasync       {write / 1000:8.1f} µs (median)")
    print(f"Journal.append(durable=True) {append / 1000:8.1f} µs (median)")
    print(f"ratio                        {append / write:8.2f}    (target: at most {TARGET})")
    print(f"an order's 4 records, bare   {apart / 1000:8.1f} µs (median)")
    print(f"as a run appends them        {together / 1000:8.1f} µs (median)")
    print(f"ratio                        {together / apart:8.2f}")


if __name__ == "__main__":
    main()
