"""Stopping a run: by signals, by a closed terminal or pipe, by kill -9, by its timeout.

However a run is stopped, no order of it is left unmentioned, and none is sent twice.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acceptance.faulty_broker import HUNG, LOST_AND_HUNG, PASS, Fault
from acceptance.harness import FIRST_RUNBOOK, invoke, plan_of
from acceptance.processes import RESTING, Market, a_market, eventually

from runner.audit.log import read_log

CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
ORDER = "/v2/orders/*"
SOON = 1.5
"""Seconds within which something is called done at once, on a machine that does other things."""


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with a_market(tmp_path) as made:
        yield made


def verified(log: Path) -> str:
    """What `audit verify` says of a log that can be believed."""
    ended = invoke("audit", "verify", str(log))
    assert ended.exit_code == 0, ended.stdout
    return ended.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_cleans_up_confirms_it_and_says_that_nothing_is_live(
    market: Market, name: str
) -> None:
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send(name)
    assert running.end() == 130
    assert f"{name}: stopping safely" in running.shown
    assert "Nothing of this run is live" in running.last_line
    assert [one["status"] for one in market.orders] == ["canceled"]
    assert "finished" in verified(market.log)


def test_without_a_clean_up_the_safe_stop_cancels(market: Market) -> None:
    running = market.awaiting(plan_of(RESTING))
    running.send("SIGINT")
    assert running.end() == 130
    assert [one["status"] for one in market.orders] == ["canceled"]
    assert "Nothing of this run is live" in running.last_line


def test_the_message_comes_at_once_although_the_broker_is_silent(market: Market) -> None:
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        market.last.send("SIGINT")

    market.broker.on("GET", ORDER, PASS, PASS, replace(HUNG, before=press))
    running = market.awaiting(plan_of(RESTING), "--read-timeout", "1.2")
    assert running.when("stopping safely") < pressed[0] + 0.5
    assert running.end() == 130
    assert running.lines[-1][0] > pressed[0] + 0.5, "the broker was silent meanwhile"
    assert market.open_orders == []


def test_a_second_ctrl_c_leaves_at_once_and_names_the_live_order(market: Market) -> None:
    left: list[float] = []

    def press() -> None:
        market.last.send("SIGINT")
        left.append(time.monotonic())

    market.broker.on("DELETE", ORDER, replace(LOST_AND_HUNG, before=press))
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGINT")
    assert running.end() == 8
    assert time.monotonic() < left[0] + SOON
    (order,) = market.open_orders
    assert order["client_order_id"] in running.last_line
    assert f"runbook resume {market.log}" in running.last_line
    assert "open" in verified(market.log)


@pytest.mark.parametrize("fault", [HUNG, LOST_AND_HUNG], ids=["arrived", "lost"])
def test_leaving_while_an_order_is_being_sent_never_calls_it_not_live(
    market: Market, fault: Fault
) -> None:
    market.broker.on(
        "POST", "/v2/orders", replace(fault, before=lambda: market.last.send("SIGINT", "SIGINT"))
    )
    running = market.start(plan_of(RESTING, tail=CLEAN_UP), "--json")
    assert running.end() == 8
    (intent,) = (
        one.data["effect"]
        for one in read_log(market.log).records
        if one.type == "effect.intent" and one.data["effect"]["effect"] == "submit"
    )
    said = running.shown
    assert f'"open_orders": [\n    "{intent["client_order_id"]}"\n  ]' in said
    assert intent["client_order_id"] in running.stderr.splitlines()[-1]
    assert "may be live" in running.stderr.splitlines()[-1]
    assert len(market.orders) == (1 if fault is HUNG else 0)
    assert "open" in verified(market.log)


def test_leaving_before_anything_was_sent_is_130(market: Market) -> None:
    market.broker.on(
        "GET", "/v2/account", replace(HUNG, before=lambda: market.last.send("SIGINT", "SIGINT"))
    )
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 130
    assert "no order of it is known to be live" in running.last_line
    assert market.orders == []
    verified(market.log)


def test_only_ctrl_c_leaves_and_any_number_of_other_signals_does_not(market: Market) -> None:
    def storm() -> None:
        market.last.send("SIGHUP", "SIGTERM", "SIGHUP", "SIGTERM")

    market.broker.on("DELETE", ORDER, replace(PASS, before=storm))
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGTERM")
    assert running.end() == 130
    assert market.open_orders == []
    assert "Nothing of this run is live" in running.last_line


def test_a_sighup_that_was_switched_off_before_stays_off(market: Market) -> None:
    patient = RESTING.replace("timeout: 60s", "timeout: 1s, on_timeout: cancel")
    running = market.awaiting(
        plan_of(patient), preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    running.send("SIGHUP")
    assert running.end() == 6
    assert "SIGHUP" not in running.shown


def test_a_terminal_that_closes_stops_the_run_safely(market: Market) -> None:
    ours, theirs = os.openpty()

    def own_it() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    running = market.awaiting(
        plan_of(RESTING, tail=CLEAN_UP),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=own_it,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert running.end() == 130
    assert market.open_orders == []
    assert "finished" in verified(market.log)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_reader_that_leaves_stops_nothing(market: Market, options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    running = market.start(
        FIRST_RUNBOOK.read_text(), *options, on="sim", stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    assert running.end() == 0
    records = read_log(market.log).records
    assert records[-1].data["result"]["positions"][0]["run_qty"] == "0"


def test_a_run_without_any_streams_is_the_same(market: Market) -> None:
    command = [sys.executable, "-m", "runner", "run", str(FIRST_RUNBOOK), "--json"]
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    environment = market.environment(RUNBOOK_AUDIT_DIR=str(market.audit))
    assert subprocess.run(closed, cwd=market.folder, env=environment, check=False).returncode == 0
    assert "finished" in verified(market.log)


def test_a_killed_run_leaves_a_log_that_is_believed_and_open(market: Market) -> None:
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGKILL")
    assert running.end() == -signal.SIGKILL
    assert "open" in verified(market.log)
    (order,) = market.open_orders
    assert order["client_order_id"] in market.log.read_text()
    whole = market.log.read_bytes()
    market.log.write_bytes(whole[:-20])
    torn = invoke("audit", "verify", str(market.log))
    assert torn.exit_code == 9
    assert "torn" in torn.stdout


def test_a_second_run_on_the_symbol_is_refused_and_told_who_holds_it(market: Market) -> None:
    first = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    held = market.log.stem
    second = market.start(plan_of(RESTING), "--json")
    assert second.end() == 4
    assert held in second.shown
    assert str(first.process.pid) in second.shown
    assert len(market.orders) == 1
    first.send("SIGKILL")
    first.end()
    third = market.start(plan_of("  - check_account:"))
    assert third.end() == 0, "a dead process holds nothing"


def test_the_runs_timeout_cleans_up_and_is_6(market: Market) -> None:
    head = "symbols: [AAPL]\ntimeout: 3s"
    running = market.start(plan_of(RESTING, head=head, tail=CLEAN_UP))
    assert running.end() == 6
    assert [one["status"] for one in market.orders] == ["canceled"]
    assert "Nothing of this run is live" in running.last_line


def test_a_signal_before_the_first_step_sends_nothing(market: Market) -> None:
    market.broker.on(
        "GET", "/v2/account", replace(PASS, before=lambda: market.last.send("SIGTERM"))
    )
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 130
    assert market.orders == []
    assert "no order was sent" in running.last_line


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_an_order_is_being_sent_keeps_the_order(market: Market, name: str) -> None:
    market.broker.on("POST", "/v2/orders", replace(PASS, before=lambda: market.last.send(name)))
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 130
    assert [one["status"] for one in market.orders] == ["canceled"]
    eventually(lambda: market.open_orders == [], "nothing is open")
