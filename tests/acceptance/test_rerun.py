"""`runbook rerun`: the same runbook and parameters again, and both runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acceptance.harness import FIRST_RUNBOOK, ROOT, Ended, RunPlan, invoke, policy_file
from acceptance.processes import a_market
from acceptance.test_resume import cut_after
from unit.drive.test_whatif_parts import a_log

PATIENT = ROOT / "runbooks" / "patient-buy.yaml"


def rerun(log: Path | None, *options: str) -> Ended:
    """The second run of a log's runbook, into the same directory; its own log is believed."""
    assert log is not None
    ended = invoke("rerun", str(log), "--json", "--audit-dir", str(log.parent), *options)
    data = json.loads(ended.stdout) if ended.stdout else {}
    second = data["run"]["audit_log"] if data.get("run") else None
    if second is not None:
        for command in (("audit", "verify"), ("replay",)):
            assert invoke(*command, second).exit_code == 0
    return Ended(
        ended.exit_code, ended.stdout, ended.stderr, data, Path(second) if second else None
    )


def test_on_the_same_exchange_it_is_the_same_run_again(run_plan: RunPlan) -> None:
    first = run_plan(FIRST_RUNBOOK, "-p", "qty=3", "--seed", "7")
    again = rerun(first.log)
    assert again.exit_code == 0
    assert again.data["diff"]["same"] is True
    assert again.data["run"]["orders"][0]["qty"] == "3"
    runs = again.data["diff"]["runs"]
    assert [run["seed"] for run in runs] == ["7", "7"]
    assert [run["audit_log"] for run in runs] == [str(first.log), str(again.log)]


def test_it_begins_with_the_scenario_of_the_first_run(run_plan: RunPlan) -> None:
    first = run_plan(FIRST_RUNBOOK, scenario="prices: {AAPL: '250.00'}\ncash: 5000\n")
    assert rerun(first.log).data["diff"]["same"] is True


def test_another_seed_shows_other_fills(run_plan: RunPlan) -> None:
    again = rerun(run_plan(PATIENT).log, "--seed", "11", "--price", "0")
    assert again.exit_code == 0
    (order,) = again.data["diff"]["orders"]
    assert "filled_avg_price" in order["differ"]
    assert [one["slippage"] is not None for one in order["orders"]] == [True, True]
    assert [run["seed"] for run in again.data["diff"]["runs"]] == ["0", "11"]


def test_the_screen_shows_the_run_and_then_the_difference(run_plan: RunPlan) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    shown = invoke("rerun", str(log), "--audit-dir", str(log.parent)).stdout
    assert shown.index("Simulated run completed") < shown.index("Nothing differs beyond that.")


def test_the_files_that_the_first_run_came_from_are_not_needed(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_bytes(FIRST_RUNBOOK.read_bytes())
    first = run_plan(plan, scenario="cash: 20000\n")
    plan.unlink()
    (tmp_path / "scenario.yaml").unlink()
    assert rerun(first.log).data["diff"]["same"] is True


def test_a_run_that_was_cut_short_is_carried_out_whole(run_plan: RunPlan) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    cut_after(log, "effect.intent", 8)
    again = rerun(log)
    assert (again.exit_code, again.data["run"]["status"]) == (0, "completed")
    assert again.data["diff"]["runs"][0]["status"] is None


def test_the_exit_code_is_that_of_the_new_run(run_plan: RunPlan, tmp_path: Path) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    scenario = tmp_path / "poor.yaml"
    scenario.write_text("cash: 10\nmultiplier: 1\n", encoding="utf-8")
    again = rerun(log, "--scenario", str(scenario))
    assert again.exit_code == again.data["run"]["exit_code"] == 4
    assert again.data["diff"]["same"] is False


def test_todays_policy_holds(run_plan: RunPlan, tmp_path: Path) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    policy = policy_file(tmp_path / "today.yaml", "symbols: [MSFT]")
    again = rerun(log, "--policy", str(policy))
    assert again.exit_code == 4
    assert again.data["run"]["run_id"] is None
    assert again.data["diff"] is None


@pytest.mark.parametrize("on", ["live", "https://api.alpaca.markets"])
def test_live_is_refused_in_words(run_plan: RunPlan, on: str) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    before = sorted(log.parent.glob("*.jsonl")) if log else []
    again = rerun(log, "--on", on)
    assert again.exit_code == 11
    assert "A run is not run again on live" in again.stderr
    assert log is not None
    assert sorted(log.parent.glob("*.jsonl")) == before


def test_on_another_server_it_is_a_run_there(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    monkeypatch.setenv("ALPACA_API_KEY", "PKSIM")
    monkeypatch.setenv("ALPACA_SECRET_KEY", "secret-of-the-exchange")
    with a_market(tmp_path / "served") as market:
        again = rerun(log, "--on", market.served.url)
        assert again.exit_code == 0, again.stderr
        assert len(market.orders) == 2
    assert again.data["diff"]["runs"][1]["target"] == market.served.url


def test_paper_needs_credentials_and_says_so(run_plan: RunPlan) -> None:
    again = rerun(run_plan(FIRST_RUNBOOK).log, "--on", "paper")
    assert again.exit_code == 7
    assert "ALPACA_API_KEY" in again.stderr


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"runbook: 1\n", b'{"v":1}\n'])
def test_a_damaged_log_is_exit_9_and_nothing_runs(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(content)
    ended = invoke("rerun", str(file), "--audit-dir", str(tmp_path / "audit"))
    assert ended.exit_code == 9
    assert str(file) in ended.stderr
    assert not list(tmp_path.glob("audit/2*.jsonl"))


def test_a_runbook_that_is_not_valid_any_more_is_refused(tmp_path: Path) -> None:
    log = a_log(tmp_path / "audit", text="runbook: 1\nname: a-plan\nsteps:\n  - unheard_of:\n")
    again = rerun(log.path)
    assert again.exit_code == 3
    assert "is not valid for this version" in again.stderr
    assert again.data["diff"] is None


def test_a_log_of_an_old_engine_is_run_again_and_compared_but_not_supposed(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    new = run_plan(FIRST_RUNBOOK)
    old = a_log(tmp_path / "old", abi=1)
    again = rerun(old.path)
    assert (again.exit_code, again.data["run"]["status"]) == (0, "completed")
    assert invoke("diff", str(old.path), str(new.log)).exit_code == 0
    supposed = invoke("replay", str(old.path), "-p", "qty=2")
    assert supposed.exit_code == 10
    assert "an engine from before the first release (ABI 1; this is 2)" in supposed.stderr
