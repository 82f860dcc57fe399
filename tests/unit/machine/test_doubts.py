"""When answers contradict each other or come late: nothing twice, nothing lost, nothing claimed."""

from __future__ import annotations

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


class Script:
    """Answers submissions one after another, lookups with 404, and the rest as usual."""

    def __init__(self, *submits: Outcome | None, lookup: Outcome | None = None) -> None:
        self.submits = list(submits)
        self.lookup = lookup or absent()

    def __call__(self, effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return self.submits.pop(0) if self.submits else None
        if isinstance(effect, effects.ReadOrderByClientId):
            return self.lookup
        return None


def test_an_id_that_is_taken_while_lookups_deny_it_stays_unknown() -> None:
    script = Script(unknown(), refused(Reason.DUPLICATE_CLIENT_ORDER_ID))
    driven = drive(plan(BUY), script)
    assert len(driven.asked(effects.Submit)) == 2
    assert driven.result.exit_code == 8
    assert driven.result.data["open_orders"] == [ID]


@pytest.mark.parametrize("reason", [Reason.BUYING_POWER, Reason.WASH_TRADE, Reason.QUANTITY_HELD])
def test_a_refusal_of_the_second_copy_is_not_believed_before_the_first_was_looked_for(
    reason: Reason,
) -> None:
    driven = drive(plan(BUY), Script(unknown(), refused(reason)))
    last = len(driven.effects) - 1 - driven.effects[::-1].index(driven.asked(effects.Submit)[-1])
    after = driven.effects[last + 1 :]
    assert any(isinstance(effect, effects.ReadOrderByClientId) for effect in after)
    assert driven.result.exit_code == 5


def test_a_refused_second_copy_whose_first_copy_shows_up_is_that_order() -> None:
    script = Script(unknown(), refused(Reason.BUYING_POWER))

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId) and not script.submits:
            return ok(order(ID))
        return script(effect)

    assert drive(plan(BUY), answer).result.exit_code == 0


def interrupted_at_the_first_lookup(script: Script) -> object:
    looked = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrderByClientId):
            looked.append(effect)
            return replace(absent(), interrupt="SIGINT") if len(looked) == 1 else absent()
        return script(effect)

    return answer


def test_after_a_signal_an_order_that_never_arrived_is_not_sent_again() -> None:
    driven = drive(plan(BUY), interrupted_at_the_first_lookup(Script(unknown())))  # type: ignore[arg-type]
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 130
    assert driven.result.data["orders"] == []


def test_after_a_signal_an_order_refused_for_its_rate_is_not_sent_again() -> None:
    script = Script(replace(refused(Reason.RATE_LIMITED), interrupt="SIGINT"))
    driven = drive(plan(BUY), script)
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 130


def test_a_signal_on_the_very_last_outcome_is_not_lost() -> None:
    resting = {"type": "limit", "limit_price": "90", "filled_qty": "0"}
    steps = "  - submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}"

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(ID, "new", **resting), interrupt="SIGINT")
        if isinstance(effect, effects.AwaitChange):
            return ok({"orders": {effect.orders[0]: order(ID, "canceled", **resting)}})
        return None

    driven = drive(plan(steps), answer)
    assert driven.result.exit_code == 130
    assert len(driven.asked(effects.Cancel)) == 1
    assert driven.result.data["open_orders"] == []


def test_a_resend_that_a_resume_did_not_perform_begins_with_its_guards() -> None:
    script = Script(unknown(), Outcome(START, Status.NOT_PERFORMED, resumed=True))
    driven = drive(plan(BUY), script)
    kinds = [type(effect).__name__ for effect in driven.effects]
    steps = [kind for kind in kinds if kind in ("ReadWorld", "Submit")]
    assert steps[-4:] == ["ReadWorld", "Submit", "ReadWorld", "Submit"]


def test_a_resend_after_a_resume_long_after_the_intent_is_not_made() -> None:
    at = START + timedelta(hours=5)
    late = Outcome(at, Status.NOT_PERFORMED, {"go_on": True}, resumed=True)
    driven = drive(plan(BUY), Script(unknown(), late))
    assert len(driven.asked(effects.Submit)) == 2  # the second was not performed
    assert driven.result.exit_code == 5
    assert "never reached the broker" in driven.result.data["error"]["message"]  # type: ignore[index,call-overload,operator]


def test_a_resume_settles_an_order_that_never_arrived() -> None:
    """Lookups fail until the run is suspended; after the resume the broker answers again."""
    suspended = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return unknown()
        if isinstance(effect, effects.Suspend):
            suspended.append(effect)
            return Outcome(START, Status.NOT_PERFORMED, resumed=True)
        if isinstance(effect, effects.ReadOrderByClientId):
            return absent() if suspended else Outcome(START, Status.UNAVAILABLE)
        return None

    driven = drive(plan(BUY), answer)
    assert len(suspended) == 1
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 5
    assert driven.result.data["open_orders"] == []


