"""`submit_order`: what leaves, what the limits keep from leaving, and what the broker refuses."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance.harness import SHORTING, WIDE, Ended, RunPlan, plan_of, without

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
RISING = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [10s, 103, 102.99, 103.01]]}"
FALLING = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [10s, 97, 96.99, 97.01]]}"
HELD = "positions: {AAPL: {qty: 10, avg_entry_price: 90}}"


def steps(*lines: str, head: str = "symbols: [AAPL, MSFT]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def entry(order: str, name: str = "entry") -> str:
    return f"{{id: {name}, submit_order: {{symbol: AAPL, {order}}}}}"


AWAIT = "{id: fill, await_fill: {order: entry, timeout: 8h}}"


def limited(limits: str) -> str:
    return f"symbols: [AAPL, MSFT]\nlimits: {{{limits}}}"


# ------------------------------------------------------------------------- every kind of order


@pytest.mark.parametrize(
    ("order", "scenario", "price", "sent"),
    [
        ("side: buy, qty: 2", AT_100, "100.01", {"type": "market", "qty": "2"}),
        ("side: sell, qty: 2", AT_100, "99.99", {"side": "sell"}),
        ("side: buy, qty: 2, type: limit, limit_price: 100.50", AT_100, "100.01",
         {"limit_price": "100.50"}),
        ("side: buy, qty: 2, type: limit, limit_price: 99", FALLING, "97.01",
         {"limit_price": "99"}),
        ("side: sell, qty: 2, type: limit, limit_price: 101", RISING, "102.99",
         {"limit_price": "101"}),
        ("side: buy, qty: 2, type: stop, stop_price: 102", RISING, "103.01",
         {"stop_price": "102"}),
        ("side: sell, qty: 2, type: stop, stop_price: 98", FALLING, "96.99",
         {"stop_price": "98"}),
        ("side: buy, qty: 2, type: stop_limit, stop_price: 102, limit_price: 104", RISING,
         "103.01", {"stop_price": "102", "limit_price": "104"}),
        ("side: sell, qty: 2, type: trailing_stop, trail_price: 2", FALLING, "96.99",
         {"trail_price": "2"}),
        ("side: sell, qty: 2, type: trailing_stop, trail_percent: 2.5%", FALLING, "96.99",
         {"trail_percent": "2.5"}),
        ("side: buy, notional: 250.25", AT_100, "100.01", {"notional": "250.25"}),
        ("side: buy, qty: 0.123456789", AT_100, "100.01", {"qty": "0.123456789"}),
        ("side: buy, qty: 2, time_in_force: gtc", AT_100, "100.01", {"time_in_force": "gtc"}),
        ("side: buy, qty: 2, time_in_force: ioc", AT_100, "100.01", {"time_in_force": "ioc"}),
        ("side: buy, qty: 2, time_in_force: fok", AT_100, "100.01", {"time_in_force": "fok"}),
        ("side: buy, qty: 2, time_in_force: cls", AT_100, "100", {"time_in_force": "cls"}),
        ("side: buy, qty: 2, time_in_force: opg", f"start: 2026-11-23 08:00\n{AT_100}", "100",
         {"time_in_force": "opg"}),
        ("side: buy, qty: 2, type: limit, limit_price: 101, extended_hours: true",
         f"start: 2026-11-23 08:00\n{AT_100}", "100.01", {"extended_hours": True}),
        ("side: buy, qty: 2, type: limit, limit_price: 101, extended_hours: false", AT_100,
         "100.01", {}),
        ("side: buy, qty: 2, position_intent: buy_to_open", AT_100, "100.01",
         {"position_intent": "buy_to_open"}),
    ],
)  # fmt: skip
def test_every_kind_of_order_leaves_as_written_and_fills(
    run_plan: RunPlan, order: str, scenario: str, price: str, sent: dict[str, Any]
) -> None:
    if order.startswith("side: sell"):
        order += ", position_intent: sell_to_open"
    ended = run_plan(steps(entry(order), AWAIT), scenario=scenario, policy=SHORTING)
    assert ended.exit_code == 0, ended.data["error"]
    assert ended.outputs("fill")["filled_avg_price"] == price
    (body,) = ended.sent()
    body_as_meant = {name: sent_value for name, sent_value in body.items() if name in sent}
    assert {name: _plain(one) for name, one in body_as_meant.items()} == {
        name: _plain(one) for name, one in sent.items()
    }
    assert body["client_order_id"] == ended.data["orders"][0]["client_order_id"]
    assert ("extended_hours" in body) == ("extended_hours" in sent)


def _plain(value: Any) -> Any:
    """alpaca-py sends some numbers as numbers: what counts is that they are the same."""
    return float(value) if isinstance(value, str) and value[0].isdigit() else value


def test_an_order_for_tomorrow_waits_and_is_not_rejected(run_plan: RunPlan) -> None:
    text = steps(entry("side: buy, qty: 1"), AWAIT.replace("8h", "4d"))
    ended = run_plan(text, scenario=f"start: 2026-11-20 17:00\n{AT_100}")
    assert ended.exit_code == 0
    assert ended.outputs("entry")["status"] == "accepted"
    assert ended.outputs("fill")["filled_at"].startswith("2026-11-23T14:30")


# ------------------------------------------------------------------------- the limits


@pytest.mark.parametrize(
    ("limits", "order", "guard"),
    [
        ("max_order_qty: 5", "side: buy, qty: 6", "max_order_qty"),
        ("max_order_qty: 5", "side: buy, notional: 510", "max_order_qty"),
        ("max_order_notional: 500", "side: buy, qty: 5", "max_order_notional"),
        ("max_order_notional: 500", "side: buy, notional: 500.01", "max_order_notional"),
        ("max_order_notional: 500", "side: buy, qty: 4, type: stop, stop_price: 126",
         "max_order_notional"),
        ("max_order_notional: 500", "side: sell, qty: 5, type: limit, limit_price: 50,"
         " position_intent: sell_to_open", "max_order_notional"),
        ("max_run_notional: 500", "side: buy, qty: 5", "max_run_notional"),
        ("max_orders: 0", "side: buy, qty: 1", "max_orders"),
        ("price_collar: 1%", "side: buy, qty: 1, type: limit, limit_price: 101.02",
         "price_collar"),
        ("price_collar: 1%", "side: sell, qty: 1, type: limit, limit_price: 98.98,"
         " position_intent: sell_to_open", "price_collar"),
        ("price_collar: 1%", "side: buy, qty: 1, type: stop_limit, stop_price: 102,"
         " limit_price: 104", "price_collar"),
    ],
)  # fmt: skip
def test_an_order_beyond_a_limit_is_refused_with_nothing_sent(
    run_plan: RunPlan, limits: str, order: str, guard: str
) -> None:
    text = steps(entry(order), head=limited(limits))
    ended = run_plan(text, scenario=AT_100, policy=SHORTING)
    assert (ended.exit_code, ended.data["status"]) == (4, "refused")
    assert ended.data["error"]["message"].startswith(guard)
    assert ended.sent() == []
    assert ended.data["orders"] == []


@pytest.mark.parametrize(
    ("limits", "order"),
    [
        ("max_order_qty: 5", "side: buy, qty: 5"),
        ("max_order_qty: 5", "side: buy, notional: 499"),
        ("max_order_notional: 520.06", "side: buy, qty: 5"),
        ("max_order_notional: 500", "side: buy, qty: 5, type: limit, limit_price: 100"),
        ("max_run_notional: 520.06", "side: buy, qty: 5"),
        ("max_orders: 1", "side: buy, qty: 5"),
        ("price_collar: 1%", "side: buy, qty: 5, type: limit, limit_price: 101.01"),
        ("price_collar: 1%", "side: buy, qty: 5, type: limit, limit_price: 50"),
        ("price_collar: 1%", "side: buy, qty: 5"),
        ("price_collar: 1%", "side: buy, qty: 5, type: stop, stop_price: 150"),
    ],
)
def test_an_order_right_at_a_limit_leaves(run_plan: RunPlan, limits: str, order: str) -> None:
    ended = run_plan(steps(entry(order), head=limited(limits)), scenario=AT_100)
    assert ended.exit_code == 0, ended.data["error"]
    assert len(ended.sent()) == 1


def test_a_wide_market_refuses_a_market_order(run_plan: RunPlan) -> None:
    text = steps(entry("side: buy, qty: 1"), head=limited("price_collar: 1%"))
    ended = run_plan(text, scenario="tape: {AAPL: [[0s, 100, 95, 105]]}")
    assert ended.exit_code == 4
    assert ended.sent() == []


@pytest.mark.parametrize("limits", ["max_orders: 2", "max_run_notional: 250"])
def test_limits_of_a_run_count_all_its_orders(run_plan: RunPlan, limits: str) -> None:
    orders = [entry("side: buy, qty: 1", name) for name in ("one", "two", "three")]
    ended = run_plan(steps(*orders, head=limited(limits)), scenario=AT_100)
    assert ended.exit_code == 5  # two were accepted before the third was refused
    assert ended.data["error"]["step"] == "steps[2]"
    assert len(ended.sent()) == 2


def test_an_order_that_reduces_is_exempt_from_every_limit_and_from_no_symbol(
    run_plan: RunPlan,
) -> None:
    limits = (
        "max_orders: 0, max_order_qty: 1, max_order_notional: 1, max_run_notional: 1,"
        " price_collar: 0.01%"
    )
    wide = f"{{tape: {{AAPL: [[0s, 100, 95, 105]]}}, {HELD}}}"
    exit_all = entry("side: sell, qty: 10, type: limit, limit_price: 90")
    ended = run_plan(steps(exit_all, head=limited(limits)), scenario=wide)
    assert ended.exit_code == 0
    exempt = {one.data["guard"]: one.data["message"] for one in ended.records
              if one.type == "guard" and one.data["verdict"] == "exempt"}  # fmt: skip
    assert exempt["max_orders"] == "reducing"
    assert set(exempt) >= {"max_order_qty", "max_order_notional", "price_collar"}
    # One share more than is held would open a short: the limits hold for all of it.
    one_more = entry("side: sell, qty: 11")
    ended = run_plan(steps(one_more, head=limited(limits)), scenario=wide)
    assert (ended.exit_code, ended.sent()) == (4, [])


def test_a_symbol_that_is_not_listed_is_not_even_sold(run_plan: RunPlan) -> None:
    text = steps(
        "{id: asset, check_asset: {symbol: AAPL}}",
        "submit_order: {symbol: =steps.asset.symbol, side: sell, qty: 1}",
        head="symbols: [MSFT]",
    )
    ended = run_plan(text, scenario=f"{{{HELD}, {AT_100}}}")
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert "listed_symbol: AAPL" in ended.data["error"]["message"]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("assets: {AAPL: {tradable: false}}", "asset_tradable"),
        ("assets: {AAPL: {status: inactive}}", "asset_tradable"),
        ("trading_blocked: true", "account_can_trade"),
        ("omit: [account_blocked]", "account_can_trade"),
    ],
)
def test_what_cannot_trade_is_not_sent_even_without_a_check(
    run_plan: RunPlan, scenario: str, words: str
) -> None:
    ended = run_plan(steps(entry("side: buy, qty: 1")), scenario=scenario)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert words in ended.data["error"]["message"]


def test_any_symbol_must_be_spelled_out_and_is_then_traded(run_plan: RunPlan) -> None:
    ended = run_plan(steps("submit_order: {symbol: F, side: buy, qty: 1}", head="symbols: any"))
    assert ended.exit_code == 0
    ended = run_plan(steps("submit_order: {symbol: F, side: buy, qty: 1}"))
    assert ended.exit_code == 3
    assert "RB308" in ended.stderr


# ------------------------------------------------------------------------- computed arguments


@pytest.mark.parametrize(
    ("order", "code", "words"),
    [
        ("side: buy, qty: =floor(250 / steps.quote.ask), max_qty: 2", 0, ""),
        ("side: buy, qty: =floor(350 / steps.quote.ask), max_qty: 2", 4, "more than max_qty 2"),
        ("side: buy, qty: =floor(50 / steps.quote.ask)", 5, "qty is 0, not more than 0"),
        ("side: buy, qty: '=floor(50 / steps.quote.ask, 9)', time_in_force: gtc", 5, "RB505"),
        ("side: buy, qty: =50 / steps.quote.ask", 5, "more than 9 decimal places"),
        ("side: buy, qty: 1, type: limit, limit_price: =round_tick(steps.quote.bid * 0.5)", 0, ""),
        ("side: buy, qty: 1, type: limit, limit_price: =steps.quote.prev_close * 0 + 1", 3, ""),
    ],
)
def test_a_computed_value_obeys_what_a_written_one_would(
    run_plan: RunPlan, order: str, code: int, words: str
) -> None:
    text = steps("{id: quote, get_quote: {symbol: AAPL}}", entry(order))
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == code, ended.data["error"]
    if code:
        assert words in ended.data["error"]["message"]
        assert ended.sent() == []


def test_the_default_time_in_force_is_checked_like_a_written_one(run_plan: RunPlan) -> None:
    text = steps("{id: quote, get_quote: {symbol: AAPL}}",
                 entry("side: buy, qty: '=floor(50 / steps.quote.ask, 9)'"),
                 head="symbols: [AAPL]\ndefaults: {time_in_force: gtc}")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 5
    assert "a fractional order must be a day order, not gtc" in ended.data["error"]["message"]
    assert ended.sent() == []


def test_the_default_time_in_force_is_what_leaves(run_plan: RunPlan) -> None:
    orders = (entry("side: buy, qty: 1", "one"), entry("side: buy, qty: 1, time_in_force: day"))
    text = steps(*orders, head="symbols: [AAPL]\ndefaults: {time_in_force: gtc}")
    ended = run_plan(text, scenario=AT_100)
    assert [one["time_in_force"] for one in ended.sent()] == ["gtc", "day"]


# ------------------------------------------------------------------------- refused by the broker


@pytest.mark.parametrize(
    ("order", "scenario", "words"),
    [
        ("side: buy, qty: 5000", AT_100, "insufficient buying power"),
        ("side: sell, qty: 11", f"{{{HELD}, {AT_100}}}", "insufficient qty available"),
        ("side: sell, qty: 1", f"{{shorting_enabled: false, {AT_100}}}", "not allowed to short"),
        (
            "side: sell, qty: 1",
            f"{{assets: {{AAPL: {{shortable: false}}}}, {AT_100}}}",
            "cannot be sold short",
        ),
        (
            "side: buy, qty: 0.5",
            f"{{assets: {{AAPL: {{fractionable: false}}}}, {AT_100}}}",
            "not fractionable",
        ),
        ("side: buy, qty: 1, type: stop, stop_price: 99", AT_100, "market_price 100"),
        ("side: buy, qty: 1, position_intent: buy_to_close", AT_100, "position intent mismatch"),
        ("side: buy, qty: 1, time_in_force: opg", AT_100, "opg orders must be submitted"),
    ],
)
def test_a_refused_order_is_a_failure_with_the_brokers_own_words(
    run_plan: RunPlan, order: str, scenario: str, words: str
) -> None:
    off = without(
        *("buying_power", "shorting", "no_crossing_zero", "asset_flags", "fractional"),
        "auction_cutoff",
    )
    ended = run_plan(steps(entry(order)), scenario=scenario, policy=f"{WIDE}\n{off}")
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert words in ended.data["error"]["message"]
    assert len(ended.sent()) == 1  # refused once, not asked again
    assert ended.data["open_orders"] == []
    assert only(ended)["status"] == "refused"


def test_an_exit_whose_shares_an_order_holds_is_refused_and_not_sent_again(
    run_plan: RunPlan,
) -> None:
    stop = entry("side: sell, qty: 10, type: stop, stop_price: 90", "stop")
    ended = run_plan(
        steps(stop, entry("side: sell, qty: 4")),
        scenario=f"{{{HELD}, {AT_100}}}",
        policy=without("no_crossing_zero", "shorting"),
    )
    assert ended.exit_code == 5
    assert "available: 0" in ended.data["error"]["message"]
    assert len(ended.sent()) == 2
    assert ended.data["orders"][1]["status"] == "refused"
    assert ended.data["open_orders"] == [ended.data["orders"][0]["client_order_id"]]


def only(ended: Ended) -> dict[str, Any]:
    (order,) = ended.data["orders"]
    found: dict[str, Any] = order
    return found
