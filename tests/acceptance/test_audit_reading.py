"""`audit list` and `audit show` tell of real runs: their money, their steps, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import FIRST_RUNBOOK, ROOT, Ended, RunPlan, invoke, plan_of

PATIENT = ROOT / "runbooks" / "patient-buy.yaml"
BRACKET = ROOT / "runbooks" / "bracket-entry.yaml"


def show(ended: Ended, *options: str) -> str:
    result = invoke("audit", "show", str(ended.log), *options)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def why(ended: Ended, step: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(show(ended, "--why", step, "--json"))["steps"]
    return steps


@pytest.fixture
def patient(run_plan: RunPlan) -> Ended:
    return run_plan(PATIENT, "--yes")


def test_the_list_says_what_was_bought_and_sold_and_what_is_left(run_plan: RunPlan) -> None:
    first = run_plan(FIRST_RUNBOOK)
    bracket = run_plan(BRACKET, "--yes")
    assert first.log is not None
    where = ("--audit-dir", str(first.log.parent))
    lines = invoke("audit", "list", *where).stdout.splitlines()
    assert lines[0].split() == ["TIME", "RUN", "ON", "STATUS", "EXIT", "ORD", "BOUGHT", "SOLD",
                                "NAME"]  # fmt: skip
    orders = {one["side"]: one["filled_avg_price"] for one in first.data["orders"]}
    assert lines[2].split()[2:] == ["sim", "completed", "0", "2", orders["buy"], orders["sell"],
                                    "first-live-trade"]  # fmt: skip
    assert lines[3].split()[2:] == ["sim", "completed", "0", "1", "2,700.10", "0.00",
                                    "bracket-entry"]  # fmt: skip
    assert lines[4].strip() == "left open: 10 AAPL, 10 protected; 2 orders"
    assert all(len(line) <= 80 for line in lines)
    runs = json.loads(invoke("audit", "list", "--json", *where).stdout)["runs"]
    assert runs[1]["open_orders"] == bracket.data["open_orders"]
    assert runs[1]["positions"] == bracket.data["positions"]


def test_the_list_agrees_with_what_the_whole_log_says(patient: Ended, tmp_path: Path) -> None:
    """Without its last record a log is read whole: the money must be the same."""
    assert patient.log is not None
    lines = patient.log.read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut" / patient.log.name
    cut.parent.mkdir()
    cut.write_bytes(b"".join(lines[:-1]))
    where = ("--audit-dir", str(cut.parent))
    (run,) = json.loads(invoke("audit", "list", "--json", *where).stdout)["runs"]
    (whole,) = json.loads(
        invoke("audit", "list", "--json", "--audit-dir", str(patient.log.parent)).stdout
    )["runs"]
    assert run["status"] == "open"
    for key in ("bought", "sold", "orders"):
        assert run[key] == whole[key]
    assert [one["run_qty"] for one in run["positions"]] == ["5"]


def test_show_is_a_table_of_the_steps_with_their_orders(patient: Ended) -> None:
    shown = show(patient)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "patient-buy on sim: completed, exit code 0" in shown
    assert "steps[3]    done      submit_order as bid" in shown
    words = " ".join(shown.split())
    assert "buy 5 AAPL limit 269.72: replaced" in words
    assert "5 filled at 270.24 ($1,351.20)" in words
    assert "left open at its end: 5 AAPL, 0 protected" in words


def test_show_as_json_agrees_with_run_as_json(patient: Ended) -> None:
    shown = json.loads(show(patient, "--json"))
    mine = [(one["path"], one["status"], one["outputs"]) for one in shown["steps"]]
    theirs = [(one["path"], one["status"], one["outputs"]) for one in patient.data["steps"]]
    assert mine == theirs
    last = {one["client_order_id"]: one for one in shown["orders"]}
    for order in patient.data["orders"]:
        seen = last[order["client_order_id"]]
        for key in ("order_id", "symbol", "side", "qty", "status", "filled_qty"):
            assert seen[key] == order[key]


def test_a_step_is_shown_by_its_id_and_by_its_path(patient: Ended) -> None:
    by_id, by_path = show(patient, "--step", "bid"), show(patient, "--step", "steps[3]")
    assert by_id == by_path
    assert "guard price_collar: pass" in " ".join(by_id.split())
    assert "intends to submit buy 5 AAPL" in " ".join(by_id.split())
    assert "steps[4]" not in by_id
    assert "> POST" not in by_id
    wire = show(patient, "--step", "bid", "--wire")
    assert wire.count("> POST") == 1
    assert "< 200" in wire


def test_a_step_that_is_not_there_is_a_usage_error(patient: Ended) -> None:
    result = invoke("audit", "show", str(patient.log), "--step", "exit")
    assert result.exit_code == 2
    assert "It has: " in result.stderr


def test_why_follows_a_price_to_the_quote_that_carried_it(patient: Ended) -> None:
    (step,) = why(patient, "bid")
    price = next(one for one in step["decisions"] if one["about"] == "limit_price")
    bid, literal = price["values"]
    assert (bid["name"], bid["kind"], bid["about"]) == ("steps.before.bid", "output", "get_quote")
    (answer,) = bid["sources"]
    assert (answer["about"], answer["path"]) == ("read_quote", "data.quote.bp")
    outcome = next(one for one in patient.records if one.seq == answer["record"])
    assert outcome.type == "effect.outcome"
    assert outcome.data["data"]["quote"]["bp"] == bid["value"]
    assert answer["made_at"] == outcome.data["data"]["quote"]["t"]
    assert (answer["age_seconds"], answer["seconds_since_told"]) == ("0.05", "0.02")
    assert bid["age_seconds"] == answer["age_seconds"]
    assert (literal["kind"], literal["name"]) == ("literal", "99.9%")


def test_why_names_parameters_and_the_awaited_order(patient: Ended) -> None:
    (step,) = why(patient, "steps[6]")
    when = step["decisions"][0]
    assert when["verdict"] == "true"
    (answer,) = when["values"][0]["sources"]
    assert answer["about"] == "await_change"
    assert answer["path"].endswith(".status")
    (bid,) = why(patient, "bid")
    assert bid["decisions"][0]["values"][0]["kind"] == "parameter"
    assert bid["literals"] == {"side": "buy", "type": "limit"}


def test_why_has_the_guards_over_what_they_read(patient: Ended) -> None:
    (step,) = why(patient, "bid")
    (judged,) = step["judged"]
    assert [one["about"] for one in judged["readings"]] == [
        "read_world", "read_configuration", "read_history"
    ]  # fmt: skip
    (quote,) = judged["readings"][0]["sources"]
    assert quote["age_seconds"] == "0.085"
    assert "price_collar" in {one["guard"] for one in judged["guards"]}
    text = show(patient, "--why", "bid")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "└─ read_quote told quote.bp" in text
    assert "0.050 s old by its own time; read 0.020 s before" in text


CHAINED = plan_of(
    """\
  - id: q
    get_quote: {symbol: AAPL}
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: =floor(1000 / steps.q.ask), type: market}
  - await_fill: {order: entry}
  - id: spread
    assert: steps.q.mid > steps.q.bid
  - id: late
    when: steps.q.bid < 0
    get_quote: {symbol: AAPL}
  - id: last
    assert: steps.entry.qty == 3 and default(steps.late.bid, 1) == 1