def position(qty: str) -> dict[str, effects.Json]:
    return {"symbol": "AAPL", "qty": qty, "qty_available": qty}


def world(qty: str, *open_orders: dict[str, effects.Json]) -> Outcome:
    return ok({"account": ACCOUNT, "position": position(qty), "open_orders": list(open_orders),
               "quote": QUOTE, "asset": ASSET, "clock": CLOCK})  # fmt: skip


SELL = "  - submit_order: {symbol: AAPL, side: sell, qty: 10}"
NO_ORDERS = "symbols: [AAPL]\nlimits: {max_orders: 0}"


def sold(effect: Effect) -> Outcome | None:
    if isinstance(effect, effects.Submit):
        return ok(order(effect.client_order_id, side="sell", qty="10", filled_qty="10"))
    return None


def test_a_position_that_lags_behind_this_runs_own_sale_does_not_excuse_a_second_one() -> None:
    def answer(effect: Effect) -> Outcome | None:
        return world("10") if isinstance(effect, effects.ReadWorld) else sold(effect)

    driven = drive(plan(f"{SELL}\n{SELL}", head=NO_ORDERS), answer)
    assert len(driven.asked(effects.Submit)) == 1
    assert "would be sold short" in driven.result.data["error"]["message"]  # type: ignore[index,call-overload,operator]


def test_a_sale_that_an_open_order_would_already_make_opens_a_short() -> None:
    working = order("somebody-elses", "new", side="sell", qty="5", filled_qty="0")

    def answer(effect: Effect) -> Outcome | None:
        return world("10", working) if isinstance(effect, effects.ReadWorld) else sold(effect)

    driven = drive(plan(SELL, head=NO_ORDERS), answer)
    assert driven.asked(effects.Submit) == []
    assert driven.result.exit_code == 4


def test_buying_back_what_was_not_this_runs_is_no_protection() -> None:
    """It sells ten shares of the user's and buys them back with a limit: that buy opens risk."""
    back = "  - submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 90}"
    resting = {"type": "limit", "limit_price": "90", "qty": "10", "filled_qty": "0"}
    done: list[Effect] = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadWorld):
            return world("0" if done else "10")
        if isinstance(effect, effects.Submit) and effect.body["side"] == "buy":
            accepted = order(effect.client_order_id, "new", **resting)
            return ok(accepted, interrupt="SIGINT")
        if isinstance(effect, effects.Submit):
            done.append(effect)
            return sold(effect)
        if isinstance(effect, effects.AwaitChange):
            (order_id,) = effect.orders
            own = order_id.removeprefix("id-of-")
            return ok({"orders": {order_id: order(own, "canceled", **resting)}})
        return None

    driven = drive(plan(f"{SELL}\n{back}"), answer)
    assert driven.result.exit_code == 130
    assert len(driven.asked(effects.Cancel)) == 1
    assert driven.result.data["positions"] == [
        {"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}
    ]


def test_an_order_that_ended_without_saying_how_much_was_filled_is_in_doubt() -> None:
    silent = {"filled_qty": None, "filled_avg_price": None}

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(effect.client_order_id, "canceled", **silent))
        if isinstance(effect, effects.ReadOrder):
            return ok(order(ID, "canceled", **silent))
        return None

    assert drive(plan(BUY), answer).result.exit_code == 8


def test_a_filled_order_is_filled_whole_though_the_number_is_missing() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(effect.client_order_id, filled_qty=None))
        return None

    driven = drive(plan(BUY), answer)
    assert driven.result.exit_code == 0
    assert driven.result.data["positions"][0]["run_qty"] == "1"  # type: ignore[index,call-overload]


def test_an_order_awaited_in_vain_is_cleaned_up_though_the_plan_went_on() -> None:
    steps = (
        "  - id: entry\n"
        "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}\n"
        "  - await_fill: {order: entry, timeout: 5s}\n    on_error: continue"
    )
    resting = {"type": "limit", "limit_price": "90", "filled_qty": "0"}
    cancelled = []

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(order(ID, "new", **resting))
        if isinstance(effect, effects.Cancel):
            cancelled.append(effect)
        if isinstance(effect, effects.AwaitChange):
            status = "canceled" if cancelled else "new"
            found = {effect.orders[0]: order(ID, status, **resting)}
            return replace(ok({"orders": found}), at=effect.until)
        return None

    driven = drive(plan(steps), answer)
    assert driven.result.exit_code == 0
    assert len(cancelled) == 1
    assert driven.result.data["open_orders"] == []
