"""The owner's policy holds for every runbook, whoever wrote it; what it forbids is never sent."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from acceptance.harness import FIRST_RUNBOOK, Ended, RunPlan, invoke, plan_of, policy_file

BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1, type: market}"
LOOK = "  - check_account: {status: ACTIVE}"
ASK = '  - confirm: "Go on?"'


def usual(tmp_path: Path, keys: str) -> Path:
    """A policy in the user's configuration directory, which is where a run looks by itself."""
    path = tmp_path / "config" / "order-runbook" / "policy.yaml"
    path.parent.mkdir(parents=True)
    return policy_file(path, keys)


def refusals(tmp_path: Path) -> list[dict[str, object]]:
    """What the ledger holds of runs that never began."""
    (ledger,) = (tmp_path / "audit").glob("*.jsonl")
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    return [line["data"] for line in lines if line["type"] == "refused"]


def refused(ended: Ended, exit_code: int) -> str:
    """The reason of a run that never began."""
    assert ended.exit_code == ended.data["exit_code"] == exit_code
    assert ended.data["status"] == "refused"
    assert ended.log is None
    reason: str = ended.data["error"]["message"]
    assert reason in ended.stderr
    assert "Nothing was sent" in reason
    return reason


# ------------------------------------------------------------------------------ where it is found


