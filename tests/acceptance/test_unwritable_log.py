"""A log that cannot be written: nothing that opens risk goes out, and what is live is taken back.

The disk fills up at a chosen moment: the size that the run's files may have is lowered to what the
log has just then, so the kernel refuses its next byte.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import PASS
from acceptance.harness import FIRST_RUNBOOK, invoke, plan_of
from acceptance.processes import RESTING, Market, a_market

from runner.audit.log import read_log

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")

CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
FLATTEN = "finally:\n  - {id: out, close_position: {symbol: AAPL}}\n  - await_fill: {order: out}"
BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}"
ORDER = "/v2/orders/*"
QUOTE = "/v2/stocks/AAPL/quotes/latest"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with a_market(tmp_path) as made:
        yield made


def disk_full(market: Market) -> None:
    """From now on nothing more fits."""
    size = market.log.stat().st_size
    resource.prlimit(market.last.process.pid, resource.RLIMIT_FSIZE, (size, size))


def log_removed(market: Market) -> None:
    shutil.rmtree(market.audit)


each_way = pytest.mark.parametrize("breaks", [disk_full, log_removed])
Breaks = Callable[[Market], None]


def stray_records(stderr: str) -> list[dict[str, Any]]:
    """The records that went to stderr because the log took none."""
    return [json.loads(line) for line in stderr.splitlines() if line.startswith('{"data"')]


def effects(records: list[dict[str, Any]]) -> list[str]:
    return [one["data"]["effect"]["effect"] for one in records if one["type"] == "effect.intent"]


@each_way
def test_an_order_that_cannot_be_recorded_is_not_sent(market: Market, breaks: Breaks) -> None:
    market.broker.on("GET", QUOTE, replace(PASS, before=lambda: breaks(market)))
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 9
    assert market.broker.orders_sent() == []
    assert "Nothing of this run is live" in running.last_line
    assert "log" in running.shown
    assert "Traceback" not in running.stderr


@each_way
def test_an_order_that_is_live_when_the_log_breaks_is_cancelled_and_confirmed(
    market: Market, breaks: Breaks
) -> None:
    # A log that was removed shows at the next record that must be on disk: that of a cancel.
    stop = [replace(PASS, before=lambda: breaks(market)), PASS, PASS, PASS]
    market.broker.on("GET", ORDER, *stop)
    patient = RESTING.replace("timeout: 60s", "timeout: 1s")
    running = market.start(plan_of(patient))
    assert running.end() == 9
    assert [one["status"] for one in market.orders] == ["canceled"]
    assert "cancel" in effects(stray_records(running.stderr))
    assert "Nothing of this run is live" in running.last_line
    assert "Could not write the log" in running.shown


@each_way
def test_an_order_on_its_way_when_the_log_breaks_is_followed_and_cancelled(
    market: Market, breaks: Breaks
) -> None:
    market.broker.on("POST", "/v2/orders", replace(PASS, before=lambda: breaks(market)))
    patient = RESTING.replace("timeout: 60s", "timeout: 1s")
    running = market.start(plan_of(f"{patient}\n{BUY.replace('entry', 'more')}", tail=CLEAN_UP))
    assert running.end() == 9
    assert len(market.broker.orders_sent()) == 1
    assert [one["status"] for one in market.orders] == ["canceled"]


def test_what_only_reduces_still_goes_out_unrecorded(market: Market) -> None:
    held = f"{BUY}\n  - await_fill: {{order: entry}}\n  - check_position: {{symbol: AAPL}}"
    breaks = replace(PASS, before=lambda: disk_full(market))
    market.broker.on("GET", "/v2/positions/AAPL", PASS, breaks)
    running = market.start(plan_of(held, tail=FLATTEN))
    assert running.end() == 9
    assert [one["side"] for one in market.broker.orders_sent()] == ["buy", "sell"]
    assert market.ask("/v2/positions") == []
    assert "submit" in effects(stray_records(running.stderr))


def test_a_closed_stderr_does_not_keep_the_order_alive(market: Market) -> None:
    market.broker.on("GET", ORDER, replace(PASS, before=lambda: disk_full(market)))
    with Path("/dev/full").open("w") as full:
        running = market.start(plan_of(RESTING), stderr=full)
        assert running.end() == 9
    assert [one["status"] for one in market.orders] == ["canceled"]


def test_the_json_object_says_that_the_log_failed(market: Market) -> None:
    market.broker.on("GET", ORDER, replace(PASS, before=lambda: disk_full(market)))
    running = market.start(plan_of(RESTING), "--json")
    assert running.end() == 9
    data = json.loads(running.shown)
    assert data["exit_code"] == 9
    assert [one["status"] for one in data["orders"]] == ["canceled"]
    assert "Could not write the log" in data["error"]["message"]


def test_a_log_that_cannot_be_finished_is_9_and_the_orders_are_told(market: Market) -> None:
    def no_ledger() -> None:
        ledger = market.audit / "ledger.jsonl"
        ledger.unlink()
        ledger.mkdir()

    market.broker.on("DELETE", ORDER, replace(PASS, before=no_ledger))
    patient = RESTING.replace("timeout: 60s", "timeout: 1s, on_timeout: cancel")
    running = market.start(plan_of(patient), "--json")
    assert running.end() == 9
    data = json.loads(running.shown)
    assert [one["status"] for one in data["orders"]] == ["canceled"]
    assert "ledger" in data["error"]["message"]
    assert "Nothing was sent" not in running.stderr
    assert read_log(market.log).records[-1].type == "run.finished"


def test_a_directory_that_cannot_be_used_is_9_with_nothing_sent(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    folder = tmp_path / "a-file" / "audit"
    ended = invoke("run", str(FIRST_RUNBOOK), "--json", "--audit-dir", str(folder))
    assert ended.exit_code == 9
    assert json.loads(ended.stdout)["exit_code"] == 9
    assert "Nothing was sent" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("size", [0, 1000])
def test_a_disk_that_is_full_from_the_start_is_9_with_nothing_sent(
    market: Market, size: int
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    running = market.start(plan_of(RESTING) + "#" * 1000, preexec_fn=limit)
    assert running.end() == 9
    assert "Nothing was sent" in running.stderr
    assert market.broker.asked == []
