"""Orders that bring their exits with them: bracket, OCO and OTO, from the plan to the last fill."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance.harness import SHORTING, Ended, RunPlan, plan_of, without

FLAT = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
RISES = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [10s, 106, 105.99, 106.01]]}"
FALLS = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [10s, 94, 93.99, 94.01]]}"
HELD = "positions: {AAPL: {qty: 10, avg_entry_price: 90}}"
SHORT = "positions: {AAPL: {qty: -10, avg_entry_price: 110}}"
EXITS = "take_profit: 105, stop_loss: 95"
BRACKET = f"side: buy, qty: 10, order_class: bracket, {EXITS}"
RESTS = f"{BRACKET}, type: limit, limit_price: 99"
OCO = f"side: sell, qty: 10, type: limit, order_class: oco, {EXITS}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 30s}}"
CLEAN = "finally:\n  - {id: clean, cancel_all: {scope: run}}"
ANSWER = "status: 504, body: html, method: POST, path: /v2/orders"
LANDS_504 = f"faults: [{{fault: answer, {ANSWER}, commit: yes, nth: 1}}]"
LOST_504 = f"faults: [{{fault: answer, {ANSWER}, commit: no, nth: 1}}]"


def steps(*lines: str, tail: str = CLEAN) -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), tail=tail)


def entry(order: str = BRACKET) -> str:
    return f"{{id: entry, submit_order: {{symbol: AAPL, {order}}}}}"


def wait_for(leg: str, name: str = "exit", more: str = "") -> str:
    return f"{{id: {name}, await_fill: {{order: entry.{leg}, timeout: 30s{more}}}}}"


def look_at(leg: str) -> str:
    return f"{{id: {leg}, check_order: {{order: entry.{leg}}}}}"


def orders(ended: Ended) -> list[tuple[str, str]]:
    """The type and status of each order, an entry before its legs."""
    return [(one["type"], one["status"]) for one in ended.data["orders"]]


def position(ended: Ended) -> tuple[str, str]:
    (one,) = ended.data["positions"]
    return one["run_qty"], one["protected_qty"]


# ------------------------------------------------------------------------- what leaves


@pytest.mark.parametrize(
    ("order", "body"),
    [
        (BRACKET, {"order_class": "bracket", "type": "market",
                   "take_profit": {"limit_price": "105"}, "stop_loss": {"stop_price": "95"}}),
        (f"{BRACKET}, stop_loss_limit: 94.5",
         {"stop_loss": {"stop_price": "95", "limit_price": "94.5"}}),
        ("side: buy, qty: 10, order_class: oto, stop_loss: 95",
         {"order_class": "oto", "stop_loss": {"stop_price": "95"}}),
        ("side: buy, qty: 10, order_class: oto, take_profit: 105",
         {"order_class": "oto", "take_profit": {"limit_price": "105"}}),
        (f"{BRACKET}, type: stop, stop_price: 101, time_in_force: gtc",
         {"type": "stop", "stop_price": "101", "time_in_force": "gtc"}),
        (f"{BRACKET}, type: stop_limit, stop_price: 101, limit_price: 102",
         {"type": "stop_limit", "stop_price": "101", "limit_price": "102"}),
        (f"{BRACKET}, position_intent: buy_to_open", {"position_intent": "buy_to_open"}),
    ],
)  # fmt: skip
def test_a_group_leaves_as_the_broker_wants_it(
    run_plan: RunPlan, order: str, body: dict[str, Any]
) -> None:
    ended = run_plan(steps(entry(order)), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    (sent,) = ended.sent()
    assert {name: sent.get(name) for name in body} == body
    for name in ("take_profit", "stop_loss"):
        assert (name in sent) == (name in order)


def test_an_oco_has_no_limit_but_its_profit_price(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(OCO)), scenario=f"{{{HELD}, {FLAT}}}")
    assert ended.exit_code == 0, ended.data["error"]
    (sent,) = ended.sent()
    assert (sent["type"], sent["order_class"]) == ("limit", "oco")
    assert "limit_price" not in sent
    found = ended.outputs("entry")
    assert (found["limit_price"], found["take_profit"]) == ("105", found["order_id"])
    assert found["stop_loss"] != found["order_id"]


# ------------------------------------------------------------------------- the life of a bracket


def test_a_bracket_fills_its_legs_go_live_and_a_profit_ends_the_stop(run_plan: RunPlan) -> None:
    text = steps(entry(), FILL, "check_order: {order: entry.take_profit, status: new}",
                 "check_order: {order: entry.stop_loss, status: held}",
                 wait_for("take_profit"), look_at("stop_loss"))  # fmt: skip
    ended = run_plan(text, scenario=RISES)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("exit")["filled_avg_price"] == "105.99"
    assert ended.outputs("stop_loss")["status"] == "canceled"
    assert orders(ended) == [("market", "filled"), ("limit", "filled"), ("stop", "canceled")]
    assert position(ended) == ("0", "0")
    named = ended.outputs("entry")
    ids = [one["order_id"] for one in ended.data["orders"]]
    assert ids == [named["order_id"], named["take_profit"], named["stop_loss"]]
    parent = ended.data["orders"][0]["client_order_id"]
    assert [one["leg_of"] for one in ended.data["orders"]] == [None, parent, parent]


def test_a_stop_that_is_hit_ends_the_profit_order(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(), FILL, wait_for("stop_loss")), scenario=FALLS)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("exit")["filled_avg_price"] == "93.99"
    assert orders(ended) == [("market", "filled"), ("limit", "canceled"), ("stop", "filled")]
    assert position(ended) == ("0", "0")


def test_of_both_exits_one_is_enough_to_wait_for(run_plan: RunPlan) -> None:
    both = "{id: exit, await_fill: {order: [entry.take_profit, entry.stop_loss], timeout: 30s}}"
    ended = run_plan(steps(entry(), FILL, both), scenario=FALLS)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("exit")["filled_qty"] == "10"


def test_a_short_bracket_is_the_mirror_image(run_plan: RunPlan) -> None:
    order = (
        "side: sell, qty: 10, order_class: bracket, take_profit: 95, stop_loss: 105, "
        "position_intent: sell_to_open"
    )
    text = steps(entry(order), FILL, wait_for("take_profit"))
    ended = run_plan(text, scenario=FALLS, policy=SHORTING)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.data["orders"][1]["side"] == "buy"
    assert position(ended) == ("0", "0")


def test_the_clean_up_keeps_the_exits_that_protect(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(), FILL), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    clean = ended.outputs("clean")
    assert (clean["canceled"], clean["kept"]) == ("0", "2")
    assert orders(ended)[1:] == [("limit", "new"), ("stop", "held")]
    assert position(ended) == ("10", "10")
    legs = [one["client_order_id"] for one in ended.data["orders"][1:]]
    assert ended.data["open_orders"] == legs
    assert ended.sent("DELETE") == []


def test_a_failure_after_the_fill_leaves_the_exits_where_they_are(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(), FILL, "assert: 1 > 2"), scenario=FLAT)
    assert (ended.exit_code, position(ended)) == (5, ("10", "10"))
    assert ended.sent("DELETE") == []


def test_an_entry_that_never_filled_goes_with_its_exits(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(RESTS)), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert {status for _, status in orders(ended)} == {"canceled"}
    assert ended.data["open_orders"] == []
    assert position(ended) == ("0", "0")


def test_an_entry_filled_in_part_and_cancelled_is_called_unprotected(run_plan: RunPlan) -> None:
    scenario = f"{FLAT}\nfaults: [{{fault: partial_fill, part: 40%}}]"
    waits = "{id: fill, await_fill: {order: entry, timeout: 20s, on_timeout: cancel}}"
    ended = run_plan(steps(entry(), waits), scenario=scenario)
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert "4 AAPL are filled and nothing protects them" in ended.data["error"]["message"]
    assert position(ended) == ("4", "0")


def test_legs_are_changed_and_cancelled_by_their_names(run_plan: RunPlan) -> None:
    text = steps(entry(), FILL,
                 "{id: moved, replace_order: {order: entry.take_profit, limit_price: 104}}",
                 "check_order: {order: entry.take_profit, status: new}",
                 "cancel_order: {order: entry.take_profit}",
                 "wait: {for: 2s}", look_at("stop_loss"))  # fmt: skip
    ended = run_plan(text, scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("moved")["limit_price"] == "104"
    assert ended.sent("PATCH")[0]["limit_price"] == "104"
    assert {status for _, status in orders(ended)[1:]} == {"canceled"}
    assert position(ended) == ("10", "0")


def test_a_stop_of_a_bracket_is_moved_up_and_then_hit(run_plan: RunPlan) -> None:
    text = steps(entry(), FILL, "replace_order: {order: entry.stop_loss, stop_price: 97}",
                 wait_for("stop_loss"))  # fmt: skip
    falls_a_little = FALLS.replace("94, 93.99, 94.01", "96, 95.99, 96.01")
    ended = run_plan(text, scenario=falls_a_little)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("exit")["filled_avg_price"] == "95.99"
    assert position(ended) == ("0", "0")


def test_positions_that_lag_do_not_hide_what_protects(run_plan: RunPlan) -> None:
    lag = "faults: [{fault: lag_positions, time: 8s}]"
    ended = run_plan(steps(entry(), FILL), scenario=f"{FLAT}\n{lag}")
    assert ended.exit_code == 0, ended.data["error"]
    assert (ended.outputs("clean")["kept"], position(ended)) == ("2", ("10", "10"))
    ended = run_plan(steps(entry(), FILL, wait_for("take_profit")), scenario=f"{RISES}\n{lag}")
    assert (ended.exit_code, position(ended)) == (0, ("0", "0"))


# ------------------------------------------------------------------------- OTO and OCO


@pytest.mark.parametrize(
    ("leg", "price", "scenario", "filled_at"),
    [("take_profit", "105", RISES, "105.99"), ("stop_loss", "95", FALLS, "93.99")],
)
def test_the_one_exit_of_an_oto_protects_and_fills(
    run_plan: RunPlan, leg: str, price: str, scenario: str, filled_at: str
) -> None:
    order = f"side: buy, qty: 10, order_class: oto, {leg}: {price}"
    ended = run_plan(steps(entry(order), FILL), scenario=FLAT)
    assert (ended.exit_code, position(ended)) == (0, ("10", "10"))
    ended = run_plan(steps(entry(order), FILL, wait_for(leg)), scenario=scenario)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("exit")["filled_avg_price"] == filled_at
    assert set(ended.outputs("entry")) >= {leg, "order_id"}


@pytest.mark.parametrize(("scenario", "price"), [(RISES, "105.99"), (FALLS, "93.99")])
def test_an_oco_over_a_holding_fills_one_and_cancels_the_other(
    run_plan: RunPlan, scenario: str, price: str
) -> None:
    ended = run_plan(steps(entry(OCO), FILL), scenario=f"{scenario}\n{HELD}")
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("fill")["filled_avg_price"] == price
    assert sorted(status for _, status in orders(ended)) == ["canceled", "filled"]
    assert position(ended)[0] == "0"  # the run opened nothing; what it sold was there before


def test_an_oco_covers_a_short_and_is_exempt_from_limits_that_would_trap_it(
    run_plan: RunPlan,
) -> None:
    order = "side: buy, qty: 10, type: limit, order_class: oco, take_profit: 95, stop_loss: 105"
    head = "symbols: [AAPL]\nlimits: {max_orders: 0, max_order_notional: 1}"
    text = plan_of(f"  - {entry(order)}\n  - {FILL}", head=head)
    ended = run_plan(text, scenario=f"{FALLS}\n{SHORT}")
    assert ended.exit_code == 0, ended.data["error"]
    assert sorted(status for _, status in orders(ended)) == ["canceled", "filled"]


def test_an_entry_with_exits_never_counts_as_one_that_reduces(run_plan: RunPlan) -> None:
    text = plan_of(f"  - {entry()}", head="symbols: [AAPL]\nlimits: {max_orders: 0}")
    ended = run_plan(text, scenario=f"{FLAT}\n{SHORT}")
    assert (ended.exit_code, ended.sent()) == (4, [])


# ------------------------------------------------------------------------- refused, and unknown


@pytest.mark.parametrize(
    ("order", "scenario", "words"),
    [
        (BRACKET.replace("stop_loss: 95", "stop_loss: 101"), FLAT,
         ("stop_loss.stop_price must be <= base_price - 0.01", "base_price 100")),
        (BRACKET.replace("take_profit: 105", "take_profit: 99"), FLAT,
         ("take_profit.limit_price must be >= base_price + 0.01", "base_price 100")),
        (OCO.replace("stop_loss: 95", "stop_loss: 101"), f"{FLAT}\n{HELD}", ("base_price 100",)),
        (OCO, FLAT, ("oco orders must be exit orders",)),
    ],
)  # fmt: skip
def test_prices_that_the_market_forbids_are_told_in_the_brokers_words(
    run_plan: RunPlan, order: str, scenario: str, words: tuple[str, ...]
) -> None:
    off = without("bracket_geometry", "shorting", "no_crossing_zero")
    ended = run_plan(steps(entry(order)), scenario=scenario, policy=off)
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    for one in words:
        assert one in ended.data["error"]["message"]
    assert len(ended.sent()) == 1
    assert ended.data["open_orders"] == []


@pytest.mark.parametrize(("faults", "sent"), [(LANDS_504, 1), (LOST_504, 2)])
def test_a_bracket_without_an_answer_is_found_or_sent_again_once_and_its_legs_are_seen(
    run_plan: RunPlan, faults: str, sent: int
) -> None:
    ended = run_plan(steps(entry(), FILL), scenario=f"{FLAT}\n{faults}")
    assert ended.exit_code == 0, ended.data["error"]
    bodies = ended.sent()
    assert len(bodies) == sent
    assert len({one["client_order_id"] for one in bodies}) == 1
    found = ended.outputs("entry")
    assert found["take_profit"] != found["stop_loss"]
    assert orders(ended) == [("market", "filled"), ("limit", "new"), ("stop", "held")]
    assert position(ended) == ("10", "10")


def test_exits_that_the_broker_does_not_show_are_not_taken_for_granted(run_plan: RunPlan) -> None:
    hidden = "faults: [{fault: alter, path: '/v2/orders*', omit: [legs]}]"
    ended = run_plan(steps(entry(RESTS), FILL), scenario=f"{FLAT}\n{hidden}")
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    words = "does not show its take_profit and stop_loss: nothing is known to protect it"
    assert words in ended.data["error"]["message"]
    assert ended.outputs("entry")["order_id"]  # it was accepted all the same
    assert [one["status"] for one in ended.data["orders"]] == ["canceled"]


def test_a_class_known_only_when_it_runs_obeys_the_same_rules(run_plan: RunPlan) -> None:
    chosen = "\"='bracket' if steps.market.is_open else 'simple'\""
    order = f"side: buy, qty: 10, {EXITS}, order_class: {chosen}"
    text = steps("{id: market, check_market: {}}", entry(order), FILL)
    ended = run_plan(text, scenario=FLAT)
    assert (ended.exit_code, position(ended)) == (0, ("10", "10"))
    ended = run_plan(text, scenario=f"{FLAT}\nstart: 2026-11-23 08:00")
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "a simple order takes no stop_loss (RB507)" in ended.data["error"]["message"]


def test_exit_prices_known_only_when_it_runs_are_judged_before_anything_leaves(
    run_plan: RunPlan,
) -> None:
    order = (
        "side: buy, qty: 1, type: limit, limit_price: =round_tick(steps.quote.ask),"
        " order_class: bracket, take_profit: =round_tick(steps.quote.ask), stop_loss: 95"
    )
    ended = run_plan(steps("{id: quote, get_quote: {symbol: AAPL}}", entry(order)), scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert (
        "is not a cent or more above the entry at 100.01 (RB515)"
        in (ended.data["error"]["message"])
    )


# ------------------------------------------------------------------------- what people see


def test_the_screen_shows_an_entry_with_its_exits_and_names_what_is_live(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(f"{BRACKET}, stop_loss_limit: 94.5"), FILL), scenario=FLAT)
    assert "buy 10 AAPL market day (bracket, take profit 105, stop loss 95 limit 94.5)" in (
        ended.stderr
    )
    assert "None" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert "sell 10 AAPL limit 105, new" in last
    assert "sell 10 AAPL stop_limit stop 95 limit 94.5, held" in last
    assert "10 AAPL by this run's fills, 10 protected" in last


def test_an_exit_that_is_partly_filled_protects_the_rest_and_stays(run_plan: RunPlan) -> None:
    steps = """\
  - id: entry
    submit_order: {symbol: AAPL, side: buy, qty: 10, time_in_force: gtc, order_class: bracket,
                   take_profit: 195.00, stop_loss: 180.00}
  - await_fill: {order: entry, timeout: 60s}
  - await_fill: {order: entry.take_profit, until: any, timeout: 3h}
  - assert: 1 == 2"""
    tape = "partial_fills: 100%\ntape:\n  AAPL: [[0s, '190'], [30m, '196']]\n"
    ended = run_plan(plan_of(steps, tail="finally:\n  - cancel_all:"), scenario=tape)
    assert ended.exit_code == 5
    (position,) = ended.data["positions"]
    assert position["run_qty"] == position["protected_qty"] != "0"
    assert ended.sent("DELETE") == []
