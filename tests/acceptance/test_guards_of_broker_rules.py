"""The broker's own rules, held before anything is sent, in whole runs."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance.harness import Ended, RunPlan, plan_of

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
HELD = "positions: {AAPL: {qty: 10, avg_entry_price: 90}}"
BUY = "submit_order: {symbol: AAPL, side: buy, qty: 1}"
POOR = "regime: legacy_pdt, cash: 10000"


def steps(*lines: str, limits: str = "") -> str:
    head = "symbols: [AAPL]" + (f"\nlimits: {{{limits}}}" if limits else "")
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head)


def refusal(ended: Ended) -> str:
    message: str = ended.data["error"]["message"]
    return message


@pytest.mark.parametrize(
    ("order", "scenario", "policy", "guard"),
    [
        ("side: buy, qty: 1, time_in_force: opg", f"start: 2026-11-23 09:28:30\n{AT_100}", None,
         "auction_cutoff"),
        ("side: buy, qty: 1, time_in_force: cls", f"start: 2026-11-27 12:51\n{AT_100}", None,
         "auction_cutoff"),
        ("side: sell, qty: 1", AT_100, "allow_shorting: true", "shorting"),
        ("side: sell, qty: 1, position_intent: sell_to_open",
         f"{{assets: {{AAPL: {{easy_to_borrow: false}}}}, {AT_100}}}", "allow_shorting: true",
         "shorting"),
        ("side: sell, qty: 11", f"{{{HELD}, {AT_100}}}", "allow_shorting: true",
         "no_crossing_zero"),
        ("side: buy, qty: 1", AT_100, "sides: [sell]", "allowed_side"),
        ("side: buy, qty: 0.5", f"{{assets: {{AAPL: {{fractionable: false}}}}, {AT_100}}}", None,
         "asset_flags"),
        ("side: buy, qty: 0.009", AT_100, None, "smallest_order"),
        ("side: buy, qty: 1, order_class: bracket, take_profit: 105, stop_loss: 101", AT_100, None,
         "bracket_geometry"),
        ("side: buy, qty: 1", f"{{{POOR}, daytrade_count: 3, {AT_100}}}", None, "day_trades"),
        ("side: buy, qty: 1", f"{{{POOR}, pattern_day_trader: true, {AT_100}}}", None,
         "day_trades"),
    ],
)  # fmt: skip
def test_what_the_broker_would_refuse_is_refused_before_it_is_sent(
    run_plan: RunPlan, order: str, scenario: str, policy: str | None, guard: str
) -> None:
    text = steps(f"submit_order: {{symbol: AAPL, {order}}}")
    ended = run_plan(text, scenario=scenario, policy=policy)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert refusal(ended).startswith(f"{guard}: ")
    assert refusal(ended).endswith("the order was not sent")


@pytest.mark.parametrize(
    ("order", "scenario", "policy"),
    [
        ("side: sell, qty: 1, position_intent: sell_to_open", AT_100, "allow_shorting: true"),
        ("side: sell, qty: 10", f"{{{HELD}, {AT_100}}}", "sides: [buy]"),
        ("side: buy, qty: 1", f"{{{POOR}, daytrade_count: 2, {AT_100}}}", None),
        (
            "side: sell, qty: 10",
            f"{{{POOR}, pattern_day_trader: true, daytrade_count: 9, {HELD}, {AT_100}}}",
            None,
        ),
        ("side: buy, qty: 1, time_in_force: cls", f"start: 2026-11-23 15:49\n{AT_100}", None),
    ],
)
def test_what_is_allowed_leaves(
    run_plan: RunPlan, order: str, scenario: str, policy: str | None
) -> None:
    text = steps(f"submit_order: {{symbol: AAPL, {order}}}")
    ended = run_plan(text, scenario=scenario, policy=policy)
    assert ended.exit_code == 0, ended.data["error"]
    assert len(ended.sent()) == 1


WEEKEND = "start: 2026-11-22 12:00"


def test_a_market_order_at_the_weekend_is_measured_by_the_previous_close(
    run_plan: RunPlan,
) -> None:
    ended = run_plan(steps(BUY), scenario=WEEKEND)
    assert ended.exit_code == 0, ended.data["error"]
    assert asked(ended, "read_previous_close") == 1
    (collar,) = [one.data for one in ended.records
                 if one.type == "guard" and one.data["guard"] == "price_collar"]  # fmt: skip
    assert collar["values"]["basis"] == "previous close"
    gone = "faults: [{fault: answer, status: 404, path: /v2/stocks/AAPL/bars, method: GET}]"
    ended = run_plan(steps(BUY), scenario=f"{WEEKEND}\n{gone}")
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert "the previous close is not known" in refusal(ended)


def test_an_order_that_would_meet_an_open_one_names_it_and_says_what_to_do(
    run_plan: RunPlan,
) -> None:
    rests = "submit_order: {symbol: AAPL, side: sell, qty: 10, type: limit, limit_price: 105}"
    ended = run_plan(steps(rests, BUY), scenario=f"{{{HELD}, {AT_100}}}")
    assert (ended.exit_code, len(ended.sent())) == (5, 1)
    first = ended.data["orders"][0]["client_order_id"]
    assert refusal(ended).startswith("wash_trade: ")
    assert f"{first} (sell 10 AAPL limit 105)" in refusal(ended)
    assert "cancel that order first" in refusal(ended)


def asked(ended: Ended, effect: str) -> int:
    """How often the run asked for something."""
    intents: list[Any] = [one.data for one in ended.records if one.type == "effect.intent"]
    return sum(one["effect"]["effect"] == effect for one in intents)


ROUND_TRIP = (
    f"{{id: entry, {BUY}}}", "await_fill: {order: entry, timeout: 9s}",
    "{id: exit, close_position: {symbol: AAPL}}", "await_fill: {order: exit, timeout: 9s}",
)  # fmt: skip


def test_at_the_houses_budget_of_day_trades_nothing_more_is_opened(run_plan: RunPlan) -> None:
    ended = run_plan(steps(*ROUND_TRIP, BUY, limits="max_day_trades: 1"), scenario=AT_100)
    assert (ended.exit_code, len(ended.sent())) == (5, 2)
    assert refusal(ended).startswith("day_trades: 1 day trades in five sessions")
    ended = run_plan(steps(*ROUND_TRIP, BUY, limits="max_day_trades: 2"), scenario=AT_100)
    assert (ended.exit_code, len(ended.sent())) == (0, 3)


def test_fills_are_read_only_where_a_budget_asks_for_them(run_plan: RunPlan) -> None:
    without = run_plan(steps(*ROUND_TRIP), scenario=AT_100)
    assert (without.exit_code, asked(without, "read_activities")) == (0, 0)
    budget = run_plan(steps(*ROUND_TRIP, limits="max_day_trades: 3"), scenario=AT_100)
    assert (budget.exit_code, asked(budget, "read_activities")) == (0, 1)  # not for the exit


def test_a_count_that_cannot_be_made_refuses(run_plan: RunPlan) -> None:
    forbidden = "{fault: answer, status: 403, body: json, path: /v2/account/activities/FILL}"
    ended = run_plan(
        steps(BUY, limits="max_day_trades: 3"), scenario=f"{AT_100}\nfaults: [{forbidden}]"
    )
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert "could not be counted" in refusal(ended)
