"""Options: orders for contracts, of one leg and of several, against the exchange's chain."""

from __future__ import annotations

from decimal import Decimal

import pytest
from acceptance.harness import SHORTING, WIDE, Ended, RunPlan, plan_of, without

LONG, SHORT = "AAPL261204C00270000", "AAPL261204C00280000"
FLAT = (
    "tape: {AAPL: [[0s, 270, 269.99, 270.01]],"
    f" {LONG}: [[0s, 6.65, 6.60, 6.70]], {SHORT}: [[0s, 3.85, 3.80, 3.90]]}}"
)
ANSWER = "status: 504, body: html, method: POST, path: /v2/orders"
LANDS_504 = f"faults: [{{fault: answer, {ANSWER}, commit: yes, nth: 1}}]"
LOST_504 = f"faults: [{{fault: answer, {ANSWER}, commit: no, nth: 1}}]"
LIMIT = "type: limit, limit_price: 2.95, "
FILL = "{id: fill, await_fill: {order: entry, timeout: 30s}}"
OUT = "{id: out, await_fill: {order: exit, timeout: 30s}}"
CLEAN = "finally:\n  - {id: clean, cancel_all: {scope: run}}"


def steps(*lines: str, limits: str = "", tail: str = CLEAN) -> str:
    head = f"symbols: [{LONG}, {SHORT}]" + (f"\nlimits: {{{limits}}}" if limits else "")
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def leg(symbol: str, side: str, intent: str = "", ratio: int = 1) -> str:
    more = f", position_intent: {intent}" if intent else ""
    return f"{{symbol: {symbol}, side: {side}, ratio: {ratio}{more}}}"


def spread(name: str, legs: tuple[str, str], more: str = LIMIT, qty: str = "2") -> str:
    return (
        f"{{id: {name}, submit_order: {{order_class: mleg, qty: {qty}, {more}"
        f"legs: [{', '.join(legs)}]}}}}"
    )


OPENS = leg(LONG, "buy", "buy_to_open"), leg(SHORT, "sell", "sell_to_open")
CLOSES = leg(LONG, "sell", "sell_to_close"), leg(SHORT, "buy", "buy_to_close")


def entry(more: str = LIMIT) -> str:
    return spread("entry", OPENS, more)


def one(order: str, symbol: str = LONG) -> str:
    return f"{{id: entry, submit_order: {{symbol: {symbol}, {order}}}}}"


def held(ended: Ended) -> dict[str, str]:
    return {one["symbol"]: one["run_qty"] for one in ended.data["positions"]}


def verdicts(ended: Ended) -> dict[str, str]:
    """What each guard said of the last order."""
    return {
        record.data["guard"]: record.data["verdict"]
        for record in ended.records
        if record.type == "guard"
    }


# ------------------------------------------------------------------------- several legs


def test_a_debit_spread_leaves_as_one_order_and_fills_whole(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(), FILL), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    (body,) = ended.sent()
    assert {"symbol", "side"}.isdisjoint(body)
    assert {key: body[key] for key in ("order_class", "qty", "type", "limit_price")} == {
        "order_class": "mleg", "qty": "2", "type": "limit", "limit_price": "2.95",
    }  # fmt: skip
    assert body["legs"] == [
        {"symbol": LONG, "side": "buy", "ratio_qty": "1", "position_intent": "buy_to_open"},
        {"symbol": SHORT, "side": "sell", "ratio_qty": "1", "position_intent": "sell_to_open"},
    ]
    fill = ended.outputs("fill")
    assert (fill["filled_qty"], fill["filled_avg_price"]) == ("2", "2.9")
    assert held(ended) == {LONG: "2", SHORT: "-2"}
    assert set(ended.outputs("entry")) == {
        "order_id", "client_order_id", "status", "qty", "limit_price",
    }  # fmt: skip


