"""Listings, activities, assets, clock, calendar and market data."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from time import perf_counter
from typing import Any

import pytest

FLAT = {"AAPL": [(0, "100")], "F": [(0, "13")]}
Make = Callable[..., Any]


@pytest.fixture
def desk(broker: Make) -> Any:
    return broker(steps=FLAT)


def test_orders_are_listed_newest_first_and_open_unless_asked(desk: Any) -> None:
    filled = desk.filled(symbol="AAPL")
    resting = [desk.submit(symbol="F", type="limit", limit_price="10") for _ in range(3)]
    ids = [order["id"] for order in resting]
    assert [order["id"] for order in desk.ask("orders")] == ids[::-1]
    assert [order["id"] for order in desk.ask("orders", direction="asc", limit=2)] == ids[:2]
    assert [order["id"] for order in desk.ask("orders", status="closed")] == [filled["id"]]
    assert len(desk.ask("orders", status="all")) == 4
    assert desk.ask("orders", symbols="AAPL,MSFT") == []
    assert len(desk.ask("orders", symbols="AAPL,F", status="all", nested="True")) == 4
    assert desk.ask("orders", side="sell") == []


def test_orders_are_listed_between_moments_exclusively(desk: Any) -> None:
    first = desk.submit(symbol="F", type="limit", limit_price="10")
    desk.wait(10)
    second = desk.submit(symbol="F", type="limit", limit_price="10")
    desk.wait(10)
    moment = desk.order(second)["submitted_at"]
    assert [o["id"] for o in desk.ask("orders", until=moment)] == [first["id"]]
    assert desk.ask("orders", after=moment) == []
    assert len(desk.ask("orders", after="2026-11-23T10:00:00-05:00")) == 2
    assert len(desk.ask("orders", after="2026-11-23")) == 2


@pytest.mark.parametrize(
    "query",
    [{"status": "new"}, {"direction": "up"}, {"after": "soon"}, {"limit": "x"}, {"side": 1}],
)
def test_a_senseless_listing_is_refused(desk: Any, query: dict[str, Any]) -> None:
    assert desk.send("GET", "orders", **query).status == 422


def test_an_order_is_found_by_either_id(desk: Any) -> None:
    order = desk.submit(symbol="AAPL", client_order_id="mine")
    found = desk.ask("orders:by_client_order_id", client_order_id="mine")
    assert found["id"] == order["id"]
    missing = desk.send("GET", "orders/00000000-0000-4000-8000-000000000000")
    assert missing.status == 404
    assert missing.body == {
        "code": 40410000,
        "message": "order not found for 00000000-0000-4000-8000-000000000000",
    }
    assert desk.send("GET", "orders/nonsense").status == 422


def test_cancelling_all_reports_each_open_order(desk: Any) -> None:
    assert desk.send("DELETE", "orders").body == []
    orders = [desk.submit(symbol="F", type="limit", limit_price="10") for _ in range(2)]
    answer = desk.send("DELETE", "orders")
    assert answer.status == 207
    assert answer.body == [{"id": order["id"], "status": 200} for order in orders]
    desk.wait(1)
    assert desk.ask("orders") == []


def test_fills_are_activities_with_new_york_ids(desk: Any) -> None:
    order = desk.filled(symbol="AAPL", qty="2")
    desk.filled(symbol="AAPL", qty="2", side="sell")
    sell, buy = desk.ask("account/activities/FILL")
    assert buy["id"].startswith("20261123100000")
    assert len(buy["id"].split("::")[0]) == 17
    assert buy["transaction_time"].startswith("2026-11-23T15:00:00.")
    assert (buy["order_id"], buy["qty"], buy["price"]) == (order["id"], "2", "100.01")
    assert (buy["type"], buy["leaves_qty"], buy["cum_qty"]) == ("fill", "0", "2")
    assert [a["side"] for a in desk.ask("account/activities", direction="asc")] == ["buy", "sell"]
    assert desk.ask("account/activities", activity_types="DIV,TRANS") == []
    assert desk.ask("account/activities/FILL", page_size=1) == [sell]
    assert desk.ask("account/activities/FILL", page_token=sell["id"]) == [buy]
    assert desk.ask("account/activities/FILL", after=buy["transaction_time"]) == [sell]
    assert desk.ask("account/activities/FILL", until="2026-11-23") == []
    assert len(desk.ask("account/activities/FILL", date="2026-11-23")) == 2
    assert desk.ask("account/activities/FILL", order_id=order["id"]) == [buy]


def test_assets_are_found_by_symbol_and_id(desk: Any) -> None:
    apple = desk.ask("assets/AAPL")
    assert desk.ask(f"assets/{apple['id']}") == apple
    assert apple["tradable"] is apple["fractionable"] is apple["easy_to_borrow"] is True
    assert apple["maintenance_margin_requirement"] == 30
    assert apple["margin_requirement_long"] == "30"
    missing = desk.send("GET", "assets/ZZZZ")
    assert missing.body == {"code": 40410000, "message": "asset not found for ZZZZ"}
    assert {"AAPL", "NO", "ON", "PENY"} <= {asset["symbol"] for asset in desk.ask("assets")}
    assert [a["symbol"] for a in desk.ask("assets", status="inactive")] == ["NOTR"]


@pytest.mark.parametrize(
    ("at", "is_open", "next_open", "next_close"),
    [
        ("2026-11-23 10:00", True, "2026-11-24T09:30:00-05:00", "2026-11-23T16:00:00-05:00"),
        ("2026-11-23 08:00", False, "2026-11-23T09:30:00-05:00", "2026-11-23T16:00:00-05:00"),
        ("2026-11-25 16:00", False, "2026-11-27T09:30:00-05:00", "2026-11-27T13:00:00-05:00"),
        ("2026-11-27 12:00", True, "2026-11-30T09:30:00-05:00", "2026-11-27T13:00:00-05:00"),
    ],
)
def test_the_clock(broker: Make, at: str, is_open: bool, next_open: str, next_close: str) -> None:
    clock = broker(start=at).ask("clock")
    assert clock.pop("timestamp").startswith(at.replace(" ", "T"))
    assert clock == {"is_open": is_open, "next_open": next_open, "next_close": next_close}


def test_the_calendar_knows_holidays_and_early_closes(desk: Any) -> None:
    days = desk.ask("calendar", start="2026-11-25", end="2026-11-30")
    assert [day["date"] for day in days] == ["2026-11-25", "2026-11-27", "2026-11-30"]
    assert days[1] == {
        "date": "2026-11-27",
        "open": "09:30",
        "close": "13:00",
        "session_open": "0400",
        "session_close": "1700",
        "settlement_date": "2026-11-30",
    }
    settled = desk.ask("calendar", start="2026-11-30", end="2026-11-30", date_type="SETTLEMENT")
    assert [day["date"] for day in settled] == ["2026-11-27"]


# ------------------------------------------------------------------------- market data


def test_quotes_and_trades_are_json_numbers(desk: Any) -> None:
    quote = desk.ask("stocks/AAPL/quotes/latest")
    assert quote["symbol"] == "AAPL"
    assert (quote["quote"]["bp"], quote["quote"]["ap"]) == (99.99, 100.01)
    assert desk.ask("stocks/AAPL/trades/latest")["trade"]["p"] == 100
    many = desk.ask("stocks/quotes/latest", symbols="AAPL,F")["quotes"]
    assert set(many) == {"AAPL", "F"}
    assert desk.ask("stocks/trades/latest", symbols="F")["trades"]["F"]["p"] == 13


def test_a_previous_close_is_in_the_daily_bars(broker: Make) -> None:
    desk = broker(previous_closes={"AAPL": Decimal("265.50")})
    bars = desk.ask("stocks/AAPL/bars", timeframe="1Day", start="2026-11-18", end="2026-11-23")
    days = ["2026-11-18", "2026-11-19", "2026-11-20"]  # the 23rd begins after `end`
    assert [bar["t"][:10] for bar in bars["bars"]] == days
    assert bars["bars"][2]["c"] == 265.5
    msft = desk.ask("stocks/bars", symbols="MSFT", timeframe="1Day", start="2026-11-16")
    days = msft["bars"]["MSFT"]
    assert len(days) == 6
    assert all(day["l"] <= min(day["o"], day["c"]) for day in days)
    assert all(day["h"] >= max(day["o"], day["c"]) for day in days)
    last = desk.ask("stocks/MSFT/bars", timeframe="1Day", start="2026-11-01", sort="desc", limit=1)[
        "bars"
    ]
    assert last == days[-1:]


def test_intraday_bars_follow_one_another(broker: Make) -> None:
    desk = broker()
    bars = desk.ask("stocks/SPY/bars", timeframe="5Min", start="2026-11-23T14:30:00Z")["bars"]
    assert [bar["t"][11:16] for bar in bars] == [
        "14:30",
        "14:35",
        "14:40",
        "14:45",
        "14:50",
        "14:55",
        "15:00",
    ]
    assert all(a["c"] == b["o"] for a, b in pairwise(bars))


def test_bars_reach_back_two_years_and_no_further(broker: Make) -> None:
    desk = broker()
    query = {"timeframe": "1Day", "start": "2001-01-01", "limit": 10000}
    days = desk.ask("stocks/KO/bars", **query)["bars"]
    assert days[0]["t"][:10] == "2024-11-25"
    assert len(days) == 500
    newest = desk.ask("stocks/KO/bars", timeframe="1Min", start="2025-01-01", sort="desc", limit=3)
    assert [bar["t"][11:16] for bar in newest["bars"]] == ["15:00", "14:59", "14:58"]


def test_a_snapshot_holds_together(desk: Any) -> None:
    snapshot = desk.ask("stocks/AAPL/snapshot")
    assert snapshot["latestTrade"]["p"] == snapshot["dailyBar"]["c"] == 100
    assert snapshot["prevDailyBar"]["t"] == "2026-11-20T05:00:00Z"
    assert set(desk.ask("stocks/snapshots", symbols="AAPL,F")) == {"AAPL", "F"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("stocks/ZZZZ/quotes/latest", {}),
        ("stocks/quotes/latest", {}),
        ("stocks/quotes/latest", {"symbols": "AAPL,ZZZZ"}),
        ("stocks/AAPL/bars", {"timeframe": "1Fortnight"}),
        ("stocks/AAPL/bars", {}),
    ],
)
def test_senseless_market_data_is_refused(desk: Any, path: str, query: dict[str, str]) -> None:
    answer = desk.send("GET", path, **query)
    assert answer.status == 400
    assert set(answer.body) == {"message"}


def test_orders_are_found_by_their_kind_and_by_the_orders_around_them(broker: Make) -> None:
    desk = broker()
    limit = {"type": "limit", "qty": "1"}
    stock = desk.submit(symbol="AAPL", limit_price="1", **limit)
    call = desk.submit(symbol="AAPL261204C00270000", limit_price="0.05", **limit)
    pair = desk.submit(symbol="BTC/USD", limit_price="50000", time_in_force="gtc", **limit)

    def found(**query: Any) -> list[str]:
        return [order["id"] for order in desk.ask("orders", direction="asc", **query)]

    assert found(asset_class="crypto") == [pair["id"]]
    assert found(asset_class="us_equity,crypto") == [stock["id"], pair["id"]]
    assert found(asset_class="all") == found() == [stock["id"], call["id"], pair["id"]]
    assert found(asset_class="us_option", symbols="AAPL") == [call["id"]]
    assert found(symbols="AAPL") == [stock["id"]]
    assert found(after_order_id=stock["id"]) == [call["id"], pair["id"]]
    assert found(before_order_id=pair["id"], limit=1) == [stock["id"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"asset_class": "bonds"}, 422),
        ({"after_order_id": "x"}, 422),
        ({"after_order_id": "5cf46f66-ce76-4a62-a9dd-29178a9c836c"}, 404),
        ({"after_order_id": "x", "before_order_id": "y"}, 422),
    ],
)
def test_a_senseless_filter_of_orders_is_refused(desk: Any, query: Any, status: int) -> None:
    assert desk.send("GET", "orders", **query).status == status


def test_the_whole_calendar_is_answered_at_once(desk: Any) -> None:
    whole = desk.ask("calendar")
    assert (whole[0]["date"], whole[-1]["date"]) == ("1970-01-02", "2029-12-31")
    begin = perf_counter()
    assert desk.ask("calendar") == whole
    assert perf_counter() - begin < 0.5
    days = {day["date"]: day for day in whole}
    part = desk.ask("calendar", start="2026-11-20", end="2026-12-01")
    assert part == [days[day["date"]] for day in part]
    assert days["2026-11-27"]["session_close"] == "1700"
    assert days["2029-12-31"]["settlement_date"] == "2030-01-02"


def test_moments_far_away_are_moments(desk: Any) -> None:
    for path, name in (
        ("account/portfolio/history", "start"),
        ("account/portfolio/history", "end"),
        ("orders", "after"),
        ("account/activities", "until"),
    ):
        for moment in ("0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
            assert desk.send("GET", path, **{name: moment}).status == 200, (path, name, moment)
    for moment in ("0001-01-01", "9999-12-31T23:59:59Z"):
        for name in ("start", "end"):
            query = {"symbols": "AAPL", "timeframe": "1Day", name: moment}
            assert desk.send("GET", "stocks/bars", **query).status == 200


def test_stocks_are_listed_by_exchange_and_symbol_unless_another_class_is_asked_for(
    desk: Any,
) -> None:
    stocks = desk.ask("assets")
    assert {asset["class"] for asset in stocks} == {"us_equity"}
    places = [(asset["exchange"], asset["symbol"]) for asset in stocks]
    assert places == sorted(places)
    assert {asset["class"] for asset in desk.ask("assets", asset_class="crypto")} == {"crypto"}
