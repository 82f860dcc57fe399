"""Saved plans: their bytes, what they are bound to, and in which words they say that the world has
moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from runner.audit.canonical import canonical_bytes, digest
from runner.drive.drift import basis_of, drift
from runner.drive.projection import (
    MAIN,
    AccountAfter,
    GuardSeen,
    Line,
    Observed,
    PlannedOrder,
    PlannedStep,
    Projection,
    QuoteSeen,
    Shown,
)
from runner.drive.saved_plan import (
    EXPIRES,
    PlanRefused,
    SavedPlan,
    as_bytes,
    load,
    plan_to_save,
)

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
D = Decimal
DATA: dict[str, Any] = {
    "plan": 1, "runbook": {"name": "a-plan"}, "params": {}, "policy": {}, "target": {},
    "account": {"id": "account-1"},
}  # fmt: skip


def money(buying_power: str | None) -> AccountAfter:
    power = None if buying_power is None else D(buying_power)
    return AccountAfter(D(100), power, D(100), D(100), (), 0)


def projection(**changes: Any) -> Projection:
    """One order of one share, which takes 200 of the 1,000 dollars of buying power."""
    given: dict[str, Any] = {
        "at": AT, "bid": "99.99", "ask": "100.01", "positions": (), "open_orders": (),
        "power": "1000", "after": "800", "qty": "1", "limit": "100.05", "verdict": "pass",
    }  # fmt: skip
    given |= changes
    quote = QuoteSeen("AAPL", "iex", D(given["bid"]), D(given["ask"]), AT)
    account = {"id": "account-1", "buying_power": given["power"]}
    seen = Observed(
        given["at"], account, given["positions"], given["open_orders"], (quote,), (), {}
    )
    guard = GuardSeen("price_collar", given["verdict"], "3.00% from the market", {})
    body = {"symbol": "AAPL", "side": "buy", "qty": given["qty"], "limit_price": given["limit"]}
    estimate = {"limit_price": Shown(given["limit"], "estimated", "ask at 10:00:00")}
    order = PlannedOrder(
        "steps[0]", "steps", "submit", "order-1", body, estimate, "AAPL", "buy", True,
        Shown("100"), True, (guard,), "filled", D(1), None, "", None,
    )  # fmt: skip
    step = PlannedStep(
        "steps[0]", "entry", "", "submit_order", "steps", "done", {}, {}, None,
        money(given["after"]),
    )  # fmt: skip
    line = Line(
        MAIN, "", None, (), (step,), (order,), (), money(given["power"]), money(given["after"]),
        AT, "completed", 0, {},
    )  # fmt: skip
    return Projection(seen, (line,), (), 0, D("0.01"), 5)


def since(**changes: Any) -> list[str]:
    return drift(basis_of(projection()), basis_of(projection(**changes)))


def test_a_plan_of_equal_observations_has_equal_bytes_and_comes_back_from_its_file(
    tmp_path: Path,
) -> None:
    plan = plan_to_save(DATA, projection())
    assert as_bytes(plan) == as_bytes(plan_to_save(dict(reversed(DATA.items())), projection()))
    file = tmp_path / "plan.json"
    file.write_bytes(as_bytes(plan))
    again = load(file)
    assert again == plan
    assert as_bytes(again) == as_bytes(plan)


@pytest.mark.parametrize("path", ["runbook.name", "at", "basis.buying_power", "expires"])
def test_a_plan_that_was_edited_by_hand_is_refused(tmp_path: Path, path: str) -> None:
    data = orjson.loads(as_bytes(plan_to_save(DATA, projection())))
    inner, *rest = reversed(path.split("."))
    place = data[rest[0]] if rest else data
    place[inner] = f"{place[inner]}0"
    file = tmp_path / "plan.json"
    file.write_bytes(orjson.dumps(data))
    with pytest.raises(PlanRefused, match="changed after it was saved"):
        load(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a saved plan"),
        (b"\xff\xfe", "not a saved plan"),
        (b"[1, 2]", "not a saved plan"),
        (b'{"plan": 1}', "not a saved plan"),
        (b'{"plan": 99, "digest": "0"}', "format 99"),
        (b'{"plan": 1, "price": 1.5, "digest": "0"}', "changed after it was saved"),
        (b'{"plan": 1, "at": "2026-11-23T15:00:00Z", "digest": null}', "changed after"),
        (b'{"plan": 1, "digest": ' + b"[" * 2000 + b"]" * 2000 + b"}", "not a saved plan|changed"),
    ],
)
def test_what_is_no_plan_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(PlanRefused, match=words):
        load(file)


def test_a_plan_whose_digest_was_made_anew_but_is_not_whole_is_refused(tmp_path: Path) -> None:
    data = {"plan": 1}
    file = tmp_path / "plan.json"
    file.write_bytes(canonical_bytes({**data, "digest": digest(data)}))
    with pytest.raises(PlanRefused, match="not a saved plan"):
        load(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match="cannot be read: No such file"):
        load(tmp_path / "none.json")


@pytest.mark.parametrize("later", [timedelta(0), EXPIRES - timedelta(microseconds=1)])
def test_a_plan_holds_until_it_expires_by_the_brokers_clock(later: timedelta) -> None:
    plan_to_save(DATA, projection()).must_hold_at(AT + later)


@pytest.mark.parametrize("now", [AT + EXPIRES, AT - timedelta(seconds=1), None])
def test_a_plan_that_expired_or_is_from_the_future_is_refused(now: datetime | None) -> None:
    with pytest.raises(PlanRefused):
        plan_to_save(DATA, projection()).must_hold_at(now)


def test_a_plan_without_the_brokers_time_cannot_be_saved() -> None:
    with pytest.raises(PlanRefused):
        plan_to_save(DATA, projection(at=None))


@pytest.mark.parametrize(
    ("length", "named"), [(7, False), (8, True), (12, True), (64, True), (0, False)]
)
def test_a_plan_is_named_by_the_beginning_of_its_digest(length: int, named: bool) -> None:
    plan = SavedPlan({}, "0123456789abcdef" * 4)
    assert plan.is_named_by(f" {plan.digest[:length].upper()}\n") is named
    assert not plan.is_named_by("f" * 12)


# ------------------------------------------------------------------------------------ drift


def test_an_unchanged_world_is_no_drift() -> None:
    assert since() == []


def test_a_quote_may_move_within_the_tolerance_and_no_further() -> None:
    assert since(ask="101.01") == []
    assert since(ask="101.02") == ["AAPL ask 100.01 → 101.02 (+1.0%, more than 1%)"]
    assert since(bid="98.90") == ["AAPL bid 99.99 → 98.90 (-1.1%, more than 1%)"]


def test_a_position_that_changed_is_drift() -> None:
    held = {"symbol": "MSFT", "qty": "5", "qty_available": "5"}
    assert since(positions=(held,)) == ["position in MSFT 0 → 5"]


def test_an_open_order_that_is_new_gone_or_filled_on_is_drift() -> None:
    one = {"id": "o1", "symbol": "AAPL", "side": "sell", "type": "limit", "qty": "3",
           "limit_price": "200", "filled_qty": "0", "status": "new"}  # fmt: skip
    more = {**one, "filled_qty": "1"}
    with_one, with_more = (basis_of(projection(open_orders=(it,))) for it in (one, more))
    none = basis_of(projection())
    assert drift(none, with_one) == ["open order sell 3 AAPL limit 200 is new (o1)"]
    assert drift(with_one, none) == ["open order sell 3 AAPL limit 200 is not open any more (o1)"]
    (words,) = drift(with_one, with_more)
    assert (
        words == "open order sell 3 AAPL limit 200, 0 filled → sell 3 AAPL limit 200, 1 filled (o1)"
    )


def test_buying_power_covers_the_plan_with_five_percent_to_spare_or_it_is_drift() -> None:
    assert since(power="210", after="10") == []
    assert since(power="209.99", after="9.99") == [
        "buying power $209.99 does not cover the plan's $200.00 with 5% to spare"
    ]


@pytest.mark.parametrize("changes", [{"power": None, "after": None}, {"after": None}])
def test_buying_power_that_is_not_told_is_drift(changes: dict[str, Any]) -> None:
    assert since(**changes) == ["whether buying power covers the plan cannot be told"]


def test_a_guard_that_says_otherwise_is_drift_in_words() -> None:
    assert since(verdict="refuse") == ["price_collar now refuses steps[0]: 3.00% from the market"]


def test_an_order_that_would_be_another_is_drift_but_not_for_what_the_market_decides() -> None:
    assert since(limit="100.10") == []
    (words,) = since(qty="2")
    assert words == (
        "steps[0] would submit {limit_price 100.05, qty 2, side buy, symbol AAPL} instead of "
        "submit {limit_price 100.05, qty 1, side buy, symbol AAPL}"
    )