def test_the_option_wins_over_the_variable_and_that_over_the_usual_place(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual(tmp_path, "limits: {max_orders: 1}")
    assert ceiling(run_plan(plan_of(LOOK))) == "1"
    named = policy_file(tmp_path / "second.yaml", "limits: {max_orders: 2}")
    monkeypatch.setenv("RUNBOOK_POLICY", str(named))
    assert ceiling(run_plan(plan_of(LOOK))) == "2"
    assert ceiling(run_plan(plan_of(LOOK), policy="limits: {max_orders: 3}")) == "3"


def test_by_default_it_is_looked_for_under_the_home_directory(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / ".config").mkdir(parents=True)
    usual(tmp_path, "limits: {max_orders: 7}")
    (tmp_path / "config").rename(tmp_path / "home" / ".config2")
    (tmp_path / "home" / ".config").rmdir()
    (tmp_path / "home" / ".config2").rename(tmp_path / "home" / ".config")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        ended = run_plan(plan_of(LOOK))
        assert ceiling(ended) == "7"
        assert "policy ~/.config/order-runbook/policy.yaml\n" in ended.stderr


def test_without_a_policy_the_built_in_ceilings_hold_and_the_head_says_so(
    run_plan: RunPlan,
) -> None:
    ended = run_plan(plan_of(LOOK))
    assert ceiling(ended) == "20"
    assert "policy built in\n" in ended.stderr
    assert ended.records[0].data["policy"]["file"] == ""


def test_a_named_policy_that_is_not_there_stops_the_run(
    run_plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "none.yaml")
    reason = refused(run_plan(plan_of(BUY), "--policy", missing), 3)
    assert f"{missing}:1:1: there is no such file" in reason
    monkeypatch.setenv("RUNBOOK_POLICY", missing)
    assert "no such file" in refused(run_plan(plan_of(BUY)), 3)


def test_a_link_that_leads_nowhere_is_not_an_absent_policy(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    usual(tmp_path, "").unlink()
    (tmp_path / "config" / "order-runbook" / "policy.yaml").symlink_to(tmp_path / "gone")
    assert "no such file" in refused(run_plan(plan_of(BUY)), 3)


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX")
def test_a_policy_that_everybody_may_write_is_refused_with_how_to_mend_it(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    path = usual(tmp_path, "limits: {max_orders: 1000}")
    path.chmod(0o646)
    ended = run_plan(plan_of(BUY))
    assert "everybody on this machine may write this file" in refused(ended, 3)
    assert f"chmod o-w {path}" in ended.stderr
    path.chmod(0o664)
    assert run_plan(plan_of(BUY)).exit_code == 0


def test_a_directory_is_no_policy(run_plan: RunPlan, tmp_path: Path) -> None:
    ended = run_plan(plan_of(BUY), "--policy", str(tmp_path))
    assert "a directory, not a policy" in refused(ended, 3)


# ------------------------------------------------------------------------- what stops a run early


def test_a_mistake_in_the_policy_is_shown_where_it_stands_and_kept_on_record(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    ended = run_plan(plan_of(BUY), policy="max_order: 5")
    reason = refused(ended, 3)
    place = f"{tmp_path / 'policy.yaml'}:2:1"
    assert f"{place}: 'max_order' is not a key of a policy" in reason
    assert f"{place}: error PO102" in ended.stderr
    assert "2 | max_order: 5" in ended.stderr
    assert ended.data["findings"][0]["code"] == "PO102"
    (kept,) = refusals(tmp_path)
    assert (kept["exit_code"], kept["reason"]) == (3, reason)


def test_a_limit_looser_than_the_policy_is_refused_with_both_values_and_both_places(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    plan = plan_of(BUY, head="symbols: [AAPL]\nlimits: {max_order_notional: 5000}")
    ended = run_plan(plan, policy="limits:\n  max_order_notional: 400.50")
    reason = refused(ended, 4)
    assert f"{tmp_path / 'plan.yaml'}:4:30: 'max_order_notional' is 5000" in reason
    assert "looser than the policy's 400.50" in reason
    assert f"{tmp_path / 'policy.yaml'}:3:23" in reason
    assert "error PO201" in ended.stderr
    (kept,) = refusals(tmp_path)
    assert (kept["exit_code"], kept["reason"]) == (4, reason)


def test_a_limit_looser_than_what_is_built_in_names_the_file_that_would_raise_it(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    plan = plan_of(BUY, head="symbols: [AAPL]\nlimits: {max_orders: 21}")
    reason = refused(run_plan(plan), 4)
    assert "'max_orders' is 21, looser than the policy's 20" in reason
    assert "built in, because no policy file was found" in reason
    assert str(tmp_path / "config" / "order-runbook" / "policy.yaml") in reason
    assert run_plan(plan, policy="limits: {max_orders: 21}").exit_code == 0


def test_a_limit_that_a_parameter_makes_looser_is_refused_too(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nparams: {n: {type: integer}}\nlimits: {max_orders: =params.n}"
    assert run_plan(plan_of(BUY, head=head), "-p", "n=20").exit_code == 0
    assert ":5:22: 'max_orders' is 21" in refused(
        run_plan(plan_of(BUY, head=head), "-p", "n=21"), 4
    )


def test_a_duration_is_looser_when_it_is_shorter(run_plan: RunPlan) -> None:
    plan = plan_of(BUY, head="symbols: [AAPL]\nlimits: {duplicate_window: 5s}")
    reason = refused(run_plan(plan, policy="limits: {duplicate_window: 1m}"), 4)
    assert "'duplicate_window' is 5s, looser than the policy's 60s" in reason


def test_a_symbol_outside_of_the_policy_is_refused_before_anything_is_sent(
    run_plan: RunPlan,
) -> None:
    plan = plan_of(BUY, head="symbols: [MSFT, AAPL]")
    ended = run_plan(plan, policy="symbols: [MSFT]")
    assert ":3:17: 'AAPL' is not among the policy's symbols" in refused(ended, 4)
    assert run_plan(plan, policy="symbols: [AAPL, MSFT, SPY]").exit_code == 0
    any_symbol = run_plan(plan_of(BUY, head="symbols: any"), policy="symbols: [AAPL]")
    assert "may trade any symbol" in refused(any_symbol, 4)


def test_a_runbook_that_only_closes_is_not_kept_from_it_by_the_policys_symbols(
    run_plan: RunPlan,
) -> None:
    close = "  - close_position: {symbol: AAPL, scope: account}"
    plan = plan_of(close, head="symbols: [AAPL]")
    scenario = "positions: {AAPL: {qty: 5, avg_entry_price: 100}}"
    ended = run_plan(plan, scenario=scenario, policy="symbols: [MSFT]\nsides: [buy]")
    assert ended.exit_code == 0
    assert [order["side"] for order in ended.data["orders"]] == ["sell"]


GETS_OUT = (
    "close_position: {symbol: AAPL, scope: account}",
    "cancel_all: {scope: account}",
    "target_position: {symbol: AAPL, qty: 0}",
    "submit_order: {symbol: AAPL, side: sell, qty: 5, type: market, "
    "position_intent: sell_to_close}",
)
CAN_OPEN = (
    "target_position: {symbol: AAPL, qty: 1}",
    "submit_order: {symbol: AAPL, side: sell, qty: 5, type: market}",
    "submit_order: {symbol: AAPL, side: sell, qty: 5, type: market, position_intent: sell_to_open}",
)
HOLDING = "positions: {AAPL: {qty: 5, avg_entry_price: 100}}"
OUTSIDE = "symbols: [MSFT]\nlimits: {max_order_notional: 100}"


@pytest.mark.parametrize("step", GETS_OUT)
def test_what_provably_only_gets_out_is_not_kept_from_it_by_a_limit_or_a_symbol(
    run_plan: RunPlan, step: str
) -> None:
    plan = plan_of(f"  - {step}", head="symbols: [AAPL]\nlimits: {max_order_notional: 5000}")
    ended = run_plan(plan, scenario=HOLDING, policy=OUTSIDE)
    assert ended.exit_code == 0, ended.data["error"]
    assert "PO20" not in ended.stderr
    assert all(order["side"] == "sell" for order in ended.data["orders"])


@pytest.mark.parametrize("step", CAN_OPEN)
def test_what_can_open_is_held_to_the_policys_limits_and_symbols(
    run_plan: RunPlan, step: str
) -> None:
    plan = plan_of(f"  - {step}", head="symbols: [AAPL]\nlimits: {max_order_notional: 5000}")
    ended = run_plan(plan, scenario=HOLDING, policy=OUTSIDE)
    refused(ended, 4)
    assert {one["code"] for one in ended.data["findings"]} >= {"PO201", "PO202"}


CLOSE = "  - close_position: {symbol: AAPL, scope: account}"


@pytest.mark.parametrize("policy", ["limitz: {}", None])
def test_a_policy_that_cannot_be_used_does_not_trap_what_only_cancels_and_closes(
    run_plan: RunPlan, tmp_path: Path, policy: str | None
) -> None:
    more = ["--policy", str(tmp_path / "none.yaml")] if policy is None else []
    ended = run_plan(plan_of(CLOSE), *more, scenario=HOLDING, policy=policy)
    assert ended.exit_code == 0, ended.data
    assert [order["side"] for order in ended.data["orders"]] == ["sell"]
    assert "WARNING: THE POLICY CANNOT BE USED" in ended.stderr
    assert "error PO10" in ended.stderr
    assert ended.records[0].data["policy"]["file"] == ""
    assert ceiling(ended) == "20"


def test_on_live_a_policy_that_cannot_be_used_stops_even_what_only_closes(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.yaml")
    refused(run_plan(plan_of(CLOSE), "--on", "live", "--policy", missing), 3)


@pytest.mark.parametrize(
    ("side", "policy", "code", "words"),
    [
        ("buy", "sides: [sell]", "PO203", "opens a position with a buy order"),
        ("sell", "", "PO204", "sells AAPL short"),
    ],
)
def test_an_order_that_says_it_opens_what_the_policy_forbids_is_refused_before_anything_is_sent(
    run_plan: RunPlan, side: str, policy: str, code: str, words: str
) -> None:
    order = f"symbol: AAPL, side: {side}, qty: 1, type: market, position_intent: {side}_to_open"
    ended = run_plan(plan_of(f"  - submit_order: {{{order}}}"), policy=policy)
    assert words in refused(ended, 4)
    assert ended.data["findings"][0]["code"] == code


# -------------------------------------------------------------------------------------- questions


def test_yes_answers_where_the_policy_lets_it(run_plan: RunPlan) -> None:
    assert run_plan(plan_of(ASK), "--yes").exit_code == 0
    reason = refused(run_plan(plan_of(ASK), "--yes", policy="allow_yes: false"), 11)
    assert "write `allow_yes: true` in " in reason
    assert "\n" not in reason
    # A runbook without a question needs no leave for --yes.
    assert run_plan(plan_of(LOOK), "--yes", policy="allow_yes: false").exit_code == 0


# ---------------------------------------------------------------------------- what is on record


def test_a_guard_turned_off_is_said_at_the_start_and_is_in_the_log_of_every_order(
    run_plan: RunPlan,
) -> None:
    ended = run_plan(
        plan_of(BUY), policy="guards_off: [{guard: price_collar, reason: slow quotes here}]"
    )
    assert ended.exit_code == 0
    assert "! guard price_collar is turned off: slow quotes here\n" in ended.stderr
    start = ended.records[0].data["policy"]
    assert start["rules"]["off"] == {"price_collar": "slow quotes here"}
    text = json.dumps([one.data for one in ended.records if one.type == "guard"])
    assert re.search(r'"verdict": "off"', text)


def test_an_account_number_never_gets_into_the_log(run_plan: RunPlan, tmp_path: Path) -> None:
    ended = run_plan(plan_of(BUY), policy="accounts: [987654321]")
    assert ended.exit_code == 0
    for file in (tmp_path / "audit").iterdir():
        assert b"987654321" not in file.read_bytes()
    assert "987654321" not in ended.stderr + ended.stdout
    assert ended.records[0].data["policy"]["file"] == "policy.yaml"


def test_a_log_replays_without_its_policy(run_plan: RunPlan, tmp_path: Path) -> None:
    ended = run_plan(plan_of(BUY), policy="limits: {max_order_notional: 9000}")
    (tmp_path / "policy.yaml").unlink()
    assert invoke("replay", str(ended.log)).exit_code == 0


# ------------------------------------------------------------------------------ other commands


def test_validate_says_nothing_of_a_policy_unless_it_is_asked(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    usual(tmp_path, "limits: {max_orders: 1}")
    assert invoke("validate", str(FIRST_RUNBOOK)).exit_code == 0
    strict = policy_file(tmp_path / "strict.yaml", "limits: {max_orders: 1}")
    asked = invoke("validate", str(FIRST_RUNBOOK), "--policy", str(strict))
    assert asked.exit_code == 4
    assert "error PO201" in asked.stderr
    assert "valid" not in asked.stdout
    assert "'max_orders' is 4, looser than the policy's 1" in asked.stderr
    as_json = invoke("validate", str(FIRST_RUNBOOK), "--policy", str(strict), "--format", "json")
    assert '"PO201"' in as_json.stdout
    wide = policy_file(tmp_path / "wide.yaml", "limits: {max_orders: 4}")
    assert invoke("validate", str(FIRST_RUNBOOK), "--policy", str(wide)).exit_code == 0
    wrong = policy_file(tmp_path / "wrong.yaml", "limit: 4")
    broken = invoke("validate", str(FIRST_RUNBOOK), "--policy", str(wrong))
    assert broken.exit_code == 3
    assert "error PO102" in broken.stderr


def test_the_schema_of_policies_is_printed() -> None:
    printed = invoke("schema", "policy")
    assert json.loads(printed.stdout)["title"] == "policy"


def ceiling(ended: Ended) -> str:
    """The most orders of a run, as its log says."""
    assert ended.exit_code == 0, ended.stderr
    most: str = ended.records[0].data["policy"]["rules"]["limits"]["max_orders"]
    return most
