"""What is wrong with a step for the order that it names is found before anything is sent."""

from __future__ import annotations

import pytest

from runner.language.check import check
from runner.language.source import Source
from runner.steps import ACTIONS

HEAD = (
    "runbook: 1\nname: sample\nsymbols: [AAPL, AAPL261204C00270000, AAPL261204C00280000]\n"
    "params: {kind: {type: choice, values: [market, limit]}}\nsteps:\n"
)
LIMIT = "submit_order: {symbol: AAPL, side: buy, qty: 10, type: limit, limit_price: 100.00%s}"
EXITS = "take_profit: 110.00, stop_loss: 90.00"
SIMPLE, BRACKET = LIMIT % "", LIMIT % f", order_class: bracket, {EXITS}"
OTO = LIMIT % ", order_class: oto, stop_loss: 90.00, stop_loss_limit: 89.00"
OCO = f"submit_order: {{symbol: AAPL, side: sell, qty: 10, type: limit, order_class: oco, {EXITS}}}"
TRAIL = "submit_order: {symbol: AAPL, side: sell, qty: 10, type: trailing_stop, trail_percent: 5%}"
LATE = "submit_order: {symbol: AAPL, side: buy, qty: 1, type: =params.kind}"
SPREAD = (
    "submit_order: {order_class: mleg, qty: 1, type: limit, limit_price: 1.10, legs: ["
    "{symbol: AAPL261204C00270000, side: buy}, {symbol: AAPL261204C00280000, side: sell}]}"
)
COLLAR = "submit_order: {symbol: AAPL, side: buy, qty: 1, type: marketable_limit, collar: 1%}"
TARGET = "target_position: {symbol: AAPL, qty: 10}"
CLOSE = "close_position: {symbol: AAPL, type: limit, limit_price: 100.00}"


def found(order: str, then: str) -> list[tuple[str, str, str]]:
    text = f"{HEAD}  - id: entry\n    {order}\n  - {then}\n"
    findings = check(Source("plan.yaml", text), ACTIONS, None).findings
    return [(one.code, one.message, one.help) for _, one in findings if one.severity == "error"]


def codes(order: str, then: str) -> list[str]:
    return [code for code, _, _ in found(order, then)]


@pytest.mark.parametrize(
    ("order", "named", "expected"),
    [
        (SIMPLE, "entry", []),
        (TARGET, "[entry]", []),
        (CLOSE, "entry", []),
        (LATE, "entry", []),
        (BRACKET, "entry", ["RB522"]),
        (BRACKET, "[entry.take_profit]", ["RB522"]),
        (BRACKET, "[entry.take_profit, entry.stop_loss]", ["RB522", "RB522"]),
        (OTO, "entry", ["RB522"]),
        (OCO, "entry", ["RB522"]),
        (SPREAD, "entry", ["RB522"]),
    ],
)
def test_only_a_simple_order_is_finished_at_the_market(
    order: str, named: str, expected: list[str]
) -> None:
    # Two findings in one place that say the same are one.
    then = f"await_fill: {{order: {named}, on_timeout: market}}"
    assert codes(order, then) == expected[:1]
    assert codes(order, then.replace("market", "cancel")) == []


def test_an_order_of_several_legs_is_not_told_of_exits() -> None:
    ((_, message, help_),) = found(SPREAD, "await_fill: {order: entry, on_timeout: market}")
    assert "simple orders" in message
    assert "group" not in message + help_
    assert "exits" not in message + help_


@pytest.mark.parametrize(
    ("order", "change", "expected"),
    [
        (SIMPLE, "order: entry, limit_price: 99.00, qty: 5", []),
        (SIMPLE, "order: entry, stop_price: 99.00", ["RB503"]),
        (SIMPLE, "order: entry, trail_percent: 2%", ["RB503"]),
        (COLLAR, "order: entry, limit_price: 99.00", []),
        (TARGET, "order: entry, limit_price: 99.00", ["RB503"]),
        (CLOSE, "order: entry, limit_price: 99.00", []),
        (LATE, "order: entry, limit_price: 99.00", []),
        (TRAIL, "order: entry, trail_percent: 4%", []),
        (TRAIL, "order: entry, trail_price: 4.00", ["RB503"]),
        (TRAIL, "order: entry, stop_price: 4.00", ["RB503"]),
        (BRACKET, "order: entry, limit_price: 99.00", []),
        (BRACKET, "order: entry.take_profit, limit_price: 112.00", []),
        (BRACKET, "order: entry.take_profit, stop_price: 112.00", ["RB503"]),
        (BRACKET, "order: entry.stop_loss, stop_price: 91.00", []),
        (BRACKET, "order: entry.stop_loss, limit_price: 91.00", ["RB503"]),
        (BRACKET, "order: entry.stop_loss, qty: 5", ["RB522"]),
        (OTO, "order: entry.stop_loss, limit_price: 88.00", []),
        (OCO, "order: entry, limit_price: 112.00", []),
        (OCO, "order: entry.take_profit, limit_price: 112.00", []),
        (SPREAD, "order: entry, limit_price: -0.10, qty: 2", []),
        (
            "submit_order: {symbol: AAPL, side: buy, notional: 500}",
            "order: entry, time_in_force: day",
            ["RB522"],
        ),
    ],
)
def test_an_order_is_only_changed_in_what_it_has(
    order: str, change: str, expected: list[str]
) -> None:
    assert codes(order, f"replace_order: {{{change}}}") == expected


def test_an_order_with_an_error_of_its_own_is_not_judged_by_what_it_lacks() -> None:
    broken = SIMPLE.replace("type: limit", "type: limti")
    assert codes(broken, "replace_order: {order: entry, stop_price: 9.00}") == ["RB203"]
