"""The guards that hold the broker's own rules: every boundary, and what is not known."""

from __future__ import annotations

from dataclasses import replace as replace_limits
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace
from unit.guards.broker_worlds import AT, CALL, PUT, body, clock_at, judged

from runner.effects import Json
from runner.guards import (
    GUARDS,
    Draft,
    Judged,
    Rules,
    allowed_side,
    asset_flags,
    auction_cutoff,
    bracket_geometry,
    clock_skew,
    day_trades,
    fractional,
    judge,
    no_crossing_zero,
    options_level,
    order_terms,
    price_increment,
    shorting,
    smallest_order,
    wash_trade,
)
from runner.guards.guard import Guard
from runner.guards.rules import CEILINGS
from runner.language.expressions import on_grid
from runner.steps.order_rules import check as check_statically
from runner.world import Position, is_option

D = Decimal
MINE = (
    allowed_side, asset_flags, auction_cutoff, bracket_geometry, clock_skew, day_trades,
    fractional, no_crossing_zero, options_level, order_terms, price_increment, shorting,
    smallest_order, wash_trade,
)  # fmt: skip


def refused(guard: Any, one: Judged) -> bool:
    """Whether a guard refuses; None counts as no objection."""
    verdict = guard.judge(one)
    assert verdict is None or verdict.guard == guard.CODE
    return verdict is not None and verdict.refused


def message(guard: Any, one: Judged) -> str:
    verdict = guard.judge(one)
    assert verdict is not None
    text: str = verdict.message
    return text


# ----------------------------------------------------------------------- all of them


@pytest.mark.parametrize("guard", [one.GUARD for one in MINE], ids=lambda one: one.code)
def test_each_is_asked_and_refuses_its_known_bad_order_made_of_any(guard: Guard) -> None:
    assert guard in GUARDS
    assert all((guard.refuses, guard.default, guard.reason, guard.source))
    for one in (
        judged(),
        judged(side="sell", held="5", qty="5"),
        judged(symbol="BTC/USD", time_in_force="gtc"),
        judged(symbol=CALL, type="limit", limit_price="1"),
    ):
        verdict = guard.judge(guard.known_bad(one))
        assert verdict is not None
        assert verdict.refused


def test_an_ordinary_order_passes_all_of_them() -> None:
    for one in (
        judged(),
        judged(qty="0.5"),
        judged(type="limit", limit_price="99.5", time_in_force="gtc"),
        judged(symbol="BTC/USD", time_in_force="gtc", qty="0.2"),
        judged(symbol=CALL, type="limit", limit_price="1.05"),
        judged(side="sell", held="5", qty="5"),
    ):
        assert [guard.CODE for guard in MINE if refused(guard, one)] == []


def test_an_order_that_only_reduces_is_exempt_from_all_of_them() -> None:
    order = body(side="sell", qty="5", type="limit", limit_price="99.999", time_in_force="opg")
    one = judged(
        order,
        held="5",
        clock={"timestamp": None},
        account={"pattern_day_trader": True},
        rules=Rules(sides=("buy",), target="live"),
        orders=[{"id": "o", "symbol": "AAPL", "side": "buy", "type": "market", "status": "new"}],
    )
    assert refused(price_increment, one)
    assert [verdict.guard for verdict in judge(one.draft, [one]) if verdict.refused] == []


# ----------------------------------------------------------------------- price_increment


@pytest.mark.parametrize(
    ("prices", "wrong"),
    [
        ({"type": "limit", "limit_price": "1"}, False),
        ({"type": "limit", "limit_price": "100.10"}, False),
        ({"type": "limit", "limit_price": "100.1000"}, False),
        ({"type": "limit", "limit_price": "1.001"}, True),
        ({"type": "limit", "limit_price": "0.9999"}, False),
        ({"type": "limit", "limit_price": "0.99991"}, True),
        ({"type": "limit", "limit_price": "0"}, True),
        ({"type": "limit", "limit_price": "-1"}, True),
        ({"type": "limit", "limit_price": "much"}, True),
        ({"type": "stop", "stop_price": "120.005"}, True),
        ({"take_profit": {"limit_price": "120.005"}}, True),
        ({"stop_loss": {"stop_price": "80.005"}}, True),
        ({"stop_loss": {"stop_price": "80", "limit_price": "79.999"}}, True),
        ({"stop_loss": {"stop_price": "80", "limit_price": "79.99"}}, False),
        ({"qty": "0.123456789"}, False),
        ({"qty": "0.1234567891"}, True),
        ({"qty": "0"}, True),
        ({"qty": "1e400"}, False),
    ],
)
def test_prices_of_stocks_are_on_the_grid_and_quantities_have_nine_places(
    prices: dict[str, Any], wrong: bool
) -> None:
    assert refused(price_increment, judged(**prices)) is wrong


