"""Each guard on its own: what passes, what refuses, and that unknown never passes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from unit.guards.guard_sample import (
    D,
    asked,
    bounds,
    closed,
    draft,
    quoted,
    refusals,
    verdicts,
    world,
)
from unit.machine.scripted import ACCOUNT, ASSET, QUOTE

from runner.guards import GUARDS, Draft, Guard, Judged, Rules, Tally
from runner.world import STALE


def test_a_small_order_in_a_quiet_market_passes_every_guard() -> None:
    found = verdicts(draft())
    assert {verdict.verdict for verdict in found.values()} == {"pass"}


SET: dict[str, Any] = {
    "max_day_orders": D(5), "max_order_qty": D(10), "max_position_qty": D(100),
    "max_position_notional": D(20_000), "max_gross_exposure": D(100_000),
}  # fmt: skip
"""The limits that have no default."""


def test_a_guard_without_a_default_judges_nothing_until_its_limit_is_set() -> None:
    unset = {guard.code for guard in GUARDS if guard.is_unset(bounds().rules)}
    assert unset == set(SET)
    assert not unset & set(verdicts(draft()))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.code)
def test_every_guard_refuses_the_order_that_it_calls_bad(guard: Guard) -> None:
    good = Judged(draft(), world(), bounds(**SET))
    assert not guard.is_unset(good.bounds.rules)
    bad = guard.known_bad(good)
    said = guard.judge(good)
    assert said is None or said.verdict == "pass"
    verdict = guard.judge(bad)
    assert verdict is not None
    assert verdict.refused
    assert verdict.guard == guard.code
    assert verdict.message


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.code)
def test_every_guard_says_for_people_what_it_is_for(guard: Guard) -> None:
    assert all((guard.refuses, guard.default, guard.reason, guard.source))


def test_a_guard_that_is_turned_off_says_so_and_why() -> None:
    rules = replace(bounds().rules, off={"price_collar": "an old stock"})
    said = verdicts(draft(), world(quote=None), rules=rules)["price_collar"]
    assert (said.verdict, "an old stock" in said.message) == ("off", True)


def test_an_order_within_every_bound_passes() -> None:
    limits: dict[str, Any] = {
        "max_orders": D(1),
        "max_order_qty": D(1),
        "max_order_notional": D("104.0104"),  # the ask, and 4% that a buy at the market may cost
        "max_run_notional": D("104.0104"),
        "price_collar": D("0.01"),
    }
    assert refusals(draft(), **limits) == []


@pytest.mark.parametrize(
    ("limits", "guard"),
    [
        ({"max_orders": D(0)}, "max_orders"),
        ({"max_order_qty": D("0.5")}, "max_order_qty"),
        ({"max_order_notional": D(104)}, "max_order_notional"),
        ({"max_run_notional": D(104)}, "max_run_notional"),
        ({"price_collar": D("0.00001")}, "price_collar"),
    ],
)
def test_an_order_beyond_a_bound_is_refused_by_it(limits: dict[str, Any], guard: str) -> None:
    assert refusals(draft(), **limits) == [guard]


def test_what_was_sent_before_counts() -> None:
    sent = Tally(1, D(500))
    assert refusals(draft(), tally=sent, max_orders=D(1)) == ["max_orders"]
    assert refusals(draft(), tally=sent, max_run_notional=D(600)) == ["max_run_notional"]


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
@pytest.mark.parametrize("value", [True, None])
def test_an_account_that_cannot_trade_or_does_not_say_is_refused(flag: str, value: object) -> None:
    seen = world(account={**ACCOUNT, flag: value})
    assert asked("account_can_trade", draft(), seen) == "refuse"


@pytest.mark.parametrize(
    "asset", [None, {**ASSET, "tradable": False}, {**ASSET, "tradable": None},
              {**ASSET, "status": "inactive"}],
)  # fmt: skip
def test_an_asset_that_is_not_known_to_trade_is_refused(asset: object) -> None:
    assert asked("asset_tradable", draft(), world(asset=asset)) == "refuse"


def test_a_symbol_that_is_not_listed_is_refused_even_when_it_reduces() -> None:
    other = Draft("MSFT", "sell", {"qty": "1", "type": "market"})
    assert asked("listed_symbol", other, world("5"), expected="5") == "refuse"


@pytest.mark.parametrize(
    "quote",
    [
        None,
        quoted("99.99", "0"),
        {**QUOTE, "quote": {"bp": "99.99", "ap": "100.01"}},
        quoted("99.99", "100.01", age=STALE.total_seconds() + 1),
    ],
)
@pytest.mark.parametrize(
    "guard",
    ["max_order_notional", "max_run_notional", "max_day_notional", "max_position_notional",
     "max_gross_exposure", "price_collar", "max_spread", "buying_power"],
)  # fmt: skip
def test_a_price_that_cannot_be_told_refuses(quote: object, guard: str) -> None:
    limits = {guard: D(10_000)} if guard in Rules().limits.__slots__ else {}
    assert asked(guard, draft(), world(quote=quote), **limits) == "refuse"


def test_a_closed_market_is_reckoned_with_its_last_quote() -> None:
    seen = world(quote=quoted("99.99", "100.01", age=80_000), clock=closed())
    for guard in ("max_order_notional", "price_collar", "max_spread"):
        assert asked(guard, draft(), seen, previous_close=D(100)) == "pass"


@pytest.mark.parametrize(
    ("order", "worth"),
    [
        (draft("buy", qty="2"), D("208.0208")),
        (draft("buy", qty="2", type="limit", limit_price="90"), D(180)),
        (draft("sell", qty="2"), D("200.02")),
        (draft("sell", qty="2", type="limit", limit_price="90"), D("200.02")),
        (draft("buy", qty="2", type="stop", stop_price="120"), D("249.6")),
        (draft("buy", qty="2", type="trailing_stop", trail_price="50"), D("312.0208")),
        (draft("buy", qty="2", type="trailing_stop", trail_percent="10"), D("228.82288")),
        (draft("buy", notional="500"), D(500)),
    ],
)
def test_an_order_is_worth_what_it_may_cost(order: Draft, worth: Decimal) -> None:
    assert order.notional(world()) == worth


# --------------------------------------------------------------------------- reducing

EXEMPT = (
    "account_can_trade", "max_orders", "max_orders_per_minute", "max_day_orders",
    "repeated_execution", "duplicates", "max_order_qty", "max_order_notional", "max_run_notional",
    "max_day_notional", "max_position_qty", "max_position_notional", "max_gross_exposure",
    "price_collar", "max_spread", "buying_power",
)  # fmt: skip


def test_an_order_that_only_reduces_is_exempt_from_every_bound_and_logged_so() -> None:
    blocked = world("10", account={**ACCOUNT, "trading_blocked": None}, quote=None, asset=None)
    one, two = D(1), D(2)
    limits: dict[str, Any] = {
        "max_orders": D(0), "max_orders_per_minute": D(0), "max_day_orders": D(0),
        "max_order_qty": one, "max_order_notional": one, "max_run_notional": one,
        "max_day_notional": one, "max_position_qty": one, "max_position_notional": two,
        "max_gross_exposure": two, "price_collar": D("0.001"), "max_repeats": D(0),
    }  # fmt: skip
    said = verdicts(draft("sell", qty="10"), blocked, expected="10", history=None, **limits)
    assert not [code for code, verdict in said.items() if verdict.refused]
    for code in EXEMPT:
        assert (said[code].verdict, said[code].message) == ("exempt", "reducing"), code


def test_a_stop_that_only_reduces_may_lie_anywhere() -> None:
    stop = draft("sell", qty="10", type="stop", stop_price="1")
    assert asked("stop_distance", stop, world("10"), expected="10") == "exempt"
    assert asked("stop_distance", stop, world("10"), expected="0") == "refuse"


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
    said = asked("max_orders", order, world(held), expected=expected, max_orders=D(0))
    assert said == "refuse"


def test_shares_held_back_by_orders_are_not_free() -> None:
    seen = world(position={"symbol": "AAPL", "qty": "10", "qty_available": "3"})
    for qty, said in (("3", "exempt"), ("4", "refuse")):
        order = draft("sell", qty=qty)
        assert asked("max_orders", order, seen, expected="10", max_orders=D(0)) == said


def test_nothing_is_reducing_before_it_is_known_what_the_account_should_hold() -> None:
    seen = world("10")
    assert not draft("sell", qty="1").reduces(seen, None)
    unknown = replace(seen, position=replace(seen.position, qty_available=None))
    assert not draft("sell", qty="1").reduces(unknown, D(10))
