"""`target_position`: the order that is missing to a quantity, and none where that is uncertain."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from acceptance.faulty_broker import ARRIVES_THEN_504, LOST_WITH_504, PASS, Fault
from acceptance.harness import SHORTING, WIDE, Ended, RunPlan, plan_of, without
from acceptance.shared_account import outputs, shared

__all__ = ["shared"]

MARKET = "tape: {AAPL: [[0s, 100, 99.99, 100.01]], BTC/USD: [[0s, 50000, 49990, 50010]]}"
LONG = "positions: {AAPL: {qty: 7, avg_entry_price: 90}}"
SHORT = "positions: {AAPL: {qty: -7, avg_entry_price: 90}}"
FRACTION = "positions: {AAPL: {qty: 7.5, avg_entry_price: 90}}"
SHARED = {"tape": {"AAPL": [["0s", "100", "99.99", "100.01"]]},
          "positions": {"AAPL": {"qty": "7", "avg_entry_price": "90"}}}  # fmt: skip
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5}}"
FILL = "await_fill: {order: entry, timeout: 10s}"
OUT = "{id: out, await_fill: {order: goal, timeout: 8h}}"


def steps(*lines: str, head: str = "symbols: [AAPL]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def target(qty: object, more: str = "", step_id: str = "goal") -> str:
    return f"{{id: {step_id}, target_position: {{symbol: AAPL, qty: {qty}{more}}}}}"


def quantities(ended: Ended) -> list[str]:
    """What was sent, in the order it left."""
    return [order["qty"] for order in ended.sent()]


def holds(qty: object) -> str:
    return f"check_position: {{symbol: AAPL, qty: {qty}}}"


@pytest.mark.parametrize(
    ("scenario", "qty", "sent", "intent"),
    [
        ("", "10", "10", "buy_to_open"),
        (LONG, "10", "3", "buy_to_open"),
        (LONG, "2", "5", "sell_to_close"),
        (LONG, "0", "7", "sell_to_close"),
        ("", "-4", "4", "sell_to_open"),
        (SHORT, "-10", "3", "sell_to_open"),
        (SHORT, "-2", "5", "buy_to_close"),
        (SHORT, "0", "7", "buy_to_close"),
        (LONG, "7.25", "0.25", "buy_to_open"),
        (FRACTION, "0", "7.5", "sell_to_close"),
        (FRACTION, "7", "0.5", "sell_to_close"),
    ],
)
def test_one_order_brings_it_to_the_quantity(
    run_plan: RunPlan, scenario: str, qty: str, sent: str, intent: str
) -> None:
    text = steps(target(qty), OUT, holds(qty))
    ended = run_plan(text, scenario=f"{MARKET}\n{scenario}", policy=SHORTING)
    assert ended.exit_code == 0, ended.data["error"]
    (order,) = ended.sent()
    side = intent.partition("_")[0]
    assert (order["side"], Decimal(str(order["qty"]))) == (side, Decimal(sent))
    assert (order["position_intent"], order["time_in_force"]) == (intent, "day")
    goal = ended.outputs("goal")
    assert Decimal(goal["qty"]) == Decimal(sent)
    assert Decimal(goal["delta"]) == (Decimal(sent) if side == "buy" else -Decimal(sent))


@pytest.mark.parametrize(
    ("scenario", "qty", "more", "delta"),
    [
        ("", "0", "", "0"),
        (LONG, "7", "", "0"),
        (SHORT, "-7", "", "0"),
        (LONG, "10", ", only: sell", "3"),
        (LONG, "5", ", only: buy", "-2"),
        (SHORT, "10", ", only: sell", "17"),
    ],
)
def test_no_difference_or_one_on_the_other_side_is_done_and_sends_nothing(
    run_plan: RunPlan, scenario: str, qty: str, more: str, delta: str
) -> None:
    ended = run_plan(steps(target(qty, more), OUT), scenario=f"{MARKET}\n{scenario}")
    assert (ended.exit_code, ended.sent()) == (0, [])
    assert ended.outputs("goal") == {
        "status": "none", "symbol": "AAPL", "qty": "0", "delta": delta,
    }  # fmt: skip
    assert ended.outputs("out")["status"] == "none"


@pytest.mark.parametrize(
    ("scenario", "qty", "more", "words"),
    [
        (LONG, "-3", "", "other side of zero"),
        (SHORT, "3", "", "other side of zero"),
        (LONG, "20", ", max_qty: 12", "buy 13 AAPL would be needed, more than max_qty 12"),
        (LONG, "0", ", max_qty: 6", "sell 7 AAPL would be needed"),
    ],
)
def test_what_must_not_be_is_refused_and_nothing_is_sent(
    run_plan: RunPlan, scenario: str, qty: str, more: str, words: str
) -> None:
    ended = run_plan(steps(target(qty, more)), scenario=f"{MARKET}\n{scenario}")
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert words in ended.data["error"]["message"]


def test_doing_it_twice_sends_once(run_plan: RunPlan) -> None:
    text = steps(target(10), OUT, target(10, step_id="again"), holds(10))
    ended = run_plan(text, scenario=MARKET)
    assert (ended.exit_code, len(ended.sent())) == (0, 1)
    assert ended.outputs("again")["status"] == "none"


@pytest.mark.parametrize("lag", ["8s", "20s"])
def test_a_position_that_lags_behind_this_runs_fills_is_never_sized_by(
    run_plan: RunPlan, lag: str
) -> None:
    """Within ten seconds it is waited for; after that the step is refused."""
    fault = f"faults: [{{fault: lag_positions, time: {lag}}}]"
    ended = run_plan(steps(BUY, FILL, target(8), OUT, holds(8)), scenario=f"{MARKET}\n{fault}")
    sizes = quantities(ended)
    if lag == "8s":
        assert (ended.exit_code, sizes) == (0, ["5", "3"])
        return
    assert (ended.exit_code, sizes) == (5, ["5"])
    assert "should be 5: the broker is behind" in ended.data["error"]["message"]


@pytest.mark.parametrize(
    "resting",
    [
        "submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 80}",
        "submit_order: {symbol: AAPL, side: sell, qty: 7, type: stop, stop_price: 80}",
    ],
)
def test_an_order_of_this_run_that_may_still_fill_is_named(run_plan: RunPlan, resting: str) -> None:
    text = steps(resting, "wait: {for: 2s}", target(10))
    ended = run_plan(text, scenario=f"{MARKET}\n{LONG}")
    assert (ended.exit_code, len(ended.sent())) == (5, 1)
    error = ended.data["error"]
    assert ended.data["orders"][0]["client_order_id"] in error["message"]
    assert "may still fill" in error["message"]
    assert "cancel it" in error["help"]


def test_an_order_that_filled_while_nobody_looked_is_over(run_plan: RunPlan) -> None:
    ended = run_plan(steps(BUY, "wait: {for: 5s}", target(8), OUT, holds(8)), scenario=MARKET)
    assert ended.exit_code == 0, ended.data["error"]
    assert quantities(ended) == ["5", "3"]


def test_what_was_filled_in_part_counts_for_the_size(run_plan: RunPlan) -> None:
    """A part of the first order fills and the rest is cancelled: the next one makes up for it."""
    fault = "faults: [{fault: partial_fill, part: 40%, nth: 1}]"
    part = "await_fill: {order: entry, timeout: 5s, on_timeout: cancel, accept_partial: true}"
    text = steps(BUY.replace("5}", "10}"), part, target(10), OUT, holds(10))
    ended = run_plan(text, scenario=f"{MARKET}\n{fault}")
    assert ended.exit_code == 0, ended.data["error"]
    assert quantities(ended) == ["10", "6"]


def test_a_fraction_goes_as_a_day_order_whatever_the_default(run_plan: RunPlan) -> None:
    head = "symbols: [AAPL]\ndefaults: {time_in_force: gtc}"
    text = steps(target("7.25"), OUT, target(9, step_id="more"), holds("7.25"), head=head)
    ended = run_plan(text.replace("qty: 9", "qty: 9.25"), scenario=f"{MARKET}\n{LONG}")
    assert [order["time_in_force"] for order in ended.sent()] == ["day", "gtc"]
    text = steps(target("7.25", ", time_in_force: gtc"))
    ended = run_plan(text, scenario=f"{MARKET}\n{LONG}")
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "must be a day order" in ended.data["error"]["message"]


def test_crypto_is_bought_and_sold_without_an_intent_and_its_fee_is_no_disagreement(
    run_plan: RunPlan,
) -> None:
    def to(qty: str, step_id: str) -> str:
        return f"{{id: {step_id}, target_position: {{symbol: BTC/USD, qty: {qty}}}}}"

    text = steps(
        to("0.1", "one"), "await_fill: {order: one, timeout: 9s}",
        to("0.05", "two"), "await_fill: {order: two, timeout: 9s}",
        "check_position: {symbol: BTC/USD, qty: 0.05}",
        head="symbols: [BTC/USD]",
    )  # fmt: skip
    ended = run_plan(text, scenario=MARKET)
    assert ended.exit_code == 0, ended.data["error"]
    first, second = ended.sent()
    assert "position_intent" not in first
    assert (first["time_in_force"], second["side"], second["qty"]) == ("gtc", "sell", "0.04975")


def test_shares_that_another_order_holds_are_not_there_to_sell(shared: Any) -> None:
    with shared(SHARED) as world:
        world.order(side="sell", qty="5", limit_price="150")
        data = world.run(target(0))
        assert (data["exit_code"], data["orders"]) == (4, [])
        assert "only 2 of 7 shares of AAPL are free" in data["error"]["message"]
        assert world.run(target(5))["exit_code"] == 0


def test_a_position_that_somebody_else_moves_during_the_run_is_not_sized_by(shared: Any) -> None:
    with shared(SHARED) as world:
        world.broker.on("POST", "/v2/orders", replace(PASS, before=lambda: world.order(
            qty="4", type="market", limit_price=None)))  # fmt: skip
        data = world.run(BUY, FILL, target(20))
        assert data["exit_code"] == 5
        assert len(data["orders"]) == 1
        assert "is 16, but with this run's own fills it should be 12" in data["error"]["message"]


@pytest.mark.parametrize("fault", [ARRIVES_THEN_504, LOST_WITH_504], ids=["arrived", "lost"])
def test_an_order_without_a_clear_answer_exists_once(shared: Any, fault: Fault) -> None:
    with shared(SHARED) as world:
        world.broker.on("POST", "/v2/orders", fault)
        data = world.run(target(10), OUT, target(10, step_id="again"), holds(10))
        assert data["exit_code"] == 0
        assert [one["qty"] for one in world.orders] == ["3"]
        assert outputs(data, "again")["status"] == "none"


def test_ctrl_c_while_it_is_sent_keeps_the_order_and_sends_no_other(shared: Any) -> None:
    with shared(SHARED) as world:
        world.interrupt_at("POST", "/v2/orders")
        data = world.run(target(10, ", type: limit, limit_price: 90"), target(12, step_id="more"))
        assert data["exit_code"] == 130
        assert [(one["qty"], one["status"]) for one in world.orders] == [("3", "canceled")]


def test_ctrl_c_while_it_waits_for_the_position_sends_nothing(shared: Any) -> None:
    with shared({**SHARED, "faults": [{"fault": "lag_positions", "time": "8s"}]}) as world:
        world.interrupt_at("GET", "/v2/positions/AAPL", *[PASS] * 4)
        data = world.run(BUY, FILL, target(20))
        assert data["exit_code"] == 130
        assert len(world.orders) == 1


@pytest.mark.parametrize(
    ("scenario", "qty", "passes"), [("", "10", False), (LONG, "0", True), (LONG, "8", False)]
)
def test_limits_bind_what_opens_and_never_what_reduces(
    run_plan: RunPlan, scenario: str, qty: str, passes: bool
) -> None:
    head = "symbols: [AAPL]\nlimits: {max_orders: 0, max_order_qty: 0.5}"
    ended = run_plan(steps(target(qty), OUT, head=head), scenario=f"{MARKET}\n{scenario}")
    assert (ended.exit_code == 0) is passes
    assert len(ended.sent()) == int(passes)


def test_a_limit_order_waits_at_its_price(run_plan: RunPlan) -> None:
    text = steps(target(10, ", type: limit, limit_price: 95"), "wait: {for: 5s}",
                 tail="finally:\n  - cancel_all:")  # fmt: skip
    ended = run_plan(text, scenario=MARKET)
    assert ended.exit_code == 0
    assert [one["status"] for one in ended.data["orders"]] == ["canceled"]


def test_a_refusal_of_the_broker_fails_the_step(run_plan: RunPlan) -> None:
    policy = f"{WIDE}\n{without('buying_power')}"
    ended = run_plan(steps(target(100000)), scenario=MARKET, policy=policy)
    assert ended.exit_code == 5
    assert (
        "the broker refused buy 100000 AAPL: insufficient buying power"
        in (ended.data["error"]["message"])
    )


@pytest.mark.parametrize(
    ("scenario", "qty", "limit"),
    [("", "10", "101.01"), (LONG, "0", "99.00"), (SHORT, "0", "101.01")],
)
def test_it_takes_the_market_within_a_collar(
    run_plan: RunPlan, scenario: str, qty: str, limit: str
) -> None:
    text = steps(target(qty, ", type: marketable_limit, collar: 1%"), OUT, holds(qty))
    ended = run_plan(text, scenario=f"{MARKET}\n{scenario}")
    assert ended.exit_code == 0, ended.data["error"]
    (order,) = ended.sent()
    assert (order["type"], order["limit_price"]) == ("limit", limit)
    assert Decimal(ended.outputs("goal")["limit_price"]) == Decimal(limit)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (", type: limit", "RB502"),
        (", limit_price: 99", "RB503"),
        (", type: limit, limit_price: 99.999", "RB501"),
        (", extended_hours: true", "RB506"),
        (", type: marketable_limit", "RB518"),
        (", max_qty: 0", "RB203"),
        (", only: short", "RB203"),
    ],
)
def test_an_order_that_alpaca_forbids_is_found_before_the_run(
    run_plan: RunPlan, more: str, code: str
) -> None:
    ended = run_plan(steps(target(5, more)))
    assert (ended.exit_code, ended.log) == (3, None)
    assert code in ended.stderr
