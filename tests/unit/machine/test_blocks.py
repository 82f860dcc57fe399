"""Blocks: steps, rescue, always, nested; and the paths that client order ids are derived from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from unit.machine.scripted import drive, plan, refused

from runner import effects
from runner.effects import Effect, Outcome, Reason
from runner.guards import Rules
from runner.identity import client_order_id
from runner.language.declare import Action
from runner.language.runbook import Block, Runbook, Step
from runner.language.source import Span
from runner.machine import Run, Steps
from runner.machine.interpreter import run_block

BUY = "  - submit_order: {symbol: AAPL, side: buy, qty: 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    pass


def nested(body: Block, times: int = 1) -> Step:
    """A step that runs a block so many times, as the loops to come will."""

    def perform(args: Nothing, run: Run) -> Steps[dict[str, Any]]:
        path = run.path
        for index in range(times):
            yield from run_block(run, body, f"{path}.for_each[{index}].")
        return {}

    action = Action("for_each", "Runs a block again and again.", Nothing, {}, perform)
    return Step("steps[0]", action, {}, Span(1, 1, 1, 1), body=body)


def with_body(block: Block, times: int = 1, **around: Any) -> Runbook:
    book = plan(BUY)
    return replace(book, body=Block((nested(block, times),), **around))


def test_client_order_ids_come_from_the_nested_path() -> None:
    inner = plan(BUY).body.steps
    driven = drive(with_body(Block(inner), times=2), lambda effect: None)
    submitted = [effect.client_order_id for effect in driven.asked(effects.Submit)]
    assert submitted == [
        client_order_id(driven.run.id, f"steps[0].for_each[{index}].steps[0]", 1)
        for index in (0, 1)
    ]


def no_orders(effect: Effect) -> Outcome | None:
    if isinstance(effect, effects.Submit):
        return refused(Reason.BUYING_POWER, "insufficient buying power")
    return None


def test_a_rescue_that_succeeds_absorbs_the_failure_of_a_nested_block() -> None:
    rescue = plan("  - check_account:").body.steps
    driven = drive(with_body(Block(plan(BUY).body.steps, rescue=rescue)), no_orders)
    assert driven.result.exit_code == 0
    assert [one.status for one in driven.run.results] == ["failed", "done", "done"]


def test_a_nested_always_runs_and_the_failure_goes_on_outward() -> None:
    always = plan("  - check_account:").body.steps
    outer = plan("  - check_position: {symbol: AAPL}").body.steps
    driven = drive(with_body(Block(plan(BUY).body.steps, always=always), always=outer), no_orders)
    assert driven.result.exit_code == 5
    actions = [(one.action, one.status) for one in driven.run.results]
    assert actions == [
        ("submit_order", "failed"),
        ("check_account", "done"),
        ("for_each", "failed"),
        ("check_position", "done"),
    ]


def test_on_failure_runs_before_finally_and_does_not_absorb() -> None:
    tail = "on_failure:\n  - check_account:\nfinally:\n  - check_position: {symbol: AAPL}"
    driven = drive(plan(BUY, tail=tail), no_orders)
    assert [one.action for one in driven.run.results] == [
        "submit_order",
        "check_account",
        "check_position",
    ]
    assert driven.result.exit_code == 5
    assert driven.result.data["error"]["step"] == "steps[0]"  # type: ignore[index,call-overload]


def test_every_step_of_finally_is_attempted() -> None:
    tail = (
        "finally:\n  - check_position: {symbol: AAPL, qty: 5, within: 1s}\n  - cancel_all:\n"
        "  - check_account:"
    )
    driven = drive(plan("  - check_account:", tail=tail), lambda effect: None)
    assert [one.status for one in driven.run.results] == ["done", "refused", "done", "done"]
    assert driven.result.exit_code == 4


def test_a_failure_that_continues_is_not_the_runs() -> None:
    steps = f"{BUY}\n    on_error: continue\n  - check_account:"
    driven = drive(plan(steps), no_orders)
    assert [one.status for one in driven.run.results] == ["failed", "done"]
    assert driven.result.exit_code == 0


def test_continue_never_covers_a_guard() -> None:
    steps = f"{BUY}\n    on_error: continue\n  - check_account:"
    driven = drive(
        plan(steps, head="symbols: [AAPL]\nlimits: {max_orders: 0}"), lambda effect: None
    )
    assert [one.status for one in driven.run.results] == ["refused"]
    assert driven.result.exit_code == 4
    assert driven.asked(effects.Submit) == []


def test_a_closed_machine_yields_nothing_more() -> None:
    from unit.machine.scripted import START  # noqa: PLC0415

    from runner.machine import carry_out  # noqa: PLC0415

    run = Run(plan(BUY, tail="finally:\n  - cancel_all:"), "a-run", START, Rules())
    machine = carry_out(run)
    next(machine)
    machine.close()