finally:
  - close_position: {symbol: AAPL}
"""
)


def test_why_goes_through_what_was_computed_before(run_plan: RunPlan) -> None:
    """`steps.entry.qty` was computed from the ask, which a quote carried."""
    ended = run_plan(CHAINED)
    assert ended.exit_code == 0, ended.stderr
    (step,) = why(ended, "last")
    values = {one["name"]: one for one in step["decisions"][0]["values"]}
    decision, answer = values["steps.entry.qty"]["sources"]
    assert (decision["kind"], decision["name"], decision["value"]) == ("decision", "qty", "3")
    (ask,) = decision["sources"]
    assert ask["sources"][0]["path"] == "data.quote.ap"
    assert (answer["about"], answer["path"]) == ("submit", "data.qty")
    assert values["steps.late.bid"]["kind"] == "absent"


def test_a_value_that_the_step_made_itself_names_what_it_had_read(run_plan: RunPlan) -> None:
    """No answer holds a middle: nothing is said to have carried it."""
    (step,) = why(run_plan(CHAINED), "spread")
    values = {one["name"]: one for one in step["decisions"][0]["values"]}
    sources = values["steps.q.mid"]["sources"]
    assert [one["kind"] for one in sources] == ["reading"] * len(sources)
    assert "read_quote" in {one["about"] for one in sources}