@pytest.mark.parametrize(
    ("order", "wrong"),
    [
        ({"limit_price": "0.05"}, False),
        ({"limit_price": "0.055"}, True),
        ({"limit_price": "12.34"}, False),
        ({"limit_price": "12.345"}, True),
        ({"limit_price": "1", "qty": "1.5"}, True),
    ],
)
def test_options_are_in_cents_and_whole_contracts(order: dict[str, Any], wrong: bool) -> None:
    one = judged(symbol=CALL, type="limit", **order)
    assert refused(price_increment, one) is wrong


def test_the_net_of_several_legs_may_be_negative_and_is_in_cents() -> None:
    def net(price: str, qty: str = "2") -> bool:
        order = {"type": "limit", "time_in_force": "day", "qty": qty, "order_class": "mleg",
                 "limit_price": price}  # fmt: skip
        verdict = price_increment.judge_legs(Draft("", "", order), [judged(symbol=CALL)])
        return verdict is not None and verdict.refused

    assert (net("-1.05"), net("-1.055"), net("1", "1.5")) == (False, True, True)


@pytest.mark.parametrize(
    ("order", "asset", "wrong"),
    [
        ({"qty": "0.2"}, {}, False),
        ({"qty": "0.0001"}, {}, False),
        ({"qty": "0.00005"}, {}, True),  # below the smallest
        ({"qty": "0.20005"}, {}, True),  # no multiple
        ({"qty": "0.2"}, {"min_order_size": None}, True),
        ({"qty": "0.2"}, {"min_trade_increment": None}, True),
        ({"qty": "0.2"}, {"price_increment": None}, False),  # a market order needs none
        ({"notional": "50"}, {"min_order_size": None, "min_trade_increment": None}, False),
        ({"qty": "0.2", "type": "limit", "limit_price": "100.5"}, {}, False),
        ({"qty": "0.2", "type": "limit", "limit_price": "100.25"}, {}, True),
        ({"qty": "0.2", "type": "limit", "limit_price": "100"}, {"price_increment": None}, True),
    ],
)
def test_crypto_is_in_the_increments_of_its_pair(
    order: dict[str, Any], asset: dict[str, Any], wrong: bool
) -> None:
    one = judged(symbol="BTC/USD", time_in_force="gtc", asset=asset, **order)
    assert refused(price_increment, one) is wrong


@pytest.mark.parametrize("text", ["0.9999", "1", "1.01", "1.010", "99.999", "0.00001", "5", "10.1"])
def test_the_grid_is_the_one_that_the_checker_holds(text: str) -> None:
    one = judged(type="limit", limit_price=text)
    assert refused(price_increment, one) is not on_grid(D(text))


def test_what_is_finer_than_the_grid_is_told_which_grid() -> None:
    above, below = (judged(type="limit", limit_price=price) for price in ("1.001", "0.99991"))
    assert "of $1 and more have at most 2" in message(price_increment, above)
    assert "below $1 have at most 4" in message(price_increment, below)


def test_what_is_not_said_is_told_apart_from_what_is_refused() -> None:
    unsaid = judged(qty="0.5", configuration={"fractional_trading": None})
    assert "did not say" in message(fractional, unsaid)
    assert "does not say" in message(asset_flags, judged(qty="0.5", asset={"fractionable": None}))


# ----------------------------------------------------------------------- order_terms

KINDS = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES = ("day", "gtc", "opg", "cls", "ioc", "fok")
CLASSES = ("simple", "bracket", "oco", "oto")
TERM_CODES = {"RB505", "RB506", "RB508", "RB513", "RB514", "RB517"}


@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USD", CALL])
@pytest.mark.parametrize("order_class", CLASSES)
def test_the_table_refuses_what_the_checker_refuses_and_nothing_else(
    symbol: str, order_class: str
) -> None:
    """Two rules written apart: one over what a runbook says, one over the body that leaves."""
    for kind, in_force, extended, qty in product(KINDS, TIMES, (True, False), ("1", "0.5")):
        if "/" in symbol and (kind in ("stop", "trailing_stop") or order_class != "simple"):
            continue  # the checker leaves these to the broker
        if "/" in symbol and extended:
            continue
        auction = kind in ("stop", "stop_limit") and in_force in ("opg", "cls")
        if auction or (is_option(symbol) and (order_class != "simple" or qty != "1")):
            continue
        if qty != "1" and order_class != "simple":
            continue  # `fractional` refuses these
        known = {"symbol": symbol, "side": "buy", "type": kind, "time_in_force": in_force,
                 "order_class": order_class, "extended_hours": extended, "qty": D(qty)}  # fmt: skip
        found = {finding.code for finding in check_statically(known, frozenset(known))}
        one = judged(symbol=symbol, type=kind, time_in_force=in_force, qty=qty,
                     order_class=order_class, extended_hours=extended)  # fmt: skip
        assert refused(order_terms, one) is bool(found & TERM_CODES), (known, found)


