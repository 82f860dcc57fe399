"""`await_fill` with `on_timeout: market`: the rest goes out once, and only when that is right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import Ended, RunPlan, plan_of
from unit.machine.scripted import Driven, drive, ok, plan, refused
from unit.machine.working_broker import Broker

from runner import effects
from runner.effects import Effect, Outcome, Reason

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]], MSFT: [[0s, 50, 49.99, 50.01]]}"
REST = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 90}}"
NEAR = REST.replace("limit_price: 90", "limit_price: 100.50")
PARTLY = "fault: partial_fill, part: 40%, first: 1"
FINISH = "timeout: 20s, on_timeout: market"


def steps(*lines: str, head: str = "symbols: [AAPL, MSFT]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def fill(more: str = FINISH, order: str = "entry") -> str:
    return f"{{id: fill, await_fill: {{order: {order}, {more}}}}}"


def scenario(*faults: str, more: str = "") -> str:
    lines = "".join(f"  - {{{one}}}\n" for one in faults)
    return f"{AT_100}\n{more}\n" + (f"faults:\n{lines}" if faults else "")


def statuses(ended: Ended) -> list[str]:
    return [str(one["status"]) for one in ended.data["orders"]]


def test_an_order_that_does_not_fill_is_finished_at_the_market(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 1, max_run_notional: 1500}"
    ended = run_plan(steps(REST, fill(), head=head), scenario=AT_100)
    assert ended.exit_code == 0
    assert statuses(ended) == ["canceled", "filled"]
    assert [(one["type"], one["qty"]) for one in ended.sent()] == [
        ("limit", "10"),
        ("market", "10"),
    ]
    seen = ended.outputs("fill")
    assert (seen["filled_qty"], seen["filled_avg_price"], seen["remaining_qty"]) == (
        "10", "100.01", "0"
    )  # fmt: skip


def test_only_what_is_left_goes_to_the_market_and_both_parts_count(run_plan: RunPlan) -> None:
    text = steps(NEAR, fill(), "check_position: {symbol: AAPL, qty: =steps.fill.filled_qty}")
    ended = run_plan(text, scenario=scenario(PARTLY))
    assert ended.exit_code == 0
    assert [one["qty"] for one in ended.sent()] == ["10", "6"]
    assert ended.outputs("fill")["filled_qty"] == "10"
    assert [one["filled_qty"] for one in ended.data["orders"]] == ["4", "6"]
    assert ended.data["positions"][0]["run_qty"] == "10"


def test_a_later_step_means_the_market_order_by_the_entrys_name(run_plan: RunPlan) -> None:
    text = steps(REST, fill(), "{id: look, check_order: {order: entry, status: filled}}")
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0


def test_while_the_market_is_closed_nothing_is_sent_and_it_is_said(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, fill()), scenario=f"start: 2026-11-23 18:00\n{AT_100}")
    assert (ended.exit_code, len(ended.sent())) == (6, 1)
    assert "the market is closed, so nothing was sent" in ended.data["error"]["message"]
    assert statuses(ended) == ["canceled"]


def test_a_part_is_good_enough_when_the_market_is_closed_and_the_plan_says_so() -> None:
    broker, closed = Broker(), {"timestamp": "2026-11-23T15:00:00Z", "is_open": False}
    broker.meanwhile.append(lambda: broker.fill("o1", "4"))

    def instead(effect: Effect) -> Outcome | None:
        return ok(closed) if isinstance(effect, effects.ReadClock) else None

    broker.instead = instead
    driven = finishing(broker, ", accept_partial: true")
    assert driven.result.exit_code == 0
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.run.results[-1].outputs["filled_qty"] == "4"
    assert broker.live == []


def test_a_rest_that_a_guard_refuses_is_not_sent_and_what_was_filled_is_told(
    run_plan: RunPlan,
) -> None:
    """The quote has widened, so that a market order would pay far from the middle."""
    head = "symbols: [AAPL]\nlimits: {price_collar: 1%}"
    wide = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [10s, 100, 95, 105]]}\nfaults:\n"
    ended = run_plan(steps(NEAR, fill(), head=head), scenario=f"{wide}  - {{{PARTLY}}}\n")
    assert ended.exit_code == 5
    assert "price_collar" in ended.data["error"]["message"]
    assert ended.outputs("fill")["filled_qty"] == "4"
    assert (len(ended.sent()), statuses(ended)) == (1, ["canceled"])


def test_a_reducing_order_is_finished_although_the_position_lags(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 1, max_order_notional: 1100}"
    exit_order = "symbol: AAPL, side: sell, qty: 10, type: limit, limit_price: 120"
    text = steps(
        "{id: buy, submit_order: {symbol: AAPL, side: buy, qty: 10}}",
        "await_fill: {order: buy, timeout: 20s}",
        f"{{id: exit, submit_order: {{{exit_order}}}}}",
        fill(order="exit"),
        "check_position: {symbol: AAPL, qty: 0}",
        head=head,
    )
    ended = run_plan(text, scenario=scenario("fault: lag_positions, time: 4s"))
    assert ended.exit_code == 0
    assert statuses(ended) == ["filled", "canceled", "filled"]
    assert ended.data["positions"] == [{"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}]


def test_a_notional_order_is_finished_for_its_dollars(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST.replace("qty: 10", "notional: 1000"), fill()), scenario=AT_100)
    assert ended.exit_code == 0
    assert [one["notional"] for one in ended.sent()] == ["1000", "1000.00"]
    (spent,) = (Decimal(one["filled_qty"]) * Decimal(one["filled_avg_price"])
                for one in ended.data["orders"] if one["status"] == "filled")  # fmt: skip
    assert abs(spent - 1000) < Decimal("0.01")


def test_several_orders_are_each_finished_for_their_own_rest(run_plan: RunPlan) -> None:
    other = REST.replace("entry", "other").replace("AAPL", "MSFT").replace("90", "40")
    filled = "{id: done, submit_order: {symbol: AAPL, side: buy, qty: 3}}"
    text = steps(REST, other, filled, fill(order="[entry, other, done]"))
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    market = [(one["symbol"], one["qty"]) for one in ended.sent() if one["type"] == "market"]
    assert market == [("AAPL", "3"), ("AAPL", "10"), ("MSFT", "10")]
    assert ended.outputs("fill")["filled_qty"] == "23"


def test_a_fill_that_wins_against_the_cancel_leaves_nothing_to_send(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, fill()), scenario=scenario("fault: fill_on_cancel"))
    assert (ended.exit_code, len(ended.sent())) == (0, 1)
    assert ended.outputs("fill")["status"] == "filled"


def test_a_market_order_without_a_clear_answer_is_sent_once(run_plan: RunPlan) -> None:
    fault = "fault: answer, status: 504, body: html, commit: yes, method: POST, nth: 2"
    ended = run_plan(
        steps(REST, fill()), scenario=scenario(fault, "fault: hide_client_id, time: 2s")
    )
    assert (ended.exit_code, len(ended.sent())) == (0, 2)
    assert ended.data["positions"][0]["run_qty"] == "10"


@pytest.mark.parametrize("order", ["entry.stop_loss", "entry"])
def test_an_order_with_exits_is_not_finished_at_the_market(run_plan: RunPlan, order: str) -> None:
    exits = "order_class: bracket, take_profit: 110.00, stop_loss: 85.00"
    ended = run_plan(steps(REST.replace("90", f"90, {exits}"), fill(order=order)), scenario=AT_100)
    assert ended.exit_code in (3, 5)
    assert all(one["status"] == "canceled" for one in ended.data.get("orders", []))


# ------------------------------------------------------------------------- by protocol

BUY = (
    "  - id: entry\n"
    "    submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 90.00}\n"
)


def finishing(broker: Broker, more: str = "", entry: str = BUY) -> Driven:
    await_it = f"  - id: fill\n    await_fill: {{order: entry, {FINISH}{more}}}\n"
    return drive(plan(f"{entry}{await_it}"), broker)


@pytest.mark.parametrize("size", ["qty: 10", "notional: 500"])
def test_a_rest_is_not_sent_while_the_broker_does_not_say_what_was_filled(size: str) -> None:
    """Reckoned as nothing, the whole order would be bought a second time."""
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.AwaitChange | effects.ReadOrder) and broker.live == []:
            bare = {**broker.shown("o1"), "filled_qty": None}
            return ok(bare if isinstance(effect, effects.ReadOrder) else {"orders": {"o1": bare}})
        return None

    broker.instead = instead
    driven = finishing(broker, entry=BUY.replace("qty: 10", size))
    assert len(driven.asked(effects.Submit)) == 1
    assert driven.result.exit_code == 8
    assert "does not say how much" in str(driven.result.data["error"])


@pytest.mark.parametrize(("filled", "left"), [("4", "600.00"), ("9.996", None)])
def test_what_is_left_of_a_notional_order_are_the_dollars_not_spent(
    filled: str, left: str | None
) -> None:
    """Less than a dollar is no order any more (facts page 2.3)."""
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit) and effect.body["type"] == "market":
            return ok(broker.place(effect.client_order_id, qty=None, notional=left, status="filled",
                                   filled_qty="6", filled_avg_price="100"))  # fmt: skip
        if isinstance(effect, effects.Submit):
            part = {"filled_qty": filled, "filled_avg_price": "100"}
            return ok(broker.place(effect.client_order_id, qty=None, notional="1000", **part))
        return None

    broker.instead = instead
    driven = finishing(broker, entry=BUY.replace("qty: 10", "notional: 1000"))
    market = [one.body.get("notional") for one in driven.asked(effects.Submit)][1:]
    assert market == ([left] if left else [])


def test_an_order_rejected_while_it_was_cancelled_is_not_sent_at_the_market() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Cancel):
            broker.end("o1", "rejected")
        return None

    broker.instead = instead
    driven = finishing(broker)
    assert len(driven.asked(effects.Submit)) == 1
    assert "rejected order" in str(driven.result.data["error"])


def test_a_market_order_that_the_broker_refuses_fails_and_leaves_nothing_live() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit) and effect.body["type"] == "market":
            return refused(Reason.BUYING_POWER, "insufficient buying power")
        return None

    broker.instead = instead
    driven = finishing(broker)
    assert driven.result.exit_code == 5
    assert broker.live == []
    assert driven.result.data["open_orders"] == []


def test_a_market_order_that_does_not_fill_is_cancelled_even_when_the_plan_goes_on() -> None:
    broker = Broker()

    def instead(effect: Effect) -> Outcome | None:
        if isinstance(effect, effects.Submit) and effect.body["type"] == "market":
            return ok(broker.place(effect.client_order_id, qty="10"))
        return None

    broker.instead = instead
    more = "}\n    on_error: continue\n  - assert: {that: 1 == 1"
    driven = finishing(broker, more)
    assert driven.result.exit_code == 0
    assert broker.live == []


@pytest.mark.parametrize("moment", range(2, 13))
def test_an_interruption_at_any_moment_sends_the_rest_at_most_once(moment: int) -> None:
    broker, count = Broker(), 0
    broker.meanwhile.append(lambda: broker.fill("o1", "4"))

    def instead(effect: Effect) -> Outcome | None:
        nonlocal count
        count += 1
        outcome = broker.answer(effect)
        if count == moment and outcome is not None:
            return Outcome(outcome.at, outcome.status, outcome.data, interrupt="SIGINT")
        return outcome

    broker.instead = instead
    driven = finishing(broker)
    assert broker.filled in (0, 4, 10)
    assert driven.run.orders.held("AAPL") == broker.filled
    assert broker.live == []
