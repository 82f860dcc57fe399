"""Orders with exits: each leg is followed, each share counted once, and exits stay that protect."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from unit.machine.scripted import START, Driven, drive, ok, plan
from unit.machine.working_broker import Broker

from runner import effects
from runner.effects import Effect, Json, Outcome, Status

HEAD = "symbols: [AAPL]"
EXITS = "order_class: bracket, take_profit: 110.00, stop_loss: 95.00"
BRACKET = f"  - id: entry\n    submit_order: {{symbol: AAPL, side: buy, qty: 10, {EXITS}}}\n"
RESTING = BRACKET.replace("qty: 10", "qty: 10, type: limit, limit_price: 99.00")
FILL = "  - id: fill\n    await_fill: {order: entry, timeout: 60s}\n"
WRONG = "  - assert: 1 == 2\n"
ENTRY, PROFIT, STOP = "o1", "o2", "o3"


def driven_by(broker: Broker, steps: str, head: str = HEAD, tail: str = "") -> Driven:
    driven = drive(plan(steps, head=head, tail=tail), broker)
    named = set(ended(driven)["open_orders"])
    live = {one["client_order_id"] for one in broker.live}
    assert live <= named, "a live order was not named"
    if driven.result.exit_code != 8:
        assert named == live, "an order that has ended was called live"
        assert driven.run.orders.net_fills("AAPL") == broker.filled
    return driven


def ended(driven: Driven) -> Any:
    """What the run came to, as `--json` shows it."""
    return driven.result.data


def message(driven: Driven) -> str:
    return str(ended(driven)["error"]["message"])


def outputs(driven: Driven, step_id: str) -> dict[str, Json]:
    return next(dict(one.outputs) for one in driven.run.results if one.id == step_id)


def position(driven: Driven) -> Any:
    (one,) = ended(driven)["positions"]
    return one


# ------------------------------------------------------------------------- following


def test_the_result_names_the_legs_and_counts_a_group_once() -> None:
    driven = driven_by(Broker(), f"{BRACKET}{FILL}")
    assert driven.result.exit_code == 0
    orders = ended(driven)["orders"]
    entry = orders[0]["client_order_id"]
    assert [one["leg_of"] for one in orders] == [None, entry, entry]
    assert [one["status"] for one in orders] == ["filled", "new", "held"]
    assert [one["limit_price"] or one["stop_price"] for one in orders] == [None, "110.00", "95.00"]
    assert position(driven) == {"symbol": "AAPL", "run_qty": "10", "protected_qty": "10"}


def test_a_bracket_is_done_only_when_its_exits_stand() -> None:
    broker = Broker()
    stands = False

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            for leg in (PROFIT, STOP):
                broker.orders[leg]["status"] = "held"
            return ok(broker.shown(ENTRY))
        return None

    def stand() -> None:
        nonlocal stands
        stands = True
        broker.orders[PROFIT]["status"] = "new"

    broker.instead = instead
    broker.meanwhile += [lambda: None, stand]
    driven = driven_by(broker, f"{BRACKET}{FILL}")
    assert stands
    assert outputs(driven, "fill")["status"] == "filled"


@pytest.mark.parametrize("until", ["filled", "100%", "10", "any"])
def test_whatever_is_waited_for_a_filled_bracket_without_exits_is_not_done(until: str) -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            broker.end(PROFIT, "rejected")
            return ok(broker.shown(ENTRY))
        return None

    broker = Broker(instead=instead)
    steps = f"{BRACKET}{FILL}".replace("timeout: 60s", f'until: "{until}", timeout: 60s')
    driven = driven_by(broker, steps)
    assert driven.result.exit_code == 5
    assert "10 AAPL are filled and nothing protects them" in message(driven)
    assert "stop_loss rejected, take_profit rejected" in message(driven)
    assert position(driven)["protected_qty"] == "0"


def test_one_exit_that_is_missing_is_said_when_the_time_is_up() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            broker.orders[STOP]["status"] = "rejected"
            return ok(broker.shown(ENTRY))
        return None

    broker = Broker(instead=instead)
    driven = driven_by(broker, f"{BRACKET}{FILL}")
    assert driven.result.exit_code == 5
    assert "not all of it is protected" in message(driven)
    assert "stop_loss rejected, take_profit new" in message(driven)


def test_an_exit_that_ended_after_a_part_leaves_the_rest_unprotected() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            broker.fill(PROFIT, "4")
            broker.end(PROFIT, "expired")
            return ok(broker.shown(ENTRY))
        return None

    broker = Broker(instead=instead)
    driven = driven_by(broker, f"{BRACKET}{FILL}")
    assert driven.result.exit_code == 5
    assert position(driven) == {"symbol": "AAPL", "run_qty": "6", "protected_qty": "0"}


def test_exits_that_nobody_could_see_end_the_run_with_8() -> None:
    def bare(order_id: str) -> dict[str, Any]:
        return {**broker.shown(order_id), "legs": None}

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            return ok(bare(ENTRY))
        return ok(bare(effect.order_id)) if isinstance(effect, effects.ReadOrder) else None

    broker = Broker(instead=instead)
    driven = drive(plan(f"{BRACKET}{FILL}"), broker)
    assert driven.result.exit_code == 8
    assert isinstance(driven.effects[-1], effects.Suspend)


def test_exits_that_were_not_in_the_answer_are_followed_once_they_are_seen() -> None:
    unseen = 2

    def instead(effect: Effect) -> Outcome | None:
        nonlocal unseen
        if isinstance(effect, effects.Submit):
            broker.answer(effect)
            return ok({**broker.shown(ENTRY), "legs": None})
        if isinstance(effect, effects.ReadOrder) and unseen:
            unseen -= 1
            return Outcome(START, Status.UNAVAILABLE)
        return None

    broker = Broker(instead=instead)
    driven = driven_by(broker, f"{BRACKET}{FILL}")
    assert driven.result.exit_code == 0
    assert position(driven)["protected_qty"] == "10"


def test_a_leg_that_was_replaced_by_hand_is_followed() -> None:
    broker = Broker()
    steps = (
        f"{BRACKET}{FILL}  - id: out\n    await_fill: {{order: entry.stop_loss, timeout: 60s}}\n"
    )

    def by_hand() -> None:
        broker.replace(STOP, "by-hand", stop_price="97.00")

    def hit() -> None:
        broker.orders["o4"]["status"] = "new"
        broker.fill("o4", "10")

    broker.meanwhile += [by_hand, hit]
    driven = driven_by(broker, steps)
    assert outputs(driven, "out") == {
        "status": "filled", "filled_qty": "10", "filled_avg_price": "100", "remaining_qty": "0"
    }  # fmt: skip
    assert position(driven)["run_qty"] == "0"


@pytest.mark.parametrize("seen_by", ["entry", "entry.stop_loss"])
def test_two_replacements_of_a_leg_between_two_readings_lose_nothing(seen_by: str) -> None:
    """Neither the part that the first had filled, nor the leg's place in its group."""
    replaced = False

    def instead(effect: Effect) -> Outcome | None:
        nonlocal replaced
        if isinstance(effect, effects.ReadOrder) and not replaced:
            replaced = True
            broker.fill(STOP, "4")
            broker.replace(STOP, "by-hand", stop_price="97.00", qty="6")
            broker.replace("o4", "by-hand-again", stop_price="98.00")
        return None

    broker = Broker(instead=instead)
    broker.meanwhile.append(lambda: broker.fill("o5", "6"))
    steps = f"{BRACKET}{FILL}  - check_order: {{order: {seen_by}}}\n"
    driven = driven_by(broker, f"{steps}  - await_fill: {{order: entry.stop_loss}}\n")
    assert replaced
    assert driven.result.exit_code == 0
    assert position(driven)["run_qty"] == "0"
    assert len(ended(driven)["orders"]) == 3


