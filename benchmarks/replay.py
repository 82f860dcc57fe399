"""How fast `runbook replay` makes the decisions of a log again.

    python benchmarks/replay.py [EFFECTS]

Writes the log of one run of at least that many effects (default 20,000) with the recorder that
runs write with, requests and answers included: a patient wait that asks for the quote once a second
until the bid is high enough. Then prints, each the median of five rounds in this process:

- replay: effects a second that the machine asks for, decides by, and finds equal to the recorded
  ones. The target is 10,000.
- the whole command: the log read, its chain of hashes checked, the runbook checked, the replay; and
  how much longer that takes than `json.loads` of every line, which is the least that a script of
  one's own would do with the file.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.audit.redact import Redactor
from runner.broker.wire import WireRequest, WireResponse
from runner.cli.collecting import seldom
from runner.drive.connecting import engine
from runner.drive.recorded import Replay, replay
from runner.drive.recorder import Recorder
from runner.drive.replaying import believed, fresh_run
from runner.drive.signals import Signals
from runner.effects import Effect, Event, Outcome, Status, instant
from runner.guards import BUILT_IN, Rules
from runner.language.check import check
from runner.language.source import Source
from runner.machine import Run, carry_out
from runner.steps import ACTIONS

EFFECTS = 20_000
ROUNDS = 5
TARGET = 10_000
START = datetime(2026, 11, 23, 15, tzinfo=UTC)
URL = "http://127.0.0.1:4711"
TEXT = """\
runbook: 1
name: patient-wait
symbols: [AAPL]
steps:
  - wait:
      poll: {get_quote: {symbol: AAPL, max_age: 1h}}
      until: =polled.bid >= 200 and polled.spread < 1
      every: 1s
      give_up_after: 5h
"""
ACCOUNT = {"id": "account-1", "account_number": "PA1", "status": "ACTIVE"}
CLOSE = {"symbol": "AAPL", "bar": {"c": "198.10", "t": "2026-11-20T05:00:00Z"}}


class Market:
    """Answers each effect; the bid rises above 200 once enough effects were asked for."""

    def __init__(self, effects: int) -> None:
        self.now, self.left = START, effects

    def told(self, effect: Effect) -> dict[str, Any]:
        """The data of the answer, 5 ms after the last; a sleep takes its time."""
        self.left -= 1
        self.now += timedelta(milliseconds=5)
        stamp = instant(self.now)
        if effect.name == "sleep":
            self.now = max(self.now, effect.until)  # type: ignore[attr-defined]
            return {}
        if effect.name == "read_clock":
            times = {"next_open": "2026-11-24T14:30:00Z", "next_close": "2026-11-23T21:00:00Z"}
            return {"timestamp": stamp, "is_open": True, **times}
        if effect.name == "read_quote":
            bid = "199.99" if self.left > 0 else "200.00"
            quote = {"bp": bid, "ap": "200.01", "bs": 1, "as": 1, "t": stamp}
            return {"symbol": "AAPL", "feed": "iex", "quote": quote}
        return CLOSE if effect.name == "read_previous_close" else ACCOUNT


def write_log(directory: Path, effects: int) -> Path:
    """The log of the run."""
    checked = check(Source("patient-wait.yaml", TEXT), ACTIONS, {})
    assert checked.runbook is not None, checked.findings
    runbook = checked.runbook
    rules = Rules.of(BUILT_IN, runbook.limits, "sim")
    name = run_id(START, os.urandom(RANDOM_BYTES))
    market = Market(effects)
    with Journal.create(directory, name, wall=time.time_ns) as journal:
        recorder = Recorder(journal, Redactor([]), Signals())
        header = {
            "runbook": {"name": runbook.name, "file": runbook.source.name, "text": TEXT,
                        "sha256": runbook.source.sha256},
            "params": {},
            "limits": {},
            "policy": {"file": "", "sha256": "", "rules": rules.to_data()},
            "target": {"kind": "sim", "base_url": URL},
            "engine": engine(),
            "started_at": instant(START),
        }  # fmt: skip
        journal.append("run.started", header)
        machine = carry_out(Run(runbook, name, START, rules))
        answer: Outcome | None = None
        try:
            while True:
                said = machine.send(answer)
                answer = None
                if isinstance(said, Event):
                    recorder.event(said)
                    continue
                n, data = recorder.intent(said), market.told(said.effect)
                if data:
                    headers = {"accept": "application/json", "authorization": "[redacted]"}
                    request = WireRequest("GET", f"{URL}/v2/{said.effect.name}", headers, "")
                    recorder.tap(n, request)
                    recorder.tap(n, WireResponse(200, headers, json.dumps(data)))
                answer = Outcome(market.now, Status.OK, data)
                recorder.outcome(said, answer)
        except StopIteration as end:
            recorder.finished(end.value.status, end.value.exit_code, end.value.data)
    return journal.path


def seconds(work: Callable[[], object]) -> float:
    """Seconds of processor time that some work takes."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def whole(path: Path) -> Replay:
    """What the command does."""
    with seldom():
        log = believed(path)
        return replay(log.records, carry_out(fresh_run(log)))


def parsed(path: Path) -> None:
    """The least that a script would do with the file."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def main() -> None:
    effects = int(sys.argv[1]) if len(sys.argv) > 1 else EFFECTS
    with tempfile.TemporaryDirectory() as directory:
        path = write_log(Path(directory), effects)
        outcome, megabytes = whole(path), path.stat().st_size / 1e6
        if not outcome.complete:
            raise SystemExit(f"the replay parted from its log: {outcome.divergence}")
        command = statistics.median(seconds(lambda: whole(path)) for _ in range(ROUNDS))
        parsing = statistics.median(seconds(lambda: parsed(path)) for _ in range(ROUNDS))
        log = believed(path)
        alone = statistics.median(
            seconds(lambda: replay(log.records, carry_out(fresh_run(log)))) for _ in range(ROUNDS)
        )
    count, ratio = outcome.effects, command / parsing
    print(f"log                {count} effects, {len(log.records)} records, {megabytes:.1f} MB")
    print(f"replay             {count / alone:8.0f} effects/s (at least {TARGET})")
    print(f"the whole command  {count / command:8.0f} effects/s, {ratio:.1f} times json.loads")


if __name__ == "__main__":
    main()
