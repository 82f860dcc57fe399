"""Sending once: whatever the answer, an order exists at most once and its fate is looked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace
from unit.machine.scripted import (
    ACCOUNT,
    ASSET,
    CLOCK,
    QUOTE,
    START,
    absent,
    drive,
    ok,
    order,
    plan,
    refused,
    unknown,
)

from runner import effects
from runner.effects import Effect, Outcome, Reason, Status
from runner.identity import client_order_id

BUY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}"
ID = client_order_id("20261123T150000Z-abcdefghijklmnop", "steps[0]", 1)


def first_submit_then(
    later: Callable[[Effect], Outcome | None],
) -> Callable[[Effect], Outcome | None]:
    """The first submission has no answer; everything after it is answered by `later`."""
    submits = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal submits
        if isinstance(effect, effects.Submit):
            submits += 1
            if submits == 1:
                return unknown()
        return later(effect)

    return answer


def test_an_order_found_by_its_client_id_is_ours_and_is_not_sent_again() -> None:
    driven = drive(plan(BUY), first_submit_then(lambda effect: None))
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 0


def test_an_absence_is_believed_only_after_the_settle_time_and_then_the_same_id_goes_again() -> (
    None
):
    def never_arrived(effect: Effect) -> Outcome | None:
        return absent() if isinstance(effect, effects.ReadOrderByClientId) else None

    driven = drive(plan(BUY), first_submit_then(never_arrived))
    submits = driven.asked(effects.Submit)
    assert [one.client_order_id for one in submits] == [ID, ID]
    first, second = (
        driven.effects.index(one, start)
        for one, start in ((submits[0], 0), (submits[1], driven.effects.index(submits[0]) + 1))
    )
    between = driven.effects[first:second]
    slept = [effect for effect in between if isinstance(effect, effects.Sleep)]
    assert slept[-1].until - START >= timedelta(seconds=30)
    assert any(isinstance(effect, effects.ReadActivities) for effect in between)
    asked = [type(effect) for effect in between[-3:]]
    judged_by = [effects.ReadWorld, effects.ReadConfiguration, effects.ReadHistory]
    assert asked == judged_by, "its guards are asked again"
    assert driven.result.exit_code == 0


def test_an_absence_is_not_proven_while_the_position_has_moved() -> None:
    def moved(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId):
            return absent()
        if isinstance(effect, effects.ReadPosition):
            return ok({"symbol": "AAPL", "qty": "1", "qty_available": "1"})
        return None

    driven = drive(plan(BUY), first_submit_then(moved))
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 8
    assert isinstance(driven.effects[-1], effects.Suspend)
    assert driven.effects[-1].client_order_ids == (ID,)


def test_a_fill_of_the_lost_order_makes_it_found() -> None:
    def filled(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId):
            return absent()
        if isinstance(effect, effects.ReadActivities):
            fill = {"symbol": "AAPL", "order_id": "the-order", "qty": "1", "side": "buy"}
            return ok({"activities": [fill]})
        if isinstance(effect, effects.ReadOrder):
            return ok(order(ID, id="the-order"))
        return None

    driven = drive(plan(BUY), first_submit_then(filled))
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 0


def test_a_broker_that_cannot_be_asked_leaves_the_order_unknown_and_suspends() -> None:
    def silent(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId):
            return replace(unknown(), status=Status.UNAVAILABLE)
        return None

    driven = drive(plan(BUY, tail="on_failure:\n  - check_account:"), first_submit_then(silent))
    assert driven.result.exit_code == 8
    assert driven.result.status == "unknown"
    assert driven.result.data["open_orders"] == [ID]
    assert "check_account" not in [one.action for one in driven.run.results]


def test_guards_are_asked_again_before_sending_again() -> None:
    worlds = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal worlds
        if isinstance(effect, effects.ReadOrderByClientId):
            return absent()
        if isinstance(effect, effects.ReadWorld):
            worlds += 1
            account = {**ACCOUNT, "trading_blocked": worlds > 1}
            return ok({"account": account, "position": None, "open_orders": [], "quote": QUOTE,
                       "asset": ASSET, "clock": CLOCK})  # fmt: skip
        return None

    driven = drive(plan(BUY), first_submit_then(answer))
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 4


@pytest.mark.parametrize("reason", [Reason.BUYING_POWER, Reason.WASH_TRADE, Reason.OTHER])
def test_a_refusal_sends_nothing_again(reason: Reason) -> None:
    def answer(effect: Effect) -> Outcome | None:
        return refused(reason, "the broker's words") if isinstance(effect, effects.Submit) else None

    driven = drive(plan(BUY), answer)
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 5
    assert "the broker's words" in driven.result.data["error"]["message"]  # type: ignore[index,call-overload,operator]


def test_a_rate_limit_waits_and_sends_the_same_id_after_its_guards_passed_again() -> None:
    submits = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal submits
        if isinstance(effect, effects.Submit):
            submits += 1
            return refused(Reason.RATE_LIMITED) if submits == 1 else None
        return None

    driven = drive(plan(BUY), answer)
    assert [one.client_order_id for one in driven.asked(effects.Submit)] == [ID, ID]
    assert len(driven.asked(effects.ReadWorld)) == 2
    assert driven.result.exit_code == 0


def test_a_duplicate_id_is_adopted_only_when_the_order_is_the_one_that_was_meant() -> None:
    def ours(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return refused(Reason.DUPLICATE_CLIENT_ORDER_ID)
        return None

    assert drive(plan(BUY), ours).result.exit_code == 0

    def foreign(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId):
            return ok(order(ID, qty="500"))
        return ours(effect)

    driven = drive(plan(BUY), foreign)
    assert driven.result.exit_code == 8
    assert len(driven.asked(effects.Submit)) == 1


def test_an_order_under_our_id_from_before_the_intent_is_an_alarm() -> None:
    def old(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return refused(Reason.DUPLICATE_CLIENT_ORDER_ID)
        if isinstance(effect, effects.ReadOrderByClientId):
            return ok(order(ID, created_at="2026-11-20T15:00:00Z"))
        return None

    assert drive(plan(BUY), old).result.exit_code == 8


def test_guards_that_were_read_before_a_resume_are_read_again() -> None:
    worlds = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal worlds
        if isinstance(effect, effects.ReadWorld):
            worlds += 1
            if worlds == 1:
                return Outcome(START, Status.NOT_PERFORMED, resumed=True)
        return None

    driven = drive(plan(BUY), answer)
    assert len(driven.asked(effects.ReadWorld)) == 3
    assert len(driven.asked(effects.Submit)) == 1


def test_a_submit_that_a_resume_did_not_perform_begins_with_its_guards() -> None:
    submits = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal submits
        if isinstance(effect, effects.Submit):
            submits += 1
            if submits == 1:
                return Outcome(START, Status.NOT_PERFORMED, resumed=True)
        return None

    driven = drive(plan(BUY), answer)
    kinds = [type(effect).__name__ for effect in driven.effects]
    steps = [kind for kind in kinds if kind in ("ReadWorld", "Submit")]
    assert steps == ["ReadWorld", "Submit", "ReadWorld", "Submit"]
    assert len({one.client_order_id for one in driven.asked(effects.Submit)}) == 1


def test_a_resumed_suspension_settles_the_order_and_never_goes_on_with_the_steps() -> None:
    suspended = False

    def answer(effect: Effect) -> Outcome | None:
        nonlocal suspended
        if isinstance(effect, effects.Submit):
            return unknown(Reason.CRASH)
        if isinstance(effect, effects.Suspend):
            suspended = True
            return Outcome(START, Status.NOT_PERFORMED, resumed=True)
        if isinstance(effect, effects.ReadOrderByClientId):
            if suspended:
                return ok(order(ID))
            return Outcome(START, Status.UNAVAILABLE)
        return None

    driven = drive(plan(f"{BUY}\n  - check_account:"), answer)
    assert suspended
    assert [one.action for one in driven.run.results] == ["submit_order"]
    assert driven.result.data["open_orders"] == []


def test_a_refusal_is_told_the_same_whatever_order_the_broker_gave_its_details_in() -> None:
    """The log keeps nested details with sorted keys; a replay must not part over that."""

    def told(details: dict[str, effects.Json]) -> object:
        problem = effects.Problem(
            Reason.OTHER, "no", 403, 40310000, {"buying_power": "1", **details}
        )
        no = Outcome(START, Status.REFUSED, problem=problem)
        driven = drive(plan(BUY), lambda one: no if isinstance(one, effects.Submit) else None)
        return driven.result.data["error"]["message"]  # type: ignore[index,call-overload]

    assert told({"details": {"b": "2", "a": "1"}}) == told({"details": {"a": "1", "b": "2"}})


@pytest.mark.parametrize("silent", ["qty", "created_at"])
def test_an_order_that_does_not_say_what_it_is_is_not_taken_for_ours(silent: str) -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return unknown()
        if isinstance(effect, effects.ReadOrderByClientId):
            return ok({**order(effect.client_order_id), silent: None})
        return None

    driven = drive(plan(BUY), answer)
    assert driven.result.exit_code == 8
    assert len(driven.asked(effects.Submit)) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_an_order_said_to_be_refused_is_looked_up_before_the_guards_end_it(arrived: bool) -> None:
    """The rate limit was said of an order that got through; then the guards would refuse it."""
    sent = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal sent
        if isinstance(effect, effects.Submit):
            sent += 1
            return refused(Reason.RATE_LIMITED)
        if isinstance(effect, effects.ReadWorld) and sent:
            blocked = {**ACCOUNT, "trading_blocked": True}
            return ok({"account": blocked, "position": None, "open_orders": [], "quote": QUOTE,
                       "asset": ASSET, "clock": CLOCK})  # fmt: skip
        if isinstance(effect, effects.ReadOrderByClientId):
            return ok(order(ID, "filled")) if arrived else absent()
        return None

    driven = drive(plan(BUY), answer)
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == (0 if arrived else 4)
    assert driven.run.tally.orders == (1 if arrived else 0)
