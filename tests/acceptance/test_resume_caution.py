"""A resume goes on only when nothing speaks against it, and a new run not beside an orphan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import HUNG, LOST_WITH_500, with_fields
from acceptance.harness import invoke, plan_of
from acceptance.processes import RESTING, Market, a_market, eventually
from acceptance.test_resume import CLEAN_UP, ORDER, believed, fill, killed, resume

from runner.audit.journal import Journal
from runner.audit.log import read_log
from runner.broker.connection import ATTEMPTS
from runner.drive import resuming
from runner.drive.clock import WallClock
from runner.drive.signals import Signals
from runner.effects import instant

AND_MORE = RESTING + "\n  - submit_order: {symbol: AAPL, side: buy, qty: 7}\n"


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    with a_market(tmp_path) as made:
        yield made


def settlement(log: Path) -> dict[str, object]:
    (found,) = (one.data for one in read_log(log).records if one.type == "effect.reconciled")
    return dict(found)


def quantities(market: Market) -> list[str]:
    return [str(one["qty"]) for one in market.orders]


def test_a_run_that_was_left_by_two_ctrl_c_does_not_trade_on_when_it_is_resumed(
    market: Market,
) -> None:
    running = market.awaiting(plan_of(AND_MORE, tail=CLEAN_UP))
    market.broker.on("GET", ORDER, HUNG)
    hung = len(market.broker.asked)
    eventually(lambda: len(market.broker.asked) > hung, "the order is being read")
    running.send("SIGINT")
    running.send("SIGINT")
    assert running.end() == 8
    assert [one.data["name"] for one in read_log(market.log).records if one.type == "signal"] == [
        "SIGINT"
    ]
    fill(market)
    ended = resume(market.log)
    assert (ended.exit_code, ended.data["status"]) == (130, "interrupted"), ended.stderr
    assert quantities(market) == ["1"]
    believed(market.log)


def test_an_order_that_cannot_be_read_keeps_the_steps_from_going_on(market: Market) -> None:
    log = killed(market, plan_of(AND_MORE, tail=CLEAN_UP))
    market.broker.on("GET", ORDER, *[LOST_WITH_500] * (3 * ATTEMPTS))
    ended = resume(log)
    assert ended.exit_code == 130
    problems = settlement(log)["problems"]
    assert isinstance(problems, list)
    assert any("could not be read" in str(one) for one in problems)
    assert quantities(market) == ["1"]


def test_another_session_at_the_broker_is_another_session(market: Market) -> None:
    log = killed(market, plan_of(AND_MORE, tail=CLEAN_UP))
    market.served.jump_to(market.served.now() + timedelta(days=1))
    market.control("/sim/prices", {"AAPL": "190.00"})
    ended = resume(log)
    assert ended.exit_code != 0
    assert settlement(log)["goes_on"] is False
    assert quantities(market) == ["1"]


def test_a_clock_that_was_set_back_never_makes_a_late_resume_an_early_one(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = killed(market, plan_of(AND_MORE, tail=CLEAN_UP))

    class SetBack(WallClock):
        def __init__(self, signals: Signals, **more: Any) -> None:
            super().__init__(signals, lambda: time.time() - 3600, **more)

    monkeypatch.setattr(resuming, "WallClock", SetBack)
    fill(market)
    ended = resume(log)
    assert ended.exit_code == 130
    assert "set back" in str(ended.data["error"])
    told = [str(one.data["at"]) for one in read_log(log).records if one.type == "effect.outcome"]
    assert told == sorted(told)
    assert quantities(market) == ["1"]


def test_an_account_that_does_not_say_which_it_is_is_not_traded(market: Market) -> None:
    market.broker.on("GET", "/v2/account", with_fields(id=None), for_ever=True)
    running = market.start(plan_of(RESTING))
    assert running.end() == 7
    assert market.orders == []


def test_a_run_killed_in_its_last_effect_is_settled_all_the_same(market: Market) -> None:
    log = killed(market, plan_of(RESTING))
    fill(market)
    ended = resume(log)
    assert ended.exit_code == 0, ended.stderr
    assert settlement(log)["problems"] == []


# ------------------------------------------------------------------------- a new run


def test_a_new_run_does_not_trade_beside_an_order_that_nobody_settled(market: Market) -> None:
    log = killed(market)
    second = market.start(plan_of(RESTING))
    assert second.end() == 4
    assert f"runbook resume {log}" in "".join(second.errors)
    assert len(market.orders) == 1
    assert resume(log, "--stop").exit_code == 130
    third = market.start(plan_of(RESTING.replace("qty: 1", "qty: 2"), tail=CLEAN_UP))
    eventually(lambda: len(market.open_orders) == 1, "the third is open")
    third.send("SIGINT")
    assert third.end() == 130


def test_other_symbols_and_runs_that_only_close_go_past_it(market: Market) -> None:
    killed(market)
    closing = plan_of("  - close_position: {symbol: AAPL}")
    other = plan_of("  - check_account:", head="symbols: [MSFT]")
    for plan in (closing, other):
        running = market.start(plan)
        assert running.end() == 0, running.shown


def test_a_directory_in_which_a_question_was_asked_verifies(tmp_path: Path) -> None:
    plan = tmp_path / "ask.yaml"
    plan.write_text(plan_of("  - confirm: Go on?"))
    audit = str(tmp_path / "audit")
    assert invoke("run", str(plan), "--yes", "--audit-dir", audit).exit_code == 0
    verified = invoke("audit", "verify", audit)
    assert (verified.exit_code, verified.stdout.splitlines()[-1]) == (0, "2 checked, 0 damaged.")


# ------------------------------------------------------------------------- a long wait


@pytest.mark.parametrize(("heartbeat", "exit_code"), [(None, 130), (2, 130), (12, 0)])
def test_how_long_nobody_was_there_counts_from_the_last_heartbeat(
    market: Market, monkeypatch: pytest.MonkeyPatch, heartbeat: int | None, exit_code: int
) -> None:
    """The run is resumed 15 minutes after its last outcome."""
    log = killed(market, plan_of(AND_MORE, tail=CLEAN_UP))
    if heartbeat is not None:
        last = max(str(one.data["at"]) for one in read_log(log).records if "at" in one.data)
        at = datetime.fromisoformat(last) + timedelta(minutes=heartbeat)
        with Journal.reopen(log, wall=time.time_ns) as journal:
            journal.append("heartbeat", {"at": instant(at)})

    class Later(WallClock):
        def __init__(self, signals: Signals, **more: Any) -> None:
            super().__init__(signals, lambda: time.time() + 15 * 60, **more)

    monkeypatch.setattr(resuming, "WallClock", Later)
    fill(market)
    ended = resume(log)
    assert ended.exit_code == exit_code, ended.stderr
    assert settlement(log)["goes_on"] is (exit_code == 0)
    assert quantities(market) == (["7", "1"] if exit_code == 0 else ["1"])
    believed(log)
