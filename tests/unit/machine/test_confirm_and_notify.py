"""`confirm` and `notify` by the protocol: what they ask for, and what an answer comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from unit.machine.scripted import START, Answer, Driven, drive, ok, plan, runbook_of

from runner.effects import AskPerson, Effect, Json, Notify, Outcome, Problem, Reason, Status

ASK = "  - {id: ok, confirm: {question: Buy one?, within: 2m}}"
BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1}"
YES: dict[str, Json] = {"approved": True, "by": "ann", "why": ""}
NO: dict[str, Json] = {"approved": False, "by": "ann", "why": "the answer was not yes"}


def answering(data: Mapping[str, Any], *, after: float = 1, **more: Any) -> Answer:
    """Every question is answered so many seconds after the start."""

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, AskPerson):
            at = START + timedelta(seconds=after)
            return Outcome(at, Status.OK, data, **more)
        return None

    return answer


def ended(driven: Driven) -> tuple[str, int]:
    return driven.result.status, driven.result.exit_code


def error(driven: Driven) -> dict[str, Any]:
    found: Any = driven.result.data["error"]
    assert isinstance(found, dict)
    return found


def test_an_approval_is_what_the_step_leaves() -> None:
    driven = drive(plan(ASK), answering(YES))
    assert ended(driven) == ("completed", 0)
    assert driven.asked(AskPerson) == [AskPerson("Buy one?", START + timedelta(minutes=2))]
    (step,) = driven.run.results
    assert step.outputs == {"approved_by": "ann", "at": "2026-11-23T15:00:01.000000Z"}


def test_a_lone_value_is_the_question_and_five_minutes_is_how_long_it_stands() -> None:
    text = "  - confirm: Buy ${params.qty}?"
    head = "symbols: [AAPL]\nparams: {qty: {type: quantity, default: 3}}"
    driven = drive(plan(text, head), answering(YES))
    assert driven.asked(AskPerson) == [AskPerson("Buy 3?", START + timedelta(minutes=5))]


def test_what_is_about_to_be_sent_is_on_record_with_the_question() -> None:
    text = """  - id: q
    get_quote: {symbol: AAPL}
  - confirm: Go?
  - id: entry
    submit_order:
      {symbol: AAPL, side: buy, type: limit, qty: =params.qty, limit_price: =steps.q.ask}
    when: params.qty > 2
  - close_position: {symbol: AAPL}"""
    head = "symbols: [AAPL]\nparams: {qty: {type: quantity, default: 3}}"
    driven = drive(plan(text, head), answering(NO))
    (asked,) = driven.asked(AskPerson)
    assert asked.coming == (
        "entry: submit_order {symbol AAPL, side buy, type limit, qty 3, limit_price 100.01} "
        "when params.qty > 2",
        "steps[3]: close_position {symbol AAPL}",
    )


@pytest.mark.parametrize(
    "data",
    [NO, {}, {"approved": None}, {"approved": "true"}, {"approved": 1}, {"approved": "yes"}],
)
def test_only_a_plain_yes_approves(data: dict[str, Any]) -> None:
    driven = drive(plan(f"{ASK}\n{BUY}"), answering(data))
    assert ended(driven) == ("refused", 11)
    assert error(driven)["cause"] == "not_approved"
    assert "Buy one?" in error(driven)["message"]
    assert driven.result.data["orders"] == []


def test_the_reason_and_what_to_do_are_told() -> None:
    driven = drive(plan(ASK), answering(NO))
    assert error(driven)["message"] == "not approved: the answer was not yes (Buy one?)"
    assert "--yes" in error(driven)["help"]
    (step,) = driven.run.results
    assert step.status == "refused"


def test_a_driver_that_cannot_ask_has_not_approved() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, AskPerson):
            problem = Problem(Reason.OTHER, "internal error")
            return Outcome(START, Status.UNAVAILABLE, problem=problem)
        return None

    assert ended(drive(plan(ASK), answer)) == ("refused", 11)


def test_after_an_accepted_order_it_is_5() -> None:
    driven = drive(plan(f"{BUY}\n{ASK}"), answering(NO))
    assert ended(driven) == ("failed", 5)


def test_it_may_be_continued_past_only_where_the_plan_says_so() -> None:
    text = f"{ASK[:-1]}, on_error: continue}}\n  - {{when: ran(ok), check_account: {{}}}}"
    driven = drive(plan(text), answering(NO))
    assert ended(driven) == ("completed", 0)
    assert [one.status for one in driven.run.results] == ["refused", "skipped"]


# ------------------------------------------------------------------------- what ends the wait


def test_the_question_expires_with_the_steps_timeout_and_that_is_not_approved() -> None:
    text = f"{ASK[:-1]}, timeout: 30s}}"
    driven = drive(plan(text), answering({"approved": False, "why": "nobody answered"}, after=30))
    assert driven.asked(AskPerson)[0].until == START + timedelta(seconds=30)
    assert ended(driven) == ("refused", 11)


RESCUE = "on_failure:\n  - assert: true\nfinally:\n  - check_account: {}"


def test_the_runs_timeout_ends_the_wait_and_only_finally_runs() -> None:
    runbook = plan(ASK, "symbols: [AAPL]\ntimeout: 30s", RESCUE)
    driven = drive(runbook, answering({"approved": False, "why": "nobody answered"}, after=30))
    assert driven.asked(AskPerson)[0].until == START + timedelta(seconds=30)
    assert ended(driven) == ("timed_out", 6)
    assert [one.path for one in driven.run.results] == ["steps[0]", "finally[0]"]


def test_a_signal_ends_the_wait_and_only_finally_runs() -> None:
    driven = drive(plan(ASK, tail=RESCUE), answering(NO, interrupt="SIGINT"))
    assert ended(driven) == ("interrupted", 130)
    assert [one.path for one in driven.run.results] == ["steps[0]", "finally[0]"]


def test_a_signal_that_came_with_the_approval_still_stops_the_run() -> None:
    driven = drive(plan(f"{ASK}\n{BUY}"), answering(YES, interrupt="SIGINT"))
    assert ended(driven) == ("interrupted", 130)
    assert driven.result.data["orders"] == []


def test_a_resume_asks_again_and_the_question_expires_at_the_same_moment() -> None:
    answers = [
        Outcome(START + timedelta(seconds=90), Status.NOT_PERFORMED, {"go_on": True}, resumed=True),
        Outcome(START + timedelta(seconds=95), Status.OK, YES),
    ]

    def answer(effect: Effect) -> Outcome | None:
        return answers.pop(0) if isinstance(effect, AskPerson) else None

    driven = drive(plan(ASK), answer)
    assert ended(driven) == ("completed", 0)
    first, second = driven.asked(AskPerson)
    assert first == second


def test_on_failure_may_ask() -> None:
    driven = drive(
        plan("  - assert: false", tail="on_failure:\n  - confirm: Sell?"), answering(YES)
    )
    assert len(driven.asked(AskPerson)) == 1
    assert ended(driven) == ("refused", 4)


# ------------------------------------------------------------------------- notify


@pytest.mark.parametrize(
    ("outcome", "delivered"),
    [
        (ok({"delivered": True, "to": "terminal", "why": ""}), "true"),
        (ok({"delivered": False, "to": "terminal, mail", "why": "exit code 1"}), "false"),
        (ok({}), "false"),
        (Outcome(START, Status.UNAVAILABLE), "false"),
    ],
)
def test_a_message_that_does_not_arrive_stops_nothing(outcome: Outcome, delivered: str) -> None:
    def answer(effect: Effect) -> Outcome | None:
        return outcome if isinstance(effect, Notify) else None

    text = (
        "runbook: 1\nname: told\nsymbols: [AAPL]\nparams: {n: {type: quantity, default: 2}}\n"
        "steps:\n  - {id: said, notify: 'bought ${params.n}'}\n  - check_account: {}\n"
        "finally:\n  - notify: over\n"
    )
    driven = drive(runbook_of(text), answer)
    assert ended(driven) == ("completed", 0)
    assert driven.asked(Notify) == [Notify("bought 2"), Notify("over")]
    assert driven.run.results[0].outputs == {"delivered": delivered}
