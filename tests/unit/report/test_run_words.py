"""Amounts, times, orders and steps in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from unit.report.run_sample import order, runbook

from runner.report.run_text import average, columns, cut, money, pad, spoken, time_left, wrap
from runner.report.run_words import (
    broker_in_words,
    label,
    order_in_words,
    order_state,
    outputs_in_words,
    top_steps,
)
from runner.steps import ACTIONS
from runner.world import Order


@pytest.mark.parametrize(
    ("written", "read"),
    [("100000", "100,000"), ("-1234567.890", "-1,234,567.890"), ("0.10", "0.10"), ("-5", "-5"),
     ("n/a", "n/a"), ("", ""), ("1e9", "1e9")],
)  # fmt: skip
def test_money_gets_separators_and_keeps_every_decimal(written: str, read: str) -> None:
    assert money(written) == read


@pytest.mark.parametrize(
    ("seconds", "read"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.6, "1m 00s"), (125, "2m 05s"),
     (3599.9, "1h 00m"), (93784, "1d 02h"), (-3, "0.0s")],
)  # fmt: skip
def test_durations_are_read_at_a_glance(seconds: float, read: str) -> None:
    assert spoken(timedelta(seconds=seconds)) == read


def test_a_countdown_has_whole_seconds_and_never_goes_below_none() -> None:
    assert time_left(timedelta(seconds=4.6)) == "5s left"
    assert time_left(timedelta(seconds=-2)) == "0s left"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("189.26", "189.26"), ("189.2633333333333333", "189.263333"), ("1.10000000", "1.1"),
     ("0.0000001", "0"), ("?", "?")],
)  # fmt: skip
def test_averages_are_cut_only_where_they_were_computed(text: str, shown: str) -> None:
    assert average(text) == shown


def test_text_is_measured_in_columns_of_a_terminal() -> None:
    assert columns("株式") == 4
    assert columns("e\u0301") == 1
    assert pad("株", 4) == "株  "
    assert cut("株式株式", 5) == "株式…"
    assert cut("short", 5) == "short"
    assert wrap("one two three", 9, "  ") == ["  one two", "  three"]
    assert wrap("", 9, "  ") == ["  "]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "market", "time_in_force": "day", "qty": "1"}, "buy 1 AAPL market day"),
        ({"type": "market", "notional": "1500"}, "buy $1,500 of AAPL market"),
        ({"type": "limit", "qty": "1", "limit_price": "180.00"}, "buy 1 AAPL limit 180.00"),
        ({"type": "stop", "qty": "1", "stop_price": "170"}, "buy 1 AAPL stop 170"),
        (
            {"type": "stop_limit", "qty": "1", "stop_price": "170", "limit_price": "169"},
            "buy 1 AAPL stop_limit stop 170 limit 169",
        ),
        ({"type": "trailing_stop", "qty": "1", "trail_percent": "2"},
         "buy 1 AAPL trailing_stop by 2%"),
        ({"type": "limit", "qty": "1", "limit_price": None}, "buy 1 AAPL limit"),
    ],
)  # fmt: skip
def test_an_order_is_told_as_it_is_meant(body: dict[str, Any], words: str) -> None:
    assert order_in_words({"symbol": "AAPL", "side": "buy", **body}) == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (order("new"), "new, 0 of 1 filled"),
        (order("partially_filled", "0.4"), "partially_filled, 0.4 of 1 filled at 179.99"),
        (order("filled", "1"), "filled 1 at 179.99"),
        (order("new", qty=None, notional="500"), "new, 0 filled"),
        ({}, "of unknown status"),
    ],
)
def test_an_orders_state_is_told_with_what_is_filled(data: dict[str, Any], words: str) -> None:
    assert order_state(Order.read(data)) == words


@pytest.mark.parametrize(
    ("action", "outputs", "words"),
    [
        ("check_position", {"side": "flat", "qty": "0"}, "flat · 0 held"),
        ("get_quote", {"bid": "189.20", "ask": "189.30", "age": "0.25s"},
         "bid 189.20 · ask 189.30 · 0.2s old"),
        ("get_quote", {"bid": "189.20", "ask": "189.30"}, "bid 189.20 · ask 189.30"),
        ("check_market", {"session": "regular", "next_close": "2026-11-23T21:00:00.000000Z"},
         "regular · closes Mon 23 Nov 16:00 New York"),
        ("assert_no_pdt_risk", {"regime": "pdt", "day_trades": "2"}, "pdt · 2 day trades"),
        ("close_position", {"status": "none", "qty": "0"}, "nothing to close"),
        ("await_fill", {"status": "none", "filled_qty": "0"}, "no order was sent"),
        ("await_fill", {"status": "canceled", "filled_qty": "3", "remaining_qty": "7",
         "filled_avg_price": "1.23456789"}, "3 of 10 filled at 1.234568, canceled"),
        ("await_fill", {"status": "new", "filled_qty": "2"}, "2 filled, new"),
        ("wait", {"waited": "90s"}, "waited 1m 30s"),
    ],
)  # fmt: skip
def test_outputs_are_told_by_their_kind(action: str, outputs: dict[str, Any], words: str) -> None:
    assert outputs_in_words(ACTIONS[action], action, outputs) == words


def test_every_action_can_be_told_without_outputs() -> None:
    for name, action in ACTIONS.items():
        assert isinstance(outputs_in_words(action, name, {}), str)


def test_a_step_is_called_by_its_name_else_by_what_it_is_about() -> None:
    assert [label(step) for step in top_steps(runbook())] == [
        "check_account",
        "Buy below the market",
        "await_fill entry",
        "assert",
        "on_failure: cancel_order entry",
        "finally: cancel_all",
    ]


def test_the_brokers_words_come_with_the_numbers_it_gave() -> None:
    problem = {"message": "no \x1b", "status": 403, "code": 40310000, "extra": {"available": "0"}}
    assert broker_in_words(problem) == "no <U+001B> (HTTP 403, code 40310000, available 0)"
    assert broker_in_words({"message": "no answer"}) == "no answer"


def test_listed_orders_are_counted_and_not_written_out() -> None:
    found = {"count": "1", "buy_qty": "10", "sell_qty": "0", "oldest": None,
             "orders": [{"order_id": "o", "symbol": "AAPL"}]}  # fmt: skip
    said = outputs_in_words(ACTIONS["list_orders"], "list_orders", found)
    assert said == "open orders: 1 · 10 to buy · 0 to sell"
    assert outputs_in_words(None, "other", {"found": [{"a": 1}], "of": ["x", "y"]}) == (
        "found 1 listed · of x, y"
    )


def test_what_the_broker_lists_is_written_without_brackets() -> None:
    extra = {"related_orders": ["5f0c2c9e", "70aa11bb"], "available": "0"}
    said = broker_in_words({"message": "insufficient qty", "status": 403, "extra": extra})
    assert said == ("insufficient qty (HTTP 403, related_orders 5f0c2c9e, 70aa11bb, available 0)")
