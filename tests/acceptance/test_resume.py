"""`runbook resume`: a run that died is brought to its end, once, and every order is accounted for.

Runs are killed in processes of their own, on an exchange that outlives them and that answers over
real HTTP. The sweep of every point is in `tests/crash`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from acceptance.faulty_broker import (
    HUNG,
    LOST_AND_HUNG,
    LOST_WITH_500,
    PASS,
    SWALLOWED,
    Fault,
    with_fields,
)
from acceptance.harness import FIRST_RUNBOOK, invoke, plan_of
from acceptance.harness import Ended as Command
from acceptance.processes import RESTING, Market, Running, a_market, eventually
from acceptance.test_unknown_outcomes import GIVE_UP, LOOKUP, a_world

from runner.audit.journal import Journal
from runner.audit.log import read_log
from runner.broker.credentials import Credentials
from runner.drive.observer import Nobody
from runner.drive.resuming import take_up
from runner.drive.signals import Signals
from runner.drive.unfinished import Ended, NotResumed, Unfinished, look_at
from runner.language.source import Source
from runner.sim import default_scenario, read_scenario

CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
ORDER = "/v2/orders/*"
HELD = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1}\n"
    "  - await_fill: {order: entry, timeout: 60s}"
)


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with a_market(tmp_path) as made:
        yield made


def killed(market: Market, plan: str = plan_of(RESTING, tail=CLEAN_UP)) -> Path:
    """The log of a run that was killed while it awaited its resting order."""
    market.awaiting(plan).send("SIGKILL")
    market.last.end()
    return market.log


def fill(market: Market) -> None:
    """The price comes to the resting order, while nobody watches."""
    market.control("/sim/prices", {"AAPL": "149.00"})
    eventually(lambda: market.orders[0]["status"] == "filled", "it fills")


def resume(log: Path | str, *options: str) -> Command:
    """`runbook resume` in this process."""
    ended = invoke("resume", str(log), "--json", *options)
    data = json.loads(ended.stdout) if ended.stdout else {}
    return Command(ended.exit_code, ended.stdout, ended.stderr, data, Path(log))


def believed(log: Path) -> None:
    """The log verifies, and the machine makes every decision again from it."""
    verified = invoke("audit", "verify", str(log))
    assert verified.exit_code == 0, verified.stdout
    replayed = invoke("replay", str(log))
    assert replayed.exit_code == 0, replayed.stdout


# -------------------------------------------------------------------------------- going on


def test_a_run_that_was_killed_mid_await_goes_on_waiting_and_ends_as_it_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    falls = read_scenario({"tape": {"AAPL": [["0s", "190"], ["1h", "149"]]}})
    with a_market(tmp_path, falls) as market:
        log = killed(market)
        market.served.jump_to(market.served.now().replace(minute=59, second=57))
        ended = resume(log, "--continue")
        assert ended.exit_code == 0, ended.stderr
        assert [one["status"] for one in market.orders] == ["filled"]
        believed(log)


def test_a_fill_that_happened_while_nobody_watched_is_folded_in(market: Market) -> None:
    log = killed(market)
    fill(market)
    ended = resume(log)
    assert ended.exit_code == 0, ended.stderr
    assert ended.data["positions"][0]["run_qty"] == "1"
    (settled,) = (one.data for one in ended.records if one.type == "effect.reconciled")
    assert settled["problems"] == []
    assert settled["orders"][0]["filled_qty"] == "1"
    believed(log)


def test_a_run_is_found_by_its_id(market: Market) -> None:
    log = killed(market)
    ended = invoke("resume", log.stem, "--audit-dir", str(market.audit), "--stop")
    assert ended.exit_code == 130
    assert market.open_orders == []


def test_what_is_shown_names_the_run_and_what_is_live(market: Market) -> None:
    log = killed(market)
    fill(market)
    shown = invoke("resume", str(log)).stdout
    assert log.stem in shown
    assert "Position: 1 AAPL by this run's fills" in shown.splitlines()[-1]


def test_a_run_on_the_exchange_inside_is_rebuilt_and_goes_on(market: Market) -> None:
    whole = invoke("run", str(FIRST_RUNBOOK), "--json", "--audit-dir", str(market.audit))
    log = Path(json.loads(whole.stdout)["audit_log"])
    cut_after(log, "effect.intent", 12)
    ended = resume(log)
    assert ended.exit_code == 0, ended.stderr
    assert ended.data["positions"][0]["run_qty"] == "0"
    believed(log)


def test_a_run_on_the_exchange_inside_that_is_stopped_has_nothing_left(market: Market) -> None:
    whole = invoke("run", str(FIRST_RUNBOOK), "--json", "--audit-dir", str(market.audit))
    log = Path(json.loads(whole.stdout)["audit_log"])
    cut_after(log, "effect.intent", 8)
    stopped = resume(log, "--stop")
    assert stopped.exit_code == 130
    assert "ended with the process" in stopped.stderr
    believed(log)


def cut_after(log: Path, kind: str, number: int) -> None:
    """Leave a log as a kill right after a record would have left it, its ledger included."""
    kept, seen = [], 0
    for line in log.read_bytes().splitlines(keepends=True):
        kept.append(line)
        seen += json.loads(line)["type"] == kind
        if seen == number:
            break
    log.write_bytes(b"".join(kept))
    ledger = log.parent / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(one for one in lines if json.loads(one)["type"] != "closed"))


# ---------------------------------------------------------------------------- stopping safely


def killed_with_two_orders(market: Market, second: str) -> Path:
    """The log of a run that was killed while it held a share and awaited its second order."""
    plan = f"{HELD}\n  - id: more\n    submit_order: {{symbol: AAPL, {second}}}\n"
    running = market.start(plan_of(plan + "  - await_fill: {order: more, timeout: 60s}"))
    eventually(lambda: len(market.orders) == 2, "the second was sent")
    awaited = f"/v2/orders/{market.open_orders[0]['id']}"
    eventually(lambda: ("GET", awaited) in market.broker.asked, "the second is awaited")
    running.send("SIGKILL")
    running.end()
    return market.log


def test_stop_cancels_what_opens_and_counts_what_was_filled(market: Market) -> None:
    log = killed_with_two_orders(market, "side: buy, qty: 2, type: limit, limit_price: 150.00")
    ended = resume(log, "--stop")
    assert ended.exit_code == 130, ended.stderr
    assert sorted(one["status"] for one in market.orders) == ["canceled", "filled"]
    assert ended.data["positions"][0]["run_qty"] == "1"
    assert "Position: 1 AAPL by this run's fills, 0 protected" in ended.stderr.splitlines()[-1]
    believed(log)


def test_stop_leaves_exits_and_names_them(market: Market) -> None:
    log = killed_with_two_orders(market, "side: sell, qty: 1, type: stop, stop_price: 150.00")
    ended = resume(log, "--stop")
    (order,) = market.open_orders
    assert ended.exit_code == 130
    assert ended.data["open_orders"] == [order["client_order_id"]]
    assert ended.data["positions"][0]["protected_qty"] == "1"
    assert order["client_order_id"] in ended.stderr.splitlines()[-1]


def test_stop_needs_no_runbook_that_this_version_accepts(market: Market) -> None:
    log = killed(market)
    records = read_log(log).records
    (log.parent / "ledger.jsonl").unlink()
    log.unlink()
    with Journal.create(log.parent, log.stem, wall=lambda: 0) as journal:
        for record in records:
            data = dict(record.data)
            if record.type == "run.started":
                source = Source("plan.yaml", "runbook: 99\nsteps: []\n")
                text = {"text": source.text, "sha256": source.sha256}
                data["runbook"] = {**data["runbook"], **text}
            journal.append(record.type, data, step=record.step)
    refused = resume(log)
    assert refused.exit_code == 8
    assert "--stop" in refused.stderr
    assert len(market.open_orders) == 1
    ended = resume(log, "--stop")
    assert ended.exit_code == 130, ended.stderr
    assert market.open_orders == []


def test_stop_of_an_order_that_cannot_be_looked_up_is_8_and_can_be_repeated(
    market: Market,
) -> None:
    log = killed(market)
    market.broker.on("GET", "/v2/orders*", LOST_WITH_500, for_ever=True)
    market.broker.on("DELETE", ORDER, LOST_WITH_500, for_ever=True)
    cut_after(log, "effect.intent", next_submit(log))
    process = started(market, log, "--stop", "--read-timeout", "0.2")
    eventually(lambda: any(one.type == "run.resumed" for one in read_log(log).records), "resumed")
    process.send("SIGINT", "SIGINT")
    assert process.end() == 8
    assert market.open_orders[0]["client_order_id"] in process.last_line


def next_submit(log: Path) -> int:
    """The number of the first intent to submit."""
    intents = [one.data["effect"] for one in read_log(log).records if one.type == "effect.intent"]
    return 1 + next(at for at, effect in enumerate(intents) if effect["effect"] == "submit")


def started(market: Market, log: Path, *options: str) -> Running:
    """`runbook resume` in a process of its own."""
    command = [sys.executable, "-m", "runner", "resume", str(log), *options]
    running = Running(
        subprocess.Popen(
            command, cwd=market.folder, env=market.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
    )  # fmt: skip
    running.read()
    market.started.append(running)
    return running


def test_the_steps_of_a_run_that_was_stopped_never_go_on(market: Market) -> None:
    log = killed(market)
    market.broker.on("DELETE", ORDER, *[HUNG] * 3)
    running = started(market, log, "--stop", "--read-timeout", "3")
    eventually(lambda: any(one[0] == "DELETE" for one in market.broker.asked), "a cancel")
    running.send("SIGKILL")
    running.end()
    assert resume(log, "--continue").exit_code == 2
    ended = resume(log)
    assert ended.exit_code == 130
    assert ended.data["steps"] == []
    assert market.open_orders == []


# ---------------------------------------------------------------------------------- refusals


def test_a_finished_run_says_so_does_nothing_and_exits_as_it_did(market: Market) -> None:
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGINT")
    assert running.end() == 130
    before = market.log.read_bytes(), len(market.broker.asked)
    ended = invoke("resume", str(market.log))
    assert ended.exit_code == 130
    assert "has ended already" in ended.stdout
    assert (market.log.read_bytes(), len(market.broker.asked)) == before


def test_a_run_that_another_process_holds_is_refused(market: Market) -> None:
    market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    for options in ((), ("--stop",), ("--continue",)):
        ended = resume(market.log, *options)
        assert ended.exit_code == 4
        assert "another process" in ended.stderr
    assert len(market.open_orders) == 1
    market.last.send("SIGINT")
    assert market.last.end() == 130
    believed(market.log)


def test_a_run_whose_symbol_another_run_holds_is_not_taken_up(market: Market) -> None:
    log = killed(market)
    elsewhere = str(market.folder / "another")
    second = market.start(plan_of(RESTING), "--audit-dir", elsewhere)
    eventually(lambda: len(market.open_orders) == 2, "both are open")
    ended = resume(log)
    assert ended.exit_code == 4
    assert second.process.poll() is None
    stopped = resume(log, "--stop")
    assert stopped.exit_code == 130, "stopping needs no lock: it only cancels its own"
    assert len(market.open_orders) == 1


def test_credentials_of_another_account_are_refused_and_nothing_is_sent(market: Market) -> None:
    log = killed(market)
    market.broker.on("GET", "/v2/account", with_fields(id="another"), for_ever=True)
    for options in ((), ("--stop",)):
        ended = resume(log, *options)
        assert ended.exit_code == 8, "an order of it may be live, which wins over 7"
        assert "another account" in ended.stderr
        assert ended.data["run_id"] == log.stem
        assert ended.data["open_orders"] == [market.open_orders[0]["client_order_id"]]
    assert len(market.open_orders) == 1
    assert invoke("audit", "verify", str(log)).exit_code == 0


def test_the_account_is_known_even_when_the_run_died_before_it_said_so(market: Market) -> None:
    log = killed(market)
    cut_after(log, "effect.outcome", 1)
    market.broker.on("GET", "/v2/account", with_fields(id="another"), for_ever=True)
    assert resume(log).exit_code == 7, "it had sent nothing yet"


def test_a_broker_that_is_down_can_be_asked_again_later(market: Market) -> None:
    log = killed(market)
    market.broker.on("GET", "/v2/account", *[LOST_WITH_500] * 4)
    later = resume(log)
    assert later.exit_code == 8
    assert "resume again later" in later.stderr
    assert resume(log, "--stop").exit_code == 130
    believed(log)


def test_a_torn_last_line_is_set_aside_and_kept(market: Market) -> None:
    log = killed(market)
    whole = log.read_bytes()
    log.write_bytes(whole + whole.splitlines(keepends=True)[-1][:-30])
    assert invoke("audit", "verify", str(log)).exit_code == 9
    fill(market)
    assert resume(log).exit_code == 0
    assert [one.type for one in read_log(log).records].count("log.recovered") == 1
    believed(log)


def test_a_log_that_is_damaged_elsewhere_is_refused_and_left_alone(market: Market) -> None:
    log = killed(market)
    damaged = log.read_bytes().replace(b'"AAPL"', b'"MSFT"', 1)
    log.write_bytes(damaged)
    for options in ((), ("--stop",), ("--continue",)):
        ended = resume(log, *options)
        assert ended.exit_code == 9
        assert "Nothing was sent" in ended.stderr
    assert log.read_bytes() == damaged
    assert len(market.open_orders) == 1


def test_a_log_without_its_ledger_is_taken_up(market: Market) -> None:
    log = killed(market)
    (log.parent / "ledger.jsonl").unlink()
    fill(market)
    assert resume(log).exit_code == 0
    believed(log)


@pytest.mark.parametrize("content", [b"", b'{"data":{"engine'])
def test_a_run_that_died_before_its_first_record_has_nothing_to_resume(
    market: Market, content: bytes
) -> None:
    log = killed(market)
    log.write_bytes(content)
    (log.parent / "ledger.jsonl").unlink()
    ended = resume(log)
    assert ended.exit_code == 9
    assert "sent nothing" in ended.stderr


def test_a_run_that_ended_between_the_look_and_the_lock_is_not_run_twice(market: Market) -> None:
    log = killed(market)
    found = look_at(log)
    assert isinstance(found, Unfinished)
    assert resume(log, "--stop").exit_code == 130
    with pytest.raises(NotResumed, match="just ended"):
        take_up(found, found.target, Credentials("PKTEST", "a-secret"))


# ------------------------------------------------------------------------- once more, and once more


def test_a_resume_that_is_killed_is_resumed(market: Market) -> None:
    log = killed(market)
    for _ in range(3):
        asked = len(market.broker.asked)
        running = started(market, log)
        eventually(lambda n=asked: len(market.broker.asked) > n + 5, "it is at work")  # type: ignore[misc]
        running.send("SIGKILL")
        running.end()
    fill(market)
    ended = resume(log)
    assert ended.exit_code == 0, ended.stderr
    assert len(market.orders) == 1
    believed(log)


@pytest.mark.parametrize("fault", [PASS, HUNG], ids=["answered", "silent"])
def test_ctrl_c_during_a_resume_stops_safely(market: Market, fault: Fault) -> None:
    log = killed(market)
    running = started(market, log, "--read-timeout", "1")
    market.broker.on("GET", ORDER, replace(fault, before=lambda: running.send("SIGINT")))
    assert running.end() == 130
    assert market.open_orders == []
    believed(log)


def test_a_run_left_by_a_second_ctrl_c_is_not_finished_and_is_settled_by_a_resume(
    market: Market,
) -> None:
    market.broker.on("DELETE", ORDER, replace(HUNG, before=lambda: market.last.send("SIGINT")))
    running = market.awaiting(plan_of(RESTING, tail=CLEAN_UP))
    running.send("SIGINT")
    assert running.end() == 8
    assert f"runbook resume {market.log}" in running.last_line
    ended = resume(market.log)
    assert ended.exit_code == 130, ended.stderr
    assert market.open_orders == []
    believed(market.log)


def test_a_second_ctrl_c_during_a_resume_leaves_at_once_and_names_the_order(
    market: Market,
) -> None:
    log = killed(market)
    running = started(market, log, "--read-timeout", "5")
    market.broker.on("DELETE", ORDER, replace(LOST_AND_HUNG, before=lambda: running.send("SIGINT")))
    eventually(lambda: "effect.reconciled" in log.read_text(), "it was settled")
    running.send("SIGINT")
    assert running.end() == 8
    (order,) = market.open_orders
    assert order["client_order_id"] in running.last_line
    assert f"runbook resume {log}" in running.last_line
    ended = resume(log)
    assert ended.exit_code == 130
    assert market.open_orders == []
    believed(log)


@pytest.mark.parametrize("mode", ["settle", "stop"])
def test_a_run_that_ended_with_8_is_settled_once_the_broker_answers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    with a_world(tmp_path, default_scenario()) as world:
        world.broker.on("POST", "/v2/orders", SWALLOWED)
        world.broker.on("GET", LOOKUP, *[LOST_WITH_500] * 4 * 90)
        unknown = world.run(GIVE_UP, "", all_faults=False)
        assert unknown.result.exit_code == 8
        world.broker.forget()
        found = look_at(unknown.log)
        assert isinstance(found, Unfinished)
        keys = Credentials("PKTEST", "a-secret")
        run = take_up(found, found.target, keys, behind=world.served)
        settled = (
            run.stop(Nobody(), Signals())
            if mode == "stop"
            else run.carry_out(Nobody(), Signals(), go_on=True)
        )
        assert settled.exit_code == (130 if mode == "stop" else 5)
        assert settled.data["open_orders"] == []
        (order,) = world.ask("GET", "/v2/orders?status=all")
        assert order["status"] == "canceled"
        assert isinstance(look_at(unknown.log), Ended)
        believed(unknown.log)


def test_a_run_past_its_timeout_is_cleaned_up_and_is_6(market: Market) -> None:
    head = "symbols: [AAPL]\ntimeout: 5s"
    log = killed(market, plan_of(RESTING, head=head, tail=CLEAN_UP))
    eventually(lambda: age_of(log) > 5.2, "its timeout passes")
    ended = resume(log)
    assert ended.exit_code == 6, ended.stderr
    assert market.open_orders == []
    believed(log)


def age_of(log: Path) -> float:
    """Seconds since the log was begun."""
    began = read_log(log).records[0].data["started_at"]
    return time.time() - datetime.fromisoformat(began).timestamp()
