"""A run's log as a run writes it, small and whole, for the tests of this folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.audit.canonical import digest
from runner.audit.ids import run_id
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import scan
from runner.audit.records import GENESIS, seal
from runner.effects import ReadClock, Submit, canonical
from runner.identity import client_order_id

STARTED = datetime(2026, 11, 23, 14, 30, 1, tzinfo=UTC)
AT = "2026-11-23T14:30:02.000000Z"
BASE_URL = "http://127.0.0.1:4711"
TARGET = {"kind": "sim", "base_url": BASE_URL}
TEXT = "runbook: 1\nname: first-live-trade\n"
ORDER = "5f0c2c9e-0000-4000-8000-000000000001"


def ticking(start: int = 1_795_876_201_000_000_000) -> Callable[[], int]:
    """Wall time that moves a millisecond and a nanosecond with each look."""
    moments: Iterator[int] = iter(range(start, start + 10**15, 1_000_001))
    return lambda: next(moments)


def new_id(seed: int = 0) -> str:
    return run_id(STARTED, bytes([seed]) * 10)


def started(**changes: Any) -> dict[str, Any]:
    return {
        "runbook": {
            "name": "first-live-trade",
            "file": "first.yaml",
            "text": TEXT,
            "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
        },
        "params": {"qty": "1"},
        "limits": {"max_orders": 4},
        "target": TARGET,
        "engine": {"abi": 1, "version": "0.1.0", "alpaca_py": "0.44.0", "python": "3.11.9"},
        "started_at": "2026-11-23T14:30:01.000000Z",
        **changes,
    }


def order(filled: str, status: str = "partially_filled") -> dict[str, Any]:
    return {
        "id": ORDER,
        "symbol": "AAPL",
        "side": "buy",
        "qty": "2",
        "status": status,
        "filled_qty": filled,
        "filled_avg_price": "100.10",
    }


def intent(n: int, run: str) -> dict[str, Any]:
    """The intent of the second effect is an order; every other one reads the clock."""
    identity = client_order_id(run, "steps[0]", 1)
    body = {"symbol": "AAPL", "side": "buy", "qty": "2", "type": "market"}
    submit = Submit(identity, {**body, "client_order_id": identity})
    effect = canonical(submit if n == 2 else ReadClock())
    return {"n": n, "effect": effect, "digest": digest(effect)}


def request(effect: int, run: str, **changes: Any) -> dict[str, Any]:
    body = json.dumps(intent(2, run)["effect"]["body"])
    sends: dict[str, Any] = {"method": "POST", "url": f"{BASE_URL}/v2/orders", "body": body}
    reads: dict[str, Any] = {"method": "GET", "url": f"{BASE_URL}/v2/clock", "body": None}
    shared: dict[str, Any] = {"n": effect, "attempt": 1, "headers": {"Accept": "application/json"}}
    return shared | (sends if effect == 2 else reads) | changes


def response(n: int) -> dict[str, Any]:
    return {"n": n, "attempt": 1, "status": 200, "headers": {}, "body": "{}"}


def outcome(n: int, **changes: Any) -> dict[str, Any]:
    return {"n": n, "at": AT, "status": "ok", **changes}


def finished(**changes: Any) -> dict[str, Any]:
    return {"status": "completed", "exit_code": 0, "result": {}, **changes}


Script = list[tuple[str, dict[str, Any]]]

NO_STEP = ("decision", "signal", "heartbeat")


def whole_run(run: str) -> Script:
    """The records of a run that reads the clock, sends an order, and sees it fill."""
    return [
        ("run.started", started()),
        ("run.bound", {"account_id": "a1", "account_number": "PA1", "status": "ACTIVE"}),
        ("step.started", {"name": "Buy", "action": "submit_order", "args": {"symbol": "AAPL"}}),
        ("effect.intent", intent(1, run)),
        ("wire.request", request(1, run)),
        ("wire.response", response(1)),
        ("effect.outcome", outcome(1, data={"is_open": True})),
        ("guard", {"guard": "max_orders", "verdict": "pass", "values": {"max_orders": 4}}),
        ("effect.intent", intent(2, run)),
        ("wire.request", request(2, run)),
        ("wire.response", response(2)),
        ("effect.outcome", outcome(2, data=order("0", "new"))),
        ("effect.intent", intent(3, run)),
        ("effect.outcome", outcome(3, data={"orders": {ORDER: order("2", "filled")}, "polls": 3})),
        ("step.finished", {"status": "done", "outputs": {"order_id": ORDER}}),
        (
            "decision",
            {
                "expression": "steps.entry.filled_qty == 2",
                "verdict": True,
                "values": [{"name": "steps.entry.filled_qty", "value": "2", "certainty": "read"}],
            },
        ),
        ("run.finished", finished()),
    ]


def write(directory: Path, script: Script, run: str, *, close: int | None = 0) -> Path:
    """Writes a script as a run would, ledger included; `close` is the exit code, or None."""
    wall = ticking()
    ledger = Ledger(directory, wall=wall)
    with Journal.create(directory, run, wall=wall) as journal:
        ledger.opened(journal)
        for kind, data in script:
            journal.append(kind, data, step=None if kind in NO_STEP else "steps[0]")
        if close is not None:
            ledger.closed(journal, close)
    return journal.path


def write_whole(directory: Path, seed: int = 0) -> Path:
    run = new_id(seed)
    return write(directory, whole_run(run), run)


def rewrite(path: Path, change: Callable[[Script], Script]) -> None:
    """Replaces a log by one of changed content whose every hash is right again."""
    old = [line.record for line in scan(path) if line.record is not None]
    changed = change([(record.type, record.data) for record in old])
    head, content = GENESIS, b""
    for seq, (kind, data) in enumerate(changed, start=1):
        record, line = seal(
            seq=seq, wall_ns=seq, run=old[0].run, type=kind, step=None, data=data, prev=head
        )
        head, content = record.hash, content + line
    path.write_bytes(content)
