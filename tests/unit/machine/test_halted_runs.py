"""A halted run: it stops as after a signal, and an order that the switch stopped was never sent."""

from __future__ import annotations

from typing import Any

import pytest
from unit.machine.scripted import START, Driven, drive, ok, order, plan
from unit.machine.working_broker import Broker

from runner import effects
from runner.effects import Effect, Outcome, Problem, Reason, Status
from runner.machine.failures import HOW_TO_UNHALT

BY = "by ann at 2026-11-23T15:00:00Z: enough"
HALT = f"halt: {BY}"
STOPPED = Problem(Reason.HALTED, f"stopped by the kill switch: halted {BY}")
BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}\n"
REST = BUY.replace("qty: 1", "qty: 1, type: limit, limit_price: 90.00")
TAIL = "on_failure:\n  - check_market:\nfinally:\n  - check_account:"


def before(kind: type[Effect], name: str = HALT) -> Any:
    """The halt is told in place of the first effect of a kind."""
    told: list[Effect] = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, kind) and not told:
            told.append(effect)
            return Outcome(START, Status.NOT_PERFORMED, interrupt=name)
        return None

    return answer


def ended(driven: Driven) -> Any:
    return driven.result.data


def actions(driven: Driven) -> list[tuple[str, str]]:
    return [(one.action, one.status) for one in driven.run.results]


def test_before_an_order_was_accepted_it_is_halted_and_12() -> None:
    driven = drive(plan(BUY, tail=TAIL), before(effects.Submit))
    assert (driven.result.status, driven.result.exit_code) == ("halted", 12)
    assert ended(driven)["error"] == {
        "cause": "halted",
        "message": f"halted {BY}",
        "step": "steps[0]",
        "help": HOW_TO_UNHALT,
    }
    assert ended(driven)["orders"] == []
    assert actions(driven) == [("submit_order", "failed"), ("check_account", "done")]


def test_once_an_order_was_accepted_it_is_failed_and_5() -> None:
    driven = drive(plan(f"{BUY}  - check_market:\n", tail=TAIL), before(effects.ReadClock))
    assert (driven.result.status, driven.result.exit_code) == ("failed", 5)
    assert ended(driven)["error"]["cause"] == "halted"
    assert [one["status"] for one in ended(driven)["orders"]] == ["filled"]


def test_what_rides_on_an_outcome_keeps_the_outcome() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(effect.client_order_id), interrupt=HALT)
        return None

    driven = drive(plan(f"{BUY}  - check_market:\n"), answer)
    assert driven.result.exit_code == 5
    assert [one["status"] for one in ended(driven)["orders"]] == ["filled"]
    assert actions(driven) == [("submit_order", "done"), ("check_market", "failed")]


def stopped(kind: type[Effect]) -> Any:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, kind) and effect.opens:  # type: ignore[attr-defined]
            return Outcome(START, Status.REFUSED, problem=STOPPED)
        return None

    return answer


@pytest.mark.parametrize(
    "steps",
    [BUY, BUY + "    on_error: continue\n  - check_market:\n"],
    ids=["plain", "on_error"],
)
def test_an_order_that_the_switch_stopped_was_not_sent_and_nothing_covers_that(steps: str) -> None:
    driven = drive(plan(steps, tail=TAIL), stopped(effects.Submit))
    assert (driven.result.status, driven.result.exit_code) == ("halted", 12)
    error = ended(driven)["error"]
    assert error["message"] == f"buy 1 AAPL was not sent: {STOPPED.message}"
    assert error["help"] == HOW_TO_UNHALT
    assert ended(driven)["orders"] == []
    assert "check_market" not in [action for action, _ in actions(driven)]


def test_an_order_of_which_an_earlier_copy_may_have_arrived_is_looked_for_all_the_same() -> None:
    sent = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal sent
        if isinstance(effect, effects.Submit):
            sent += 1
            problem = STOPPED if sent > 1 else Problem(Reason.TIMEOUT, "no answer")
            return Outcome(START, Status.REFUSED if sent > 1 else Status.UNKNOWN, problem=problem)
        if isinstance(effect, effects.ReadOrderByClientId) and sent < 2:
            return Outcome(START, Status.ABSENT)
        return None

    driven = drive(plan(BUY), answer)
    assert sent == 2
    assert ended(driven)["orders"][0]["status"] == "filled", "it had arrived late"
    assert driven.result.exit_code == 0


def test_a_change_that_the_switch_stopped_leaves_the_order_to_the_safe_stop() -> None:
    broker = Broker()
    broker.instead = stopped(effects.Replace)
    steps = f"{REST}  - replace_order: {{order: entry, limit_price: 91.00}}\n"
    driven = drive(plan(steps), broker)
    assert (driven.result.status, driven.result.exit_code) == ("failed", 5)
    assert ended(driven)["error"]["cause"] == "halted"
    assert ended(driven)["error"]["message"] == f"the change was not sent: {STOPPED.message}"
    assert broker.live == []


def test_in_a_clean_up_every_step_is_attempted_although_one_is_stopped() -> None:
    tail = f"finally:\n{BUY}  - check_account:\n"
    driven = drive(plan("  - check_market:", tail=tail), stopped(effects.Submit))
    assert actions(driven) == [
        ("check_market", "done"),
        ("submit_order", "failed"),
        ("check_account", "done"),
    ]
    assert driven.result.exit_code == 12


def resumed_halted(kind: type[Effect], status: Status = Status.NOT_PERFORMED) -> Any:
    """The run died at an effect, and was resumed by somebody who wants to go on; it is halted."""
    told: list[Effect] = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, kind) and not told:
            told.append(effect)
            return Outcome(START, status, {"go_on": True}, interrupt=HALT, resumed=True)
        return None

    return answer


def test_a_run_that_is_resumed_while_halted_settles_its_order_and_does_not_go_on() -> None:
    steps = f"{BUY}  - check_market:\n"
    driven = drive(plan(steps, tail=TAIL), resumed_halted(effects.Submit, Status.UNKNOWN))
    (settled,) = driven.said("effect.reconciled")
    assert settled.data["goes_on"] is False
    assert f"halted {BY}" in str(settled.data["problems"])
    assert [one["status"] for one in ended(driven)["orders"]] == ["filled"]
    assert actions(driven)[1:] == [("check_market", "failed"), ("check_account", "done")]
    assert (driven.result.status, driven.result.exit_code) == ("failed", 5)
    assert ended(driven)["error"]["cause"] == "halted"


def test_a_run_that_died_before_its_order_sends_none_when_it_is_resumed_while_halted() -> None:
    driven = drive(plan(BUY, tail=TAIL), resumed_halted(effects.Submit))
    assert len(driven.asked(effects.Submit)) == 1, "the one that was not performed"
    assert (driven.result.status, driven.result.exit_code) == ("halted", 12)


def test_a_clean_up_that_is_resumed_while_halted_goes_on() -> None:
    tail = "finally:\n  - check_market:\n  - check_account:"
    driven = drive(plan("  - check_account:", tail=tail), resumed_halted(effects.ReadClock))
    (settled,) = driven.said("effect.reconciled")
    assert settled.data["goes_on"] is True
    assert driven.result.exit_code == 0


def test_a_signal_whose_name_only_looks_alike_is_no_halt() -> None:
    driven = drive(plan(BUY), before(effects.Submit, "halted log, which cannot be written"))
    assert driven.result.exit_code == 130
