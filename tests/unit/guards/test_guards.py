"""Each guard on its own: what passes, what refuses, and that unknown never passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from unit.machine.scripted import ACCOUNT, ASSET, CLOCK, QUOTE

from runner.guards import Bounds, Draft, Judged, Tally, judge
from runner.language.runbook import Limits
from runner.world import STALE, World

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
D = Decimal


def world(qty: str = "0", **changes: Any) -> World:
    position = {"symbol": "AAPL", "qty": qty, "qty_available": qty} if qty != "0" else None
    data = {"account": ACCOUNT, "position": position, "open_orders": [], "quote": QUOTE,
            "asset": ASSET, "clock": CLOCK, **changes}  # fmt: skip
    return World.read("AAPL", data)


def draft(side: str = "buy", **body: str) -> Draft:
    fields = {"type": "market", "time_in_force": "day", **({} if body else {"qty": "1"}), **body}
    return Draft("AAPL", side, {"symbol": "AAPL", "side": side, **fields})


def refusals(
    order: Draft, seen: World, *, expected: str = "0", tally: Tally | None = None, **limits: Any
) -> list[str]:
    bounds = Bounds(Limits(**limits), ("AAPL",), tally or Tally(), AT, D(expected))
    return [one.guard for one in judge(order, [Judged(order, seen, bounds)]) if one.refused]


def test_an_order_within_every_bound_passes() -> None:
    limits: dict[str, Any] = {
        "max_orders": D(1),
        "max_order_qty": D(1),
        "max_order_notional": D("100.01"),
        "max_run_notional": D("100.01"),
        "price_collar": D("0.01"),
    }
    assert refusals(draft(), world(), **limits) == []


@pytest.mark.parametrize(
    ("limits", "guard"),
    [
        ({"max_orders": D(0)}, "max_orders"),
        ({"max_order_qty": D("0.5")}, "max_order_qty"),
        ({"max_order_notional": D(100)}, "max_order_notional"),
        ({"max_run_notional": D(100)}, "max_run_notional"),
        ({"price_collar": D("0.00001")}, "price_collar"),
    ],
)
def test_an_order_beyond_a_bound_is_refused_by_it(limits: dict[str, Any], guard: str) -> None:
    assert refusals(draft(), world(), **limits) == [guard]


def test_what_was_sent_before_counts() -> None:
    sent = Tally(1, D(500))
    assert refusals(draft(), world(), tally=sent, max_orders=D(1)) == ["max_orders"]
    assert refusals(draft(), world(), tally=sent, max_run_notional=D(600)) == ["max_run_notional"]


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
@pytest.mark.parametrize("value", [True, None])
def test_an_account_that_cannot_trade_or_does_not_say_is_refused(flag: str, value: object) -> None:
    assert refusals(draft(), world(account={**ACCOUNT, flag: value})) == ["account_can_trade"]


@pytest.mark.parametrize(
    "asset", [None, {**ASSET, "tradable": False}, {**ASSET, "tradable": None},
              {**ASSET, "status": "inactive"}],
)  # fmt: skip
def test_an_asset_that_is_not_known_to_trade_is_refused(asset: object) -> None:
    assert refusals(draft(), world(asset=asset)) == ["asset_tradable"]


def test_a_symbol_that_is_not_listed_is_refused_even_when_it_reduces() -> None:
    other = Draft("MSFT", "sell", {"qty": "1", "type": "market"})
    assert refusals(other, world("5"), expected="5") == ["listed_symbol"]


def old(seconds: float) -> dict[str, Any]:
    at = (AT - timedelta(seconds=seconds)).isoformat()
    return {**QUOTE, "quote": {**QUOTE["quote"], "t": at}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "quote",
    [
        None,
        {**QUOTE, "quote": {"bp": "99.99", "ap": "0", "t": "2026-11-23T15:00:00Z"}},
        {**QUOTE, "quote": {"bp": "99.99", "ap": "100.01"}},
        old(STALE.total_seconds() + 1),
    ],
)
@pytest.mark.parametrize("limit", ["max_order_notional", "max_run_notional", "price_collar"])
def test_a_price_that_cannot_be_told_refuses(quote: object, limit: str) -> None:
    bound: dict[str, Any] = {limit: D(10000)}
    assert refusals(draft(), world(quote=quote), **bound) == [limit]


def test_a_closed_market_is_reckoned_with_its_last_quote() -> None:
    closed = world(quote=old(80_000), clock={**CLOCK, "is_open": False})
    assert refusals(draft(), closed, max_order_notional=D(101)) == []


@pytest.mark.parametrize(
    ("order", "worth"),
    [
        (draft("buy", qty="2", type="limit", limit_price="90"), D(180)),
        (draft("sell", qty="2", type="limit", limit_price="90"), D("200.02")),
        (draft("buy", qty="2", type="stop", stop_price="120"), D(240)),
        (draft("buy", qty="2", type="trailing_stop", trail_price="50"), D("300.02")),
        (draft("buy", qty="2", type="trailing_stop", trail_percent="10"), D("220.022")),
        (draft("buy", notional="500"), D(500)),
    ],
)
def test_an_order_is_worth_what_it_may_cost(order: Draft, worth: Decimal) -> None:
    assert order.notional(world()) == worth


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        (draft("buy", qty="1", type="limit", limit_price="103.01"), False),
        (draft("buy", qty="1", type="limit", limit_price="103.02"), True),
        (draft("buy", qty="1", type="limit", limit_price="50"), False),
        (draft("sell", qty="1", type="limit", limit_price="96.99"), True),
        (draft("buy", qty="1", type="stop_limit", stop_price="120", limit_price="123.6"), False),
        (draft("buy", qty="1", type="stop_limit", stop_price="120", limit_price="123.7"), True),
        (draft("buy", qty="1", type="stop", stop_price="150"), False),
    ],
)
def test_the_collar_measures_on_the_costly_side(order: Draft, refused: bool) -> None:
    found = refusals(order, world(), price_collar=D("0.03"))
    assert found == (["price_collar"] if refused else [])


# --------------------------------------------------------------------------- reducing


def test_an_order_that_only_reduces_is_exempt_from_every_bound_but_the_list() -> None:
    blocked = world("10", account={**ACCOUNT, "trading_blocked": None}, quote=None, asset=None)
    limits: dict[str, Any] = {
        "max_orders": D(0),
        "max_order_notional": D(1),
        "price_collar": D("0.001"),
    }
    assert refusals(draft("sell", qty="10"), blocked, expected="10", **limits) == []


@pytest.mark.parametrize(
    ("side", "qty", "held", "expected"),
    [
        ("sell", "11", "10", "11"),  # more than is held: it would open a short
        ("buy", "1", "10", "10"),  # the same side
        ("sell", "10", "10", "0"),  # the account should hold nothing: the reading lags
        ("sell", "10", "10", "-10"),
        ("sell", "5", "10", "4"),
        ("buy", "10", "-9", "-10"),
        ("sell", "1", "0", "0"),
    ],
)
def test_what_might_open_a_position_is_not_reducing(
    side: str, qty: str, held: str, expected: str
) -> None:
    order = draft(side, qty=qty)
    assert refusals(order, world(held), expected=expected, max_orders=D(0)) == ["max_orders"]


def test_shares_held_back_by_orders_are_not_free() -> None:
    position = {"symbol": "AAPL", "qty": "10", "qty_available": "3"}
    seen = world(position=position)
    assert refusals(draft("sell", qty="3"), seen, expected="10", max_orders=D(0)) == []
    assert refusals(draft("sell", qty="4"), seen, expected="10", max_orders=D(0)) == ["max_orders"]


def test_nothing_is_reducing_before_it_is_known_what_the_account_should_hold() -> None:
    seen = world("10")
    assert not draft("sell", qty="1").reduces(seen, None)
    unknown = replace(seen, position=replace(seen.position, qty_available=None))
    assert not draft("sell", qty="1").reduces(unknown, D(10))
