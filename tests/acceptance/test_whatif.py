"""`runbook replay` with something supposed otherwise: which decisions and orders would differ.

The logs are those of real runs on the embedded exchange; the comparison reads nothing but them.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import (
    FIRST_RUNBOOK,
    ROOT,
    WIDE,
    Ended,
    RunPlan,
    invoke,
    plan_of,
    without,
)
from acceptance.test_resume import cut_after

from runner.audit.log import read_log
from runner.cli.replay import replay as replay_command

LIBRARY = sorted((ROOT / "runbooks").glob("*.yaml"))
PATIENT = ROOT / "runbooks" / "patient-buy.yaml"
BRACKET = ROOT / "runbooks" / "bracket-entry.yaml"
REBALANCE = ROOT / "runbooks" / "rebalance.yaml"

ENTRY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}\n"
RESTING = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 267.00}\n"
)
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"
FAILED = {
    "an assertion": plan_of(f"{ENTRY}  - await_fill: {{order: entry}}\n  - assert: 1 == 2"),
    "a guard": plan_of(ENTRY, head="symbols: [AAPL]\nlimits: {max_order_notional: 10}"),
    "a refusal": plan_of(
        "  - submit_order: {symbol: AAPL, side: buy, qty: 5000, type: market}", tail=CLEAN_UP
    ),
    "a wait in vain": plan_of(
        f"{RESTING}  - await_fill: {{order: entry, timeout: 30s, on_timeout: cancel}}",
        tail=CLEAN_UP,
    ),
    "a timeout": plan_of(
        f"{RESTING}  - await_fill: {{order: entry}}", head="symbols: [AAPL]\ntimeout: 1m"
    ),
    "a failure that is cleaned up": plan_of(
        f"{ENTRY}  - await_fill: {{order: entry}}\n  - assert: 1 == 2",
        tail="on_failure:\n  - close_position: {symbol: AAPL}",
    ),
}


def what_if(log: Path | None, *options: str) -> Ended:
    """The comparison, as `--json` and as people read it."""
    assert log is not None
    told = invoke("replay", str(log), "--json", *options)
    shown = invoke("replay", str(log), *options)
    assert (told.exit_code, told.stderr) == (shown.exit_code, shown.stderr)
    data = json.loads(told.stdout) if told.stdout else {}
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
    return Ended(told.exit_code, shown.stdout, told.stderr, data, log)


def step(found: Ended, path: str) -> dict[str, Any]:
    """One step of a comparison."""
    (one,) = (one for one in found.data["steps"] if one["path"] == path)
    return dict(one)


def unchanged(log: Path | None, tmp_path: Path) -> Ended:
    """The comparison with the log's own text."""
    assert log is not None
    text = tmp_path / "same.yaml"
    text.write_text(read_log(log).header["runbook"]["text"], encoding="utf-8")
    return what_if(log, "--runbook", str(text))


def all_same(found: Ended) -> bool:
    """Whether every count of another verdict is zero."""
    return all(
        count == 0
        for counts in found.data["counts"].values()
        for verdict, count in counts.items()
        if verdict != "same"
    )


# ---------------------------------------------------------------------- nothing is otherwise


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_a_run_of_the_library_is_the_same_when_nothing_is_otherwise(
    run_plan: RunPlan, tmp_path: Path, file: Path
) -> None:
    ended = run_plan(file, "--yes")
    found = unchanged(ended.log, tmp_path)
    assert found.exit_code == 0, found.stdout
    assert all_same(found)
    assert found.data["counts"]["steps"]["same"] == len(ended.data["steps"])
    assert found.data["projected_from"] is None
    assert found.stdout.endswith("Nothing differs.\n")


@pytest.mark.parametrize("what", FAILED, ids=lambda what: what.replace(" ", "-"))
def test_a_run_that_failed_is_the_same_when_nothing_is_otherwise(
    run_plan: RunPlan, tmp_path: Path, what: str
) -> None:
    ended = run_plan(FAILED[what], policy=f"{WIDE}\n{without('buying_power')}")
    assert ended.exit_code != 0
    found = unchanged(ended.log, tmp_path)
    assert (found.exit_code, all_same(found)) == (0, True), found.stdout


