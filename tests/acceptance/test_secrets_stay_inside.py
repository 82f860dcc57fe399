"""Keys, what a `.env` holds, and account numbers: not on disk, not on the screen, wherever a broker
repeats them. The machine is told what the log holds, so every run here is replayed as well."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance import leaks
from acceptance.faulty_broker import FaultyBroker, answered, faulty, with_fields
from acceptance.harness import FIRST_RUNBOOK, RunPlan, invoke, plan_of, policy_file
from acceptance.test_resume import cut_after

from runner.audit.commitment import COMMITTED, commitment_in
from runner.audit.journal import Journal
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive.admission import Admission
from runner.drive.clock import ExchangeClock
from runner.drive.connecting import locks_of, open_gateway
from runner.drive.live import LiveDriver
from runner.drive.observer import Nobody
from runner.drive.recorder import Recorder
from runner.drive.secrecy import redactor_of
from runner.drive.signals import Signals
from runner.effects import Answer, Bind, Command, Reason, Status
from runner.sim import Exchange, FlowingClock, VirtualClock, default_scenario, serve

KEY, SECRET = "PKABCDEFGHIJKLMNOPQR", "kB7/x+Qz0aV9wLr2TnYp4cHd6Jf8Gs1MuEoIiXe3"
TOKEN = "tok-98f7a6b5c4d3e2f1"
NUMBER = "PA3BCDEFGH77"
BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1}\n"


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyBroker]:
    """A broker on this machine, keys in the `.env` of the working directory, and a token in that
    of the runbook's folder."""
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    (working / ".env").write_text(f"ALPACA_API_KEY={KEY}\nALPACA_SECRET_KEY={SECRET}\n")
    (tmp_path / ".env").write_text(f"BOT_TOKEN={TOKEN}\n")
    scenario = default_scenario()
    with (
        serve(Exchange(scenario), FlowingClock(scenario.start)) as served,
        faulty(served.url) as proxy,
    ):
        yield proxy


def repeating() -> str:
    """A broker's error that repeats all it was ever told, in every spelling."""
    pair = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    words = f"key {KEY} secret {SECRET} of {NUMBER} by {TOKEN}, Basic {pair}, account {NUMBER}"
    return json.dumps({"code": 42210000, "message": words, "sent": json.dumps({"k": SECRET})})


def written(folder: Path) -> str:
    return "".join(one.read_text(errors="replace") for one in leaks.written_in(folder))


def nothing_of(text: str) -> None:
    for secret in (KEY, SECRET, json.dumps(SECRET)[1:-1].replace("/", "\\/"), TOKEN, NUMBER):
        assert secret not in text
    assert base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()[:24] not in text


def test_what_a_broker_repeats_of_keys_and_numbers_reaches_neither_disk_nor_screen(
    run_plan: RunPlan, broker: FaultyBroker, tmp_path: Path
) -> None:
    broker.on("GET", "/v2/account", with_fields(account_number=NUMBER), for_ever=True)
    broker.on("POST", "/v2/orders", answered(422, repeating().encode()))
    ended = run_plan(plan_of(BUY), "--on", broker.url)
    assert ended.data["error"], "the broker refused"
    nothing_of(ended.stdout + ended.stderr)
    nothing_of(written(tmp_path))
    assert "[redacted]" in written(tmp_path / "audit")


def test_the_same_account_is_the_same_in_every_log_and_another_is_another(
    run_plan: RunPlan, broker: FaultyBroker
) -> None:
    told = []
    for number in (NUMBER, NUMBER, "PA3ANOTHER88"):
        broker.on("GET", "/v2/account", with_fields(account_number=number), for_ever=True)
        ended = run_plan(plan_of("  - check_account: {}\n"), "--on", broker.url)
        assert ended.exit_code == 0, ended.stderr
        bound = next(one.data for one in ended.records if one.type == "run.bound")
        assert COMMITTED.fullmatch(bound["account_number"])
        bodies = [one.data["body"] for one in ended.records if one.type == "wire.response"]
        account = next(json.loads(one) for one in bodies if "account_number" in one)
        assert account["account_number"] == bound["account_number"]
        assert account["id"] == bound["account_id"], "the id stays: a resume compares it"
        told.append(bound["account_number"])
        broker.forget()
    assert told[0] == told[1] != told[2]


def test_a_runbook_that_holds_a_key_is_refused_and_nothing_of_it_is_written(
    run_plan: RunPlan, broker: FaultyBroker, tmp_path: Path
) -> None:
    plan = plan_of(f"  - notify: 'with {TOKEN}'\n{BUY}")
    for on in (broker.url, "sim"):
        ended = run_plan(plan, "--on", on)
        assert ended.exit_code == 3
        assert "plan.yaml holds the value of BOT_TOKEN (line 5)" in ended.stderr
        assert ended.log is None
    saved = invoke("plan", str(tmp_path / "plan.yaml"), "-o", str(tmp_path / "saved.json"))
    assert saved.exit_code == 3
    assert not (tmp_path / "saved.json").exists()
    assert TOKEN not in written(tmp_path / "audit") + ended.stderr + saved.stderr
    assert broker.asked == []


def test_a_parameter_that_holds_a_key_is_refused(
    run_plan: RunPlan, broker: FaultyBroker, tmp_path: Path
) -> None:
    head = "symbols: [AAPL]\nparams: {note: {type: text}}"
    plan = plan_of("  - notify: =params.note\n", head=head)
    ended = run_plan(plan, "--on", broker.url, "-p", f"note={TOKEN}")
    assert ended.exit_code == 3
    assert "the parameter note holds the value of BOT_TOKEN" in ended.stderr
    assert TOKEN not in written(tmp_path / "audit")


