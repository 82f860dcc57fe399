"""`runbook diff`: two real runs side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import FIRST_RUNBOOK, ROOT, Ended, RunPlan, invoke, plan_of
from acceptance.test_resume import cut_after

LIBRARY = sorted((ROOT / "runbooks").glob("*.yaml"))
BRACKET = ROOT / "runbooks" / "bracket-entry.yaml"
PATIENT = ROOT / "runbooks" / "patient-buy.yaml"
FALLING = "tape:\n  AAPL: [[0s, '270.00'], [1m, '262.00'], [1h, '262.00']]\n"


def diff(first: Path | None, second: Path | None, *options: str) -> Ended:
    """The comparison, as `--json` and as people read it."""
    told = invoke("diff", str(first), str(second), "--json", *options)
    shown = invoke("diff", str(first), str(second), *options)
    assert (told.exit_code, told.stderr) == (shown.exit_code, shown.stderr)
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    data = json.loads(told.stdout) if told.stdout else {}
    return Ended(told.exit_code, shown.stdout, told.stderr, data)


def step(found: Ended, path: str) -> dict[str, Any]:
    """One step of a comparison."""
    (one,) = (one for one in found.data["steps"] if one["path"] == path)
    return dict(one)


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_two_runs_of_the_same_differ_in_nothing_but_ids(run_plan: RunPlan, file: Path) -> None:
    first, second = (run_plan(file, "--yes") for _ in range(2))
    found = diff(first.log, second.log)
    assert found.exit_code == 0
    assert found.data["same"] is True, found.stdout
    runs = found.data["runs"]
    assert runs[0]["run_id"] != runs[1]["run_id"]
    assert found.data["counts"]["steps"]["same"] == len(first.data["steps"])
    assert "Nothing differs beyond that." in found.stdout


def test_another_quantity_is_a_changed_order_and_exit_0(run_plan: RunPlan) -> None:
    found = diff(run_plan(BRACKET).log, run_plan(BRACKET, "-p", "qty=8").log)
    assert (found.exit_code, found.data["same"]) == (0, False)
    assert found.data["params"] == {"qty": ["10", "8"]}
    (decision, order) = step(found, "steps[3]")["differences"]
    assert (decision["what"], decision["about"]) == ("decision", "qty")
    assert (order["what"], order["values"]) == ("submit", [{"qty": "10"}, {"qty": "8"}])
    legs = [one["leg"] for one in found.data["orders"]]
    assert legs == [None, "take_profit", "stop_loss"]
    assert found.data["orders"][0]["differ"] == ["qty", "filled_qty"]
    assert "* -p qty      10                               8\n" in found.stdout
    assert "* filled      10                               8\n" in found.stdout


def test_a_tolerance_for_quantity_takes_it_as_equal(run_plan: RunPlan) -> None:
    logs = run_plan(BRACKET).log, run_plan(BRACKET, "-p", "qty=8").log
    assert diff(*logs, "--qty", "2").data["same"] is True
    assert diff(*logs, "--qty", "1").data["same"] is False


def test_fills_and_slippage_stand_side_by_side(run_plan: RunPlan) -> None:
    scenario = "prices: {AAPL: '271.00'}\n"
    found = diff(run_plan(FIRST_RUNBOOK).log, run_plan(FIRST_RUNBOOK, scenario=scenario).log)
    buy, sale = found.data["orders"]
    first, second = buy["orders"]
    assert (first["filled_avg_price"], second["filled_avg_price"]) == ("270.01", "271.01")
    assert (first["reference"], first["reference_is"], first["slippage"]) == (
        "270.01",
        "ask",
        "0.00",
    )
    assert sale["orders"][0]["reference_is"] == "bid"
    assert buy["verdict"] == "same"  # 1 in 270 is within half a percent
    tight = diff(*[run["audit_log"] for run in found.data["runs"]], "--price", "0.1%")
    assert tight.data["orders"][0]["differ"] == ["filled_avg_price"]


def test_slippage_is_against_the_quote_right_before_the_order(run_plan: RunPlan) -> None:
    """A fill above the ask that was read is that much worse, in dollars a share."""
    plan = plan_of(
        "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, "
        "limit_price: 267.00}\n  - await_fill: {order: entry, timeout: 5m}"
    )
    found = diff(run_plan(plan, scenario=FALLING).log, run_plan(plan, scenario=FALLING).log)
    (order,) = (one["orders"][0] for one in found.data["orders"])
    slipped = float(order["filled_avg_price"]) - float(order["reference"])
    assert float(order["slippage"]) == pytest.approx(slipped)
    assert slipped < 0
    assert "better" in found.stdout
    assert float(order["seconds_to_fill"]) > 30


def test_a_step_that_only_one_run_has_is_added_or_missing(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    one = run_plan(FIRST_RUNBOOK)
    text = FIRST_RUNBOOK.read_text(encoding="utf-8")
    longer = tmp_path / "longer.yaml"
    longer.write_text(
        text.replace("finally:\n", "  - check_market: {open: true}\nfinally:\n"), encoding="utf-8"
    )
    found = diff(one.log, run_plan(longer).log)
    assert step(found, "steps[11]")["verdict"] == "added"
    assert "The runbook's text differs: 1 lines added, 0 removed." in found.stdout
    assert "+  - check_market: {open: true}" in found.data["runbook"]["diff"]
    back = diff(*reversed([run["audit_log"] for run in found.data["runs"]]))
    assert step(back, "steps[11]")["verdict"] == "missing"


def test_a_run_that_failed_shows_where_and_why(run_plan: RunPlan) -> None:
    scenario = "multiplier: 1\ncash: 500\n"
    found = diff(run_plan(FIRST_RUNBOOK).log, run_plan(FIRST_RUNBOOK, scenario=scenario).log)
    ends = [one for one in found.data["steps"] if one["differences"]]
    assert ends, found.stdout
    assert {run["status"] for run in found.data["runs"]} == {"completed", "refused"}


def test_durations_beyond_the_tolerance_are_marked(run_plan: RunPlan) -> None:
    logs = run_plan(PATIENT).log, run_plan(PATIENT, "-p", "patience=3m").log
    found = diff(*logs)
    assert step(found, "steps[4]")["duration_differs"] is True
    assert diff(*logs, "--time", "2m").data["steps"][5]["duration_differs"] is False


def test_a_run_that_was_cut_short_is_compared_as_far_as_it_went(run_plan: RunPlan) -> None:
    first, second = run_plan(FIRST_RUNBOOK).log, run_plan(FIRST_RUNBOOK).log
    assert second is not None
    cut_after(second, "effect.intent", 9)
    found = diff(first, second)
    assert found.exit_code == 0
    assert found.data["runs"][1]["status"] is None
    assert found.data["counts"]["steps"]["missing"] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--price", "much"), "--price takes a percentage such as 0.5%"),
        (("--price", "-1%"), "--price takes a percentage"),
        (("--qty", "nan"), "--qty takes a number of shares"),
        (("--time", "5"), "a duration needs a unit"),
    ],
)
def test_a_tolerance_that_is_none_is_refused(
    run_plan: RunPlan, options: tuple[str, ...], words: str
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    ended = invoke("diff", str(log), str(log), *options)
    assert ended.exit_code == 2
    assert words in ended.stderr


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"runbook: 1\n", b'{"v":1}\n'])
def test_a_damaged_log_is_exit_9(run_plan: RunPlan, tmp_path: Path, content: bytes) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    (tmp_path / "other.jsonl").write_bytes(content)
    ended = invoke("diff", str(log), str(tmp_path / "other.jsonl"))
    assert ended.exit_code == 9
    assert "other.jsonl" in ended.stderr


def test_a_run_that_is_not_there_is_a_mistake_of_usage(tmp_path: Path) -> None:
    assert invoke("diff", "none", "none", "--audit-dir", str(tmp_path)).exit_code == 2
