"""Changing an order: it exists once, what was filled is counted, and never too much is filled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from unit.machine.scripted import START, Driven, drive, ok, plan, refused, unknown
from unit.machine.working_broker import Broker

from runner import effects
from runner.effects import Effect, Outcome, Reason, Status
from runner.identity import client_order_id

RUN_ID = "20261123T150000Z-abcdefghijklmnop"
ENTRY_ID = client_order_id(RUN_ID, "steps[0]", 1)
CHANGE_ID = client_order_id(RUN_ID, "steps[1]/change", 1)
BUY = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 90.00}\n"
)
HEAD = "symbols: [AAPL]"


def changing(what: str = "limit_price: 91.00", then: str = "") -> str:
    return f"{BUY}  - id: change\n    replace_order: {{order: entry, {what}}}\n{then}"


def driven_by(broker: Broker, steps: str, head: str = HEAD, tail: str = "") -> Driven:
    driven = drive(plan(steps, head=head, tail=tail), broker)
    held = driven.run.orders.held("AAPL")
    if not ended(driven)["open_orders"] and driven.result.exit_code != 8:
        assert held == broker.filled, "a fill was counted twice or lost"
        assert broker.live == [], "a live order was not named"
    named = set(ended(driven)["open_orders"])
    assert {one["client_order_id"] for one in broker.live} <= named, "a live order was not named"
    return driven


def ended(driven: Driven) -> Any:
    """What the run came to, as `--json` shows it."""
    return driven.result.data


def outputs(driven: Driven, number: int = 1) -> dict[str, Any]:
    return dict(driven.run.results[number].outputs)


def message(driven: Driven) -> str:
    return str(ended(driven)["error"]["message"])


def at(effect_type: type[Effect], happens: Callable[[], object], nth: int = 1) -> Any:
    """Something happens in the world right before the n-th effect of a kind is performed."""
    count = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal count
        if isinstance(effect, effect_type):
            count += 1
            if count == nth:
                happens()
        return None

    return instead


# ------------------------------------------------------------------------- the plain change


@pytest.mark.parametrize("slow", [False, True])
def test_a_changed_order_goes_on_under_the_new_id(slow: bool) -> None:
    broker = Broker(slow=slow)
    driven = driven_by(broker, changing("limit_price: 91.00, qty: 5, time_in_force: gtc"))
    (change,) = driven.asked(effects.Replace)
    assert change.body == {
        "limit_price": "91.00", "qty": "5", "time_in_force": "gtc", "client_order_id": CHANGE_ID
    }  # fmt: skip
    assert outputs(driven) == {
        "status": "new", "filled_qty": "0", "qty": "5", "limit_price": "91.00"
    }  # fmt: skip
    assert driven.result.exit_code == 0
    (shown,) = ended(driven)["orders"]
    assert (shown["client_order_id"], shown["order_id"]) == (CHANGE_ID, "o2")
    assert shown["replaces"] == [ENTRY_ID]
    assert ended(driven)["open_orders"] == [CHANGE_ID]


def test_an_order_that_is_not_at_work_yet_is_waited_for() -> None:
    broker = Broker(status="pending_new")
    broker.meanwhile.append(lambda: broker.orders["o1"].update(status="new"))
    driven = driven_by(broker, changing())
    assert outputs(driven)["limit_price"] == "91.00"
    assert len(driven.asked(effects.Replace)) == 1


def test_an_order_that_already_is_as_it_shall_be_is_left_alone() -> None:
    driven = driven_by(Broker(), changing("limit_price: 90.0, qty: 10, time_in_force: day"))
    assert driven.asked(effects.Replace) == []
    assert (driven.result.exit_code, outputs(driven)["status"]) == (0, "new")


def test_an_order_that_was_replaced_by_hand_is_changed_as_its_successor() -> None:
    broker = Broker()
    broker.instead = at(effects.ReadOrder, lambda: broker.replace("o1", "by-hand", qty="12"))
    driven = driven_by(broker, changing())
    (change,) = driven.asked(effects.Replace)
    assert (change.order_id, broker.orders["o3"]["replaces"]) == ("o2", "o2")
    assert outputs(driven)["qty"] == "12"


def test_an_order_replaced_by_hand_while_it_is_changed_is_changed_as_its_successor() -> None:
    broker = Broker()
    broker.instead = at(effects.Replace, lambda: broker.replace("o1", "by-hand", limit_price="89"))
    driven = driven_by(broker, changing())
    assert [one.order_id for one in driven.asked(effects.Replace)] == ["o1", "o2"]
    assert outputs(driven)["limit_price"] == "91.00"
    assert ended(driven)["open_orders"] == [CHANGE_ID]


@pytest.mark.parametrize(
    ("order", "what"),
    [("trail_percent: 2%", "trail_price: 1.50"), ("trail_price: 1.50", "trail_percent: 2%")],
)
def test_a_trail_is_never_changed_from_dollars_to_percent(order: str, what: str) -> None:
    """Alpaca takes one number in the unit that the order has: 1.50 dollars would be 1.5 percent."""
    late = "type: \"='trailing_stop' if run.id != '' else 'market'\""  # known once it runs
    steps = changing(what).replace("type: limit, limit_price: 90.00", f"{late}, {order}")
    driven = driven_by(Broker(), steps)
    assert driven.asked(effects.Replace) == []
    assert driven.result.exit_code == 5
    assert "trails by" in message(driven)


def test_a_trail_is_changed_in_its_own_unit() -> None:
    steps = changing("trail_percent: 3%").replace(
        "type: limit, limit_price: 90.00", "type: trailing_stop, trail_percent: 2%"
    )
    driven = driven_by(Broker(), steps)
    assert driven.asked(effects.Replace)[0].body["trail"] == "3"
    assert driven.result.exit_code == 0


# ------------------------------------------------------------------------- guards


def test_a_change_is_judged_as_the_order_that_it_makes() -> None:
    driven = driven_by(
        Broker(), changing("limit_price: 120.00"), f"{HEAD}\nlimits: {{price_collar: 5%}}"
    )
    assert driven.asked(effects.Replace) == []
    assert "price_collar" in message(driven)
    assert message(driven).endswith("the order stays as it was")
    assert driven.result.exit_code == 5, "it was accepted before"


@pytest.mark.parametrize(("limits", "passes"), [
    ("max_order_notional: 950", True), ("max_order_notional: 905", False),
    ("max_run_notional: 950", True), ("max_run_notional: 905", False), ("max_orders: 1", True),
])  # fmt: skip
def test_the_order_itself_does_not_count_twice_when_it_is_changed(
    limits: str, passes: bool
) -> None:
    driven = driven_by(Broker(), changing(), f"{HEAD}\nlimits: {{{limits}}}")
    assert len(driven.asked(effects.Replace)) == (1 if passes else 0)
    assert driven.run.tally.orders == 1
    assert driven.run.tally.notional == (910 if passes else 900)


def test_the_change_of_a_reducing_order_takes_nothing_from_what_the_run_has_sent() -> None:
    """It never counted, so it must not make room for others either."""
    steps = (
        "  - submit_order: {symbol: AAPL, side: buy, qty: 10}\n"
        "  - id: exit\n"
        "    submit_order: {symbol: AAPL, side: sell, qty: 10, type: limit, limit_price: 110.00}\n"
        "  - replace_order: {order: exit, limit_price: 111.00}\n"
        "  - replace_order: {order: exit, limit_price: 112.00}\n"
    )
    driven = driven_by(Broker(), steps, f"{HEAD}\nlimits: {{max_orders: 1}}")
    assert driven.result.exit_code == 0
    assert (driven.run.tally.orders, driven.run.tally.notional) == (1, Decimal("1040.104"))
    assert [one.opens for one in driven.asked(effects.Replace)] == [False, False]


def test_a_rest_that_a_guard_refuses_leaves_the_order_as_it_was() -> None:
    broker = Broker()
    broker.instead = at(effects.ReadOrder, lambda: broker.fill("o1", "4"))
    head = f"{HEAD}\nlimits: {{price_collar: 5%}}"
    tail = "on_failure:\n  - await_fill: {order: entry, until: any}"
    driven = driven_by(broker, changing("limit_price: 120.00"), head, tail)
    assert "stays as it was" in message(driven)
    assert driven.run.results[-1].outputs["status"] == "partially_filled"


# ------------------------------------------------------------------------- partly filled


@pytest.mark.parametrize(
    ("what", "total"), [("limit_price: 91.00", 10), ("qty: 7", 7), ("qty: 15", 15)]
)
def test_an_order_that_is_partly_filled_is_cancelled_and_the_rest_sent_anew(
    what: str, total: int
) -> None:
    broker = Broker()
    broker.instead = at(effects.ReadOrder, lambda: broker.fill("o1", "4"))
    driven = driven_by(broker, changing(what), f"{HEAD}\nlimits: {{max_orders: 1}}")
    assert driven.asked(effects.Replace) == []
    assert [one["status"] for one in broker.orders.values()] == ["canceled", "new"]
    assert broker.orders["o2"]["qty"] == str(total - 4)
    assert (outputs(driven)["filled_qty"], outputs(driven)["qty"]) == ("4", str(total))
    assert driven.result.exit_code == 0
    assert driven.run.orders.held("AAPL") == 4


def test_an_order_that_begins_to_fill_while_it_is_waited_for_is_not_replaced() -> None:
    broker = Broker(status="pending_new")

    def fills() -> None:
        broker.fill("o1", "4")

    broker.meanwhile.append(fills)
    driven = driven_by(broker, changing())
    assert driven.asked(effects.Replace) == []
    assert broker.orders["o2"]["qty"] == "6"


def test_a_change_to_what_is_filled_already_only_cancels_the_rest() -> None:
    broker = Broker()
    broker.instead = at(effects.ReadOrder, lambda: broker.fill("o1", "4"))
    driven = driven_by(broker, changing("qty: 4"))
    assert (driven.result.exit_code, len(broker.orders)) == (0, 1)
    assert outputs(driven)["filled_qty"] == "4"


def test_more_filled_than_was_wanted_is_said() -> None:
    broker = Broker()
    broker.instead = at(effects.ReadOrder, lambda: broker.fill("o1", "6"))
    driven = driven_by(broker, changing("qty: 4"))
    assert driven.result.exit_code == 5
    assert "6 of order" in message(driven)
    assert "more than the 4" in message(driven)
    assert broker.live == []


def test_a_fill_that_wins_over_the_reduction_is_said() -> None:
    broker = Broker(slow=True)
    broker.meanwhile.append(lambda: broker.fill("o1", "10"))
    driven = driven_by(broker, changing("qty: 4"))
    assert driven.result.exit_code == 5
    assert "10 of order" in message(driven)
    assert broker.filled == 10


@pytest.mark.parametrize("fills", [1, 2])
def test_what_filled_while_it_was_replaced_is_counted_and_not_bought_again(fills: int) -> None:
    """Alpaca gives the replacement the whole quantity again (Alpaca-API issue 165)."""
    broker = Broker(slow=True)

    def fill() -> None:
        broker.orders["o1"]["status"] = "new"
        broker.fill("o1", "3")
        broker.orders["o1"]["status"] = "pending_replace"

    broker.instead = at(effects.Replace, lambda: broker.meanwhile.extend([fill] * fills))
    driven = driven_by(broker, changing())
    statuses = [one["status"] for one in broker.orders.values()]
    assert statuses == ["replaced", "canceled", "new"]
    assert broker.orders["o3"]["qty"] == str(10 - 3 * fills)
    assert (outputs(driven)["filled_qty"], outputs(driven)["qty"]) == (str(3 * fills), "10")
    assert driven.run.orders.held("AAPL") == broker.filled == 3 * fills


def test_a_rest_whose_earlier_part_is_not_told_is_never_sent() -> None:
    """Reckoned as nothing filled, the whole quantity would be bought a second time."""
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.ReadOrder) and broker.orders["o1"]["status"] == "new":
            broker.fill("o1", "4")
        if isinstance(effect, effects.AwaitChange | effects.ReadOrder) and broker.live == []:
            bare = {**broker.shown("o1"), "filled_qty": None}
            return ok(bare if isinstance(effect, effects.ReadOrder) else {"orders": {"o1": bare}})
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 8


def test_an_order_that_does_not_say_what_is_filled_is_not_changed_and_not_called_changed() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            return ok(
                {**broker.submit(effect.client_order_id, dict(effect.body)), "filled_qty": None}
            )
        if isinstance(effect, effects.ReadOrder):
            return ok({**broker.shown(effect.order_id), "filled_qty": None})
        return None

    broker.instead = instead
    driven = drive(plan(changing()), broker)
    assert driven.asked(effects.Replace) == []
    assert driven.run.results[1].status == "failed"
    assert "does not say how much" in message(driven)


# ------------------------------------------------------------------------- races


def test_a_fill_that_wins_the_race_is_the_end_of_the_order() -> None:
    broker = Broker(slow=True)
    broker.meanwhile.append(lambda: broker.fill("o1", "10"))
    driven = driven_by(broker, changing())
    assert [one["status"] for one in broker.orders.values()] == ["filled", "rejected"]
    assert outputs(driven)["status"] == "filled"
    assert driven.result.exit_code == 0
    assert driven.run.orders.held("AAPL") == 10


def test_a_fill_that_wins_although_the_old_order_cannot_be_read_at_first_is_not_lost() -> None:
    broker = Broker(slow=True)
    broker.meanwhile.append(lambda: broker.fill("o1", "10"))
    unread = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal unread
        over = "o2" in broker.orders and broker.orders["o2"]["status"] == "rejected"
        if (
            isinstance(effect, effects.ReadOrder)
            and effect.order_id == "o1"
            and over
            and unread < 3
        ):
            unread += 1
            return Outcome(START, Status.UNAVAILABLE)
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    assert unread == 3
    assert outputs(driven)["status"] == "filled"
    assert driven.run.orders.held("AAPL") == 10


def test_a_change_that_is_rejected_leaves_the_order_as_it_was_and_says_so() -> None:
    broker = Broker(slow=True)
    broker.meanwhile.append(broker.reject_changes)
    driven = driven_by(broker, changing(), tail="on_failure:\n  - cancel_order: {order: entry}")
    assert "rejected it afterwards; the order stays as it was" in message(driven)
    assert driven.result.exit_code == 5
    assert [one["status"] for one in broker.orders.values()] == ["canceled", "rejected"]


def test_an_interruption_while_a_change_is_rejected_still_finds_and_cancels_the_order() -> None:
    """The old order is live again: it must not be taken for the rejected one."""
    broker = Broker(slow=True)
    broker.meanwhile.append(broker.reject_changes)
    signalled = False

    def instead(effect: Effect) -> Outcome | None:
        nonlocal signalled
        if isinstance(effect, effects.AwaitChange) and "o2" in broker.orders and not signalled:
            signalled = True
            return replace(broker.wait(effect.orders, dict(effect.known), effect.until),
                           interrupt="SIGINT")  # fmt: skip
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    assert signalled
    assert driven.result.exit_code == 130
    assert broker.live == []


def test_a_change_that_is_never_carried_out_is_not_called_done() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Replace):
            new = broker.replace(effect.order_id, effect.client_order_id, limit_price="91.00")
            broker.orders["o1"].update(status="pending_replace", replaced_by=None)
            new["status"] = "pending_new"
            return ok(dict(new))
        return None

    broker.instead = instead
    driven = drive(plan(changing()), broker)
    assert driven.run.results[1].status == "failed"
    assert "still not carried out" in message(driven)


# ------------------------------------------------------------------------- no clear answer

NO_ANSWER = {
    "arrived, answer lost": (True, unknown()),
    "lost": (False, unknown()),
    "arrived, then the process died": (True, unknown(Reason.CRASH)),
    "arrived, 429": (True, refused(Reason.RATE_LIMITED)),
    "429": (False, refused(Reason.RATE_LIMITED)),
    "arrived twice": (True, refused(Reason.NOT_REPLACEABLE, "cannot replace order")),
    "arrived, duplicate": (True, refused(Reason.DUPLICATE_CLIENT_ORDER_ID, "must be unique")),
}  # fmt: skip


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("name", NO_ANSWER)
def test_a_change_without_a_clear_answer_is_made_once(name: str, slow: bool) -> None:
    arrives, answer = NO_ANSWER[name]
    broker = Broker(slow=slow)
    changes = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal changes
        if isinstance(effect, effects.Replace):
            changes += 1
            if changes == 1:
                if arrives:
                    broker.answer(effect)
                return answer
        if isinstance(effect, effects.Sleep) and broker.meanwhile:
            broker.meanwhile.pop(0)()
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    assert driven.result.exit_code == 0
    assert [one["status"] for one in broker.orders.values()] == ["replaced", "new"]
    assert outputs(driven)["limit_price"] == "91.00"
    assert {one.client_order_id for one in driven.asked(effects.Replace)} == {CHANGE_ID}
    assert (driven.run.tally.orders, driven.run.tally.notional) == (1, Decimal(910))


def test_a_rate_limit_that_never_ends_ends_the_step() -> None:
    def instead(effect: Effect) -> Outcome | None:
        return refused(Reason.RATE_LIMITED) if isinstance(effect, effects.Replace) else None

    driven = driven_by(Broker(instead=instead), changing())
    assert driven.result.exit_code == 5
    assert 2 < len(driven.asked(effects.Replace)) < 20


def test_a_change_whose_fate_cannot_be_found_out_is_unknown_and_both_ids_are_named() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Replace):
            return unknown()
        if isinstance(effect, effects.ReadOrderByClientId | effects.ReadOrder | effects.Cancel):
            return Outcome(START, Status.UNAVAILABLE) if driven_far else None
        return None

    driven_far = True
    broker.instead = instead
    driven = drive(plan(changing()), broker)
    assert driven.result.exit_code == 8
    assert ended(driven)["open_orders"] == [ENTRY_ID, CHANGE_ID]
    assert isinstance(driven.effects[-1], effects.Suspend)


def test_a_resume_begins_the_search_for_a_change_anew() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Replace):
            broker.answer(effect)
            return replace(unknown(Reason.CRASH), resumed=True)
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    assert len(driven.asked(effects.Replace)) == 1
    assert outputs(driven)["limit_price"] == "91.00"


def test_a_change_that_a_resume_did_not_perform_begins_with_its_guards() -> None:
    broker = Broker()
    count = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal count
        if isinstance(effect, effects.Replace):
            count += 1
            return Outcome(START, Status.NOT_PERFORMED, resumed=True) if count == 1 else None
        return None

    broker.instead = instead
    driven = driven_by(broker, changing())
    kinds = [type(one).__name__ for one in driven.effects]
    first, second = (index for index, kind in enumerate(kinds) if kind == "Replace")
    assert "ReadWorld" in kinds[first:second]
    assert driven.result.exit_code == 0


@pytest.mark.parametrize("moment", range(1, 14))
@pytest.mark.parametrize(
    "world", ["plain", "slow", "fill wins", "rejected", "lost", "fills in part"]
)
def test_an_interruption_at_any_moment_leaves_nothing_live_and_no_fill_lost(
    world: str, moment: int
) -> None:
    broker = Broker(slow=world != "plain")
    if world == "fill wins":
        broker.meanwhile.append(lambda: broker.fill("o1", "10"))
    if world == "rejected":
        broker.meanwhile.append(broker.reject_changes)
    if world == "fills in part":

        def fill() -> None:
            broker.fill("o1", "3")
            broker.orders["o1"]["status"] = "pending_replace"

        broker.meanwhile.append(fill)
    count = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal count
        count += 1
        lost = world == "lost" and isinstance(effect, effects.Replace)
        outcome = broker.answer(effect)
        if lost:
            outcome = unknown()
        if isinstance(effect, effects.Sleep) and broker.meanwhile:
            broker.meanwhile.pop(0)()
        if count == moment and outcome is not None:
            return replace(outcome, interrupt="SIGINT")
        return outcome

    broker.instead = instead
    driven = driven_by(broker, changing())
    if driven.result.exit_code == 130:
        assert broker.live == []
        assert driven.run.orders.held("AAPL") == broker.filled


def test_a_reducing_order_that_was_changed_stays_when_the_run_stops() -> None:
    steps = (
        "  - submit_order: {symbol: AAPL, side: buy, qty: 10}\n"
        "  - id: exit\n"
        "    submit_order: {symbol: AAPL, side: sell, qty: 10, type: limit, limit_price: 110.00}\n"
        "  - replace_order: {order: exit, limit_price: 111.00}\n"
        "  - assert: 1 == 2\n"
    )
    head = f"{HEAD}\nlimits: {{max_orders: 1, max_order_notional: 1041}}"
    broker = Broker()
    driven = driven_by(broker, steps, head, "finally:\n  - cancel_all: {scope: run}")
    assert driven.asked(effects.Cancel) == []
    (live,) = broker.live
    assert live["limit_price"] == "111.00"
    assert ended(driven)["open_orders"] == [live["client_order_id"]]
    assert ended(driven)["positions"] == [
        {"symbol": "AAPL", "run_qty": "10", "protected_qty": "10"}
    ]
