"""A run that is taken up again never goes on where today's policy forbids more than its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.harness import Ended, invoke, plan_of, policy_file
from acceptance.processes import RESTING, Market, a_market, eventually

ASKS = '  - confirm: "Go on?"\n'
CLEAN_UP = "finally:\n  - cancel_all: {scope: run}"


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with a_market(tmp_path) as made:
        yield made


def killed(market: Market, plan: str = plan_of(RESTING, tail=CLEAN_UP)) -> Path:
    """The log of a run under the built-in ceilings, killed while it awaited its order."""
    market.awaiting(plan).send("SIGKILL")
    market.last.end()
    return market.log


def fill(market: Market) -> None:
    """The price comes to the resting order."""
    market.control("/sim/prices", {"AAPL": "149.00"})
    eventually(lambda: market.orders[0]["status"] == "filled", "it fills")


def resume(log: Path, *options: str) -> Ended:
    ended = invoke("resume", str(log), "--json", *options)
    data = json.loads(ended.stdout) if ended.stdout else {}
    return Ended(ended.exit_code, ended.stdout, ended.stderr, data, log)


def under(tmp_path: Path, keys: str) -> tuple[str, str]:
    return "--policy", str(policy_file(tmp_path / "today.yaml", keys))


def test_a_policy_that_became_tighter_cleans_the_run_up_and_ends_it(
    market: Market, tmp_path: Path
) -> None:
    log = killed(market)
    ended = resume(log, *under(tmp_path, "limits: {max_orders: 5}"))
    assert ended.exit_code == 130
    assert "max_orders is 5, and was 20" in ended.stderr
    assert market.open_orders == []
    assert invoke("audit", "verify", str(log)).exit_code == 0
    assert invoke("replay", str(log)).exit_code == 0


def test_a_tighter_policy_is_not_overruled_by_continue(market: Market, tmp_path: Path) -> None:
    log = killed(market)
    before = log.read_bytes()
    ended = resume(log, "--continue", *under(tmp_path, "sides: [sell]"))
    assert ended.exit_code == 8, "an order may be live"
    assert "sides are sell, and were buy, sell" in ended.stderr
    assert log.read_bytes() == before
    assert len(market.open_orders) == 1


def test_a_wider_or_equal_policy_lets_the_run_go_on_under_its_own_rules(
    market: Market, tmp_path: Path
) -> None:
    log = killed(market)
    fill(market)
    ended = resume(log, *under(tmp_path, "limits: {max_orders: 500}\nallow_shorting: true"))
    assert ended.exit_code == 0, ended.stderr
    assert "policy built in\n" in ended.stderr
    assert invoke("replay", str(log)).exit_code == 0


def test_a_policy_that_cannot_be_used_traps_no_run(market: Market, tmp_path: Path) -> None:
    log = killed(market)
    broken = under(tmp_path, "no_such_key: 1")
    ended = resume(log, *broken)
    assert ended.exit_code == 8, "an order may be live"
    assert "PO102" in ended.stderr
    assert "--stop` works without it" in ended.stderr
    assert len(market.open_orders) == 1
    assert resume(log, "--stop", *broken).exit_code == 130
    assert market.open_orders == []


def test_yes_answers_a_resumed_run_only_where_todays_policy_lets_it(
    market: Market, tmp_path: Path
) -> None:
    log = killed(market, plan_of(f"{RESTING}\n{ASKS}", tail=CLEAN_UP))
    ended = resume(log, "--yes", *under(tmp_path, "allow_yes: false"))
    assert ended.exit_code == 8, "an order may be live"
    assert "--yes may not answer" in ended.stderr
    fill(market)
    assert resume(log, "--yes").exit_code == 0
