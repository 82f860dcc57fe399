"""What is refused at the POST: status, code, message and extra keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runner.sim import Request

FLAT = {"AAPL": [(0, "100")], "PENY": [(0, "0.4321")], "NOFR": [(0, "75")]}
Make = Callable[..., Any]
LIMIT = {"symbol": "AAPL", "type": "limit", "limit_price": "99"}

WELL_FORMED = [
    ({"symbol": "AAPL", "qty": None}, "qty or notional is required"),
    ({"symbol": "AAPL", "qty": "1", "notional": "5"}, "only one of qty or notional is accepted"),
    ({"symbol": "AAPL", "qty": "0"}, "qty must be > 0"),
    ({"symbol": "AAPL", "qty": -1}, "qty must be > 0"),
    ({"symbol": "AAPL", "qty": "many"}, "qty is invalid"),
    ({"symbol": "AAPL", "qty": "NaN"}, "qty is invalid"),
    ({"symbol": "AAPL", "qty": "1e13"}, "qty is invalid"),
    ({"symbol": "AAPL", "qty": True}, "qty is invalid"),
    ({"symbol": "AAPL", "qty": "0.1234567891"}, "qty must have no more than 9 decimal places"),
    ({"symbol": "AAPL", "notional": "0.99"}, "notional must be >= 1.00"),
    ({"symbol": "AAPL", "type": "limit"}, "limit orders require a limit price"),
    (LIMIT | {"limit_price": "0"}, "limit price must be > 0"),
    ({"symbol": "AAPL", "limit_price": "9"}, "market orders require no stop or limit price"),
    ({"symbol": "AAPL", "type": "stop"}, "stop orders require a stop price"),
    ({"symbol": "AAPL", "side": None}, "side is required"),
    ({"symbol": "AAPL", "side": "hold"}, "invalid side"),
    ({"symbol": None}, "symbol is required"),
    ({"symbol": "AAPL", "time_in_force": "gtd"}, "invalid time_in_force"),
    (
        {"symbol": "AAPL", "type": "trailing_stop", "trail_price": "1", "time_in_force": "ioc"},
        "invalid time_in_force",
    ),
    (
        {"symbol": "AAPL", "client_order_id": "x" * 129},
        "client_order_id must be no more than 128 characters",
    ),
]

CARRIED_OUT = [
    ({"symbol": "ZZZZ"}, 'asset "ZZZZ" not found'),
    ({"symbol": "NOTR"}, 'asset "NOTR" is not tradable'),
    ({"symbol": "NOSH", "side": "sell"}, 'asset "NOSH" cannot be sold short'),
    (
        LIMIT | {"limit_price": "99.123"},
        "invalid limit_price 99.123. sub-penny increment does not fulfill minimum pricing criteria",
    ),
    (
        {"symbol": "AAPL", "side": "sell", "type": "stop", "stop_price": "90.001"},
        "invalid stop_price 90.001. sub-penny increment does not fulfill minimum pricing criteria",
    ),
    (
        {"symbol": "PENY", "type": "limit", "limit_price": "0.43215"},
        "invalid limit_price 0.43215. sub-penny increment does not fulfill minimum pricing"
        " criteria",
    ),
    (
        {"symbol": "AAPL", "qty": "0.5", "time_in_force": "gtc"},
        "fractional orders must be DAY orders",
    ),
    (
        {"symbol": "AAPL", "extended_hours": True},
        "extended hours order must be DAY or GTC limit orders",
    ),
    (
        LIMIT | {"extended_hours": True, "time_in_force": "ioc"},
        "extended hours order must be DAY or GTC limit orders",
    ),
    (
        {"symbol": "AAPL", "type": "stop", "stop_price": "110", "extended_hours": "True"},
        "stop orders are not eligible for extended hours trading",
    ),
    (
        {"symbol": "AAPL", "position_intent": "buy_to_close"},
        "position intent mismatch, inferred: buy_to_open, specified: buy_to_close",
    ),
    ({"symbol": "AAPL", "side": "sell", "qty": "1.5"}, "fractional orders cannot be sold short"),
]


@pytest.mark.parametrize(("order", "message"), WELL_FORMED)
def test_a_malformed_order_is_refused(broker: Make, order: dict[str, Any], message: str) -> None:
    answer = broker(steps=FLAT).post(**order)
    assert (answer.status, answer.body) == (422, {"code": 40010001, "message": message})


@pytest.mark.parametrize(("order", "message"), CARRIED_OUT)
def test_an_impossible_order_is_refused(broker: Make, order: dict[str, Any], message: str) -> None:
    answer = broker(steps=FLAT).post(**order)
    assert (answer.status, answer.body) == (422, {"code": 42210000, "message": message})


def forbidden(message: str, **extra: Any) -> tuple[int, dict[str, Any]]:
    return 403, {"code": 40310000, "message": message, **extra}


def test_buying_power_is_refused_with_its_figures(broker: Make) -> None:
    answer = broker(steps=FLAT).post(symbol="AAPL", qty="4000")
    expected = forbidden("insufficient buying power", buying_power="400000", cost_basis="410041")
    assert (answer.status, answer.body) == expected


def test_a_short_sale_needs_the_larger_of_limit_and_three_percent_above_the_ask(
    broker: Make,
) -> None:
    desk = broker(steps=FLAT)
    short = {"symbol": "AAPL", "side": "sell", "qty": "4000"}
    assert desk.post(**short).body["cost_basis"] == "412041.2"
    low = desk.post(**short, type="limit", limit_price="102")
    assert low.body["cost_basis"] == "412041.2"
    high = desk.post(**short, type="limit", limit_price="110")
    assert high.body["cost_basis"] == "440000"


def test_open_orders_reduce_what_may_still_be_bought(broker: Make) -> None:
    desk = broker(steps=FLAT)
    for _ in range(4):
        desk.submit(symbol="AAPL", qty="1000", type="limit", limit_price="99")
    assert desk.account()["buying_power"] == "4000"
    assert desk.post(symbol="AAPL", qty="41", type="limit", limit_price="99").status == 403


def test_selling_more_than_is_available_is_refused_with_the_quantities(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol="AAPL", qty="10")
    stop = desk.submit(symbol="AAPL", qty="4", side="sell", type="stop", stop_price="90")
    answer = desk.post(symbol="AAPL", qty="7", side="sell")
    assert (answer.status, answer.body) == forbidden(
        "insufficient qty available for order (requested: 7, available: 6)",
        available="6",
        existing_qty="10",
        held_for_orders="4",
        symbol="AAPL",
        related_orders=[stop["id"]],
    )


def test_an_asset_without_fractions_refuses_them(broker: Make) -> None:
    for order in ({"qty": "0.5"}, {"notional": "10"}):
        answer = broker(steps=FLAT).post(symbol="NOFR", **order)
        assert (answer.status, answer.body) == forbidden('asset "NOFR" is not fractionable')


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"trade_suspended_by_user": True},
            "new orders are rejected by user request (suspend_trade)",
        ),
        ({"trading_blocked": True}, "account is not authorized to trade"),
        ({"status": "ACCOUNT_CLOSED"}, "account is not authorized to trade"),
        ({"account_blocked": True}, "account is blocked"),
    ],
)
def test_a_restricted_account_places_no_orders(
    broker: Make, changes: dict[str, Any], message: str
) -> None:
    answer = broker(steps=FLAT, **changes).post(symbol="AAPL")
    assert (answer.status, answer.body) == forbidden(message)


@pytest.mark.parametrize(
    "changes", [{"shorting_enabled": False}, {"multiplier": 1}, {"cash": 1999}]
)
def test_an_account_that_may_not_short_is_told_so(broker: Make, changes: dict[str, Any]) -> None:
    answer = broker(steps=FLAT, **changes).post(symbol="AAPL", side="sell")
    assert (answer.status, answer.body) == forbidden("account is not allowed to short")


@pytest.mark.parametrize(
    ("side", "stop", "word"), [("sell", "100", "less"), ("buy", "100", "greater")]
)
def test_a_stop_on_the_wrong_side_of_the_market_is_refused(
    broker: Make, side: str, stop: str, word: str
) -> None:
    answer = broker(steps=FLAT).post(symbol="AAPL", side=side, type="stop", stop_price=stop)
    assert answer.status == 422
    assert answer.body == {
        "code": 42210000,
        "message": f"stop price must be {word} than current price",
        "market_price": "100",
        "stop_price": "100",
    }


# ------------------------------------------------------------------------- client order ids


def test_a_client_order_id_is_spent_for_ever(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**LIMIT, client_order_id="mine")
    answer = desk.post(**LIMIT, client_order_id="mine")
    assert answer.body == {"code": 42210000, "message": "client_order_id must be unique"}
    desk.cancel(order)
    desk.go("2026-12-07 10:00")
    answer = desk.post(**LIMIT, client_order_id="mine")
    assert answer.status == 422
    assert answer.body == {"code": 40010001, "message": "client_order_id must be unique"}


def test_a_refused_order_leaves_no_trace(broker: Make) -> None:
    desk = broker(steps=FLAT)
    assert desk.post(symbol="AAPL", qty="1000000", client_order_id="mine").status == 403
    assert desk.ask("orders", status="all") == []
    assert desk.send("GET", "orders:by_client_order_id", client_order_id="mine").status == 404
    assert desk.submit(symbol="AAPL", client_order_id="mine")["client_order_id"] == "mine"


# ------------------------------------------------------------------------- hours


@pytest.mark.parametrize(
    ("time_in_force", "at", "accepted"),
    [
        ("opg", "2026-11-23 09:27:58", True),
        ("opg", "2026-11-23 09:28", False),
        ("opg", "2026-11-23 18:59", False),
        ("opg", "2026-11-23 19:00", True),
        ("cls", "2026-11-23 15:49:58", True),
        ("cls", "2026-11-23 15:50", False),
        ("cls", "2026-11-27 12:50", False),
        ("cls", "2026-11-23 19:00", True),
        ("opg", "2026-11-22 12:00", True),
    ],
)
def test_auction_orders_have_their_hours(
    broker: Make, time_in_force: str, at: str, accepted: bool
) -> None:
    answer = broker(steps=FLAT, start=at).post(symbol="AAPL", time_in_force=time_in_force)
    assert answer.status == (200 if accepted else 403)
    if not accepted:
        assert answer.body["message"].startswith(f"{time_in_force} orders must be submitted after")


def test_fractions_in_extended_hours_need_the_attribute(broker: Make) -> None:
    order = {"type": "limit", "limit_price": "50", "qty": "0.5", "extended_hours": True}
    desk = broker(start="2026-11-23 08:00")
    assert desk.post(symbol="F", **order | {"limit_price": "13"}).status == 200
    assert desk.post(symbol="NOXH", **order | {"limit_price": "40"}).status == 422


# ------------------------------------------------------------------------- requests


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"AAPL"', b'{"qty": NaN}', b"\xff"])
def test_a_body_that_is_not_a_json_object_is_refused(broker: Make, body: bytes) -> None:
    answer = broker().send("POST", "orders", body)
    assert answer.status == 400
    assert answer.body == {"code": 40010000, "message": "request body format is invalid"}


def test_missing_keys_are_unauthorized_without_a_code(broker: Make) -> None:
    exchange = broker().exchange
    answer = exchange.apply(Request("GET", "/v2/account"), exchange.now)
    assert (answer.status, answer.body) == (401, {"message": "unauthorized."})
    bearer = Request("GET", "/v2/account", headers={"Authorization": "Bearer token"})
    assert exchange.apply(bearer, exchange.now).status == 200


def test_only_the_named_keys_are_accepted(broker: Make) -> None:
    assert broker(keys=("key", "secret")).send("GET", "account").status == 200
    assert broker(keys=("key", "other")).send("GET", "account").status == 401


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "nothing"), ("PUT", "orders"), ("GET", "orders/a/b"), ("GET", "")]
)
def test_an_unknown_route_is_not_found(broker: Make, method: str, path: str) -> None:
    answer = broker().send(method, path)
    assert answer.status == 404
    assert answer.body["code"] == 40410000


def test_the_rate_limit_refills_and_shows_in_headers(broker: Make) -> None:
    desk = broker(rate_limit=60)
    answers = [desk.send("GET", "clock") for _ in range(61)]
    assert [answer.status for answer in answers[:60]] == [200] * 60
    assert answers[0].headers["X-RateLimit-Limit"] == "60"
    assert answers[0].headers["X-RateLimit-Remaining"] == "59"
    assert answers[60].status == 429
    assert answers[60].body == {"code": 42910000, "message": "rate limit exceeded"}
    assert answers[60].headers["X-RateLimit-Remaining"] == "0"
    desk.wait(1)
    assert desk.send("GET", "clock").status == 200
    assert desk.send("GET", "clock").status == 429


def test_no_rate_limit_when_the_scenario_says_off(broker: Make) -> None:
    desk = broker(rate_limit=None)
    assert {desk.send("GET", "clock").status for _ in range(500)} == {200}


@pytest.mark.parametrize("value", [[], {}, ["buy"], {"a": 1}, 5, True])
@pytest.mark.parametrize("name", ["side", "position_intent", "symbol", "ratio_qty"])
def test_a_leg_of_the_wrong_type_is_refused(broker: Make, name: str, value: Any) -> None:
    legs = [
        {"symbol": "AAPL261204C00270000", "side": "buy", "ratio_qty": 1},
        {"symbol": "AAPL261204C00280000", "side": "sell", "ratio_qty": 1},
    ]
    legs[0][name] = value
    desk = broker()
    answer = desk.post(side=None, order_class="mleg", legs=legs)
    right = name == "ratio_qty" and value in (5, True)
    assert answer.status in ((200, 403, 422) if right else (200, 422))
    assert answer.status == 200 or answer.body["code"] in (40010001, 42210000, 40310000)


def test_an_account_without_overnight_trading_waits_for_the_morning(broker: Make) -> None:
    desk = broker(start="2026-11-23 21:00")
    desk.send("PATCH", "account/configurations", {"disable_overnight_trading": True})
    order = desk.submit(symbol="AAPL", type="limit", limit_price="900", extended_hours=True)
    assert order["status"] == "accepted"
    desk.go("2026-11-24 03:59")
    assert desk.order(order)["status"] == "accepted"
    desk.go("2026-11-24 04:01")
    assert desk.order(order)["status"] == "filled"
