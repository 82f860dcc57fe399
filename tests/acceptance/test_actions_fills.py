"""`await_fill`: when it is done, when it fails, and what it leaves behind."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import WIDE, Ended, RunPlan, plan_of, without
from unit.machine.scripted import START, drive, ok, order, unknown
from unit.machine.scripted import plan as scripted_plan

from runner.effects import (
    AwaitChange,
    Cancel,
    Effect,
    Outcome,
    ReadAccount,
    ReadOrderByClientId,
    Status,
    Submit,
)
from runner.steps.awaited import UNTIL, FillTarget

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]], MSFT: [[0s, 50, 49.99, 50.01]]}"
FALLS_LATER = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [30s, 97, 96.99, 97.01]]}"
IN_PARTS = "{partial_fills: 100%, seed: 3, tape: {AAPL: [[0s, 100, 99.99, 100.01]]}}"
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10}}"
REST = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 98}}"


def steps(*lines: str, head: str = "symbols: [AAPL, MSFT]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def fill(more: str = "timeout: 20s", order: str = "entry") -> str:
    return f"{{id: fill, await_fill: {{order: {order}, {more}}}}}"


def cancels(ended: Ended) -> int:
    return len(ended.sent("DELETE"))


# ------------------------------------------------------------------------- how much is enough


@pytest.mark.parametrize(
    ("until", "least", "most"),
    [
        ("any", 1, 9),
        ("10%", 1, 9),
        ("50%", 5, 9),
        ("6", 6, 9),
        ("filled", 10, 10),
        ("100%", 10, 10),
    ],
)
def test_it_is_done_as_soon_as_enough_is_filled(
    run_plan: RunPlan, until: str, least: int, most: int
) -> None:
    ended = run_plan(steps(BUY, fill(f"until: {until}, timeout: 60s, on_timeout: keep")),
                     scenario=IN_PARTS)  # fmt: skip
    assert ended.exit_code == 0
    seen = ended.outputs("fill")
    assert least <= int(seen["filled_qty"]) <= most
    assert Decimal(seen["filled_qty"]) + Decimal(seen["remaining_qty"]) == 10
    assert seen["status"] == ("filled" if until in ("filled", "100%") else "partially_filled")
    assert seen["filled_avg_price"] == "100.01"


@pytest.mark.parametrize("until", ["any", "filled", "12.5%", "100%", "6", "0.5"])
def test_the_log_says_how_much_was_asked_for(run_plan: RunPlan, until: str) -> None:
    ended = run_plan(steps(BUY, fill(f"until: {until}, timeout: 60s")), scenario=AT_100)
    started = [one.data for one in ended.records if one.type == "step.started"]
    assert started[1]["args"]["until"] == until


def test_more_than_the_order_is_for_fails_when_no_more_can_come(run_plan: RunPlan) -> None:
    ended = run_plan(steps(BUY, fill("until: 11, timeout: 60s")), scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert "10 of 10 filled (11 asked for)" in ended.data["error"]["message"]


def test_several_orders_are_awaited_together(run_plan: RunPlan) -> None:
    other = "{id: other, submit_order: {symbol: MSFT, side: buy, qty: 20}}"
    ended = run_plan(steps(BUY, other, fill(order="[entry, other]")), scenario=AT_100)
    assert ended.exit_code == 0
    seen = ended.outputs("fill")
    assert (seen["status"], seen["filled_qty"], seen["remaining_qty"]) == ("filled", "30", "0")
    assert "filled_avg_price" not in seen  # an average over two symbols is the price of nothing


def test_of_several_orders_one_that_does_not_fill_fails_all(run_plan: RunPlan) -> None:
    other = (
        "{id: other, submit_order: {symbol: MSFT, side: buy, qty: 20, type: limit, limit_price: 1}}"
    )
    ended = run_plan(steps(BUY, other, fill("timeout: 5s, on_timeout: cancel", "[entry, other]")),
                     scenario=AT_100)  # fmt: skip
    assert ended.exit_code == 6
    assert "buy MSFT: 0 of 20 filled" in ended.data["error"]["message"]
    assert [one["status"] for one in ended.data["orders"]] == ["filled", "canceled"]
    assert ended.outputs("fill")["filled_qty"] == "10"  # what it knew when it failed


@pytest.mark.parametrize("on_timeout", ["fail", "cancel", "keep"])
def test_of_several_orders_one_that_is_over_ends_the_wait_at_once(
    run_plan: RunPlan, on_timeout: str
) -> None:
    """No more can come to it, so waiting for the others would only lose time; they are cancelled
    with the failed run, and never handed over for an end of time that did not come."""
    other = "submit_order: {symbol: MSFT, side: buy, qty: 20, type: limit, limit_price: 1"
    text = steps(REST, f"{{id: other, {other}, time_in_force: ioc}}}}",
                 fill(f"timeout: 1h, on_timeout: {on_timeout}", "[entry, other]"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 5
    assert "buy MSFT: 0 of 20 filled, and no more can come" in ended.data["error"]["message"]
    assert [one["status"] for one in ended.data["orders"]] == ["canceled", "canceled"]
    at = [one.data["at"] for one in ended.records if one.type == "effect.outcome"][-1]
    assert at.startswith("2026-11-23T15:00:00")


# ------------------------------------------------------------------------- when time is up


def test_fail_leaves_the_order_to_the_clean_up_which_cancels_it(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, fill()), scenario=FALLS_LATER)
    assert (ended.exit_code, ended.data["status"]) == (6, "timed_out")
    assert "0 of 10 filled when the time was up; it is new" in ended.data["error"]["message"]
    assert (ended.data["orders"][0]["status"], cancels(ended)) == ("canceled", 1)
    assert ended.data["open_orders"] == []


def test_cancel_cancels_it_there_and_then(run_plan: RunPlan) -> None:
    after = "check_order: {order: entry, status: canceled, filled_qty: 0}"
    text = steps(REST, fill("timeout: 20s, on_timeout: cancel"), tail=f"finally:\n  - {after}\n")
    ended = run_plan(text, scenario=FALLS_LATER)
    assert ended.exit_code == 6
    assert (ended.step(2)["status"], cancels(ended)) == ("done", 1)


def test_keep_hands_it_over_and_says_that_it_is_live(run_plan: RunPlan) -> None:
    """Neither the clean-up of this run nor its failure touches an order that was handed over."""
    tail = "finally:\n  - {id: tidy, cancel_all: {scope: run, protective: cancel}}\n"
    text = steps(REST, fill("timeout: 20s, on_timeout: keep"), "assert: 1 > 2", tail=tail)
    ended = run_plan(text, scenario=FALLS_LATER)
    assert ended.exit_code == 5
    (order,) = ended.data["orders"]
    assert (order["status"], order["kept"], cancels(ended)) == ("new", True, 0)
    assert ended.data["open_orders"] == [order["client_order_id"]]
    assert ended.outputs("tidy") == {"canceled": "0", "kept": "1", "already_done": "0"}
    assert ended.outputs("fill") == {"status": "new", "filled_qty": "0", "remaining_qty": "10"}


def test_an_order_that_was_handed_over_can_still_be_cancelled_by_name(run_plan: RunPlan) -> None:
    text = steps(REST, fill("timeout: 20s, on_timeout: keep"),
                 "{id: gone, cancel_order: {order: entry}}")  # fmt: skip
    ended = run_plan(text, scenario=FALLS_LATER)
    assert ended.exit_code == 0
    assert ended.outputs("gone") == {"status": "canceled", "filled_qty": "0"}


def test_a_fill_that_wins_against_the_cancel_is_a_fill(run_plan: RunPlan) -> None:
    """The price comes through the limit while the cancel is on its way."""
    tape = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [20.05s, 97, 96.99, 97.01]]}"
    found = set()
    for wait in ("19960ms", "19980ms", "20s"):
        text = steps(REST, f"wait: {{for: {wait}}}", "{id: gone, cancel_order: {order: entry}}")
        ended = run_plan(text, scenario=tape)
        assert ended.exit_code == 0
        gone = ended.outputs("gone")
        assert gone["filled_qty"] == ("10" if gone["status"] == "filled" else "0")
        assert ended.data["positions"][0]["run_qty"] == gone["filled_qty"]
        found.add(gone["status"])
    assert "filled" in found


def test_without_a_timeout_it_waits_to_the_end_of_the_session(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST, "{id: fill, await_fill: {order: entry}}"), scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert "no more can come: it is expired" in ended.data["error"]["message"]
    gtc = REST.replace("qty: 10,", "qty: 10, time_in_force: gtc,")
    ended = run_plan(steps(gtc, "{id: fill, await_fill: {order: entry}}"), scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (6, "timed_out")
    assert ended.data["orders"][0]["status"] == "canceled"


def test_an_early_close_ends_the_session_too(run_plan: RunPlan) -> None:
    text = steps(REST, "{id: fill, await_fill: {order: entry}, on_error: continue}",
                 "{id: market, check_market: {session: afterhours}}")  # fmt: skip
    ended = run_plan(text, scenario=f"start: 2026-11-27 12:30\n{AT_100}")
    assert ended.exit_code == 0
    closed_at = [one.data["at"] for one in ended.records if one.type == "effect.outcome"][-1]
    assert closed_at.startswith("2026-11-27T18:00:00")


@pytest.mark.parametrize("on_timeout", ["fail", "cancel", "keep"])
def test_an_order_that_is_over_is_not_waited_for(run_plan: RunPlan, on_timeout: str) -> None:
    ioc = REST.replace("qty: 10,", "qty: 10, time_in_force: ioc,")
    ended = run_plan(steps(ioc, fill(f"timeout: 1h, on_timeout: {on_timeout}")), scenario=AT_100)
    assert ended.exit_code == 5
    assert "no more can come: it is canceled" in ended.data["error"]["message"]
    at = [one.data["at"] for one in ended.records if one.type == "effect.outcome"][-1]
    assert at.startswith("2026-11-23T15:00:00")


# ------------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("accept", "code"), [("true", 0), ("false", 5)]
)  # fmt: skip
def test_a_part_is_good_enough_only_when_the_plan_says_so(
    run_plan: RunPlan, accept: str, code: int
) -> None:
    """An immediate-or-cancel order fills in part and is over."""
    ioc = BUY.replace("qty: 10", "qty: 10, time_in_force: ioc")
    text = steps(ioc, fill(f"timeout: 20s, accept_partial: {accept}"),
                 "assert: steps.fill.filled_qty < 10 and steps.fill.filled_qty > 0")  # fmt: skip
    ended = run_plan(text, scenario=IN_PARTS)
    assert ended.exit_code == code
    assert ended.outputs("fill")["status"] == "canceled"
    assert ended.data["orders"][0]["filled_qty"] == ended.outputs("fill")["filled_qty"]


def test_nothing_at_all_is_no_part(run_plan: RunPlan) -> None:
    text = steps(REST, fill("timeout: 5s, on_timeout: cancel, accept_partial: true"))
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 6


@pytest.mark.parametrize(
    ("on_timeout", "code", "status"),
    [("cancel", 0, "canceled"), ("keep", 0, "partially_filled"), ("fail", 6, "canceled")],
)
def test_a_part_when_the_time_is_up(
    run_plan: RunPlan, on_timeout: str, code: int, status: str
) -> None:
    """With `fail` the order is still working: a part that may grow is not the end of it."""
    text = steps(BUY, fill(f"timeout: 500ms, on_timeout: {on_timeout}, accept_partial: true"))
    ended = run_plan(text, scenario=IN_PARTS)
    assert ended.exit_code == code
    (order,) = ended.data["orders"]
    assert order["status"] == status
    assert 0 < int(order["filled_qty"]) < 10
    assert ended.data["positions"][0]["run_qty"] == order["filled_qty"]
    assert bool(ended.data["open_orders"]) == (on_timeout == "keep")


def test_later_steps_reckon_with_what_was_filled(run_plan: RunPlan) -> None:
    """The exit is for the part that came, and leaves the position as it was."""
    text = steps(
        BUY,
        fill("timeout: 500ms, on_timeout: cancel, accept_partial: true"),
        "{id: exit, submit_order: {symbol: AAPL, side: sell, qty: =steps.fill.filled_qty}}",
        "await_fill: {order: exit, timeout: 60s}",
        "check_position: {symbol: AAPL, qty: 7}",
    )
    held = "positions: {AAPL: {qty: 7, avg_entry_price: 90}}"
    ended = run_plan(text, scenario=f"{{{held}, {IN_PARTS[1:]}")
    assert ended.exit_code == 0
    assert ended.data["positions"] == [{"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}]


# ------------------------------------------------------------------------- the target itself


@pytest.mark.parametrize("text", ["filled", "any", "50%", "12.5%", "100%", "7", "0.25"])
def test_a_target_says_itself_as_it_was_written(text: str) -> None:
    target = UNTIL.read(text)
    assert isinstance(target, FillTarget)
    assert str(target) == text


@pytest.mark.parametrize("until", ["0", "0%", "101%", "-1", "most", "=params.x"])
def test_a_target_that_means_nothing_is_found_before_the_run(run_plan: RunPlan, until: str) -> None:
    ended = run_plan(steps(BUY, fill(f'until: "{until}"')))
    assert (ended.exit_code, ended.log) == (3, None)


def test_an_order_that_was_never_sent_is_nothing_to_await_in_the_clean_up(
    run_plan: RunPlan,
) -> None:
    tail = (
        "finally:\n"
        "  - {id: fill, await_fill: {order: entry, timeout: 20s}}\n"
        "  - {id: gone, cancel_order: {order: entry}}\n"
        "  - {id: shut, close_position: {symbol: AAPL}}\n"
    )
    ended = run_plan(steps("assert: 1 > 2", BUY, tail=tail), scenario=AT_100)
    assert (ended.exit_code, ended.sent(), cancels(ended)) == (4, [], 0)
    assert ended.outputs("fill") == {"status": "none", "filled_qty": "0", "remaining_qty": "0"}
    assert ended.outputs("gone") == {"status": "none", "filled_qty": "0"}
    assert ended.outputs("shut") == {"status": "none", "symbol": "AAPL", "qty": "0"}


def test_an_order_that_was_refused_is_nothing_to_await_in_the_clean_up(run_plan: RunPlan) -> None:
    tail = (
        "finally:\n"
        "  - {id: fill, await_fill: {order: entry, timeout: 20s}}\n"
        "  - {id: gone, cancel_order: {order: entry}}\n"
    )
    text = steps(BUY.replace("qty: 10", "qty: 90000"), tail=tail)
    ended = run_plan(text, scenario=AT_100, policy=f"{WIDE}\n{without('buying_power')}")
    assert (ended.exit_code, cancels(ended)) == (5, 0)
    assert "insufficient buying power" in ended.data["error"]["message"]
    assert ended.outputs("fill")["status"] == ended.outputs("gone")["status"] == "none"


# ------------------------------------------------------------------------- rejected afterwards


@pytest.mark.parametrize("on_timeout", ["fail", "cancel", "keep"])
@pytest.mark.parametrize("partly", ["0", "0.4"])
def test_an_order_rejected_after_it_was_accepted_is_a_failure(on_timeout: str, partly: str) -> None:
    """It can happen seconds after the answer (facts page 2.2); no setting makes it a quiet end."""

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, AwaitChange):
            (order_id,) = effect.orders
            own_id = order_id.removeprefix("id-of-")
            return ok({"orders": {order_id: order(own_id, "rejected", filled_qty=partly)},
                       "polls": 3})  # fmt: skip
        if isinstance(effect, Submit):
            return ok(order(effect.client_order_id, "accepted"))
        return None

    text = f"  - {BUY.replace('10', '1')}\n  - {fill(f'on_timeout: {on_timeout}, timeout: 1m')}"
    driven = drive(scripted_plan(text.replace("timeout: 1m", "timeout: 1m, accept_partial: true")),
                   answer)  # fmt: skip
    assert driven.result.exit_code == 5
    assert driven.run.failure is not None
    assert "rejected order" in driven.run.failure.message
    assert driven.asked(Cancel) == []


def test_an_order_rejected_in_the_very_answer_is_a_failure() -> None:
    def answer(effect: Effect) -> Outcome | None:
        rejected = isinstance(effect, Submit)
        return ok(order(effect.client_order_id, "rejected")) if rejected else None  # type: ignore[attr-defined]

    driven = drive(scripted_plan(f"  - {BUY.replace('10', '1')}\n  - check_account: {{}}"), answer)
    assert driven.result.exit_code == 5
    assert driven.asked(ReadAccount) == []


def test_an_order_whose_fate_is_unknown_is_not_waited_for() -> None:
    """There is no order to read; the clean-up says so and the run ends with 8."""

    def answer(effect: Effect) -> Outcome | None:
        if isinstance(effect, Submit):
            return unknown()
        return (
            Outcome(START, Status.UNAVAILABLE) if isinstance(effect, ReadOrderByClientId) else None
        )

    book = scripted_plan(f"  - {BUY}", tail=f"finally:\n  - {fill('timeout: 30s')}")
    driven = drive(book, answer)
    assert (driven.result.exit_code, driven.asked(AwaitChange)) == (8, [])
    assert [one.status for one in driven.run.results] == ["unknown", "unknown"]