@pytest.mark.parametrize(
    "order",
    [
        {"symbol": "BTC/USD", "time_in_force": "gtc", "type": "stop"},
        {"symbol": "BTC/USD", "time_in_force": "gtc", "type": "trailing_stop"},
        {"symbol": "BTC/USD", "time_in_force": "gtc", "order_class": "bracket"},
        {"symbol": "BTC/USD", "time_in_force": "gtc", "type": "limit", "extended_hours": True},
        {"symbol": CALL, "order_class": "bracket", "type": "limit"},
        {"type": "stop", "time_in_force": "opg"},
        {"type": "stop_limit", "time_in_force": "cls"},
        {"type": "iceberg"},
        {"time_in_force": "gtd"},
        {"time_in_force": None},
        {"order_class": "ladder"},
    ],
)
def test_terms_that_no_row_allows_are_refused(order: dict[str, Any]) -> None:
    assert refused(order_terms, judged(**order))


def test_a_class_of_assets_without_terms_is_refused() -> None:
    one = judged(asset={"class": "treasury"})
    assert "no terms are known" in message(order_terms, one)


@pytest.mark.parametrize(
    ("attributes", "wrong"),
    [(["fractional_eh_enabled"], False), ([], True), (None, True), (["overnight_tradable"], True)],
)
def test_fractions_in_extended_hours_take_an_attribute(
    attributes: list[str] | None, wrong: bool
) -> None:
    more: dict[str, Any] = {"type": "limit", "limit_price": "99", "extended_hours": True}
    asset = {"attributes": attributes}
    assert refused(order_terms, judged(qty="0.5", asset=asset, **more)) is wrong
    assert not refused(order_terms, judged(qty="1", asset=asset, **more))


def test_an_order_for_the_night_in_an_asset_that_sleeps_waits_and_is_told_so() -> None:
    night = clock_at("2026-11-23T21:00", "2026-11-24T09:30", "2026-11-24T16:00")
    more: dict[str, Any] = {"type": "limit", "limit_price": "99", "extended_hours": True}
    one = judged(clock=night, asset={"attributes": []}, **more)
    assert "waits for 4:00" in message(order_terms, one)
    assert "waits" not in message(order_terms, judged(clock=night, **more))


@pytest.mark.parametrize(("is_open", "wrong"), [(True, False), (False, True), (None, True)])
def test_options_at_the_market_take_an_open_market(is_open: bool | None, wrong: bool) -> None:
    assert refused(order_terms, judged(symbol=CALL, clock={"is_open": is_open})) is wrong
    limit = judged(symbol=CALL, type="limit", limit_price="1", clock={"is_open": is_open})
    assert not refused(order_terms, limit)


def test_every_row_names_its_source() -> None:
    assert all(row.source and row.types and row.in_force for row in order_terms.TERMS)
    assert order_terms.AS_OF.isoformat() == "2026-11-22"
    assert order_terms.AS_OF.isoformat() in order_terms.GUARD.source


# ----------------------------------------------------------------------- auction_cutoff

MORNING = ("2026-11-23T09:30", "2026-11-23T16:00")
TOMORROW = ("2026-11-24T09:30", "2026-11-24T16:00")
HALF_DAY = ("2026-11-27T09:30", "2026-11-27T13:00")
MONDAY = ("2026-11-30T09:30", "2026-11-30T16:00")


@pytest.mark.parametrize(
    ("in_force", "clock", "wrong"),
    [
        ("opg", clock_at("2026-11-23T04:00", *MORNING), False),
        ("opg", clock_at("2026-11-23T09:27:49", *MORNING), False),
        ("opg", clock_at("2026-11-23T09:27:50", *MORNING), True),
        ("opg", clock_at("2026-11-23T09:29", *MORNING), True),
        ("opg", clock_at("2026-11-23T10:00", TOMORROW[0], MORNING[1], is_open=True), True),
        ("opg", clock_at("2026-11-23T16:30", *TOMORROW), True),
        ("opg", clock_at("2026-11-23T18:59:59", *TOMORROW), True),
        ("opg", clock_at("2026-11-23T19:00", *TOMORROW), False),
        ("cls", clock_at("2026-11-23T08:00", *MORNING), False),
        ("cls", clock_at("2026-11-23T15:49:49", TOMORROW[0], MORNING[1], is_open=True), False),
        ("cls", clock_at("2026-11-23T15:49:50", TOMORROW[0], MORNING[1], is_open=True), True),
        ("cls", clock_at("2026-11-23T17:00", *TOMORROW), True),
        ("cls", clock_at("2026-11-23T19:00", *TOMORROW), False),
        # a short day
        ("cls", clock_at("2026-11-27T12:49:49", MONDAY[0], HALF_DAY[1], is_open=True), False),
        ("cls", clock_at("2026-11-27T12:49:50", MONDAY[0], HALF_DAY[1], is_open=True), True),
        ("cls", clock_at("2026-11-27T13:30", *MONDAY), True),
        # no session on this day
        ("opg", clock_at("2026-11-28T10:00", *MONDAY), False),
        ("cls", clock_at("2026-11-28T17:00", *MONDAY), False),
        ("opg", clock_at("2026-11-26T10:00", *HALF_DAY), False),
        # Thanksgiving in the afternoon looks like a day that has closed
        ("opg", clock_at("2026-11-26T14:00", *HALF_DAY), True),
    ],
)
def test_auctions_have_a_cut_off_by_the_brokers_clock(
    in_force: str, clock: dict[str, Any], wrong: bool
) -> None:
    assert refused(auction_cutoff, judged(time_in_force=in_force, clock=clock)) is wrong


