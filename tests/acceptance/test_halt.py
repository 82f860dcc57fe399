"""Runs that are halted, in processes of their own: they stop safely, and what a halt does not let
through is not sent. Every log is verified and replayed."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from acceptance.faulty_broker import PASS
from acceptance.halting import alone, believed, command, halt, halt_now, run, unhalt
from acceptance.harness import plan_of
from acceptance.processes import RESTING, Market, Running, a_market, eventually
from acceptance.terminals import at_terminal

from runner.audit.log import read_log

ME = pwd.getpwuid(os.getuid()).pw_name
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
HELD = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1}\n"
    "  - await_fill: {order: entry, timeout: 60s}\n"
)
WAITING = "  - wait: {for: 10m}\n"
CLOSE = "finally:\n  - id: exit\n    close_position: {symbol: AAPL}\n  - await_fill: {order: exit}"
FLATTEN = "  - close_position: {symbol: AAPL, scope: account}\n  - cancel_all: {scope: symbols}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return alone(tmp_path, monkeypatch)


@pytest.fixture
def market(folder: Path) -> Iterator[Market]:
    with a_market(folder) as made:
        yield made


# ---------------------------------------------------------------- a run that has not begun


def test_a_halted_run_asks_nothing_sends_nothing_and_is_12(market: Market) -> None:
    halt()
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 12
    assert market.broker.asked == []
    assert f"Halted by {ME} on " in running.shown
    assert "Run halted · exit code 12" in running.shown
    assert "no order was sent" in running.last_line
    assert believed(market.log)[-1].data["status"] == "halted"
    unhalt()
    assert market.start(plan_of("  - check_account:")).end() == 0


# ---------------------------------------------------------------------- a run under way


def ends_soon(running: Running, since: float) -> int:
    code = running.end()
    assert time.monotonic() - since < 4, "it ends within a moment"
    return code


def test_a_run_that_awaits_an_order_stops_safely_and_cancels_it(market: Market) -> None:
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    began = time.monotonic()
    halt()
    assert ends_soon(running, began) == 5
    assert ": enough. Stopping safely: no further step begins" in running.shown
    assert "Nothing of this run is live" in running.last_line
    assert [one["status"] for one in market.orders] == ["canceled"]
    records = believed(market.log)
    (told,) = (one.data["name"] for one in records if one.type == "signal")
    assert told.startswith(f"halt: by {ME} on ")
    error = records[-1].data["result"]["error"]
    assert error["cause"] == "halted"
    assert error["message"].endswith(": enough")


@pytest.mark.parametrize("scope", [(), ("--audit-dir", "audit")], ids=["user", "directory"])
def test_a_long_wait_ends_and_nothing_was_sent(market: Market, scope: tuple[str, ...]) -> None:
    running = market.start(plan_of(WAITING + RESTING, tail="finally:\n  - check_account:"))
    eventually(lambda: "waiting" in running.shown or len(market.broker.asked) >= 1, "it waits")
    began = time.monotonic()
    halt(*scope)
    assert ends_soon(running, began) == 12
    assert market.orders == []
    records = believed(market.log)
    ran = [one.data["action"] for one in records if one.type == "step.finished"]
    assert ran[-1] == "check_account", "its clean-up ran"


def test_a_question_that_stands_is_ended_and_the_run_is_halted(folder: Path) -> None:
    ask = "  - confirm: {question: 'Buy one AAPL?', within: 5m}\n"
    file = folder / "plan.yaml"
    file.write_text(plan_of(ask + RESTING), encoding="utf-8")
    with at_terminal(folder, ["run", str(file)]) as terminal:
        terminal.wait_for("Approve? [y/N]")
        halt()
        assert terminal.end() == 12
        assert "Halted by" in terminal.shown
    (log,) = (one for one in (folder / "audit").glob("*.jsonl") if one.name != "ledger.jsonl")
    assert believed(log)[-1].data["status"] == "halted"


def test_a_halt_while_the_guards_read_sends_nothing(market: Market) -> None:
    market.broker.on("GET", "/v2/assets/*", replace(PASS, before=halt_now))
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 12
    assert market.orders == []
    believed(market.log)


def test_a_halt_while_an_order_is_being_sent_keeps_the_order_and_cancels_it(
    market: Market,
) -> None:
    market.broker.on("POST", "/v2/orders", replace(PASS, before=halt_now))
    running = market.start(plan_of(RESTING, tail=CLEAN_UP))
    assert running.end() == 5
    assert [one["status"] for one in market.orders] == ["canceled"]
    believed(market.log)


def holding(market: Market, tail: str) -> Running:
    """A run that has bought a share and now waits for ten minutes."""
    running = market.start(plan_of(HELD + WAITING, tail=tail))
    eventually(
        lambda: any(one.type == "effect.intent" and one.data["effect"]["effect"] == "sleep"
                    for one in (read_log(market.log).records if logs(market) else ())),
        "it waits",
    )  # fmt: skip
    return running


def logs(market: Market) -> list[Path]:
    return [one for one in market.audit.glob("*.jsonl") if one.name != "ledger.jsonl"]


def test_the_clean_up_of_a_halted_run_closes_what_it_holds(market: Market) -> None:
    running = holding(market, CLOSE)
    halt()
    assert running.end() == 5
    assert "Nothing of this run is live" in running.last_line
    assert sorted(one["side"] for one in market.orders) == ["buy", "sell"]
    assert market.ask("/v2/positions") == []
    believed(market.log)


def test_with_all_even_a_closing_order_is_stopped_and_the_position_is_named(
    market: Market,
) -> None:
    running = holding(market, CLOSE)
    halt("--all")
    assert running.end() == 5
    assert "stopped by the kill switch, which lets only cancels through" in running.shown
    assert "Position: 1 AAPL" in running.last_line
    assert len(market.orders) == 1
    believed(market.log)


def test_the_clean_up_of_a_halted_run_cannot_open_anything(market: Market) -> None:
    tail = "finally:\n  - submit_order: {symbol: AAPL, side: buy, qty: 1}\n  - check_account:"
    running = holding(market, tail)
    halt()
    assert running.end() == 5
    assert "buy 1 AAPL was not sent: stopped by the kill switch: halted by" in running.shown
    assert len(market.orders) == 1
    believed(market.log)


# --------------------------------------------------------- runbooks that cancel and close


def test_a_runbook_that_only_cancels_and_closes_goes_on(market: Market) -> None:
    assert market.start(plan_of(HELD)).end() == 0
    halt()
    running = market.start(plan_of(FLATTEN))
    assert running.end() == 0, running.shown
    eventually(lambda: market.ask("/v2/positions") == [], "flat")


def test_with_all_its_closing_orders_are_stopped_and_its_cancels_are_not(market: Market) -> None:
    keep = RESTING.replace("timeout: 60s", "timeout: 1s, on_timeout: keep")
    assert market.start(plan_of(f"{HELD}{keep.replace('entry', 'rest')}")).end() == 0
    assert len(market.open_orders) == 1
    halt("--all")
    closing = market.start(plan_of("  - close_position: {symbol: AAPL, scope: account}"))
    assert closing.end() == 12
    assert "which lets only cancels through" in closing.shown
    assert len(market.ask("/v2/positions")) == 1
    canceling = market.start(plan_of("  - cancel_all: {scope: symbols}"))
    assert canceling.end() == 0, canceling.shown
    assert market.open_orders == []


# -------------------------------------------------------------------- beside a Ctrl-C


def test_a_halt_after_a_ctrl_c_changes_nothing(market: Market) -> None:
    market.broker.on("DELETE", "/v2/orders/*", replace(PASS, before=halt_now))
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGINT")
    assert running.end() == 130
    assert market.open_orders == []
    believed(market.log)


def test_a_ctrl_c_after_a_halt_does_not_leave(market: Market) -> None:
    market.broker.on(
        "DELETE", "/v2/orders/*", replace(PASS, before=lambda: market.last.send("SIGINT"))
    )
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    halt()
    assert running.end() == 5
    assert "SIGINT: stopping safely" in running.shown
    assert market.open_orders == []
    believed(market.log)


def test_a_second_ctrl_c_after_a_halt_leaves_and_a_resume_ends_the_run(market: Market) -> None:
    market.broker.on(
        "DELETE", "/v2/orders/*",
        replace(PASS, arrives=False, before=lambda: market.last.send("SIGINT", "SIGINT")),
    )  # fmt: skip
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    halt()
    assert running.end() == 8
    assert len(market.open_orders) == 1
    market.broker.forget()
    resumed = command("resume", str(market.log))
    assert resumed.exit_code == 5
    assert resumed.data["error"]["cause"] == "halted"
    assert market.open_orders == []
    believed(market.log)


# -------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("options", [(), ("--continue",)], ids=["plain", "continue"])
def test_a_run_that_is_resumed_while_halted_settles_cancels_and_ends(
    market: Market, options: tuple[str, ...]
) -> None:
    market.awaiting(plan_of(RESTING + "\n  - check_account:")).send("SIGKILL")
    market.last.end()
    halt()
    resumed = command("resume", str(market.log), *options)
    assert resumed.exit_code == 5
    assert resumed.data["error"]["cause"] == "halted"
    assert "check_account" not in [one["action"] for one in resumed.data["steps"]]
    assert [one["status"] for one in market.orders] == ["canceled"]
    records = believed(market.log)
    assert len([one for one in records if one.type == "signal"]) == 1


@pytest.mark.parametrize("level", [(), ("--all",)])
def test_stopping_without_steps_works_while_halted(market: Market, level: tuple[str, ...]) -> None:
    market.awaiting(plan_of(RESTING)).send("SIGKILL")
    market.last.end()
    halt(*level)
    assert command("resume", str(market.log), "--stop").exit_code == 130
    assert market.open_orders == []


# --------------------------------------------------------------- the exchange inside


def test_a_run_on_the_embedded_exchange_whose_time_jumps_is_halted_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_NOTIFY", f"{sys.executable} -m runner halt --reason inside")
    ended = run(plan=plan_of(f"  - notify: stop me\n{WAITING}{RESTING}", tail=CLEAN_UP))
    assert ended.exit_code == 12, ended.stderr
    assert ended.data["orders"] == []
    assert ended.data["error"]["message"].endswith(": inside")
    believed(Path(ended.data["audit_log"]))
