"""Following and cancelling: what is not certain is asked again, and is never called done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from unit.machine.scripted import (
    ACCOUNT,
    ASSET,
    CLOCK,
    QUOTE,
    START,
    Driven,
    absent,
    drive,
    ok,
    order,
    plan,
    refused,
    unknown,
)

from runner import effects
from runner.effects import Effect, Json, Outcome, Reason, Status
from runner.identity import client_order_id

LIMIT = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 90}"
)
ENTRY_ID = client_order_id("20261123T150000Z-abcdefghijklmnop", "steps[0]", 1)
WRONG = f"{LIMIT}\n  - assert: 1 == 2"


@dataclass
class Broker:
    """A broker with orders by id, all of them limit orders that do not fill."""

    orders: dict[str, dict[str, Json]] = field(default_factory=dict)

    def place(self, order_id: str, client_order_id: str, **more: Json) -> dict[str, Json]:
        shown = {"id": order_id, "type": "limit", "limit_price": "90", "filled_qty": "0", **more}
        self.orders[order_id] = {**order(client_order_id, "new"), **shown}
        return self.orders[order_id]

    def answer(self, effect: Effect) -> Outcome | None:
        match effect:
            case effects.Submit(client_order_id):
                return ok(self.place("first", client_order_id))
            case effects.Cancel(order_id):
                if self.orders[order_id]["status"] != "new":
                    return refused(Reason.NOT_OPEN, "already closed")
                self.orders[order_id]["status"] = "canceled"
                return ok()
            case effects.ReadOrder(order_id):
                return ok(self.orders[order_id])
            case effects.AwaitChange(ids, _, until):
                live = any(self.orders[one]["status"] in ("new", "replaced") for one in ids)
                seen: dict[str, Json] = {one: dict(self.orders[one]) for one in ids}
                return Outcome(until if live else START, Status.OK, {"orders": seen, "polls": 1})
            case effects.Sleep(until):
                return Outcome(until, Status.OK)
        return None


def run(
    broker: Broker, steps: str, instead: Callable[[Effect], Outcome | None], tail: str = ""
) -> Driven:
    return drive(plan(steps, tail=tail), lambda effect: instead(effect) or broker.answer(effect))


@pytest.mark.parametrize("answer", [unknown(), refused(Reason.OTHER)])
def test_a_cancel_without_a_clear_answer_is_asked_for_again(answer: Outcome) -> None:
    lost = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal lost
        if isinstance(effect, effects.Cancel) and lost < 3:
            lost += 1
            return answer
        return None

    driven = run(Broker(), WRONG, instead)
    assert len(driven.asked(effects.Cancel)) == 4
    assert driven.result.data["open_orders"] == []
    assert driven.result.exit_code == 5


def test_a_cancel_that_the_broker_took_is_not_asked_for_again() -> None:
    def instead(effect: Effect) -> Outcome | None:
        return ok() if isinstance(effect, effects.Cancel) else None

    driven = run(Broker(), WRONG, instead)
    assert len(driven.asked(effects.Cancel)) == 1
    assert driven.result.exit_code == 8
    assert isinstance(driven.effects[-1], effects.Suspend)


def replaced_meanwhile(broker: Broker) -> Callable[[Effect], Outcome | None]:
    """Somebody replaces the order in the broker's app right before it would be cancelled."""

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel) and "second" not in broker.orders:
            broker.orders["first"] |= {"status": "replaced", "replaced_by": "second"}
            broker.place("second", "by-hand", replaces="first")
        return None

    return instead


def test_an_order_replaced_by_hand_is_cancelled_as_its_successor() -> None:
    broker = Broker()
    driven = run(broker, WRONG, replaced_meanwhile(broker))
    assert [one.order_id for one in driven.asked(effects.Cancel)] == ["first", "second"]
    assert broker.orders["second"]["status"] == "canceled"
    assert driven.result.data["open_orders"] == []
    assert driven.result.exit_code == 5


def test_a_successor_that_cannot_be_read_counts_as_live() -> None:
    broker = Broker()
    replace_it = replaced_meanwhile(broker)

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrder) and effect.order_id == "second":
            return Outcome(START, Status.UNAVAILABLE)
        return replace_it(effect)

    driven = run(broker, WRONG, instead)
    assert driven.result.exit_code == 8
    assert driven.result.data["open_orders"] == [driven.run.orders.all[0].client_order_id]


def test_an_order_whose_cancel_came_through_in_the_end_is_not_called_unknown() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel):
            return ok()
        if isinstance(effect, effects.ReadOrder):
            broker.orders["first"]["status"] = "canceled"
        return None

    driven = run(broker, WRONG, instead)
    assert driven.result.exit_code == 5
    assert not driven.asked(effects.Suspend)


def test_a_resumed_run_cancels_what_it_could_not_cancel_before() -> None:
    broker = Broker()
    suspended = False

    def instead(effect: Effect) -> Outcome | None:
        nonlocal suspended
        if isinstance(effect, effects.Suspend):
            suspended = True
            return Outcome(START + timedelta(hours=1), Status.NOT_PERFORMED, resumed=True)
        if isinstance(effect, effects.Cancel) and not suspended:
            return unknown()
        return None

    driven = run(broker, WRONG, instead)
    assert broker.orders["first"]["status"] == "canceled"
    assert driven.result.exit_code == 5
    assert driven.result.data["open_orders"] == []


# ------------------------------------------------------------------ what nothing interrupts