@pytest.mark.parametrize("field", ["timestamp", "is_open", "next_open", "next_close"])
def test_a_clock_that_does_not_say_refuses_auctions_only(field: str) -> None:
    assert refused(auction_cutoff, judged(time_in_force="cls", clock={field: None}))
    assert auction_cutoff.judge(judged(clock={field: None})) is None


# ----------------------------------------------------------------------- asset flags, fractions


@pytest.mark.parametrize("value", [False, None])
def test_a_flag_refuses_only_what_needs_it(value: bool | None) -> None:
    plain = {"fractionable": value, "marginable": value, "shortable": value, "attributes": None,
             "easy_to_borrow": value}  # fmt: skip
    whole = judged(asset=plain)
    assert [guard.CODE for guard in MINE if refused(guard, whole)] == []
    assert refused(asset_flags, judged(qty="0.5", asset=plain))
    assert refused(asset_flags, judged(notional="50", asset=plain))
    assert refused(asset_flags, judged(side="sell", asset=plain))
    assert not refused(asset_flags, judged(side="sell", held="5", asset=plain))
    assert asset_flags.judge(judged(symbol="BTC/USD", qty="0.5", asset=plain)) is None


@pytest.mark.parametrize(
    ("order", "configuration", "wrong"),
    [
        ({"qty": "0.5"}, {}, False),
        ({"notional": "50"}, {}, False),
        ({"qty": None}, {}, True),
        ({"qty": "1", "notional": "50"}, {}, True),
        ({"qty": "0.5"}, {"fractional_trading": False}, True),
        ({"qty": "0.5"}, {"fractional_trading": None}, True),
        ({"qty": "1"}, {"fractional_trading": None}, False),
        ({"qty": "0.5", "order_class": "bracket"}, {}, True),
        ({"qty": "0.5", "side": "sell"}, {}, True),  # nothing held: it would be short
        ({"symbol": CALL, "notional": "50", "qty": None}, {}, True),
        ({"symbol": "BTC/USD", "qty": "0.5"}, {"fractional_trading": False}, False),
    ],
)
def test_fractions_have_rules_of_their_own(
    order: dict[str, Any], configuration: dict[str, Any], wrong: bool
) -> None:
    assert refused(fractional, judged(body(**order), configuration=configuration)) is wrong


def test_a_fraction_of_what_is_held_may_be_sold() -> None:
    assert not refused(fractional, judged(side="sell", qty="0.5", held="0.5"))
    assert refused(fractional, judged(side="sell", qty="0.5", held="0.4"))
    assert refused(fractional, judged(side="sell", qty="0.5", held=None))


@pytest.mark.parametrize(
    ("order", "wrong"),
    [
        ({"notional": "1"}, False),
        ({"notional": "0.99"}, True),
        ({"qty": "0.01", "type": "limit", "limit_price": "100"}, False),
        ({"qty": "0.01", "type": "limit", "limit_price": "99.99"}, True),
        ({"qty": "0.5", "quote": None}, True),
        ({"qty": "0.5"}, False),
        ({"qty": "0.005"}, True),
        ({"qty": "0.001", "side": "sell", "held": "5"}, False),  # a rest may always be sold
        ({"symbol": "BTC/USD", "qty": "0.1"}, False),
        ({"symbol": "BTC/USD", "qty": "0.09"}, True),
        ({"symbol": "BTC/USD", "notional": "10"}, False),
        ({"symbol": "BTC/USD", "notional": "9.99"}, True),
    ],
)
def test_fractions_and_crypto_have_a_smallest_order(order: dict[str, Any], wrong: bool) -> None:
    assert refused(smallest_order, judged(**order)) is wrong


# ----------------------------------------------------------------------- bracket_geometry


def group(order_class: str, profit: str | None, stop: str | None, **more: Any) -> Judged:
    exits: dict[str, Any] = {"order_class": order_class}
    if profit is not None:
        exits["take_profit"] = {"limit_price": profit}
    if stop is not None:
        exits["stop_loss"] = {"stop_price": stop}
    return judged(**exits, **more)