# ------------------------------------------------------------------------- exits as they end


@pytest.mark.parametrize("order", ["entry.take_profit", "[entry.take_profit, entry.stop_loss]"])
def test_the_exit_that_goes_because_the_other_filled_is_not_called_live(order: str) -> None:
    """The broker takes a second to cancel it (facts page 2.2)."""
    broker = Broker()

    def fills() -> None:
        broker.fill(PROFIT, "10")
        broker.orders[STOP]["status"] = "held"

    def goes() -> None:
        broker.orders[STOP]["status"] = "canceled"

    broker.meanwhile += [fills, goes]
    steps = f"{BRACKET}{FILL}  - id: out\n    await_fill: {{order: {order}, timeout: 60s}}\n"
    driven = driven_by(broker, steps)
    assert driven.result.exit_code == 0
    assert ended(driven)["open_orders"] == []
    assert outputs(driven, "out")["filled_qty"] == "10"


def test_both_exits_may_fill_a_part_and_both_parts_count() -> None:
    broker = Broker()

    def part() -> None:
        broker.fill(PROFIT, "4")
        broker.orders[STOP]["qty"] = "6"

    def rest() -> None:
        broker.end(PROFIT)
        broker.orders[STOP]["status"] = "new"
        broker.fill(STOP, "6")

    broker.meanwhile += [part, rest]
    order = "[entry.take_profit, entry.stop_loss]"
    driven = driven_by(broker, f"{BRACKET}{FILL}  - id: out\n    await_fill: {{order: {order}}}\n")
    assert outputs(driven, "out") == {
        "status": "filled", "filled_qty": "10", "filled_avg_price": "100", "remaining_qty": "0"
    }  # fmt: skip
    assert position(driven)["run_qty"] == "0"