@pytest.mark.parametrize("mode", ["--continue", "--stop"])
def test_a_run_that_was_resumed_is_the_same_when_nothing_is_otherwise(
    run_plan: RunPlan, tmp_path: Path, mode: str
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    cut_after(log, "effect.intent", 12)
    assert invoke("resume", str(log), mode).exit_code in (0, 130)
    found = unchanged(log, tmp_path)
    assert (found.exit_code, all_same(found)) == (0, True), found.stdout


@pytest.mark.parametrize("intents", range(1, 20, 3))
def test_a_log_that_was_cut_short_ends_the_comparison_and_is_no_difference(
    run_plan: RunPlan, tmp_path: Path, intents: int
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    cut_after(log, "effect.intent", intents)
    found = unchanged(log, tmp_path)
    assert (found.exit_code, all_same(found)) == (0, True), found.stdout
    assert found.data["log_cut_short"] is True
    assert "The log was cut short here, and so is the comparison." in found.stdout


# ---------------------------------------------------------------------- another value


def test_another_quantity_is_another_order_and_what_follows_is_projected(run_plan: RunPlan) -> None:
    found = what_if(run_plan(FIRST_RUNBOOK).log, "-p", "qty=2")
    assert found.exit_code == 10
    entry = step(found, "steps[3]")
    assert entry["verdict"] == "differs"
    (order,) = entry["orders"]
    assert (order["was"]["body"]["qty"], order["would_be"]["body"]["qty"]) == ("1", "2")
    assert (order["verdict"], order["projected"]) == ("differs", True)
    (decision,) = entry["decisions"]
    assert (decision["was"]["verdict"], decision["would_be"]["verdict"]) == ("1", "2")
    assert found.data["projected_from"] == "steps[3]"
    # The position that the projection holds is what is closed.
    (closing,) = step(found, "steps[8]")["orders"]
    assert closing["would_be"]["body"]["qty"] == "2"
    assert found.data["status"] == {"was": "completed", "would_be": "completed", "projected": True}
    assert found.data["counts"]["steps"] == {"same": 9, "differs": 3, "new": 0, "gone": 0}


def test_what_is_projected_is_marked_on_the_screen(run_plan: RunPlan) -> None:
    shown = what_if(run_plan(FIRST_RUNBOOK).log, "-p", "qty=2").stdout
    assert "submit: differs (≈ answered by the projection)" in shown
    assert "           * qty               1                   2\n" in shown
    assert "would be ≈ completed (exit code 0)" in shown
    assert "  steps[4]: ≈ buy 2 AAPL fills at the market\n" in shown


def test_what_was_sent_before_the_first_other_order_keeps_its_recorded_outcome(
    run_plan: RunPlan,
) -> None:
    found = what_if(run_plan(REBALANCE).log, "-p", "msft=3")
    (aapl,), (msft,) = (step(found, path)["orders"] for path in ("steps[7]", "steps[8]"))
    assert (aapl["verdict"], aapl["projected"]) == ("same", False)
    assert (msft["verdict"], msft["projected"]) == ("differs", True)
    # The order that is the same fills in the projection too: both are awaited together.
    assert step(found, "steps[10]")["verdict"] == "same"
    assert found.data["status"]["would_be"] == "completed"


def test_an_order_that_did_not_fill_in_the_log_does_not_with_another_quantity(
    run_plan: RunPlan,
) -> None:
    found = what_if(run_plan(PATIENT).log, "-p", "qty=7")
    first, second = found.data["assumed"]
    assert first["words"] == "buy 7 AAPL: not filled by 10:02:00"
    assert second["words"] == "buy 7 AAPL fills at its limit 270.25"
    # The replacement is the same, of the order that stands for the log's.
    (change,) = step(found, "steps[6]")["orders"]
    assert change["verdict"] == "same"


def test_the_quotes_after_another_order_are_those_of_the_log(run_plan: RunPlan) -> None:
    ended = run_plan(PATIENT)
    found = what_if(ended.log, "-p", "qty=7")
    decision = step(found, "steps[6]")["decisions"][1]
    assert decision["verdict"] == "same"
    assert decision["would_be"]["verdict"] == ended.outputs("after")["bid"]


def test_a_symbol_that_was_never_read_ends_the_comparison_plainly(run_plan: RunPlan) -> None:
    found = what_if(run_plan(PATIENT).log, "-p", "symbol=MSFT")
    assert found.exit_code == 10
    words = "the log does not hold the quote of MSFT that steps[2] asks for; the comparison ends"
    assert found.data["ends"] == f"{words} here"
    assert [one["path"] for one in found.data["steps"] if one["comparison_ends"]] == ["steps[2]"]
    assert found.data["counts"]["steps"] == {"same": 2, "differs": 1, "new": 0, "gone": 0}
    assert "The log does not hold the quote of MSFT that steps[2] asks for" in found.stdout


def test_a_shorter_wait_is_answered_by_what_had_happened_until_then(run_plan: RunPlan) -> None:
    found = what_if(run_plan(PATIENT).log, "-p", "patience=1m")
    assert found.data["projected_from"] is None
    assert [one["verdict"] for one in step(found, "steps[6]")["orders"]] == ["same"]
    assert any("over earlier than in the log" in note for note in found.data["notes"])


def test_a_longer_wait_than_the_log_holds_ends_the_comparison(run_plan: RunPlan) -> None:
    found = what_if(run_plan(PATIENT).log, "-p", "patience=5m")
    assert found.exit_code == 10
    assert found.data["ends"].startswith("the log does not hold what became of order")


def test_a_wait_that_goes_on_where_the_log_cancelled_is_not_answered_by_the_cancel(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    plan = FAILED["a wait in vain"]
    longer = tmp_path / "longer.yaml"
    longer.write_text(plan.replace("timeout: 30s", "timeout: 60s"), encoding="utf-8")
    found = what_if(run_plan(plan).log, "--runbook", str(longer))
    assert "what became of order" in found.data["ends"]
    assert found.data["projected_from"] is None
    # No decision and no order differs as far as it goes; that it goes no further is a difference.
    assert (found.exit_code, all_same(found)) == (10, True)


def test_the_same_value_again_changes_nothing(run_plan: RunPlan) -> None:
    found = what_if(run_plan(FIRST_RUNBOOK, "-p", "qty=3").log, "-p", "qty=3")
    assert (found.exit_code, found.data["supposed"]) == (0, [])


# ---------------------------------------------------------------------- other limits


def test_a_tighter_limit_shows_the_guard_and_its_words(run_plan: RunPlan, tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text("limits: {max_order_notional: 100}\n", encoding="utf-8")
    found = what_if(run_plan(FIRST_RUNBOOK).log, "--limits", str(tmp_path / "limits.yaml"))
    assert found.exit_code == 10
    entry = step(found, "steps[3]")
    (guard,) = entry["guards"]
    assert guard["would_be"]["verdict"] == "refuse"
    assert guard["would_be"]["message"] == "about $280.81 is more than $100.00"
    assert entry["status"] == {"was": "done", "would_be": "refused"}
    assert [one["verdict"] for one in entry["orders"]] == ["gone"]
    assert found.data["counts"]["orders"]["gone"] == 2
    assert found.data["status"]["would_be"] == "refused"
    assert "about $280.81 is more than $100.00; the order" in found.stdout


def test_a_policy_holds_whole_in_place_of_the_runs(run_plan: RunPlan, tmp_path: Path) -> None:
    policy = tmp_path / "policy-2.yaml"
    policy.write_text("policy: 1\nsides: [sell]\n", encoding="utf-8")
    policy.chmod(0o600)
    found = what_if(run_plan(FIRST_RUNBOOK).log, "--limits", str(policy))
    guards = step(found, "steps[3]")["guards"]
    assert [one["would_be"]["guard"] for one in guards] == ["allowed_side"]


def test_looser_limits_show_the_order_that_was_refused_as_new(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    plan = FIRST_RUNBOOK.read_text(encoding="utf-8")
    ended = run_plan(plan.replace("max_order_notional: 5000", "max_order_notional: 100"))
    assert ended.exit_code == 4
    looser = tmp_path / "looser.yaml"
    looser.write_text(plan, encoding="utf-8")
    found = what_if(ended.log, "--runbook", str(looser))
    entry = step(found, "steps[3]")
    assert [one["verdict"] for one in entry["orders"]] == ["new"]
    assert entry["status"] == {"was": "refused", "would_be": "done"}


def test_a_position_that_is_not_bought_any_more_is_not_there_either(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    """The log's readings after an order that is gone are not believed."""
    plan = plan_of(
        "  - id: entry\n    when: params.qty > 0\n"
        "    submit_order: {symbol: AAPL, side: buy, qty: =params.qty}\n"
        "  - when: ran(entry)\n    await_fill: {order: entry}\n"
        "  - id: now\n    check_position: {symbol: AAPL}\n"
        "  - assert: steps.now.qty == 0\n",
        head="symbols: [AAPL]\nparams: {qty: {type: quantity, default: 2}}",
    )
    changed = plan.replace("when: params.qty > 0", "when: params.qty > 5")
    (tmp_path / "other.yaml").write_text(changed, encoding="utf-8")
    found = what_if(run_plan(plan).log, "--runbook", str(tmp_path / "other.yaml"))
    (assertion,) = step(found, "steps[3]")["decisions"]
    assert (assertion["was"]["verdict"], assertion["would_be"]["verdict"]) == ("false", "true")
    assert found.data["projected_from"] == "steps[2]"
    assert found.data["status"]["would_be"] == "completed"


# ---------------------------------------------------------------------- another runbook


def test_another_text_shows_what_it_decides_otherwise(run_plan: RunPlan, tmp_path: Path) -> None:
    text = FIRST_RUNBOOK.read_text(encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("filled_qty == params.qty", "filled_qty > params.qty"), "utf-8")
    found = what_if(run_plan(FIRST_RUNBOOK).log, "--runbook", str(other))
    assertion = step(found, "steps[5]")
    assert assertion["verdict"] == "differs"
    (decision,) = assertion["decisions"]
    assert (decision["was"]["verdict"], decision["would_be"]["verdict"]) == ("true", "false")
    assert "the expression was steps.fill.filled_qty == params.qty" in found.stdout
    assert step(found, "steps[8]")["verdict"] == "gone"


def test_a_default_that_the_run_was_not_given_is_the_other_texts(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    text = FIRST_RUNBOOK.read_text(encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("default: 1,", "default: 2,"), encoding="utf-8")
    found = what_if(run_plan(FIRST_RUNBOOK).log, "--runbook", str(other))
    (order,) = step(found, "steps[3]")["orders"]
    assert order["would_be"]["body"]["qty"] == "2"


def test_a_parameter_that_the_other_text_lacks_is_left_out_and_named(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    text = FIRST_RUNBOOK.read_text(encoding="utf-8").replace("qty: {type", "size: {type")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("params.qty", "params.size"), encoding="utf-8")
    found = what_if(run_plan(FIRST_RUNBOOK, "-p", "qty=2").log, "--runbook", str(other))
    assert f"{other} has no parameter qty" in found.data["notes"]


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("-p", "qty=many"), 3, "cannot be supposed"),
        (("-p", "size=2"), 3, "cannot be supposed"),
        (("-p", "qty"), 2, "-p takes NAME=VALUE"),
        (("--runbook", "nowhere.yaml"), 3, "cannot be supposed"),
        (("--limits", "nowhere.yaml"), 3, "cannot be supposed"),
        (("--limits", "pyproject.toml"), 3, "cannot be supposed"),
        (("-p", "qty=2", "--step"), 2, "--step walks through the log as it is"),
    ],
)
def test_what_cannot_be_supposed_is_refused_in_words(
    run_plan: RunPlan,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    monkeypatch.chdir(ROOT)
    ended = invoke("replay", str(log), *options)
    assert ended.exit_code == code
    assert words in ended.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", 9),
        (b"\x00\xff\xfe" * 100, 9),
        (b"runbook: 1\n", 9),
        (b'{"v":1}\n', 9),
    ],
)
def test_a_file_that_is_no_log_is_named_and_never_a_traceback(
    tmp_path: Path, content: bytes, code: int
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(content)
    ended = invoke("replay", str(file), "-p", "qty=2")
    assert ended.exit_code == code
    assert str(file) in ended.stderr
    assert file.read_bytes() == content


def test_no_connection_is_opened(run_plan: RunPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    log = run_plan(FIRST_RUNBOOK).log

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert invoke("replay", str(log), "-p", "qty=2").exit_code == 10


def test_the_help_says_what_it_does() -> None:
    assert replay_command.help is not None
    assert "--runbook, -p or --limits" in replay_command.help