def lost(effect: Effect) -> Outcome | None:
    """An order that was sent without an answer, at a broker that cannot be asked any more."""
    if isinstance(effect, effects.Submit):
        return unknown()
    if isinstance(effect, effects.ReadOrderByClientId):
        return Outcome(START, Status.UNAVAILABLE, interrupt="SIGINT")
    return None


def test_a_signal_never_takes_the_place_of_the_suspension() -> None:
    driven = drive(plan(LIMIT), lost)
    assert driven.result.exit_code == 8
    assert isinstance(driven.effects[-1], effects.Suspend)


def test_a_suspension_that_a_signal_forestalled_is_asked_for_again() -> None:
    forestalled = False

    def answer(effect: Effect) -> Outcome | None:
        nonlocal forestalled
        if isinstance(effect, effects.Suspend) and not forestalled:
            forestalled = True
            return Outcome(START, Status.NOT_PERFORMED, interrupt="SIGTERM")
        return lost(effect)

    driven = drive(plan(LIMIT), answer)
    assert len(driven.asked(effects.Suspend)) == 2
    assert driven.result.exit_code == 8


@pytest.mark.parametrize("head", ["timeout: 5s", "timeout: 1m"])
def test_the_runs_timeout_neither_hurries_the_search_nor_hides_its_end(head: str) -> None:
    driven = drive(plan(LIMIT, head=f"symbols: [AAPL]\n{head}"), lost)
    assert driven.result.exit_code == 8
    assert len(driven.asked(effects.ReadOrderByClientId)) < 30


def test_an_older_order_under_our_id_is_not_taken_up_in_the_last_look_either() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return refused(Reason.DUPLICATE_CLIENT_ORDER_ID)
        if isinstance(effect, effects.ReadOrderByClientId):
            old = order(effect.client_order_id, "new", type="limit", limit_price="90")
            return ok({**old, "created_at": "2026-11-20T15:00:00Z"})
        return None

    driven = drive(plan(LIMIT), answer)
    assert driven.result.exit_code == 8
    assert not driven.asked(effects.Cancel), "it is somebody else's"


def test_an_order_that_was_there_all_along_is_adopted_however_late_that_shows() -> None:
    submits = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal submits
        if isinstance(effect, effects.Submit):
            submits += 1
            return unknown() if submits == 1 else refused(Reason.DUPLICATE_CLIENT_ORDER_ID)
        if isinstance(effect, effects.ReadWorld) and submits:
            later = "2026-11-23T15:05:00Z"
            clock = {**CLOCK, "timestamp": later}
            quote = {**QUOTE, "quote": {"bp": "99.99", "ap": "100.01", "t": later}}
            return ok({"account": ACCOUNT, "position": None, "open_orders": [], "quote": quote,
                       "asset": ASSET, "clock": clock})  # fmt: skip
        if isinstance(effect, effects.ReadOrderByClientId):
            found = order(effect.client_order_id, "filled", type="limit", limit_price="90")
            return ok(found) if submits == 2 else absent()
        return None

    driven = drive(plan(LIMIT), answer)
    assert submits == 2
    assert driven.result.exit_code == 0


def limited(effect: Effect) -> Outcome | None:
    """The order meets the rate limit, and before it goes again the broker goes dark."""
    if isinstance(effect, effects.Submit):
        return refused(Reason.RATE_LIMITED)
    return None


def test_an_order_that_arrived_although_the_rate_limit_was_said_is_found_and_cancelled() -> None:
    broker = Broker()
    worlds = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal worlds
        if isinstance(effect, effects.Submit):
            broker.place("first", effect.client_order_id)
        if isinstance(effect, effects.ReadWorld):
            worlds += 1
            return Outcome(START, Status.UNAVAILABLE) if worlds > 1 else None
        if isinstance(effect, effects.ReadOrderByClientId):
            return ok(broker.orders["first"])
        return limited(effect)

    driven = run(broker, LIMIT, instead)
    assert len(driven.asked(effects.Submit)) == 1
    assert broker.orders["first"]["status"] == "canceled"
    assert driven.result.exit_code == 5


@pytest.mark.parametrize(
    ("found", "code"), [(absent(), 7), (Outcome(START, Status.UNAVAILABLE), 8)]
)
def test_an_order_that_met_the_rate_limit_is_gone_only_when_the_broker_says_so(
    found: Outcome, code: int
) -> None:
    worlds = 0

    def answer(effect: Effect) -> Outcome | None:
        nonlocal worlds
        if isinstance(effect, effects.ReadWorld):
            worlds += 1
            return Outcome(START, Status.UNAVAILABLE) if worlds > 1 else None
        if isinstance(effect, effects.ReadOrderByClientId):
            return found
        return limited(effect)

    assert drive(plan(LIMIT), answer).result.exit_code == code


def test_an_order_among_the_open_ones_is_found_although_lookups_deny_it() -> None:
    def answer(effect: Effect) -> Outcome | None:
        match effect:
            case effects.Submit():
                return unknown()
            case effects.ReadOrderByClientId():
                return absent()
            case effects.ReadOpenOrders():
                return ok({"orders": [order(ENTRY_ID, "new", type="limit")]})
        return None

    driven = drive(plan(LIMIT), answer)
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 0


def test_an_order_that_never_left_is_not_said_to_be_refused_by_the_broker() -> None:
    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return refused(Reason.NOT_SENT, "the log cannot be written")
        return None

    driven = drive(plan(LIMIT), answer)
    error: Any = driven.result.data["error"]
    assert error["message"] == "buy 1 AAPL was not sent: the log cannot be written"
    assert driven.result.data["orders"] == []