LIMIT: dict[str, Any] = {"type": "limit", "limit_price": "100"}
STOP_ENTRY: dict[str, Any] = {"type": "stop", "stop_price": "120"}
SHORT: dict[str, Any] = {"side": "sell"}


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (group("bracket", "100.01", "99.99", **LIMIT), False),
        (group("bracket", "100", "99.99", **LIMIT), True),
        (group("bracket", "100.01", "100", **LIMIT), True),
        (group("bracket", "99.99", "100.01", **LIMIT, **SHORT), False),
        (group("bracket", "100", "100.01", **LIMIT, **SHORT), True),
        (group("bracket", "99.99", "100", **LIMIT, **SHORT), True),
        (group("bracket", "121", "119", **STOP_ENTRY), False),
        (group("bracket", "120", "119", **STOP_ENTRY), True),
        # at the market: beyond the side of the quote that is harder to clear
        (group("bracket", "100.02", "99.98"), False),
        (group("bracket", "100.01", "99.98"), True),
        (group("bracket", "100.02", "99.99"), True),
        (group("bracket", "100.02", "99.98", quote=None), True),
        (group("bracket", "99.98", "100.02", **SHORT), False),
        (group("bracket", "99.99", "100.02", **SHORT), True),
        (group("bracket", "99.98", "100.01", **SHORT), True),
        (group("bracket", None, "99"), True),
        (group("bracket", "101", None), True),
        (group("oto", "101", None), False),
        (group("oto", None, "99"), False),
        (group("oto", None, "101"), True),
        (group("oto", None, None), True),
        # a bracket opens, an oco closes
        (group("bracket", "99", "101", side="sell", held="5"), True),
        (group("bracket", "99", "101", side="sell", held=None), True),
        (group("oco", "105", "95", type="limit", side="sell"), True),
        (group("oco", "105", "95", type="limit", side="sell", held="5"), False),
        (group("oco", "105", "106", type="limit", side="sell", held="5"), True),
        (group("oco", "95", "95", type="limit", side="sell", held="5"), True),
        (group("oco", "105", "99.99", type="limit", side="sell", held="5"), True),
        (group("oco", "95", "105", type="limit", side="buy", held="-5"), False),
        (group("oco", "95", "100.01", type="limit", side="buy", held="-5"), True),
        (group("oco", "95", "105", type="limit", side="buy", held="5"), True),
    ],
)
def test_exits_lie_on_their_sides_of_the_entry(one: Judged, wrong: bool) -> None:
    assert refused(bracket_geometry, one) is wrong


def test_a_simple_order_has_no_geometry() -> None:
    assert bracket_geometry.judge(judged(quote=None)) is None


# ----------------------------------------------------------------------- crossing and shorting


@pytest.mark.parametrize(
    ("side", "qty", "position", "wrong"),
    [
        ("sell", "10", {"held": "10"}, False),
        ("sell", "11", {"held": "10"}, True),
        ("sell", "5", {"held": "10", "free": "5"}, False),
        ("sell", "6", {"held": "10", "free": "5"}, True),  # an open order takes the rest
        ("sell", "10", {"held": "10", "expected": "6"}, True),  # this run has sold four already
        # nothing is left to cross: `shorting` judges it
        ("sell", "10", {"held": "10", "expected": "0"}, False),
        ("buy", "10", {"held": "-10"}, False),
        ("buy", "11", {"held": "-10"}, True),
        ("buy", "11", {"held": "10"}, False),
        ("sell", "1", {"held": "0"}, False),
        ("sell", "1", {"held": None}, True),
    ],
)
def test_one_order_never_crosses_zero(
    side: str, qty: str, position: dict[str, Any], wrong: bool
) -> None:
    assert refused(no_crossing_zero, judged(side=side, qty=qty, **position)) is wrong


def held_by(**order: Any) -> str:
    """What is said of a second exit for ten shares of which an open order holds eight."""
    holder: dict[str, Any] = {"id": "o", "client_order_id": "my-stop", "symbol": "AAPL",
                              "side": "sell", "type": "stop", "status": "new", "qty": "8",
                              "filled_qty": "0", "stop_price": "90", **order}  # fmt: skip
    return message(no_crossing_zero, judged(side="sell", qty="10", held="10", free="2",
                                            orders=[holder]))  # fmt: skip


def test_a_second_exit_is_told_which_order_holds_the_shares_and_what_helps() -> None:
    said = held_by()
    assert "the rest is held by the open order my-stop (sell 8 AAPL stop 90)" in said
    assert "`oco`" in said
    assert "cancel that order first" in said
    assert "cross zero" not in said
    assert "cross zero" in message(no_crossing_zero, judged(side="sell", qty="11", held="10"))
    leg = {"id": "leg", "client_order_id": "its-exit", "symbol": "AAPL", "side": "sell",
           "type": "limit", "status": "new", "qty": "8", "limit_price": "110"}  # fmt: skip
    entered = held_by(side="buy", status="filled", order_class="bracket", legs=[leg])
    assert "its-exit (sell 8 AAPL limit 110)" in entered
    assert "does not show" in held_by(symbol="MSFT")


def test_a_sale_for_dollars_is_reckoned_in_shares() -> None:
    assert not refused(no_crossing_zero, judged(side="sell", notional="900", held="10"))
    assert refused(no_crossing_zero, judged(side="sell", notional="1100", held="10"))
    unknown = judged(side="sell", notional="900", held="10", quote=None)
    assert refused(no_crossing_zero, unknown)


def test_what_an_order_held_whose_place_it_takes_is_free() -> None:
    one = judged(side="sell", qty="10", held="10", free="0")
    old = judged(orders=[{"id": "o", "symbol": "AAPL", "side": "sell", "type": "stop",
                          "status": "new", "qty": "10", "filled_qty": "0"}])  # fmt: skip
    assert refused(no_crossing_zero, one)
    changed = replace(one.draft, instead=old.world.open_orders)
    assert not refused(no_crossing_zero, replace(one, draft=changed))


