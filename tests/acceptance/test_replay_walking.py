"""`replay --step` shows what a run knew at each point, and where a replay parts from its log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import ROOT, Ended, RunPlan, invoke
from acceptance.processes import eventually
from acceptance.rewritten_logs import rewritten
from acceptance.terminals import at_terminal

from runner.audit.records import Record

ENGINE = {"version": "", "alpaca_py": "", "python": ""}
PATIENT = ROOT / "runbooks" / "patient-buy.yaml"


@pytest.fixture
def patient(run_plan: RunPlan) -> Ended:
    return run_plan(PATIENT, "--yes")


def points(ended: Ended) -> list[dict[str, Any]]:
    result = invoke("replay", str(ended.log), "--step", "--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)["points"]
    return found


def test_every_effect_is_a_point_with_what_was_told(patient: Ended) -> None:
    effects = [one for one in points(patient) if one["kind"] == "effect"]
    records = {one.seq: one for one in patient.records}
    intents = [seq for seq, one in records.items() if one.type == "effect.intent"]
    assert [one["record"] for one in effects] == intents
    for one in effects:
        assert records[one["record"]].data["effect"] == one["said"]
        told = records[one["outcome_record"]].data
        assert {"n": told["n"], **one["outcome"]} == told


def test_a_point_knows_what_the_run_had_been_told_by_then(patient: Ended) -> None:
    found = points(patient)
    submitted = next(i for i, one in enumerate(found) if one["said"].get("effect") == "submit")
    assert found[submitted - 1]["known"]["orders"][0]["status"] == "no"
    assert found[submitted]["known"]["orders"][0]["status"] == "pending_new"
    assert set(found[submitted]["known"]["outputs"]) == {"before", "bid"}
    assert found[submitted]["known"]["opening_notional"] == "1348.60"
    last = found[-1]["known"]
    assert last["positions"] == {"AAPL": "5"}
    assert last["orders"][0]["filled_avg_price"] == "270.24"


def test_guards_of_one_order_are_one_point(patient: Ended) -> None:
    guards = [one for one in points(patient) if one["kind"] == "guard"]
    assert len(guards) == 2
    assert len(guards[0]["guards"]) == sum(
        1 for one in patient.records if one.type == "guard" and one.step == "steps[3]"
    )


def test_without_a_terminal_all_points_are_printed(patient: Ended) -> None:
    result = invoke("replay", str(patient.log), "--step")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert sum(1 for line in lines if line.startswith("[")) == len(points(patient))
    assert "> 25 |       limit_price: =round_tick(steps.before.bid * 99.9%)" in lines
    assert "decided   limit_price = 269.72" in lines
    assert "          position by this run's fills: 5 AAPL" in lines
    assert lines[-1].endswith("decisions equal; the run ends as it did")


def test_at_a_terminal_single_keys_lead_forward_and_back(patient: Ended, tmp_path: Path) -> None:
    total = len(points(patient))
    with at_terminal(tmp_path, ["replay", str(patient.log), "--step"]) as terminal:
        terminal.wait_for(f"1 of {total}")
        terminal.types(b"n")
        terminal.wait_for(f"2 of {total}")
        terminal.types(b"\x1b[C")
        terminal.wait_for(f"3 of {total}")
        terminal.types(b"pp")
        eventually(lambda: terminal.shown.count(f"1 of {total}") == 2, "back at the first")
        terminal.types(b"g")
        terminal.wait_for("record or step: ")
        terminal.types(b"bid\r")
        terminal.wait_for("step began: submit_order")
        terminal.types(b"g")
        eventually(lambda: terminal.shown.count("record or step: ") == 2, "asked again")
        terminal.types(b"90\r")
        terminal.wait_for("asked     submit buy 5 AAPL limit 269.72")
        terminal.types(b"q")
        assert terminal.end() == 0


def test_the_effect_that_a_crash_left_open_is_the_last_point(
    patient: Ended, tmp_path: Path
) -> None:
    assert patient.log is not None
    intent = next(
        index
        for index, one in enumerate(patient.records)
        if one.type == "effect.intent" and one.data["effect"]["effect"] == "submit"
    )
    cut = tmp_path / "cut.jsonl"
    lines = patient.log.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[: intent + 1]))
    result = invoke("replay", str(cut), "--step")
    assert result.exit_code == 0
    assert "told      the log does not say what became of it" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("the log ends before the run does")


def other_price(record: Record) -> dict[str, Any]:
    """Another order than the run would send."""
    effect = record.data.get("effect", {})
    if effect.get("effect") == "submit":
        effect["body"]["limit_price"] = "269.99"
    return record.data


def test_the_first_difference_stands_side_by_side_with_its_line(
    patient: Ended, tmp_path: Path
) -> None:
    assert patient.log is not None
    log = rewritten(patient.log, tmp_path / "other.jsonl", other_price)
    for options in ((), ("--step",)):
        result = invoke("replay", str(log), *options)
        assert result.exit_code == 10
        shown = result.stdout
        assert "The first difference: record 90, steps[3]\n" in shown
        (place,) = [one for one in shown.splitlines() if one.startswith("at ")]
        assert place.endswith("patient-buy.yaml:20")
        assert "> 20 |     submit_order:" in shown
        (price,) = [one for one in shown.splitlines() if one.startswith("≠ ")]
        assert price.split() == ["≠", "data.body.limit_price", "269.99", "269.72"]
        assert "  data.body.qty" in shown
        assert all(len(line) <= 80 for line in shown.splitlines() if line != place)
    parted = json.loads(invoke("replay", str(log), "--json").stdout)["divergence"]
    assert (parted["seq"], parted["step"], parted["line"]) == (90, "steps[3]", 20)


def test_a_decision_that_differs_points_at_its_argument(patient: Ended, tmp_path: Path) -> None:
    assert patient.log is not None

    def other(record: Record) -> dict[str, Any]:
        if record.type == "decision" and record.data["about"] == "limit_price":
            record.data["verdict"] = "1.00"
        return record.data

    log = rewritten(patient.log, tmp_path / "other.jsonl", other)
    shown = invoke("replay", str(log)).stdout
    assert "> 25 |       limit_price: =round_tick(steps.before.bid * 99.9%)" in shown
    assert "≠ data.verdict" in shown


def test_a_runbook_that_is_not_the_one_that_was_run_is_damage(
    patient: Ended, tmp_path: Path
) -> None:
    assert patient.log is not None

    def other(record: Record) -> dict[str, Any]:
        if record.type == "run.started":
            record.data["runbook"]["text"] += "# and more\n"
        return record.data

    result = invoke("replay", str(rewritten(patient.log, tmp_path / "other.jsonl", other)))
    assert result.exit_code == 9
    assert "line 1 (byte 0): the runbook's text is not the one" in result.stderr


@pytest.mark.parametrize(
    ("kind", "nonsense", "code"),
    [
        ("effect.outcome", {"at": "yesterday"}, 9),
        ("effect.outcome", {"at": "2026-11-23T15:00:00"}, 9),
        ("effect.outcome", {"problem": {"reason": "because", "message": "no"}}, 9),
        ("effect.outcome", {"status": "fine"}, 9),
        ("effect.outcome", {"data": {}}, 10),
        ("run.started", {"started_at": "now"}, 10),
        ("run.started", {"policy": {"file": "", "sha256": "", "rules": {"limits": 7}}}, 10),
        ("run.started", {"engine": {**ENGINE, "abi": 99}}, 10),
        ("run.finished", {"result": {"orders": 7}}, 10),
    ],
)
def test_nonsense_that_a_machine_cannot_be_told_is_said_in_a_sentence(
    patient: Ended, tmp_path: Path, kind: str, nonsense: dict[str, Any], code: int
) -> None:
    assert patient.log is not None

    def other(record: Record) -> dict[str, Any]:
        return {**record.data, **nonsense} if record.type == kind else record.data

    log = rewritten(patient.log, tmp_path / "other.jsonl", other)
    before = log.read_bytes()
    for options in ((), ("--step",)):
        result = invoke("replay", str(log), *options)
        assert result.exit_code == code
        assert "Traceback" not in result.stdout + result.stderr
    assert log.read_bytes() == before
