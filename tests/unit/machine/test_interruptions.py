"""Signals and deadlines: raised in place of the next effect, never in place of an outcome."""

from __future__ import annotations

from msgspec.structs import replace
from unit.machine.scripted import START, Driven, absent, drive, ok, order, plan, unknown

from runner import effects
from runner.effects import Effect, Outcome, Status

STEPS = """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}
  - await_fill: {order: entry, timeout: 60s}
  - check_account:"""
TAIL = "on_failure:\n  - check_market:\nfinally:\n  - cancel_all:"


def working(status: str) -> dict[str, effects.Json]:
    return order("", status, type="limit", limit_price="90", filled_qty="0")


def test_an_interrupt_on_an_outcome_keeps_the_outcome_and_stops_before_the_next_effect() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            accepted = order(effect.client_order_id, "new", type="limit", limit_price="90")
            return ok(accepted, interrupt="SIGINT")
        if isinstance(effect, effects.AwaitChange):
            return ok(
                {"orders": {one: {**working("canceled"), "id": one} for one in effect.orders}}
            )
        return None

    driven = drive(plan(STEPS, tail=TAIL), answer)
    assert driven.result.exit_code == 130
    actions = [(one.action, one.status) for one in driven.run.results]
    assert actions == [
        ("submit_order", "done"),
        ("await_fill", "failed"),
        ("cancel_all", "done"),
    ]
    assert len(driven.asked(effects.Cancel)) == 1
    assert driven.result.data["open_orders"] == []


def test_not_performed_before_the_submit_means_nothing_was_sent() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return Outcome(START, Status.NOT_PERFORMED, interrupt="SIGTERM")
        return None

    driven = drive(plan(STEPS, tail=TAIL), answer)
    assert driven.result.exit_code == 130
    assert driven.result.data["orders"] == []


def test_a_signal_while_the_fate_of_an_order_is_looked_for_waits_until_it_is_known() -> None:
    lookups = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal lookups
        if isinstance(effect, effects.Submit):
            return unknown()
        if isinstance(effect, effects.ReadOrderByClientId):
            lookups += 1
            if lookups == 1:
                return replace(absent(), interrupt="SIGINT")
            return ok(order(effect.client_order_id, "filled", type="limit", limit_price="90"))
        return None

    driven = drive(plan(STEPS, tail=TAIL), answer)
    assert lookups == 2
    assert driven.result.exit_code == 130
    assert [one["status"] for one in driven.result.data["orders"]] == ["filled"]  # type: ignore[index,union-attr,call-overload]


def test_the_runs_timeout_runs_finally_only() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(effect.client_order_id, "new", type="limit", limit_price="90"))
        if isinstance(effect, effects.AwaitChange):
            done = effect.until > START and bool(cancelled(driven_effects))
            status = "canceled" if done else "new"
            at = effect.until if status == "new" else START
            found = {one: {**working(status), "id": one} for one in effect.orders}
            return replace(ok({"orders": found}), at=at)
        driven_effects.append(effect)
        return None

    driven_effects: list[Effect] = []
    head = "symbols: [AAPL]\ntimeout: 30s"
    driven = drive(plan(STEPS, head=head, tail=TAIL), answer)
    assert driven.result.status == "timed_out"
    assert driven.result.exit_code == 6
    assert "check_market" not in [one.action for one in driven.run.results]
    assert driven.result.data["open_orders"] == []


def cancelled(seen: list[Effect]) -> list[Effect]:
    return [effect for effect in seen if isinstance(effect, effects.Cancel)]


def test_a_steps_timeout_fails_the_step() -> None:
    steps = "  - wait: {for: 10m}\n    timeout: 30s"
    driven = drive(plan(steps), lambda effect: None)
    assert driven.result.exit_code == 6
    assert driven.result.data["error"]["message"] == "the step's timeout has passed"  # type: ignore[index,call-overload]


def test_what_is_still_live_after_an_interrupt_is_cancelled_without_a_finally() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            accepted = order(effect.client_order_id, "new", type="limit", limit_price="90")
            return ok(accepted, interrupt="SIGINT")
        if isinstance(effect, effects.AwaitChange):
            return ok(
                {"orders": {one: {**working("canceled"), "id": one} for one in effect.orders}}
            )
        return None

    driven: Driven = drive(plan(STEPS), answer)
    assert len(driven.asked(effects.Cancel)) == 1
    assert driven.result.exit_code == 130