@pytest.mark.parametrize(
    ("held", "expected"), [("5", "0"), ("0", "5"), ("5", "5"), ("7", "5"), ("5", "-5")]
)
def test_an_exit_that_says_so_is_not_trapped_by_a_position_that_is_shown_late(
    held: str, expected: str
) -> None:
    """The broker refuses the intent where there is nothing to close: nothing can open by it."""
    exit_: dict[str, Any] = {"side": "sell", "qty": "5", "held": held, "expected": expected}
    says_so = judged(position_intent="sell_to_close", **exit_)
    assert not refused(shorting, says_so)
    assert not refused(no_crossing_zero, says_so)
    certain = min(int(held), int(expected)) >= 5
    assert refused(shorting, judged(**exit_)) is not certain
    too_much = judged(position_intent="sell_to_close", **{**exit_, "qty": "8"})
    assert refused(shorting, too_much)
    assert refused(no_crossing_zero, too_much)


def test_a_refusal_for_a_position_shown_late_says_how_to_get_out() -> None:
    one = judged(side="sell", qty="5", held="0", expected="5")
    assert "an exit that says position_intent: sell_to_close" in message(shorting, one)
    assert "the account shows" not in message(shorting, judged(side="sell"))


ALLOWED = Rules(allow_shorting=True)


def short(**more: Any) -> Judged:
    known: dict[str, Any] = {"side": "sell", "position_intent": "sell_to_open", "rules": ALLOWED}
    return judged(**{**known, **more})


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (short(), False),
        (short(position_intent=None), True),
        (short(position_intent="sell_to_close"), True),
        (short(rules=Rules()), True),
        (short(account={"shorting_enabled": False}), True),
        (short(account={"shorting_enabled": None}), True),
        (short(configuration={"no_shorting": True}), True),
        (short(configuration={"no_shorting": None}), True),
        (short(asset={"shortable": False}), True),
        (short(asset={"shortable": None}), True),
        (short(asset={"easy_to_borrow": False}), True),
        (short(asset={"easy_to_borrow": None}), True),
        (short(asset={"easy_to_borrow": None, "borrow_status": "easy_to_borrow"}), False),
        (short(asset={"borrow_status": "hard_to_borrow"}), True),
        (short(account={"equity": "2000"}), False),
        (short(account={"equity": "1999.99"}), True),
        (short(account={"equity": None}), True),
        (short(held="-5"), False),  # more of a short position
        (short(held="-5", position_intent=None), True),
        (short(held=None), True),
        (short(symbol="BTC/USD", time_in_force="gtc"), True),
        (judged(side="sell", held="5", qty="5"), False),
        (judged(side="sell", held="5", qty="6"), True),
        (judged(side="sell", held="5", qty="5", expected="0"), True),  # it is sold already
        (judged(), False),
    ],
)
def test_what_is_not_held_is_sold_on_purpose_only(one: Judged, wrong: bool) -> None:
    assert refused(shorting, one) is wrong


def test_a_configuration_that_could_not_be_read_allows_no_short() -> None:
    one = short()
    assert refused(shorting, replace(one, bounds=replace(one.bounds, configuration=None)))


def legs_verdict(*legs: tuple[str, str, str | None, str], rules: Rules | None = None) -> bool:
    """Whether a multi-leg order is refused: symbol, side, intent and what is held of each."""
    rows: list[Json] = [{"symbol": symbol, "side": side, "ratio_qty": "1",
             **({"position_intent": intent} if intent else {})}
            for symbol, side, intent, _ in legs]  # fmt: skip
    parts = [
        judged({"symbol": symbol, "side": side, "qty": "2"}, held=held, rules=rules)
        for symbol, side, _, held in legs
    ]
    draft = Draft("", "", {"order_class": "mleg", "qty": "2", "legs": rows},
                  tuple(part.draft for part in parts))  # fmt: skip
    verdict = shorting.judge_legs(draft, parts)
    return verdict is not None and verdict.refused


HIGHER, LATER, EARLIER = "AAPL261218C00210000", "AAPL270115C00200000", "AAPL261120C00200000"


def test_a_leg_that_another_covers_is_no_short_sale() -> None:
    assert not legs_verdict((CALL, "buy", None, "0"), (HIGHER, "sell", None, "0"))
    assert not legs_verdict((LATER, "buy", None, "0"), (CALL, "sell", None, "0"))
    assert not legs_verdict((CALL, "sell", None, "2"), (HIGHER, "buy", None, "-2"))
    for legs in (
        ((CALL, "sell", None, "0"), (PUT, "sell", None, "0")),
        ((CALL, "sell", None, "0"), (PUT, "buy", None, "0")),  # of another kind
        ((PUT, "sell", None, "0"), (CALL, "buy", None, "0")),
        ((EARLIER, "buy", None, "0"), (CALL, "sell", None, "0")),  # it ends before
        ((CALL, "buy", None, "-2"), (HIGHER, "sell", None, "0")),  # it closes something else
        (("MSFT261218C00200000", "buy", None, "0"), (CALL, "sell", None, "0")),
    ):
        assert legs_verdict(*legs)
        assert legs_verdict(*legs, rules=ALLOWED)
        meant = tuple((s, side, f"{side}_to_open", held) for s, side, _, held in legs)
        assert legs_verdict(*meant)
        naked_call = any(s[-9] == "C" and side == "sell" for s, side, _, _ in legs)
        naked_call = naked_call and legs[0][3] == "0"  # no more of them than before
        assert legs_verdict(*meant, rules=ALLOWED) is naked_call