def test_an_exit_named_twice_is_awaited_once() -> None:
    broker = Broker()
    broker.meanwhile.append(lambda: broker.fill(PROFIT, "10"))
    order = "[entry.take_profit, entry.take_profit]"
    driven = driven_by(broker, f"{BRACKET}{FILL}  - id: out\n    await_fill: {{order: {order}}}\n")
    assert outputs(driven, "out")["filled_qty"] == "10"


# ------------------------------------------------------------------------- cancelling


def test_with_a_cancelled_entry_go_its_exits() -> None:
    broker = Broker()
    driven = driven_by(broker, f"{RESTING}  - cancel_order: {{order: entry}}\n")
    assert len(driven.asked(effects.Cancel)) == 1
    assert broker.live == []


def test_exits_that_stay_when_their_entry_was_cancelled_are_cancelled_too() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel) and effect.order_id == ENTRY:
            broker.orders[ENTRY]["status"] = "canceled"
            return ok()
        return None

    broker = Broker(instead=instead)
    driven = driven_by(broker, f"{RESTING}  - cancel_order: {{order: entry}}\n")
    assert broker.live == []
    assert driven.result.exit_code == 0


def test_an_entry_whose_fill_wins_against_the_cancel_keeps_its_exits() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel):
            broker.fill(ENTRY, "10")
        return None

    broker = Broker(instead=instead)
    steps = f"{RESTING}  - id: gone\n    cancel_order: {{order: entry}}\n{WRONG}"
    driven = driven_by(broker, steps, tail="finally:\n  - cancel_all: {scope: run}")
    assert outputs(driven, "gone") == {"status": "filled", "filled_qty": "10"}
    assert [one["status"] for one in broker.orders.values()] == ["filled", "new", "held"]
    assert position(driven)["protected_qty"] == "10"


@pytest.mark.parametrize("accept", ["", ", accept_partial: true"])
def test_a_part_of_an_entry_that_was_cancelled_is_said_to_be_unprotected(accept: str) -> None:
    """A part may be good enough; one that nothing protects is never taken for it."""
    broker = Broker()
    broker.meanwhile.append(lambda: broker.fill(ENTRY, "4"))
    steps = f"{RESTING}{FILL}".replace("timeout: 60s", f"timeout: 60s, on_timeout: cancel{accept}")
    driven = driven_by(broker, steps)
    assert "4 AAPL are filled and nothing protects them" in message(driven)
    assert position(driven) == {"symbol": "AAPL", "run_qty": "4", "protected_qty": "0"}