def test_the_result_shows_the_order_and_each_leg_under_it(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry(), FILL), scenario=FLAT)
    whole, bought, sold = ended.data["orders"]
    assert (whole["symbol"], whole["side"], whole["leg_of"]) == (None, None, None)
    assert {one["leg_of"] for one in (bought, sold)} == {whole["client_order_id"]}
    seen = [(one["symbol"], one["side"], one["filled_qty"], one["filled_avg_price"])
            for one in (bought, sold)]  # fmt: skip
    assert seen == [(LONG, "buy", "2", "6.7"), (SHORT, "sell", "2", "3.8")]
    assert f"2 x (buy 1 {LONG} + sell 1 {SHORT}) limit 2.95 debit day" in ended.stderr
    assert "2 legs" in ended.stderr
    assert "None" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert f"2 {LONG} by this run's fills" in last
    assert f"-2 {SHORT} by this run's fills" in last


def test_a_reversed_order_closes_it_and_counts_as_one_that_reduces(run_plan: RunPlan) -> None:
    exit_ = spread("exit", CLOSES, "", "=steps.fill.filled_qty")
    text = steps(entry(), FILL, exit_, OUT, limits="max_orders: 1, max_order_notional: 5000")
    ended = run_plan(text, scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert verdicts(ended)["max_orders"] == "exempt"
    assert held(ended) == {LONG: "0", SHORT: "0"}
    assert ended.data["open_orders"] == []


def test_legs_that_close_wait_for_positions_that_lag(run_plan: RunPlan) -> None:
    both = one("side: buy, qty: 1"), one("side: buy, qty: 1", SHORT).replace("entry", "other")
    fills = "{id: fill, await_fill: {order: [entry, other], timeout: 30s}}"
    legs = leg(LONG, "sell", "sell_to_close"), leg(SHORT, "sell", "sell_to_close")
    text = steps(*both, fills, spread("exit", legs, "", "1"), OUT, limits="max_orders: 2")
    ended = run_plan(text, scenario=f"{FLAT}\nfaults: [{{fault: lag_positions, time: 5s}}]")
    assert ended.exit_code == 0, ended.data["error"]
    assert (len(ended.sent()), verdicts(ended)["max_orders"]) == (3, "exempt")
    assert held(ended) == {LONG: "0", SHORT: "0"}


def test_a_credit_is_a_negative_net_price(run_plan: RunPlan) -> None:
    legs = leg(LONG, "sell", "sell_to_open"), leg(SHORT, "buy", "buy_to_open")
    text = steps(spread("entry", legs, "type: limit, limit_price: -2.50, ", "1"), FILL)
    ended = run_plan(text, scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.sent()[0]["limit_price"] == "-2.50"
    assert ended.outputs("fill")["filled_avg_price"] == "-2.7"
    assert "limit 2.50 credit" in ended.stderr
    assert held(ended) == {LONG: "-1", SHORT: "1"}


def test_ratios_multiply_what_each_leg_is_for(run_plan: RunPlan) -> None:
    legs = leg(LONG, "buy"), leg(SHORT, "buy", ratio=2)
    ended = run_plan(steps(spread("entry", legs, "", "2"), FILL), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert held(ended) == {LONG: "2", SHORT: "4"}
    too_many = steps(spread("entry", legs, "", "2"), limits="max_order_qty: 3")
    ended = run_plan(too_many, scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert "max_order_qty" in ended.data["error"]["message"]


@pytest.mark.parametrize(
    ("limits", "guard"),
    [
        ("max_order_qty: 1", "max_order_qty"),
        ("max_order_notional: 2000", "max_order_notional"),  # 2 x 100 x (6.70 + 3.90)
        ("max_run_notional: 2000", "max_run_notional"),
        ("max_orders: 0", "max_orders"),
        ("price_collar: 0.1%", "price_collar"),
    ],
)
def test_the_limits_judge_what_all_legs_are_worth(
    run_plan: RunPlan, limits: str, guard: str
) -> None:
    ended = run_plan(steps(entry(), limits=limits), scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert ended.data["error"]["message"].startswith(guard)


def test_a_spread_that_rests_is_cancelled_whole(run_plan: RunPlan) -> None:
    rests = entry("type: limit, limit_price: 1.00, ")
    waits = "{id: fill, await_fill: {order: entry, timeout: 5s, on_timeout: keep}}"
    ended = run_plan(steps(rests, waits, "cancel_order: {order: entry}"), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert {one["status"] for one in ended.data["orders"]} == {"canceled"}
    ended = run_plan(steps(rests), scenario=FLAT)
    assert (ended.exit_code, ended.outputs("clean")["canceled"]) == (0, "1")
    assert ended.data["open_orders"] == []


@pytest.mark.parametrize(("price", "code"), [("2.95", 0), ("9.00", 5)])
def test_a_spread_that_rests_is_changed_whole_and_judged_by_its_legs(
    run_plan: RunPlan, price: str, code: int
) -> None:
    rests = entry("type: limit, limit_price: 1.00, ")
    change = f"{{id: change, replace_order: {{order: entry, limit_price: {price}}}}}"
    limits = "max_orders: 1, max_order_notional: 2500, price_collar: 10%"
    ended = run_plan(steps(rests, change, FILL, limits=limits), scenario=FLAT)
    assert ended.exit_code == code, ended.data["error"]
    assert len(ended.sent("PATCH")) == (1 if code == 0 else 0)
    if code == 0:
        assert held(ended) == {LONG: "2", SHORT: "-2"}
        whole, bought, sold = ended.data["orders"]
        assert [len(one["replaces"]) for one in (whole, bought, sold)] == [1, 1, 1]
    else:
        assert ended.data["error"]["message"].startswith("price_collar")


@pytest.mark.parametrize(
    ("order", "scenario", "words"),
    [
        (spread("entry", CLOSES), FLAT, "position intent mismatch"),
        (spread("entry", OPENS, LIMIT, "500"), FLAT, "insufficient options buying power"),
        (spread("entry", (leg(LONG, "buy"), leg("AAPL261204C00271230", "sell"))), FLAT,
         "AAPL261204C00271230"),
    ],
)  # fmt: skip
def test_a_refused_spread_is_a_failure_in_the_brokers_words(
    run_plan: RunPlan, order: str, scenario: str, words: str
) -> None:
    text = steps(order).replace(f"symbols: [{LONG}, {SHORT}]", "symbols: any")
    off = without("buying_power", "price_collar", "shorting", "no_crossing_zero")
    ended = run_plan(text, scenario=scenario, policy=f"{WIDE}\n{off}")
    assert ended.exit_code in (4, 5)
    assert words in ended.data["error"]["message"]
    assert ended.data["open_orders"] == []
    assert "None" not in ended.stderr


@pytest.mark.parametrize(("faults", "sent"), [(LANDS_504, 1), (LOST_504, 2)])
def test_a_spread_without_an_answer_is_settled(run_plan: RunPlan, faults: str, sent: int) -> None:
    ended = run_plan(steps(entry(), FILL), scenario=f"{FLAT}\n{faults}")
    assert ended.exit_code == 0, ended.data["error"]
    bodies = ended.sent()
    assert (len(bodies), len({one["client_order_id"] for one in bodies})) == (sent, 1)
    assert held(ended) == {LONG: "2", SHORT: "-2"}


def test_legs_that_a_run_computes_obey_the_same_rules(run_plan: RunPlan) -> None:
    computed = "\"='sell' if steps.quote.ask > 6 else 'buy'\""
    legs = f"{{symbol: {LONG}, side: {computed}, position_intent: buy_to_open}}", OPENS[1]
    ask = f"{{id: quote, get_quote: {{symbol: {LONG}}}}}"
    ended = run_plan(steps(ask, spread("entry", legs)), scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "buy_to_open is not the intent of a sell (RB511)" in ended.data["error"]["message"]


def test_the_log_shows_the_legs_as_they_were_written(run_plan: RunPlan) -> None:
    ended = run_plan(steps(entry()), scenario=FLAT)
    (started, *_) = [one.data["args"] for one in ended.records if one.type == "step.started"]
    assert started["legs"][0] == {
        "symbol": LONG, "side": "buy", "ratio": "1", "position_intent": "buy_to_open",
    }  # fmt: skip


# ------------------------------------------------------------------------- one leg


def test_a_contract_counts_as_a_hundred_shares(run_plan: RunPlan) -> None:
    buys = one("side: buy, qty: 2")
    ended = run_plan(steps(buys, limits="max_order_notional: 1393.59"), scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (4, [])
    ended = run_plan(steps(buys, FILL, limits="max_order_notional: 1393.60"), scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert held(ended) == {LONG: "2"}


@pytest.mark.parametrize("head", ["", "defaults: {time_in_force: gtc}\n"])
def test_a_contract_is_closed_by_an_order_that_the_broker_takes(
    run_plan: RunPlan, head: str
) -> None:
    text = steps(
        one("side: buy, qty: 2, time_in_force: day"), FILL,
        f"{{id: exit, close_position: {{symbol: {LONG}}}}}", OUT,
    ).replace("steps:", f"{head}steps:")  # fmt: skip
    ended = run_plan(text, scenario=FLAT)
    assert ended.exit_code == 0, ended.data["error"]
    assert held(ended) == {LONG: "0"}


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ("qty: 0.5", "RB517"),
        ("notional: 500", "RB517"),
        ("qty: 1, time_in_force: gtc", "RB517"),
        ("qty: 1, type: stop, stop_price: 5", "RB517"),
        ("qty: 1, type: limit, limit_price: 5, extended_hours: true", "RB517"),
        ("qty: 1, type: limit, limit_price: 0.005", "RB501"),
        ("qty: 1, order_class: bracket, take_profit: 9, stop_loss: 3", "RB517"),
    ],
)
def test_what_no_option_order_may_be_is_found_before_anything_is_sent(
    run_plan: RunPlan, order: str, code: str
) -> None:
    ended = run_plan(steps(one(f"side: buy, {order}")), scenario=FLAT)
    assert ended.exit_code == 3
    assert code in ended.stderr


def test_a_contract_known_only_when_it_runs_obeys_the_same_rules(run_plan: RunPlan) -> None:
    text = steps(
        f"{{id: asset, check_asset: {{symbol: {LONG}}}}}",
        one("side: buy, qty: 1, time_in_force: gtc", "=steps.asset.symbol"),
    )
    ended = run_plan(text, scenario=FLAT)
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "option orders are day orders, not gtc (RB517)" in ended.data["error"]["message"]


def test_a_covered_call_and_its_quantities(run_plan: RunPlan) -> None:
    shares = "positions: {AAPL: {qty: 100, avg_entry_price: 250}}"
    sells = one("side: sell, qty: 1, type: limit, limit_price: 6.60, position_intent: sell_to_open")
    ended = run_plan(steps(sells, FILL), scenario=f"{FLAT}\n{shares}", policy=SHORTING)
    assert ended.exit_code == 0, ended.data["error"]
    assert Decimal(held(ended)[LONG]) == -1
    for shares in ("", "positions: {AAPL: {qty: 99, avg_entry_price: 250}}"):
        ended = run_plan(steps(sells, FILL), scenario=f"{FLAT}\n{shares}", policy=SHORTING)
        assert (ended.exit_code, ended.sent()) == (4, [])
        assert "shorting: 100 free shares of AAPL must cover" in ended.data["error"]["message"]
    off = f"{SHORTING}\n{without('options_level', 'shorting')}"
    ended = run_plan(steps(sells, FILL), scenario=FLAT, policy=off)
    assert ended.exit_code == 5
    assert "uncovered option" in ended.data["error"]["message"]