def row(symbol: str, qty: str | None, free: str | None = "same") -> dict[str, Any]:
    """A position."""
    return {"symbol": symbol, "qty": qty, "qty_available": qty if free == "same" else free}


def resting_sale(symbol: str, qty: str, *, by_legs: bool = False) -> dict[str, Any]:
    """An open order that sells."""
    one = {"id": symbol, "symbol": symbol, "side": "sell", "type": "limit", "status": "new",
           "qty": qty, "filled_qty": "0", "limit_price": "1"}  # fmt: skip
    return {**one, "id": "whole", "symbol": "", "order_class": "mleg", "legs": [one]} if (
        by_legs
    ) else one  # fmt: skip


@pytest.mark.parametrize(
    ("qty", "positions", "orders", "wrong"),
    [
        ("5", [], [], True),
        ("1", [], [], True),
        ("2", [row("AAPL", "200")], [], False),
        ("2", [row("AAPL", "199")], [], True),
        ("2", [row("AAPL", "200", "199")], [], True),  # a stop holds one
        ("1", [row("AAPL", "-500")], [], True),
        ("1", [row("MSFT", "100")], [], True),
        ("1", [row("AAPL", "100", None)], [], True),  # nobody says what is free
        ("1", [row("AAPL", "200"), row(HIGHER, "-1")], [], False),
        ("2", [row("AAPL", "200"), row(HIGHER, "-1")], [], True),  # one covers the other call
        ("1", [row("AAPL", "100")], [resting_sale(HIGHER, "1")], True),
        ("1", [row("AAPL", "100")], [resting_sale(HIGHER, "1", by_legs=True)], True),
        ("1", [row("AAPL", "100")], [resting_sale(PUT, "1")], False),
        ("1", [row(HIGHER, "1")], [], False),  # a call that is held covers it
        ("1", [row(LATER, "1")], [], False),
        ("1", [row(EARLIER, "1")], [], True),  # it ends before
        ("2", [row(LATER, "1")], [], True),
        ("2", [row(LATER, "1"), row("AAPL", "100")], [], False),
        ("1", [row(PUT, "1")], [], True),
        ("1", [row("MSFT261218C00200000", "1")], [], True),
        ("1", [row(HIGHER, None), row("AAPL", "100")], [], True),
        ("1", None, [], True),
    ],
)
def test_a_sold_call_is_covered_by_calls_or_free_shares(
    qty: str, positions: list[dict[str, Any]] | None, orders: list[dict[str, Any]], wrong: bool
) -> None:
    one = short(symbol=CALL, qty=qty, type="limit", limit_price="1", orders=orders)
    held = None if positions is None else tuple(map(Position.read, positions))
    one = replace(one, world=replace(one.world, positions=held))
    assert refused(shorting, one) is wrong
    if wrong:
        assert "cover the sold call" in message(shorting, one) or "must cover" in message(
            shorting, one
        )
    put = replace(one, draft=replace(one.draft, symbol=PUT, body={**one.draft.body, "symbol": PUT}))
    assert not refused(shorting, put)  # its cash is what buying_power asks for


def test_what_a_run_sold_a_moment_ago_uses_its_shares_though_no_position_shows_it() -> None:
    one = short(symbol=CALL, qty="1", type="limit", limit_price="1", expected="-1", held="0")
    shares = (Position.read(row("AAPL", "100")),)
    assert refused(shorting, replace(one, world=replace(one.world, positions=shares)))


def test_what_a_sold_call_takes_whose_place_it_takes_is_free() -> None:
    shares = (Position.read(row("AAPL", "100")),)
    one = short(
        symbol=CALL, qty="1", type="limit", limit_price="1", orders=[resting_sale(CALL, "1")]
    )
    one = replace(one, world=replace(one.world, positions=shares))
    assert refused(shorting, one)
    changed = replace(one, draft=replace(one.draft, instead=one.world.open_orders))
    assert not refused(shorting, changed)


# ----------------------------------------------------------------------- options_level


@pytest.mark.parametrize(
    ("level", "opens"),
    [(0, (False, False, False)), (1, (True, False, False)), (2, (True, True, False)),
     (3, (True, True, True)), (None, (False, False, False))],
)  # fmt: skip
def test_each_strategy_takes_its_level(level: int | None, opens: tuple[bool, bool, bool]) -> None:
    account = {"options_trading_level": level}
    order: dict[str, Any] = {"symbol": CALL, "type": "limit", "limit_price": "1"}
    sells = judged(**order, side="sell", account=account)
    buys = judged(**order, account=account)
    legs = options_level.judge_legs(Draft("", "", {"order_class": "mleg", "qty": "1"}), [buys])
    assert legs is not None
    assert (not refused(options_level, sells), not refused(options_level, buys),
            not legs.refused) == opens  # fmt: skip