def test_cancelling_one_exit_tells_of_the_other_that_goes_with_it() -> None:
    driven = driven_by(Broker(), f"{BRACKET}{FILL}  - cancel_order: {{order: entry.take_profit}}\n")
    assert len(driven.asked(effects.Cancel)) == 1
    orders = ended(driven)["orders"]
    assert [one["status"] for one in orders] == ["filled", "canceled", "canceled"]


def test_an_exit_that_stays_although_the_other_was_cancelled_is_left_to_protect() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel):
            broker.orders[effect.order_id]["status"] = "canceled"
            broker.orders[STOP]["status"] = "new"
            return ok()
        return None

    broker = Broker(instead=instead)
    driven = driven_by(broker, f"{BRACKET}{FILL}  - cancel_order: {{order: entry.take_profit}}\n")
    assert [one["id"] for one in broker.live] == [STOP]
    assert driven.result.exit_code == 0


@pytest.mark.parametrize(("protective", "live"), [("keep", [PROFIT, STOP]), ("cancel", [])])
def test_cancel_all_keeps_standing_exits_unless_told_otherwise(
    protective: str, live: list[str]
) -> None:
    broker = Broker()
    steps = f"{BRACKET}{FILL}  - id: all\n    cancel_all: {{protective: {protective}}}\n"
    driven = driven_by(broker, steps)
    assert [one["id"] for one in broker.live] == live
    assert outputs(driven, "all")["kept"] == str(len(live))


@pytest.mark.parametrize("scope", ["account", "symbols"])
def test_cancel_all_of_others_finds_exits_beneath_an_entry_that_has_ended(scope: str) -> None:
    broker = Broker()
    broker.submit("of-others", {
        "symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "gtc", "qty": "5",
        "order_class": "bracket", "take_profit": {"limit_price": "120"},
        "stop_loss": {"stop_price": "80"},
    })  # fmt: skip
    broker.held = Decimal(0)
    driven = drive(plan(f"  - cancel_all: {{scope: {scope}, protective: cancel}}"), broker)
    assert driven.result.exit_code == 0
    assert broker.live == []


@pytest.mark.parametrize("filled", [False, True])
def test_a_run_that_fails_cancels_a_live_entry_and_keeps_standing_exits(filled: bool) -> None:
    broker = Broker()
    driven = driven_by(broker, f"{BRACKET if filled else RESTING}{WRONG}")
    assert len(broker.live) == (2 if filled else 0)
    assert len(driven.asked(effects.Cancel)) == (0 if filled else 1)


def test_close_position_cancels_and_confirms_the_exits_first() -> None:
    broker = Broker()
    steps = f"{BRACKET}{FILL}  - id: out\n    close_position: {{symbol: AAPL}}\n"
    driven = driven_by(broker, f"{steps}  - await_fill: {{order: out}}\n")
    kinds = [type(one).__name__ for one in driven.effects]
    last_cancel = max(index for index, kind in enumerate(kinds) if kind == "Cancel")
    last_submit = max(index for index, kind in enumerate(kinds) if kind == "Submit")
    assert last_cancel < last_submit
    assert broker.live == []
    assert position(driven)["run_qty"] == "0"
    assert broker.held == 0


def test_an_exit_that_fills_while_the_exits_are_cancelled_is_not_sold_again() -> None:
    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel) and broker.orders[PROFIT]["status"] == "new":
            broker.fill(PROFIT, "10")
        return None

    broker = Broker(instead=instead)
    steps = f"{BRACKET}{FILL}  - id: out\n    close_position: {{symbol: AAPL}}\n"
    driven = driven_by(broker, steps)
    assert len(driven.asked(effects.Submit)) == 1
    assert broker.held == 0


# ------------------------------------------------------------------------- an OCO