def test_an_ordinary_word_of_an_env_file_may_stand_in_a_runbook(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SYMBOL=AAPL\nDESK=desk-7/east\nDEBUG=1\nMODE=filled\n")
    ended = run_plan(plan_of(BUY + "  - notify: from desk-7/east\n"))
    assert ended.exit_code == 0, ended.stderr
    assert "[redacted]" not in (ended.log or tmp_path).read_text().replace('"[redacted]"', "")
    assert "from desk-7/east" in ended.stderr


@pytest.mark.parametrize(("listed", "number"), [(True, "PA3BCDEFGH77"), (False, "PA3ANOTHER88")])
def test_a_live_account_is_admitted_by_its_number_before_that_is_taken_out(
    tmp_path: Path, listed: bool, number: str
) -> None:
    scenario, signals = default_scenario(), Signals()
    keys = Credentials(KEY, SECRET)
    commit = commitment_in(tmp_path / "state")
    with (
        serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
        faulty(served.url) as proxy,
        Journal.create(tmp_path, "20261123T143001Z-aaaaaaaaaaaaaaaa", wall=lambda: 0) as journal,
    ):
        proxy.on("GET", "/v2/account", with_fields(account_number=number))
        target, clock = resolve(proxy.url), ExchangeClock(served, signals)
        recorder = Recorder(journal, redactor_of(keys, number=commit), signals)
        gateway = open_gateway(
            target, keys, timeouts=Timeouts(), clock=clock, tap=recorder.tap, signals=signals
        )
        driver = LiveDriver(
            gateway, clock, recorder, signals,
            observer=Nobody(), locks=locks_of(resolve("sim"), "run", clock.now()),
            admission=Admission((NUMBER,)),
        )  # fmt: skip
        answer: Answer = driver.perform(Command("", Bind(("AAPL",), opens=True)), 1)
        driver.close()
    if listed:
        assert answer.status is Status.OK
        assert answer.data["account_number"] == commit(number)
    else:
        assert answer.status is Status.REFUSED
        assert answer.problem is not None
        assert answer.problem.reason is Reason.NOT_ADMITTED
        assert number[-4:] not in answer.problem.message
    nothing_of(written(tmp_path))


def test_a_simulated_run_is_resumed_where_the_key_of_the_commitments_is_not(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    cut_after(log, "effect.intent", 12)
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "elsewhere"))
    ended = invoke("resume", str(log))
    assert ended.exit_code == 0, ended.stderr
    assert invoke("replay", str(log)).exit_code == 0


def test_a_plan_shows_the_last_four_of_an_account_and_keeps_none(
    broker: FaultyBroker, tmp_path: Path
) -> None:
    broker.on("GET", "/v2/account", with_fields(account_number=NUMBER), for_ever=True)
    plan, saved = tmp_path / "plan.yaml", tmp_path / "saved.json"
    plan.write_text(plan_of(BUY))
    looked = invoke("plan", str(plan), "--on", broker.url, "-o", str(saved))
    assert looked.exit_code == 0, looked.stderr
    assert f"ends in {NUMBER[-4:]}" in looked.stdout
    nothing_of(looked.stdout + looked.stderr)
    assert NUMBER[-4:] not in saved.read_text()


def test_a_plan_repeats_nothing_that_a_broker_repeats(broker: FaultyBroker, tmp_path: Path) -> None:
    broker.on("GET", "/v2/account", answered(403, repeating().encode()), for_ever=True)
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan_of(BUY))
    told = invoke("plan", str(plan), "--on", broker.url, "--json")
    assert told.exit_code != 0
    assert "[redacted]" in told.stderr
    nothing_of(told.stdout + told.stderr)


def test_a_halt_with_a_token_in_its_reason_is_set_without_it(
    broker: FaultyBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del broker
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    told = invoke("halt", "--reason", f"{SECRET} is out", "--audit-dir", str(tmp_path / "audit"))
    assert told.exit_code == 0
    assert "[redacted] is out" in written(tmp_path / "state")
    nothing_of(written(tmp_path) + told.stdout + told.stderr)


def test_a_drill_repeats_nothing_that_a_broker_repeats(broker: FaultyBroker) -> None:
    words = repeating().replace(TOKEN, "another")  # of a folder that a drill does not look in
    broker.on("GET", "/v2/account", answered(403, words.encode()), for_ever=True)
    told = invoke("drill", "--on", broker.url)
    assert told.exit_code != 0
    assert "[redacted]" in told.stdout + told.stderr
    nothing_of(told.stdout + told.stderr)


# ------------------------------------------------------- the look that follows every test


def test_the_look_for_leaks_sees_files_and_screens(tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    audit.mkdir()
    (tmp_path / ".env").write_text(f"ALPACA_SECRET_KEY={SECRET}\n")
    policy_file(tmp_path / "policy.yaml", "accounts: [987654321]")
    assert list(leaks.leaks(tmp_path, {}, ["all is well"])) == []
    assert list(leaks.leaks(tmp_path, {"ALPACA_API_KEY": KEY}, [f"with {KEY}"]))
    for secret in (SECRET, "987654321", "SIM00000000"):
        (audit / "run.jsonl").write_text(f'{{"text":"{secret}"}}\n')
        (found,) = leaks.leaks(tmp_path, {}, [])
        assert secret in found
        assert "audit/run.jsonl" in found
    (audit / "run.jsonl").unlink()  # it would be seen once more
