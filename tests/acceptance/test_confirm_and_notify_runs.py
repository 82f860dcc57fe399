"""Asking a person and telling people, from the runbook to the terminal: real terminals, real keys,
real signals, real commands. Every log is verified and replayed; a replay asks and tells nobody.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import LOST_AND_HUNG
from acceptance.harness import RunPlan, invoke, plan_of
from acceptance.processes import RESTING, Market, a_market
from acceptance.terminals import CTRL_C, CTRL_D, AtTerminal, at_terminal

from runner.audit.log import read_log
from runner.audit.records import Record
from runner.drive import notifying

BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1}"
REST = BUY.replace("qty: 1", "qty: 1, type: limit, limit_price: 80")
ASK = "  - {id: ok, confirm: {question: 'Buy one AAPL?', within: 30s}}"
PROMPT = "Approve? [y/N]"
ME = pwd.getpwuid(os.getuid()).pw_name


def log_of(folder: Path) -> Path:
    (found,) = (one for one in (folder / "audit").glob("*.jsonl") if one.name != "ledger.jsonl")
    return found


def checked(folder: Path) -> Sequence[Record]:
    """The records of the only run in a folder: verified, and replayed to the same end."""
    log = log_of(folder)
    assert invoke("audit", "verify", str(log)).exit_code == 0
    assert invoke("replay", str(log)).exit_code == 0
    return read_log(log).records


def answers(records: Sequence[Record]) -> list[dict[str, object]]:
    """What came of every question of a log."""
    asked = {
        one.data["n"]
        for one in records
        if one.type == "effect.intent" and one.data["effect"]["effect"] == "ask_person"
    }
    return [
        one.data.get("data", {})
        for one in records
        if one.type == "effect.outcome" and one.data["n"] in asked
    ]


def verdicts(folder: Path) -> list[dict[str, object]]:
    """What the ledger says of questions."""
    records = read_log(folder / "audit" / "ledger.jsonl").records
    return [dict(one.data) for one in records if one.type == "confirmed"]


@contextmanager
def running(folder: Path, plan: str, *options: str, **more: Any) -> Iterator[AtTerminal]:
    """A run of a plan at a terminal; keyword arguments are those of `at_terminal`."""
    file = folder / "plan.yaml"
    file.write_text(plan, encoding="utf-8")
    with at_terminal(folder, ["run", str(file), *options], **more) as begun:
        yield begun


# ------------------------------------------------------------------------- an answer


@pytest.mark.parametrize("keys", [b"y\n", b"YES\n", b" y \n", b"yep\x7f\x7f\x7f\x7fy\n"])
def test_yes_goes_on_and_says_who_approved(tmp_path: Path, keys: bytes) -> None:
    plan = plan_of(f"{ASK}\n{BUY}\n  - notify: 'by ${{steps.ok.approved_by}}'")
    with running(tmp_path, plan) as run:
        run.wait_for(PROMPT)
        run.types(keys)
        assert run.end() == 0
    records = checked(tmp_path)
    assert answers(records) == [{"approved": True, "by": ME, "why": ""}]
    (verdict,) = verdicts(tmp_path)
    assert (verdict["verdict"], verdict["by"]) == ("approved", ME)
    assert f"approved by {ME}" in run.shown
    assert f"by {ME}" in run.shown
    assert "YES" not in log_of(tmp_path).read_text()


@pytest.mark.parametrize("keys", [b"n\n", b"\n", b"yess\n", b"y y\n", b"no way\n", CTRL_D,
                                  b"y" + CTRL_D, b"y" * 2000 + b"\n"])  # fmt: skip
def test_anything_else_sends_nothing(tmp_path: Path, keys: bytes) -> None:
    plan = plan_of(f"{ASK}\n{BUY}")
    with running(tmp_path, plan) as run:
        run.wait_for(PROMPT)
        run.types(keys)
        assert run.end() == 11
    records = checked(tmp_path)
    (answer,) = answers(records)
    assert answer["approved"] is False
    assert verdicts(tmp_path)[0]["verdict"] == "refused"
    assert not [one for one in records if one.type == "wire.request" and one.data["body"]]
    assert "not approved" in run.shown
    assert "no order was sent" in run.shown.splitlines()[-1]
    assert "no way" not in log_of(tmp_path).read_text()


def test_what_was_typed_before_the_question_answers_nothing(tmp_path: Path) -> None:
    plan = plan_of(ASK.replace("30s", "1s"))
    with running(tmp_path, plan) as run:
        run.types(b"y\n")
        assert run.end() == 11
    assert answers(checked(tmp_path))[0]["why"] == "nobody answered in time"


def test_each_question_needs_its_own_answer(tmp_path: Path) -> None:
    plan = plan_of("  - confirm: First?\n  - confirm: {question: Second?, within: 1s}")
    with running(tmp_path, plan) as run:
        run.wait_for(PROMPT)
        run.types(b"y\ny\n")
        assert run.end() == 11
    assert [one["approved"] for one in answers(checked(tmp_path))] == [True, False]


def test_no_answer_in_time_is_not_approved_and_the_simulated_clock_has_moved(
    tmp_path: Path,
) -> None:
    plan = plan_of(f"{REST}\n{ASK.replace('30s', '1s')}")
    began = time.monotonic()
    with running(tmp_path, plan) as run:
        run.wait_for("Not approved: nobody answered in time.")
        assert run.end() == 5  # an order had been accepted
    assert time.monotonic() < began + 8
    records = checked(tmp_path)
    assert records[-1].data["result"]["open_orders"] == []
    (outcome,) = (one for one in records if one.type == "effect.outcome"
                  and one.data.get("data", {}).get("approved") is False)  # fmt: skip
    (intent,) = (one for one in records if one.type == "effect.intent"
                 and one.data["n"] == outcome.data["n"])  # fmt: skip
    until = datetime.fromisoformat(intent.data["effect"]["until"])
    assert datetime.fromisoformat(outcome.data["at"]) >= until


def test_the_simulated_clock_moves_on_by_the_time_that_the_person_took(tmp_path: Path) -> None:
    plan = plan_of(ASK)
    with running(tmp_path, plan) as run:
        run.wait_for(PROMPT)
        time.sleep(0.7)
        run.types(b"y\n")
        assert run.end() == 0
    taken = next(one for one in checked(tmp_path) if one.type == "step.finished")
    at = datetime.fromisoformat(taken.data["outputs"]["at"])
    assert at >= datetime.fromisoformat("2026-11-23T15:00:00.6Z")


# ------------------------------------------------------------------------- nobody to ask


def test_without_a_terminal_it_is_not_approved_at_once(run_plan: RunPlan) -> None:
    ended = run_plan(plan_of(f"{ASK}\n{BUY}"))
    assert ended.exit_code == 11
    assert ended.data["status"] == "refused"
    assert ended.data["error"]["cause"] == "not_approved"
    assert "no terminal on stdin" in ended.data["error"]["message"]
    assert "--yes" in ended.data["error"]["help"]
    assert ended.sent() == []


def test_after_an_accepted_order_it_is_5_and_the_order_is_cancelled(run_plan: RunPlan) -> None:
    ended = run_plan(plan_of(f"{REST}\n{ASK}"))
    assert ended.exit_code == 5
    assert [one["status"] for one in ended.data["orders"]] == ["canceled"]


def test_a_question_that_nobody_can_see_is_not_approved(tmp_path: Path) -> None:
    plan = plan_of(ASK)
    with running(tmp_path, plan, stderr=subprocess.DEVNULL) as run:
        assert run.end() == 11
    assert "stderr is not a terminal" in str(answers(checked(tmp_path))[0]["why"])


def test_in_the_background_of_a_terminal_it_is_not_approved_and_does_not_stand_still(
    tmp_path: Path,
) -> None:
    plan = plan_of(ASK)
    job = ["bash", "-c", 'set -m; "$@" & wait $!', "bash"]
    with running(tmp_path, plan, through=job) as run:
        assert run.end() == 11
    assert "background" in str(answers(checked(tmp_path))[0]["why"])


def test_yes_answers_and_both_the_screen_and_the_log_say_so(run_plan: RunPlan) -> None:
    ended = run_plan(plan_of(f"{ASK}\n{BUY}"), "--yes")
    assert ended.exit_code == 0
    assert ended.outputs("ok")["approved_by"] == "--yes"
    assert answers(ended.records) == [{"approved": True, "by": "--yes", "why": ""}]
    assert "Buy one AAPL?" in ended.stderr
    assert "approved by --yes" in ended.stderr
    assert ended.log is not None
    assert [one["by"] for one in verdicts(ended.log.parent.parent)] == ["--yes"]
    shown = invoke("audit", "show", str(ended.log), "--all").stdout
    assert 'asked "Buy one AAPL?", approved by --yes' in " ".join(shown.split())


# ------------------------------------------------------------------------- a stop


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with a_market(tmp_path) as made:
        yield made


@contextmanager
def asking(market: Market) -> Iterator[AtTerminal]:
    """A run on a market whose time flows, with an order open and a question standing."""
    plan = plan_of(f"{OPEN_ORDER}\n{ASK}", tail=RESCUE)
    options = ("--on", market.broker.url)
    with running(market.folder, plan, *options, environment=market.environment()) as run:
        run.wait_for(PROMPT)
        yield run


RESCUE = "on_failure:\n  - {id: never, check_account: {}}\nfinally:\n  - cancel_all: {scope: run}"
OPEN_ORDER = RESTING.splitlines()[0] + "\n" + RESTING.splitlines()[1]


@pytest.mark.parametrize("how", ["a key", "SIGTERM", "SIGHUP"])
def test_a_stop_ends_the_wait_at_once_and_cleans_up(market: Market, how: str) -> None:
    with asking(market) as run:
        assert "Live now, as last read: buy 1 AAPL limit 150" in run.shown
        began = time.monotonic()
        if how == "a key":
            run.types(CTRL_C)
        else:
            run.process.send_signal(getattr(signal, how))
        run.wait_for("stopping safely")
        assert run.end() == 130
    assert time.monotonic() < began + 5
    assert [one["status"] for one in market.orders] == ["canceled"]
    records = checked(market.folder)
    assert answers(records)[0]["approved"] is False
    assert "never" not in [one.data.get("id") for one in records if one.type == "step.started"]
    assert "Nothing of this run is live" in run.shown.splitlines()[-1]


def test_a_second_ctrl_c_leaves_and_names_the_live_order(market: Market) -> None:
    with asking(market) as run:

        def press() -> None:
            run.types(CTRL_C)

        market.broker.on("DELETE", "/v2/orders/*", replace(LOST_AND_HUNG, before=press))
        run.types(CTRL_C)
        assert run.end() == 8
    (order,) = market.open_orders
    assert order["client_order_id"] in run.shown.splitlines()[-1]
    assert invoke("audit", "verify", str(log_of(market.folder))).exit_code == 0


def test_killed_while_a_question_stands_leaves_a_log_that_is_believed_and_open(
    market: Market,
) -> None:
    with asking(market) as run:
        run.process.kill()
        assert run.end() == -signal.SIGKILL
    log = log_of(market.folder)
    verified = invoke("audit", "verify", str(log))
    assert verified.exit_code == 0
    assert "open" in verified.stdout
    assert read_log(log).records[-1].data["effect"]["question"] == "Buy one AAPL?"
    assert verdicts(market.folder) == []
    replayed = invoke("replay", str(log), "--json")
    assert (replayed.exit_code, json.loads(replayed.stdout)["complete"]) == (0, False)


@pytest.mark.parametrize(("keys", "code"), [(b"y\n", 0), (b"n\n", 5)])
def test_a_resumed_run_asks_again_and_the_first_time_is_not_an_answer(
    market: Market, keys: bytes, code: int
) -> None:
    with asking(market) as run:
        run.process.kill()
        run.end()
    options = ["resume", str(log_of(market.folder))]
    with at_terminal(market.folder, options, environment=market.environment()) as again:
        again.wait_for(PROMPT)
        assert "? Buy one AAPL?" in again.shown
        again.types(keys)
        assert again.end() == code
    first, second = answers(checked(market.folder))
    assert "approved" not in first
    assert second["approved"] is (code == 0)


def test_a_terminal_that_closes_while_a_question_stands_stops_safely(market: Market) -> None:
    with asking(market) as run:
        run.hang_up()
        assert run.end() == 130
    assert market.open_orders == []
    assert "finished" in invoke("audit", "verify", str(log_of(market.folder))).stdout


# ------------------------------------------------------------------------- what is seen

LONG = "Buy one AAPL at the market, sell it again before the close and leave nothing behind at all?"


def test_the_question_fits_80_columns_and_nothing_is_drawn_into_it(tmp_path: Path) -> None:
    plan = plan_of(f"{REST}\n  - confirm: '{LONG}'")
    with running(tmp_path, plan) as run:
        run.wait_for(PROMPT)
        time.sleep(0.4)  # some redraws long
        run.types(b"n\n")
        assert run.end() == 5
    asked = re.search(r"\n\? .*?Approve\? \[y/N\] n\n", run.written, re.DOTALL)
    assert asked is not None
    assert "\x1b" not in asked[0]
    assert max(map(len, asked[0].splitlines())) <= 80
    assert LONG in " ".join(asked[0].split())
    assert "Live now, as last read: buy 1 AAPL limit 80" in " ".join(asked[0].split())
    after = run.shown[run.shown.rindex("[y/N] n") :]
    assert "! 2 confirm" in after


def test_without_colour_the_question_is_the_same(tmp_path: Path) -> None:
    plan = plan_of(ASK)
    with running(tmp_path, plan, environment={"NO_COLOR": "1"}) as run:
        run.wait_for(PROMPT)
        run.types(b"y\n")
        assert run.end() == 0
    assert "? Buy one AAPL?" in run.shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", run.written)


def test_a_terminal_that_can_do_no_more_is_asked_too(tmp_path: Path) -> None:
    plan = plan_of(ASK)
    with running(tmp_path, plan, environment={"TERM": "dumb", "NO_COLOR": "1"}) as run:
        run.wait_for(PROMPT)
        run.types(b"y\n")
        assert run.end() == 0
    assert "\x1b" not in run.written


def test_json_keeps_stdout_for_one_object_and_asks_on_stderr(tmp_path: Path) -> None:
    plan = plan_of(f"{ASK}\n{BUY}")
    with running(tmp_path, plan, "--json", stdout=subprocess.PIPE) as run:
        run.wait_for(PROMPT)
        run.types(b"y\n")
        assert run.process.stdout is not None
        with run.process.stdout as stdout:
            data = json.loads(stdout.read())
        assert run.end() == 0
    assert data["steps"][0]["outputs"]["approved_by"] == ME
    assert "? Buy one AAPL?" in run.shown


# ------------------------------------------------------------------------- notify

SAY = "  - {id: said, notify: 'bought ${params.n} AAPL'}"
HEAD = "symbols: [AAPL]\nparams: {n: {type: quantity, default: 2}}"


def script(folder: Path, text: str) -> str:
    path = folder / "notify.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_a_message_goes_to_the_screen_and_to_the_users_command_once(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = script(tmp_path, f"cat >> {tmp_path}/got; env > {tmp_path}/env")
    monkeypatch.setenv("RUNBOOK_NOTIFY", f"{command} --channel desk")
    monkeypatch.setenv("ALPACA_SECRET_KEY", "never-to-be-seen")
    ended = run_plan(plan_of(SAY, head=HEAD))  # which replays it too
    assert ended.exit_code == 0
    assert ended.outputs("said") == {"delivered": "true"}
    assert "message  bought 2 AAPL" in ended.stderr
    assert (tmp_path / "got").read_text() == "bought 2 AAPL\n"
    seen = (tmp_path / "env").read_text()
    assert f"RUNBOOK_RUN_ID={ended.data['run_id']}\n" in seen
    assert "RUNBOOK_NAME=a-plan\n" in seen
    assert "never-to-be-seen" not in seen
    assert ended.log is not None
    shown = " ".join(invoke("audit", "show", str(ended.log), "--all").stdout.split())
    assert 'message "bought 2 AAPL", told terminal, notify.sh' in shown


@pytest.mark.parametrize(
    ("text", "why"),
    [("echo no such channel >&2; exit 3", "exit code 3: no such channel"),
     ("exec sleep 30", "it was killed: not done within 0.3 seconds")],
)  # fmt: skip
def test_a_message_that_does_not_arrive_fails_nothing_and_is_reported(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setattr(notifying, "TIMEOUT", 0.3)
    monkeypatch.setenv("RUNBOOK_NOTIFY", script(tmp_path, text))
    ended = run_plan(plan_of(f"{SAY}\n{BUY}", head=HEAD))
    assert ended.exit_code == 0
    assert ended.outputs("said") == {"delivered": "false"}
    assert f"not delivered: {why}" in ended.stderr
    assert len(ended.sent()) == 1
    assert ended.log is not None
    shown = " ".join(invoke("audit", "show", str(ended.log), "--all").stdout.split())
    assert f'message "bought 2 AAPL", not delivered: {why}' in shown


def test_a_message_is_told_while_cleaning_up(run_plan: RunPlan) -> None:
    tail = "finally:\n  - {id: over, notify: 'it is over: ${run.name}'}"
    ended = run_plan(plan_of("  - assert: false", tail=tail))
    assert ended.exit_code == 4
    assert ended.outputs("over") == {"delivered": "true"}