OCO = (
    "  - submit_order: {symbol: AAPL, side: buy, qty: 10}\n"
    "  - id: exits\n"
    "    submit_order: {symbol: AAPL, side: sell, qty: 10, type: limit, order_class: oco, "
    "take_profit: 110.00, stop_loss: 95.00}\n"
)


def test_an_oco_is_awaited_as_a_whole_and_counts_once() -> None:
    broker = Broker()

    def stop_is_hit() -> None:
        broker.orders["o2"]["status"] = "canceled"
        broker.orders["o4"]["status"] = "new"
        broker.fill("o4", "10")

    broker.instead = oco_at(broker)
    broker.meanwhile.append(stop_is_hit)
    steps = f"{OCO}  - id: out\n    await_fill: {{order: exits, timeout: 60s}}\n"
    driven = driven_by(broker, steps)
    assert driven.result.exit_code == 0
    assert outputs(driven, "out")["filled_qty"] == "10"
    assert position(driven)["run_qty"] == "0"


def oco_at(broker: Broker) -> Any:
    """An OCO's first order is its profit order, and the other its leg (facts page 2.2)."""

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit) and effect.body.get("order_class") == "oco":
            body: dict[str, Any] = dict(effect.body)
            limit = body.pop("take_profit")["limit_price"]
            broker.place("spare", status="canceled")  # keeps the ids of the group o2 and o4
            del broker.orders["o2"]
            broker.orders["o2"] = {
                **broker.place(effect.client_order_id, side="sell", qty="10", type="limit",
                               limit_price=limit, order_class="oco"), "id": "o2"
            }  # fmt: skip
            broker.orders = {key: one for key, one in broker.orders.items() if one["id"] == key}
            broker.orders["o4"] = {
                **broker.orders["o2"], "id": "o4", "client_order_id": "stop", "type": "stop",
                "limit_price": None, "stop_price": "95.00", "status": "held", "parent": "o2",
            }  # fmt: skip
            return ok(broker.shown("o2"))
        return None

    return instead


def test_a_cancelled_oco_is_cancelled_whole() -> None:
    broker = Broker()
    broker.instead = oco_at(broker)
    driven = driven_by(broker, f"{OCO}  - cancel_order: {{order: exits}}\n")
    assert broker.live == []
    assert driven.result.exit_code == 0


