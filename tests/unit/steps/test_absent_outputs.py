"""An output that a step may leave out is declared so, and only where it may."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.language.check import check
from runner.language.source import Source
from runner.machine.own_orders import OwnOrder, Sent
from runner.steps import ACTIONS, awaited, list_orders, order_state, position, replace, submit
from runner.world import Order, no_position

HEAD = "runbook: 1\nname: sample\nsymbols: [AAPL, MSFT]\nsteps:\n"
SHOWN = {
    "id": "7b1e9a52-11d0-4d0a-8f0a-52d9b1b8a001", "client_order_id": "rb-1", "symbol": "AAPL",
    "side": "buy", "status": "new", "type": "market", "order_class": "simple",
    "time_in_force": "day", "qty": "10", "notional": None, "filled_qty": "0",
    "filled_avg_price": None, "limit_price": None, "stop_price": None, "filled_at": None,
}  # fmt: skip
DOLLARS = {**SHOWN, "qty": None, "notional": "500"}
LEGS: dict[str, Any] = {**SHOWN, "symbol": "", "side": "", "order_class": "mleg", "legs": []}


def order_of(shown: Mapping[str, Any]) -> OwnOrder:
    """An order of this run as the broker shows it."""
    return OwnOrder(
        client_order_id="rb-1", step="steps[0]", symbol=shown["symbol"], side=shown["side"],
        body={}, opens=True, intended_at=datetime(2026, 11, 23, 15, tzinfo=UTC),
        sent=Sent.ACCEPTED, data=shown,
    )  # fmt: skip


def left_out(action: str, outputs: Mapping[str, Any]) -> set[str]:
    """What is not there although nothing says that it may be absent."""
    declared = ACTIONS[action].outputs
    return {
        name
        for name, output in declared.items()
        if outputs.get(name) is None and not output.optional
    }


@pytest.mark.parametrize("shown", [SHOWN, DOLLARS, LEGS], ids=["shares", "dollars", "legs"])
def test_what_an_order_does_not_tell_is_declared_as_optional(shown: Mapping[str, Any]) -> None:
    own = order_of(shown)
    assert left_out("await_fill", awaited.outputs([awaited.Awaited([own])])) == set()
    assert left_out("check_order", order_state.outputs_of(own)) == set()
    assert left_out("submit_order", submit.accepted_outputs(own)) == set()
    rows = [list_orders.Row(Order.read({**shown, "symbol": "AAPL", "side": "buy"}), "1")]
    left = {f"{side}_qty": list_orders._left(rows, side) for side in ("buy", "sell")}
    there = {"count": 1, "orders": ()}
    assert left_out("list_orders", {**left, **there}) == set()
    if shown is not DOLLARS:  # Alpaca does not change those, so no outputs come of it
        assert left_out("replace_order", replace._outputs(own)) == set()


def test_what_a_position_of_nothing_does_not_tell_is_declared_as_optional() -> None:
    assert left_out("check_position", position._outputs(no_position("AAPL"))) == set()


# ------------------------------------------------------------------------- where it may be absent

SHARES = "{symbol: AAPL, side: buy, qty: 1}"
MONEY = "{symbol: AAPL, side: buy, notional: 500}"


def codes(entry: str, fill: str, name: str, *, section: str = "") -> list[str]:
    """The findings where an output of a step is read that awaits an order."""
    ran = "ran(fill) and " if section else ""
    text = (
        f"{HEAD}  - id: entry\n    submit_order: {entry}\n{section}"
        f"  - id: fill\n    {fill}\n  - assert: {ran}steps.{name} != 5\n"
    )
    found = check(Source("plan.yaml", text), ACTIONS, None).findings
    return [one.code for _, one in found if one.severity == "error"]


@pytest.mark.parametrize(
    ("entry", "fill", "name", "absent"),
    [
        (SHARES, "await_fill: {order: entry}", "entry.qty", False),
        (MONEY, "await_fill: {order: entry}", "entry.qty", True),
        (SHARES, "await_fill: {order: entry}", "fill.filled_avg_price", False),
        (SHARES, "await_fill: {order: entry, until: any}", "fill.filled_avg_price", False),
        (SHARES, "await_fill: {order: entry, on_timeout: keep}", "fill.filled_avg_price", True),
        (
            SHARES,
            "await_fill: {order: entry, on_timeout: \"='keep' if run.id == 'a' else 'fail'\"}",
            "fill.filled_avg_price",
            True,
        ),
        (MONEY, "await_fill: {order: entry}", "fill.remaining_qty", True),
        (MONEY, "await_fill: {order: [entry]}", "fill.remaining_qty", True),
        (SHARES, "await_fill: {order: entry}", "fill.remaining_qty", False),
        (SHARES, "check_order: {order: entry}", "fill.remaining_qty", False),
        (SHARES, "check_order: {order: entry}", "fill.filled_avg_price", True),
        (MONEY, "check_order: {order: entry}", "fill.qty", True),
        (SHARES, "replace_order: {order: entry, qty: 2}", "fill.qty", False),
    ],
)
def test_an_output_may_be_absent_only_where_something_in_the_runbook_allows_it(
    entry: str, fill: str, name: str, absent: bool
) -> None:
    assert codes(entry, fill, name) == (["RB303"] if absent else [])


@pytest.mark.parametrize(
    ("fill", "name"),
    [
        ("await_fill: {order: entry}", "fill.filled_avg_price"),
        ("replace_order: {order: entry, qty: 2}", "fill.qty"),
    ],
)
@pytest.mark.parametrize("section", ["on_failure:\n", "finally:\n"])
def test_outside_of_the_steps_the_order_may_never_have_been_sent(
    fill: str, name: str, section: str
) -> None:
    assert codes(SHARES, fill, name, section=section) == ["RB303"]


def test_what_an_output_depends_on_is_there() -> None:
    senders = {key for one in ACTIONS.values() if one.sends for key in one.fields}
    for action in ACTIONS.values():
        for name, output in action.outputs.items():
            assert not output.only_if or output.optional, (action.name, name)
            assert not output.given or output.given in action.fields, (action.name, name)
            for condition in output.only_if:
                key, _, word = condition.partition("=")
                owner, _, ordered = key.rpartition(".")
                if owner:
                    assert owner in action.fields, condition
                    assert ordered in senders, condition
                elif condition not in ("unsent", "several_symbols"):
                    field = action.fields[key]
                    assert not word or str(field.kind.read(word)).lower() == word, condition
