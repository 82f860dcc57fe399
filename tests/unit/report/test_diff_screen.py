"""Two runs side by side: what counts as a difference, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from runner.audit.compare import OrderDiff, RunDiff, RunTold
from runner.audit.compare_steps import StepDiff
from runner.audit.orders_told import OrderTold, orders_told
from runner.audit.tolerances import Tolerances
from runner.audit.visits import Visits
from runner.effects import Submit, canonical, instant
from runner.report.diff_json import diff_data
from runner.report.diff_screen import render

BEGAN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
WORLD = {"quote": {"symbol": "AAPL", "quote": {"bp": "99.00", "ap": "101.00"}}}


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    """An order as the broker shows it."""
    plain = {"id": order_id, "client_order_id": f"c-{order_id}", "symbol": "AAPL", "side": "buy",
             "type": "market", "qty": "10", "filled_qty": "0", "filled_avg_price": None,
             "status": "new", "submitted_at": "2026-11-23T15:00:00Z"}  # fmt: skip
    return plain | changes


def sent(*told: Mapping[str, Any], side: str = "buy", world: Any = WORLD) -> list[OrderTold]:
    """The orders of a step that reads the world, sends one order, and is told of it."""
    visits = Visits(BEGAN)
    outcome = {"at": instant(BEGAN), "status": "ok", "data": world}
    visits.tell(visits.ask("steps[0]", {"effect": "read_world", "symbol": "AAPL"}), outcome)
    form = canonical(Submit("c-1", {"symbol": "AAPL", "side": side, "qty": "10"}))
    first, *later = told
    visits.tell(visits.ask("steps[0]", form), {"at": instant(BEGAN), "status": "ok", "data": first})
    for row in later:
        data = {"orders": {row["id"]: row}, "polls": 1}
        wait = visits.ask("steps[1]", {"effect": "await_change"})
        visits.tell(wait, {"at": instant(BEGAN), "status": "ok", "data": data})
    return orders_told(visits.all)


# ------------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("side", "price", "basis", "slippage"),
    [
        ("buy", "101.50", "ask", "0.50"),
        ("buy", "100.00", "ask", "-1.00"),
        ("sell", "98.00", "bid", "1.00"),
        ("sell", "99.25", "bid", "-0.25"),
    ],
)
def test_slippage_is_what_a_fill_was_worse_than_the_quote_before_it_was_sent(
    side: str, price: str, basis: str, slippage: str
) -> None:
    filled = order("o", side=side, status="filled", filled_qty="10", filled_avg_price=price)
    (found,) = sent(order("o", side=side), filled, side=side)
    assert (found.basis, found.slippage) == (basis, Decimal(slippage))


def test_a_quote_that_was_read_after_an_order_was_sent_is_not_its_reference() -> None:
    visits = Visits(BEGAN)
    for price, key in (("101.00", "o-1"), ("105.00", "o-2")):
        world = {"quote": {"symbol": "AAPL", "quote": {"bp": "99.00", "ap": price}}}
        for form, data in (
            ({"effect": "read_world", "symbol": "AAPL"}, world),
            (canonical(Submit(key, {"symbol": "AAPL", "side": "buy", "qty": "1"})), order(key)),
        ):
            told = {"at": instant(BEGAN), "status": "ok", "data": data}
            visits.tell(visits.ask("steps[0]", form), told)
    found = orders_told(visits.all)
    assert [one.reference for one in found] == [Decimal("101.00"), Decimal("105.00")]


def test_without_a_quote_slippage_is_against_the_orders_own_price() -> None:
    limited = order("o", type="limit", limit_price="100.00")
    filled = limited | {"status": "filled", "filled_qty": "10", "filled_avg_price": "99.90"}
    (found,) = sent(limited, filled, world={"quote": None})
    assert (found.basis, found.slippage) == ("its own price", Decimal("-0.10"))


def test_without_any_price_slippage_is_not_told() -> None:
    filled = order("o", status="filled", filled_qty="10", filled_avg_price="99.90")
    (found,) = sent(order("o"), filled, world={"quote": None})
    assert found.slippage is None


def test_an_order_that_was_replaced_goes_on_and_its_fills_are_counted_together() -> None:
    first = order("o-1", status="replaced", filled_qty="4", filled_avg_price="100",
                  replaced_by="o-2", filled_at="2026-11-23T15:00:03Z")  # fmt: skip
    second = order("o-2", qty="6", status="filled", filled_qty="6", filled_avg_price="110",
                   filled_at="2026-11-23T15:00:09Z")  # fmt: skip
    (found,) = sent(order("o-1"), first, second)
    assert (found.filled_qty, found.filled_avg_price) == (Decimal(10), Decimal(106))
    assert (found.status, found.to_fill) == ("filled", timedelta(seconds=9))


def test_the_exits_of_a_bracket_are_orders_of_their_own() -> None:
    legs = [order("t", side="sell", type="limit", limit_price="120"),
            order("s", side="sell", type="stop", stop_price="90")]  # fmt: skip
    found = sent(order("o", order_class="bracket", legs=legs))
    assert [one.leg for one in found] == ["", "take_profit", "stop_loss"]


# ------------------------------------------------------------------------------- tolerances


def test_a_price_agrees_up_to_the_tolerance_and_no_further() -> None:
    within = Tolerances(price=Decimal("0.01"))
    assert within.prices_agree(Decimal(100), Decimal(101))
    assert not within.prices_agree(Decimal(100), Decimal("101.01"))
    assert not within.prices_agree(Decimal(100), None)
    assert within.prices_agree(None, None)


def test_quantities_and_durations_agree_up_to_theirs() -> None:
    within = Tolerances(qty=Decimal(1), time=timedelta(seconds=2))
    assert within.amounts_agree(Decimal(5), Decimal(6))
    assert not within.amounts_agree(Decimal(5), Decimal(7))
    assert within.durations_agree(timedelta(0), timedelta(seconds=2))
    assert not within.durations_agree(timedelta(0), timedelta(seconds=3))
    assert not within.durations_agree(timedelta(0), None)


def test_what_is_no_number_agrees_only_with_itself() -> None:
    within = Tolerances(price=Decimal(9))
    assert not within.values_agree("time_in_force", "day", "gtc")
    assert not within.values_agree("limit_price", "9", "none")


# ------------------------------------------------------------------------------- the screen


def a_diff(**changes: Any) -> RunDiff:
    """A comparison of two runs with hostile names."""
    name = "a-very-long-name-of-a-runbook-that-fits-no-column-at-all\x1b[31m"
    run = RunTold(
        run_id="20261123T150000Z-abcdefghijklmnop", path="audit/x.jsonl", name=name,
        file="x.yaml", sha256="0" * 64, target="sim", started_at=BEGAN, took=timedelta(seconds=3),
        status="completed", exit_code=0, params={}, seed="0",
    )  # fmt: skip
    visits = Visits(BEGAN)
    started = {"action": "submit_order", "name": f"{name} {name}", "args": {}}
    visits.say("step.started", "steps[0].steps[1]", started)
    (one,) = sent(order("o", status="filled", filled_qty="10", filled_avg_price="101.333333333"))
    whole: dict[str, Any] = {
        "first": run,
        "second": run,
        "tolerances": Tolerances(),
        "steps": (StepDiff(visits.all[0], None, "missing"),),
        "orders": (OrderDiff(one, None),),
        "params": {"a_long_parameter": ("1", None)},
        "text": ("--- a", "+++ b", "@@ -1 +1 @@", "-x", "+" + "y" * 200),
        "counts": {"steps": {"same": 0, "changed": 0, "added": 0, "missing": 1}},
    }
    return RunDiff(**(whole | changes))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_screen_and_none_moves_the_cursor(width: int) -> None:
    shown = render(a_diff(), width)
    assert max(map(len, shown.splitlines())) <= width
    assert "\x1b" not in shown


def test_what_only_one_run_has_is_marked_and_the_other_side_is_empty() -> None:
    shown = render(a_diff(), 80)
    assert "- steps[0].steps[1] submit_order" in shown
    assert "Order of steps[0]: buy AAPL only in the first" in shown
    assert "1 only in the first" in shown
    assert "The runbook's text differs: 1 lines added, 1 removed." in shown


def test_the_runs_are_told_to_be_the_same_only_when_they_are() -> None:
    same = a_diff(steps=(), orders=(), text=(), params={})
    assert render(same, 80).endswith("Nothing differs beyond that.\n")
    assert diff_data(same)["same"] is True
    assert render(a_diff(), 80).endswith("The runs differ.\n")


def test_the_object_holds_decimals_as_text() -> None:
    (found,) = diff_data(a_diff())["orders"]
    first, second = found["orders"]
    assert (first["qty"], first["filled_avg_price"], second) == ("10", "101.333333333", None)
    assert diff_data(a_diff())["tolerances"] == {"price": "0.005", "time": "5", "qty": "0"}
