"""Guards that look at what this run and others have sent before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from unit.guards.guard_sample import AT, OPTION, D, asked, bounds, draft, past, refusals, world

from runner.guards import Draft, Judged, Tally, judge

NEEDS_HISTORY: dict[str, dict[str, Any]] = {
    "max_orders_per_minute": {},
    "max_day_orders": {"max_day_orders": D(100)},
    "max_day_notional": {},
    "duplicates": {},
    "repeated_execution": {},
}


@pytest.mark.parametrize("guard", NEEDS_HISTORY)
def test_a_history_that_cannot_be_read_refuses(guard: str) -> None:
    assert asked(guard, draft(), history=None, **NEEDS_HISTORY[guard]) == "refuse"


def ago(seconds: float) -> Any:
    return AT - timedelta(seconds=seconds)


# ------------------------------------------------------------------------ rates and counts


@pytest.mark.parametrize(
    ("sent", "history", "said"),
    [
        ([past(at=ago(1))], [past(at=ago(59.9))], "refuse"),
        ([past(at=ago(1))], [past(at=ago(60))], "pass"),
        ([past(at=ago(60))], [past(at=ago(59))], "pass"),
        ([], [past(at=None), past(at=None)], "refuse"),
    ],
)
def test_orders_of_a_minute_count_whoever_sent_them(sent: Any, history: Any, said: str) -> None:
    found = asked("max_orders_per_minute", draft(), sent=tuple(sent), history=tuple(history),
                  max_orders_per_minute=D(2))  # fmt: skip
    assert found == said


def test_ten_orders_a_minute_are_the_ceiling_that_is_built_in() -> None:
    assert asked("max_orders_per_minute", draft(), sent=(past(at=ago(1)),) * 9) == "pass"
    assert asked("max_orders_per_minute", draft(), sent=(past(at=ago(1)),) * 10) == "refuse"


MIDNIGHT = AT.replace(hour=5)  # in New York
YESTERDAY = MIDNIGHT - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "counted"), [(MIDNIGHT, True), (YESTERDAY, False), (None, True), (ago(1), True)]
)
def test_a_day_begins_at_midnight_in_new_york(at: Any, counted: bool) -> None:
    history = (past(at=at, worth=D(100)),)
    said = "refuse" if counted else "pass"
    assert asked("max_day_orders", draft(), history=history, max_day_orders=D(1)) == said
    assert asked("max_day_notional", draft(), history=history, max_day_notional=D(200)) == said


def test_what_this_run_sent_counts_for_the_day() -> None:
    tally, history = Tally(1, D(100)), (past(worth=D(100)),)
    bound: dict[str, Any] = {"tally": tally, "history": history}
    assert asked("max_day_orders", draft(), max_day_orders=D(3), **bound) == "pass"
    assert asked("max_day_orders", draft(), max_day_orders=D(2), **bound) == "refuse"
    assert asked("max_day_notional", draft(), max_day_notional=D("304.0104"), **bound) == "pass"
    assert asked("max_day_notional", draft(), max_day_notional=D("304.01"), **bound) == "refuse"


def test_fifty_thousand_dollars_a_day_are_the_ceiling_that_is_built_in() -> None:
    order = draft("buy", notional="100")
    assert asked("max_day_notional", order, history=(past(worth=D(49_900)),)) == "pass"
    assert asked("max_day_notional", order, history=(past(worth=D(49_901)),)) == "refuse"
    assert asked("max_day_orders", order, history=(past(),) * 1000) == ""


def test_an_order_of_today_that_nobody_can_value_refuses() -> None:
    assert asked("max_day_notional", draft(), history=(past(worth=None),)) == "refuse"
    before = (past(worth=None, at=YESTERDAY),)
    assert asked("max_day_notional", draft(), history=before) == "pass"


# ------------------------------------------------------------------------ duplicates

SAME = {"symbol": "AAPL", "qty": D(5), "type": "limit", "limit_price": D("100.0")}
ORDER = draft("buy", qty="5", type="limit", limit_price="100")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "refuse"),
        ({"at": ago(29.9)}, "refuse"),
        ({"at": ago(30)}, "pass"),
        ({"at": None}, "refuse"),
        ({"symbol": "MSFT"}, "pass"),
        ({"side": "sell"}, "pass"),
        ({"type": "market"}, "pass"),
        ({"qty": D(6)}, "pass"),
        ({"limit_price": D("100.01")}, "pass"),
        ({"stop_price": D(99)}, "pass"),
        ({"qty": None, "notional": D(500)}, "pass"),
    ],
)
def test_an_order_that_another_run_sent_a_moment_ago_is_a_duplicate(
    change: dict[str, Any], said: str
) -> None:
    other = past(**{"at": ago(1), **SAME, **change})
    assert asked("duplicates", ORDER, history=(other,)) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"limit_price": D("100.01")}, "refuse"),
        ({"limit_price": None, "stop_price": D(90)}, "refuse"),
        ({"limit_price": D("100.01"), "runbook": ""}, "refuse"),  # nobody says of which runbook
        ({"limit_price": D("100.01"), "runbook": "another"}, "pass"),
        ({"runbook": "another"}, "refuse"),
        ({"qty": D(6)}, "pass"),
        ({"side": "sell"}, "pass"),
        ({"type": "market"}, "pass"),
        ({"symbol": "MSFT"}, "pass"),
        ({"at": ago(30)}, "pass"),
    ],
)
def test_of_the_same_runbook_an_order_is_a_duplicate_whatever_its_prices(
    change: dict[str, Any], said: str
) -> None:
    """Two schedulers reckon the price of a marketable limit a moment apart."""
    other = past(**{"at": ago(1), "runbook": "digest", **SAME, **change})
    assert asked("duplicates", ORDER, history=(other,)) == said


SPREAD = {"symbol": "", "side": "", "type": "limit", "qty": D(2), "runbook": "digest"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "refuse"),
        ({"limit_price": D("6.01")}, "refuse"),
        ({"runbook": ""}, "refuse"),
        ({"runbook": "another"}, "pass"),
        ({"qty": D(3)}, "pass"),
        ({"symbol": OPTION}, "pass"),
        ({"at": ago(30)}, "pass"),
        ({"at": None}, "refuse"),
        (None, "refuse"),  # the history cannot be read
    ],
)
def test_an_order_of_several_legs_is_judged_by_its_runbook_and_quantity(
    change: dict[str, Any] | None, said: str
) -> None:
    legs = tuple(draft(side, symbol=OPTION, qty="2") for side in ("buy", "sell"))
    order = Draft("", "", {"order_class": "mleg", "qty": "2", "limit_price": "6"}, legs)
    history = None if change is None else (past(**{"at": ago(1), **SPREAD, **change}),)
    parts = [Judged(leg, world(), bounds(history=history)) for leg in legs]
    assert [one.verdict for one in judge(order, parts) if one.guard == "duplicates"] == [said]


def test_this_runs_own_orders_are_no_duplicates() -> None:
    assert refusals(ORDER, sent=(past(at=ago(1), **SAME),)) == []


def test_the_window_is_set_by_its_limit() -> None:
    history = (past(at=ago(100), **SAME),)
    window = timedelta(seconds=101)
    assert asked("duplicates", ORDER, history=history, duplicate_window=window) == "refuse"


# ------------------------------------------------------------------------ repeated execution


def runs(number: int, **more: Any) -> tuple[Any, ...]:
    fields = {"runbook": "digest", "at": ago(120), **more}
    return tuple(past(**{"run": f"run-{n}", **fields}) for n in range(number))


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (runs(9), "pass"),
        (runs(10), "refuse"),
        (runs(9) + runs(9), "pass"),  # several orders of one run
        (runs(10, runbook="another"), "pass"),
        (runs(10, runbook=""), "refuse"),
        (runs(10, at=ago(3600)), "pass"),
        (runs(10, at=ago(3599)), "refuse"),
        (runs(10, at=None), "refuse"),
    ],
)
def test_a_runbook_opens_risk_so_many_times_an_hour(history: Any, said: str) -> None:
    assert asked("repeated_execution", draft(), history=history) == said


def test_how_often_is_set_by_its_limit() -> None:
    assert asked("repeated_execution", draft(), history=runs(1), max_repeats=D(1)) == "refuse"
    assert asked("repeated_execution", draft(), history=runs(0), max_repeats=D(1)) == "pass"