def test_a_configuration_may_lower_the_level_and_closing_takes_none() -> None:
    order: dict[str, Any] = {"symbol": CALL, "type": "limit", "limit_price": "1"}
    assert refused(options_level, judged(**order, configuration={"max_options_trading_level": 1}))
    absent = judged(**order, configuration={"max_options_trading_level": None})
    assert not refused(options_level, absent)
    none: dict[str, Any] = {"account": {"options_trading_level": 0}}
    assert not refused(options_level, judged(**order, side="sell", held="1", **none))
    assert not refused(options_level, judged(**order, held="-1", **none))
    assert options_level.judge(judged(account={"options_trading_level": None})) is None


# ----------------------------------------------------------------------- day_trades


@pytest.mark.parametrize(
    ("account", "wrong"),
    [
        ({}, False),
        ({"pattern_day_trader": False, "daytrade_count": 2}, False),
        ({"pattern_day_trader": False, "daytrade_count": 3}, False),  # 100,000 dollars
        ({"pattern_day_trader": False, "daytrade_count": 2, "last_equity": "24999.99"}, False),
        ({"pattern_day_trader": False, "daytrade_count": 3, "last_equity": "24999.99"}, True),
        ({"pattern_day_trader": False, "daytrade_count": 3, "last_equity": "25000"}, False),
        ({"pattern_day_trader": True, "daytrade_count": 0, "last_equity": "24999.99"}, True),
        ({"pattern_day_trader": True, "daytrade_count": 9, "last_equity": "25000"}, False),
        ({"pattern_day_trader": False, "last_equity": "10000"}, True),
        ({"daytrade_count": 0, "last_equity": "10000"}, True),
        ({"pattern_day_trader": False, "daytrade_count": 0, "last_equity": None}, True),
        ({"last_equity": None}, False),
    ],
)
def test_the_classic_rule_holds_where_its_fields_are(account: dict[str, Any], wrong: bool) -> None:
    assert refused(day_trades, judged(account=account)) is wrong


def test_the_classic_rule_was_never_for_crypto() -> None:
    flagged = {"pattern_day_trader": True, "daytrade_count": 9, "last_equity": "10000"}
    assert refused(day_trades, judged(account=flagged))
    assert not refused(day_trades, judged(symbol="BTC/USD", account=flagged))


def test_absent_fields_are_said_to_be_retired() -> None:
    assert "retired on 2026-06-04" in message(day_trades, judged())


@pytest.mark.parametrize(("counted", "wrong"), [(0, False), (2, False), (3, True), (None, True)])
def test_at_the_houses_budget_nothing_is_opened(counted: int | None, wrong: bool) -> None:
    one = judged(rules=Rules(limits=replace_limits(CEILINGS, max_day_trades=D(3))))
    assert refused(day_trades, replace(one, bounds=replace(one.bounds, day_trades=counted))) is (
        wrong
    )


# ----------------------------------------------------------------------- sides, clock


@pytest.mark.parametrize(
    ("side", "sides", "wrong"),
    [("buy", ("buy",), False), ("sell", ("buy",), True), ("buy", (), True),
     ("sell", ("buy", "sell"), False), ("", ("buy", "sell"), True)],
)  # fmt: skip
def test_a_policy_may_allow_one_side_only(side: str, sides: tuple[str, ...], wrong: bool) -> None:
    assert refused(allowed_side, judged(side=side, rules=Rules(sides=sides))) is wrong


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("seconds", "target", "most", "wrong"),
    [
        (5, "live", None, False),
        (5.001, "live", None, True),
        (5.001, "paper", None, True),
        (3600, "sim", None, False),
        (3600, "url", None, False),
        (2.5, "paper", 2, True),
        (30, "paper", 60, False),
    ],
)
def test_clocks_agree_on_paper_and_live(
    seconds: float, target: str, most: int | None, wrong: bool, sign: int
) -> None:
    limits = replace_limits(
        CEILINGS, max_clock_skew=None if most is None else timedelta(seconds=most)
    )
    one = judged(rules=Rules(limits=limits, target=target))
    here = replace(one.bounds, read_at=AT + sign * timedelta(seconds=seconds))
    assert refused(clock_skew, replace(one, bounds=here)) is wrong


def test_a_broker_that_does_not_say_the_time_is_refused_on_live_only() -> None:
    for target, wrong in (("live", True), ("paper", True), ("sim", False)):
        one = judged(rules=Rules(target=target), clock={"timestamp": None})
        assert refused(clock_skew, one) is wrong


def test_reading_on_for_a_while_after_the_clock_was_read_is_no_skew() -> None:
    one = judged(rules=Rules(target="live"))
    later = replace(one.bounds, at=AT + timedelta(seconds=30))
    assert not refused(clock_skew, replace(one, bounds=later))
