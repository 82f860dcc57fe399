"""How fast `runbook audit verify` reads a log, all rules included, and in how much memory.

    python benchmarks/verify.py [--records 1000000] [DIRECTORY]

Carries out the tutorial's runbook on the embedded exchange once, then writes what that run did over
and over into one log with `Journal.append`, every order under ids of its own, until the log holds
the wanted number of records. A process of its own verifies it beside its ledger; `sha256sum` of the
same file is measured in the same run. Prints MB/s, their ratio, and the memory that verification
took beyond what the interpreter and its imports hold. Targets: at least 25 MB/s on one core;
memory that does not grow with the records, so run it with 100000 and with 1000000.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from runner.audit.canonical import digest
from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.records import Record
from runner.cli import cli

TARGET = 25.0
RUNBOOK = Path(__file__).resolve().parents[1] / "runbooks" / "first-live-trade.yaml"

VERIFIER = """
import json, sys, time
from pathlib import Path
from runner.audit.verify import verify

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

before, began = peak(), time.process_time()
reports = verify(Path(sys.argv[1]))
seconds = time.process_time() - began
findings = [finding.message for report in reports for finding in report.findings]
print(json.dumps({"seconds": seconds, "grown": peak() - before, "findings": findings[:5]}))
"""


def real_records(directory: Path) -> list[Record]:
    """The records of one real run of the tutorial on the embedded exchange."""
    os.environ["RUNBOOK_STATE_DIR"] = str(directory / "state")
    os.environ["XDG_CONFIG_HOME"] = str(directory / "config")
    audit = directory / "one"
    command = ["run", str(RUNBOOK), "--on", "sim", "--json", "--yes", "--audit-dir", str(audit)]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    return list(read_log(Path(json.loads(result.stdout)["audit_log"])).records)


def repeated(records: list[Record]) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """What a run did between its beginning and its end, endlessly, each time with new orders."""
    body = [one for one in records if one.type not in ("run.started", "run.bound", "run.finished")]
    # The account is bound by the first effect, once.
    first = next(at for at, one in enumerate(body) if one.type == "effect.outcome") + 1
    taken, body = body[:first], body[first:]
    for one in taken:
        yield one.type, one.step, one.data
    orders = [
        (one.data["data"]["id"], one.data["data"]["client_order_id"])
        for one in body
        if one.type == "effect.outcome" and "client_order_id" in one.data.get("data", {})
    ]
    known = sorted({name for pair in orders for name in pair})
    texts = [(one.type, one.step, json.dumps(one.data)) for one in body]
    effects = sum(1 for one in body if one.type == "effect.intent")
    offset = 0
    while True:
        names = {name: _renamed(name) for name in known}
        for kind, step, text in texts:
            for name, new in names.items():
                text = text.replace(name, new)  # noqa: PLW2901 - one text, renamed
            data = json.loads(text)
            if "n" in data:
                data["n"] += offset
            if kind == "effect.intent":
                data["digest"] = digest(data["effect"])
            yield kind, step, data
        offset += effects


def _renamed(name: str) -> str:
    """Another id of the same kind and length."""
    return name[:-12] + uuid.uuid4().hex[:12]


def write_log(directory: Path, records: int) -> Path:
    """A closed log of so many records, its ledger beside it."""
    real = real_records(directory)
    run = run_id(datetime.now(UTC), os.urandom(RANDOM_BYTES))
    ledger = Ledger(directory / "audit", wall=time.time_ns)
    with Journal.create(directory / "audit", run, wall=time.time_ns) as journal:
        ledger.opened(journal)
        for one in real[:1]:
            journal.append(one.type, one.data, step=one.step)
        for kind, step, data in repeated(real):
            journal.append(kind, data, step=step)
            whole = kind == "step.finished" and journal.records >= records - 1
            if whole:
                break
        end = {"status": "completed", "exit_code": 0, "result": {"orders": []}}
        journal.append("run.finished", end)
        ledger.closed(journal, 0)
    return journal.path


def verified(path: Path) -> dict[str, Any]:
    """What a process of its own measured; its imports are not counted."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFIER, str(path)], check=True, capture_output=True, text=True
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def summed(path: Path) -> float:
    """Seconds of one core that `sha256sum` takes."""
    before = os.times()
    subprocess.run(["sha256sum", str(path)], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    mine = after.children_user + after.children_system
    return mine - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a log is verified.")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("directory", nargs="?", default=".")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory, prefix="benchmark-verify-") as place:
        log = write_log(Path(place), chosen.records)
        size = log.stat().st_size / 1e6
        sums, best = [], None
        for _ in range(3):
            measured = verified(log)
            sums.append(summed(log))
            if best is None or measured["seconds"] < best["seconds"]:
                best = measured
    assert best is not None
    if best["findings"]:
        sys.exit(f"the log is not whole: {best['findings']}")
    print(f"records                 {chosen.records:10d}")
    print(f"size                    {size:10.1f} MB")
    print(f"sha256sum               {size / min(sums):10.1f} MB/s")
    speed = size / best["seconds"]
    print(f"audit verify            {speed:10.1f} MB/s   (target: at least {TARGET:g})")
    print(f"ratio to sha256sum      {best['seconds'] / min(sums):10.1f}")
    print(f"memory it took          {best['grown'] / 1024:10.1f} MB")


if __name__ == "__main__":
    main()
