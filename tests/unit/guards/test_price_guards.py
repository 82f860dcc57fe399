"""The price that an order is measured against, and the guards that measure by it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.guards.guard_sample import (
    AT,
    OPTION,
    D,
    asked,
    bounds,
    closed,
    draft,
    quoted,
    traded,
    verdicts,
    world,
)

from runner.guards import Draft, Judged, max_spread, price_collar
from runner.guards.reference import reference, wants_previous_close, wants_trade
from runner.world import World

NIGHT = closed(timestamp="2026-11-24T02:00:00Z")  # 21:00 in New York
PREMARKET = closed(timestamp="2026-11-23T13:00:00Z")  # 8:00 on a Monday
SUNDAY = closed(timestamp="2026-11-22T15:00:00Z")


def limit(side: str, price: str, **more: str) -> Draft:
    return draft(side, qty="1", type="limit", limit_price=price, **more)


def basis(order: Draft, seen: World, **more: Any) -> str | None:
    found = reference(Judged(order, seen, bounds(**more)))
    return None if found is None else f"{found.basis} {found.price:f}"


# ------------------------------------------------------------------------ the reference


@pytest.mark.parametrize(
    ("feed", "age", "fresh"),
    [
        ("sip", 10, True),
        ("sip", 10.001, False),
        ("iex", 60, True),
        ("iex", 60.001, False),
        ("simulated", 10, True),
        ("a feed nobody knows", 10.001, False),
    ],
)
def test_a_quote_is_the_reference_while_it_is_fresh(feed: str, age: float, fresh: bool) -> None:
    seen = world(quote=quoted("99.99", "100.01", feed=feed, age=age))
    assert basis(draft("buy"), seen) == ("ask 100.01" if fresh else None)
    assert basis(draft("sell"), seen) == ("bid 99.99" if fresh else None)


@pytest.mark.parametrize("ask", ["105.13", "105.12"])
def test_a_quote_is_a_reference_only_with_a_spread_within_the_collar(ask: str) -> None:
    within = ask == "105.12"  # 5.12 of a middle of 102.56 is 4.99%; 5.13 is 5.001%
    assert (basis(draft("buy"), world(quote=quoted("100", ask))) is not None) == within


@pytest.mark.parametrize(("age", "told"), [(60, True), (60.001, False)])
def test_without_a_quote_the_last_trade_of_a_minute_is_the_reference(
    age: float, told: bool
) -> None:
    seen = world(quote=quoted("99", "101", age=61))
    one = Judged(draft(), seen, bounds())
    assert wants_trade(one)
    assert not wants_previous_close(one)
    found = basis(draft(), seen, trade=traded("100", age))
    assert found == ("last trade 100" if told else None)


def test_a_last_trade_without_a_time_or_price_is_no_reference() -> None:
    seen = world(quote=None)
    assert basis(draft(), seen, trade=traded("100").__class__("AAPL", "iex", D(100), None)) is None
    assert basis(draft(), seen, trade=traded("100").__class__("AAPL", "iex", None, AT)) is None


def test_a_quote_is_not_asked_for_its_trade_while_it_will_do() -> None:
    one = Judged(draft(), world(), bounds())
    assert not wants_trade(one)
    assert not wants_previous_close(one)


def test_a_limit_beside_a_wide_quote_is_measured_by_its_cautious_side() -> None:
    wide = world(quote=quoted("80", "120"))
    assert basis(limit("buy", "80"), wide) == "bid 80"
    assert basis(limit("sell", "120"), wide) == "ask 120"
    assert basis(draft("buy"), wide) is None
    assert asked("price_collar", limit("buy", "84"), wide) == "pass"
    assert asked("price_collar", limit("buy", "84.01"), wide) == "refuse"
    assert asked("price_collar", limit("buy", "120"), wide) == "refuse"


@pytest.mark.parametrize("time_in_force", ["opg", "cls"])
def test_in_an_auction_the_previous_close_is_the_reference(time_in_force: str) -> None:
    order = limit("buy", "105", time_in_force=time_in_force)
    one = Judged(order, world(), bounds())
    assert wants_previous_close(one)
    assert not wants_trade(one)
    assert basis(order, world(), previous_close=D(100)) == "previous close 100"
    assert asked("price_collar", order, previous_close=D(100)) == "pass"
    assert asked("price_collar", order, previous_close=D("99.99")) == "refuse"
    assert asked("price_collar", order) == "refuse"


def test_an_order_that_waits_for_the_open_is_measured_by_what_was_seen_last() -> None:
    old = quoted("99.99", "100.01", age=200_000)
    assert basis(draft(), world(quote=old, clock=closed())) == "ask 100.01"
    wide = world(quote=quoted("50", "150", age=200_000), clock=closed())
    assert wants_previous_close(Judged(draft(), wide, bounds()))
    assert basis(draft(), wide, trade=traded("101", 70_000)) == "last trade 101"
    assert basis(draft(), wide, previous_close=D(102)) == "previous close 102"
    assert basis(draft(), wide) is None
    priced = limit("buy", "102")
    assert asked("price_collar", priced, wide, previous_close=D(102)) == "pass"
    assert asked("price_collar", priced, wide) == "refuse"


@pytest.mark.parametrize(
    ("close", "said"),
    [
        (D(100), "pass"),
        (D("105.27"), "pass"),  # 100.01 is 4.997% below it
        (D("105.28"), "refuse"),
        (D("95.25"), "pass"),  # 4.997% above
        (D("95.24"), "refuse"),
        (None, "refuse"),
    ],
)
def test_a_market_order_that_waits_for_the_open_is_no_proof_of_its_own_price(
    close: Decimal | None, said: str
) -> None:
    """An old quote beside itself proves nothing: it must lie near the previous close."""
    seen = world(quote=quoted("99.99", "100.01", age=60_000), clock=closed())
    assert wants_previous_close(Judged(draft(), seen, bounds()))
    assert asked("price_collar", draft(), seen, previous_close=close) == said
    assert asked("price_collar", limit("buy", "100"), seen, previous_close=None) == "pass"


def test_without_a_usable_quote_it_is_the_last_trade_that_must_lie_near_the_close() -> None:
    wide = world(quote=quoted("50", "150", age=200_000), clock=closed())
    for trade, said in ((None, "refuse"), (traded("101", 9000), "pass"), (traded("90"), "refuse")):
        found = asked("price_collar", draft(), wide, previous_close=D(100), trade=trade)
        assert found == said


@pytest.mark.parametrize("collar", ["0.01", "0.6", "3"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_bad_order_of_the_collar_is_measured_by_the_limit_that_holds(
    side: str, collar: str
) -> None:
    one = Judged(draft(side), world(), bounds(price_collar=D(collar)))
    bad = price_collar.known_bad(one)
    assert bad.bounds.rules == one.bounds.rules
    verdict = price_collar.judge(bad)
    assert verdict is not None
    assert "from the market" in verdict.message
    assert verdict.refused


@pytest.mark.parametrize("most", ["0.01", "0.95", "1.9", "2", "5"])
def test_the_bad_order_of_the_spread_is_measured_by_the_limit_that_holds(most: str) -> None:
    one = Judged(draft(), world(), bounds(max_spread=D(most)))
    bad = max_spread.known_bad(one)
    assert bad.bounds.rules == one.bounds.rules
    verdict = max_spread.judge(bad)
    assert verdict is not None
    assert verdict.refused


@pytest.mark.parametrize(
    ("clock", "needs_fresh"), [(PREMARKET, True), (NIGHT, False), (SUNDAY, False)]
)
def test_an_order_for_extended_hours_needs_a_fresh_quote_while_they_are_on(
    clock: Any, needs_fresh: bool
) -> None:
    order = Draft("AAPL", "buy", {**limit("buy", "100").body, "extended_hours": True})
    old = {**quoted("99.99", "100.01"), "quote": {"bp": "99.99", "ap": "100.01",
           "t": "2026-11-20T21:00:00Z"}}  # fmt: skip
    found = asked("price_collar", order, world(quote=old, clock=clock))
    assert found == ("refuse" if needs_fresh else "pass")


def test_crypto_is_never_closed() -> None:
    order = draft("buy", "BTC/USD", qty="1")
    old = {**quoted("99.99", "100.01", feed="us", age=61), "symbol": "BTC/USD"}
    seen = world(quote=old, clock=closed(timestamp="2026-11-23T15:00:00Z"))
    assert basis(order, seen) is None
    fresh = {**quoted("99.99", "100.01", feed="us", age=60), "symbol": "BTC/USD"}
    assert basis(order, world(quote=fresh, clock=closed())) == "ask 100.01"


@pytest.mark.parametrize("missing", ["timestamp", "is_open"])
def test_a_clock_that_does_not_say_the_time_makes_no_old_quote_fresh(missing: str) -> None:
    seen = world(quote=quoted("99.99", "100.01", age=61), clock={**closed(), missing: None})
    if missing == "timestamp":
        seen = world(quote=quoted("99.99", "100.01"), clock={"is_open": True})
    assert basis(draft(), seen) is None


# ------------------------------------------------------------------------ price_collar


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        (limit("buy", "103.01"), False),
        (limit("buy", "103.0103"), False),
        (limit("buy", "103.0104"), True),
        (limit("buy", "50"), False),
        (limit("sell", "96.9903"), False),
        (limit("sell", "96.9902"), True),
        (limit("sell", "500"), False),
        (draft("buy", qty="1", type="stop_limit", stop_price="120", limit_price="123.6"), False),
        (draft("buy", qty="1", type="stop_limit", stop_price="120", limit_price="123.61"), True),
        (draft("sell", qty="1", type="stop_limit", stop_price="80", limit_price="77.6"), False),
        (draft("sell", qty="1", type="stop_limit", stop_price="80", limit_price="77.59"), True),
        (draft("buy", qty="1", type="stop_limit", limit_price="77"), True),
        (draft("buy", qty="1", type="stop", stop_price="140"), False),
    ],
)
def test_the_collar_measures_on_the_costly_side(order: Draft, refused: bool) -> None:
    assert asked("price_collar", order, price_collar=D("0.03")) == ("refuse" if refused else "pass")


def test_without_a_limit_of_its_own_the_default_collar_holds() -> None:
    assert asked("price_collar", limit("buy", "105.01")) == "pass"
    assert asked("price_collar", limit("buy", "105.02")) == "refuse"
    option = {**quoted("1.00", "1.04", feed="opra"), "symbol": OPTION}
    for price, said in (("1.30", "pass"), ("1.31", "refuse")):
        order = draft("buy", OPTION, qty="1", type="limit", limit_price=price)
        assert asked("price_collar", order, world(quote=option), symbols=None) == said


@pytest.mark.parametrize(
    ("ask", "said"),
    [("105", "pass"), ("105.01", "refuse"), ("0", "refuse")],
)
def test_a_market_order_beside_a_last_trade_is_measured_by_what_it_would_take(
    ask: str, said: str
) -> None:
    seen = world(quote=quoted("99", ask, age=61))
    assert asked("price_collar", draft(), seen, trade=traded("100", 5)) == said


def test_the_first_order_of_an_oco_is_measured_by_its_take_profit() -> None:
    body: dict[str, Any] = {"order_class": "oco", "take_profit": {"limit_price": "94"},
                            "stop_loss": {"stop_price": "90"}}  # fmt: skip
    order = draft("sell", qty="1", type="limit", **body)
    assert asked("price_collar", order) == "refuse"


def test_the_verdict_says_what_the_price_was_measured_by() -> None:
    verdict = verdicts(limit("buy", "101"), world(quote=quoted("99.99", "100.01", age=3.5)))
    assert dict(verdict["price_collar"].values) == {
        "price": "101", "market": "100.01", "basis": "ask", "feed": "iex", "age": "3.5",
        "away": "0.009899", "price_collar": "0.05",
    }  # fmt: skip


PRICES = st.decimals("0.01", "5000", places=2)


@given(bid=PRICES, ask=PRICES, price=PRICES, collar=st.decimals("0.001", "0.5", places=3),
       side=st.sampled_from(["buy", "sell"]))  # fmt: skip
@settings(max_examples=100)
def test_no_limit_beyond_the_collar_of_the_touch_ever_passes(
    bid: Decimal, ask: Decimal, price: Decimal, collar: Decimal, side: str
) -> None:
    order = limit(side, f"{price:f}")
    said = asked("price_collar", order, world(quote=quoted(f"{bid}", f"{ask}")),
                 price_collar=collar)  # fmt: skip
    worst = max(bid, ask) * (1 + collar) if side == "buy" else min(bid, ask) * (1 - collar)
    if price > worst if side == "buy" else price < worst:
        assert said == "refuse"


# ------------------------------------------------------------------------ stop_distance


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (draft("buy", qty="1", type="stop", stop_price="150.015"), "pass"),
        (draft("buy", qty="1", type="stop", stop_price="150.02"), "refuse"),
        (draft("sell", qty="1", type="stop", stop_price="49.995"), "pass"),
        (draft("sell", qty="1", type="stop", stop_price="49.99"), "refuse"),
        (draft("buy", qty="1", type="stop_limit", stop_price="151", limit_price="151"), "refuse"),
        (draft("buy", qty="1", type="trailing_stop", trail_price="50"), "pass"),
        (draft("buy", qty="1", type="trailing_stop", trail_price="50.01"), "refuse"),
        (draft("sell", qty="1", type="trailing_stop", trail_percent="50"), "pass"),
        (draft("sell", qty="1", type="trailing_stop", trail_percent="50.1"), "refuse"),
        (draft("sell", qty="1", type="trailing_stop"), "refuse"),
        (limit("buy", "100"), ""),
    ],
)
def test_a_stop_lies_within_its_distance(order: Draft, said: str) -> None:
    assert asked("stop_distance", order) == said


def test_the_distance_of_a_stop_is_set_by_its_limit_and_unknown_refuses() -> None:
    order = draft("buy", qty="1", type="stop", stop_price="111")
    assert asked("stop_distance", order, stop_distance=D("0.1")) == "refuse"
    assert asked("stop_distance", order, stop_distance=D("0.11")) == "pass"
    assert asked("stop_distance", order, world(quote=None)) == "refuse"


# ------------------------------------------------------------------------ max_spread


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (draft("buy"), "refuse"),
        (draft("buy", qty="1", type="stop", stop_price="120"), "refuse"),
        (limit("buy", "90"), ""),
        (draft("buy", qty="1", time_in_force="cls"), "pass"),
    ],
)
def test_a_wide_spread_refuses_an_order_without_a_limit(order: Draft, said: str) -> None:
    assert asked("max_spread", order, world(quote=quoted("94.99", "100"))) == said


def test_the_spread_is_a_part_of_the_middle() -> None:
    seen = world(quote=quoted("99", "101"))
    assert asked("max_spread", draft(), seen, max_spread=D("0.02")) == "pass"
    assert asked("max_spread", draft(), seen, max_spread=D("0.0199")) == "refuse"
    option = {**quoted("1.00", "1.35", feed="opra"), "symbol": OPTION}
    assert asked("max_spread", draft("buy", OPTION, qty="1"), world(quote=option)) == "pass"


@pytest.mark.parametrize("quote", [None, quoted("99", "0"), quoted("0", "99")])
def test_a_spread_that_cannot_be_told_refuses(quote: Any) -> None:
    assert asked("max_spread", draft(), world(quote=quote)) == "refuse"