def test_the_stop_of_an_oco_whose_profit_filled_during_the_cancel_does_not_stay() -> None:
    """It would sell shares that nobody holds any more."""
    broker = Broker()
    place = oco_at(broker)

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel) and effect.order_id == "o2":
            broker.orders["o2"] |= {"status": "filled", "filled_qty": "10",
                                    "filled_avg_price": "110"}  # fmt: skip
            broker.held = Decimal(0)
        outcome: Outcome | None = place(effect)
        return outcome

    broker.instead = instead
    driven = driven_by(broker, f"{OCO}  - cancel_order: {{order: exits}}\n")
    assert broker.live == []
    assert position(driven) == {"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}


# ------------------------------------------------------------------------- changing a leg


@pytest.mark.parametrize("filled", [False, True])
def test_a_leg_is_changed_and_followed_and_never_counts_as_opening(filled: bool) -> None:
    broker = Broker()
    steps = (
        f"{BRACKET if filled else RESTING}"
        "  - id: up\n    replace_order: {order: entry.stop_loss, stop_price: 97.00}\n"
    )
    head = f"{HEAD}\nlimits: {{max_orders: 1, max_order_notional: 1041, price_collar: 5%}}"
    driven = driven_by(broker, steps, head)
    (change,) = driven.asked(effects.Replace)
    assert (change.order_id, change.opens) == (STOP, False)
    assert outputs(driven, "up")["stop_price"] == "97.00"
    assert driven.run.tally.orders == 1
    assert driven.result.exit_code == 0
    if filled:
        assert position(driven)["protected_qty"] == "10"


def test_a_changed_leg_that_fills_brings_the_position_back() -> None:
    broker = Broker()
    steps = (
        f"{BRACKET}{FILL}"
        "  - replace_order: {order: entry.take_profit, limit_price: 108.00}\n"
        "  - id: out\n    await_fill: {order: entry.take_profit, timeout: 60s}\n"
    )
    broker.meanwhile.append(lambda: broker.fill("o4", "10"))
    driven = driven_by(broker, steps)
    assert outputs(driven, "out")["filled_qty"] == "10"
    assert position(driven)["run_qty"] == "0"
    assert broker.held == 0


def test_a_leg_whose_change_is_rejected_is_the_leg_again() -> None:
    broker = Broker(slow=True)
    broker.meanwhile.append(broker.reject_changes)
    steps = f"{BRACKET}  - replace_order: {{order: entry.stop_loss, stop_price: 97.00}}\n"
    driven = driven_by(broker, steps)
    assert "rejected it afterwards" in message(driven)
    assert {one["id"] for one in broker.live} == {PROFIT, STOP}
    assert position(driven)["protected_qty"] == "10"


def test_a_leg_that_is_partly_filled_is_neither_changed_nor_cancelled() -> None:
    broker = Broker()
    broker.meanwhile.append(lambda: broker.fill(PROFIT, "4"))
    steps = (
        f"{BRACKET}  - await_fill: {{order: entry.take_profit, until: any}}\n"
        "  - replace_order: {order: entry.take_profit, limit_price: 108.00}\n"
    )
    driven = driven_by(broker, steps)
    assert driven.asked(effects.Replace) == []
    assert driven.asked(effects.Cancel) == []
    assert "partly filled (4)" in message(driven)
    assert position(driven) == {"symbol": "AAPL", "run_qty": "6", "protected_qty": "10"}


def test_a_changed_entry_keeps_its_exits() -> None:
    broker = Broker()
    broker.meanwhile.append(lambda: broker.fill("o4", "10"))
    steps = f"{RESTING}  - replace_order: {{order: entry, limit_price: 99.50}}\n{FILL}"
    driven = driven_by(broker, steps)
    assert driven.result.exit_code == 0
    assert position(driven) == {"symbol": "AAPL", "run_qty": "10", "protected_qty": "10"}


def test_an_entry_of_a_group_that_filled_in_part_while_it_was_changed_opens_no_more() -> None:
    broker = Broker(slow=True)

    def part() -> None:
        broker.fill(ENTRY, "3")
        broker.orders[ENTRY]["status"] = "pending_replace"

    broker.meanwhile.append(part)
    driven = driven_by(
        broker, f"{RESTING}  - replace_order: {{order: entry, limit_price: 99.50}}\n"
    )
    assert driven.result.exit_code == 5
    assert "its group cannot be sent again in part; it is canceled" in message(driven)
    assert broker.live == []
    assert position(driven)["run_qty"] == "3"


@pytest.mark.parametrize("moment", range(4, 16))
@pytest.mark.parametrize("world", ["plain", "slow", "rejected", "the exit fills"])
def test_an_interruption_at_any_moment_leaves_the_exits_standing(world: str, moment: int) -> None:
    broker = Broker(slow=world != "plain")
    if world == "rejected":
        broker.meanwhile.append(broker.reject_changes)
    if world == "the exit fills":
        broker.meanwhile.append(lambda: broker.fill(PROFIT, "10"))
    count = 0

    def instead(effect: Effect) -> Outcome | None:
        nonlocal count
        count += 1
        outcome = broker.answer(effect)
        return replace(outcome, interrupt="SIGINT") if count == moment and outcome else outcome

    broker.instead = instead
    steps = f"{BRACKET}  - replace_order: {{order: entry.stop_loss, stop_price: 97.00}}\n"
    driven = drive(plan(steps, tail="finally:\n  - cancel_all: {scope: run}"), broker)
    assert driven.run.orders.net_fills("AAPL") == broker.filled
    named = set(ended(driven)["open_orders"])
    assert {one["client_order_id"] for one in broker.live} <= named
    if broker.held:
        assert len(broker.live) == 2, "both exits stand"
        assert position(driven)["protected_qty"] == "10"
