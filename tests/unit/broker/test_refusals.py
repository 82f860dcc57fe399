"""Every row of the facts page's error table, and the replace and cancel messages beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.broker.outcomes import of_read, of_write
from runner.broker.refusals import refusal, retry_after
from runner.broker.shapes import an_object
from runner.broker.wire import Exchange, WireRequest, WireResponse
from runner.effects import Reason, Status

REQUEST = WireRequest("POST", "http://127.0.0.1/v2/orders", {}, "{}")


def answer(
    status: int, code: int | None, message: str, headers: dict[str, str] | None = None, **extra: Any
) -> WireResponse:
    body = ({"code": code} if code is not None else {}) | {"message": message} | extra
    return WireResponse(status, headers or {}, json.dumps(body))


ROWS: list[tuple[Reason, int, int | None, str, dict[str, Any]]] = [
    (Reason.CREDENTIALS, 401, None, "unauthorized.", {}),
    (
        Reason.BUYING_POWER,
        403,
        40310000,
        "insufficient buying power",
        {"buying_power": "10", "cost_basis": "20"},
    ),
    (
        Reason.QUANTITY_HELD,
        403,
        40310000,
        "insufficient qty available for order (requested: 10, available: 0)",
        {"available": "0", "existing_qty": "10", "held_for_orders": "10", "symbol": "AAPL"},
    ),
    (
        Reason.QUANTITY_HELD,
        403,
        40310000,
        "insufficient balance for BTC (requested: 0.1, available: 0.09)",
        {},
    ),
    (
        Reason.BUYING_POWER,
        403,
        40310000,
        "insufficient balance for USD (requested: 100, available: 90)",
        {},
    ),
    (
        Reason.WASH_TRADE,
        403,
        40310000,
        "potential wash trade detected. use complex orders",
        {"reject_reason": "opposite side limit order exists", "existing_order_id": "x"},
    ),
    (Reason.NOT_FRACTIONABLE, 403, 40310000, 'asset "BRK.A" is not fractionable', {}),
    (Reason.SHORTING, 403, 40310000, "account is not allowed to short", {}),
    (
        Reason.ACCOUNT_RESTRICTED,
        403,
        40310000,
        "new orders are rejected by user request (suspend_trade)",
        {},
    ),
    (
        Reason.MINIMUM_SIZE,
        403,
        40310000,
        "cost basis must be >= minimal amount of order 10",
        {},
    ),
    (
        Reason.INVALID_ORDER,
        403,
        40310000,
        "oto orders do not support extended hours trading",
        {},
    ),
    (
        Reason.MARKET_HOURS,
        403,
        40310000,
        "opg orders must be submitted after 7:00pm and before 9:28am",
        {},
    ),
    (
        Reason.MARKET_HOURS,
        403,
        40310000,
        "cls orders must be submitted after 7:00pm and before 3:55pm",
        {},
    ),
    (
        Reason.OPTIONS_LEVEL,
        403,
        40310000,
        "account not eligible for level2 options trading",
        {},
    ),
    (
        Reason.OPTIONS_LEVEL,
        403,
        40310000,
        "account not eligible to trade uncovered option contracts",
        {},
    ),
    (
        Reason.BUYING_POWER,
        403,
        40310000,
        "insufficient options buying power for cash-secured put",
        {"options_buying_power": "1", "cost_basis": "2"},
    ),
    (
        Reason.DAY_TRADING,
        403,
        40310100,
        "trade denied due to pattern day trading protection",
        {},
    ),
    (Reason.FORBIDDEN, 403, None, "forbidden.", {}),
    (Reason.FORBIDDEN, 403, None, "subscription does not permit querying recent SIP data", {}),
    (Reason.NOT_FOUND, 404, 40410000, "position does not exist", {}),
    (Reason.NOT_FOUND, 404, 40410000, "order not found for 1234", {}),
    (Reason.NOT_FOUND, 404, 40410000, "asset not found for XYZ", {}),
    (Reason.NOT_FOUND, 404, 40410000, "symbol not found: XYZ", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "qty or notional is required", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "only one of qty or notional is accepted", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "qty must be > 0", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "limit price must be > 0", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "limit orders require a limit price", {}),
    (
        Reason.INVALID_ORDER,
        422,
        40010001,
        "market orders require no stop or limit price",
        {},
    ),
    (
        Reason.INVALID_ORDER,
        422,
        40010001,
        "client_order_id must be no more than 128 characters",
        {},
    ),
    (Reason.INVALID_ORDER, 422, 40010001, "oto orders require stop_loss.stop_price", {}),
    (
        Reason.INVALID_ORDER,
        422,
        40010001,
        'oto orders support only "day" or "gtc" time_in_force',
        {},
    ),
    (Reason.INVALID_ORDER, 422, 40010001, "invalid time_in_force", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "something new that is wrong with it", {}),
    (Reason.MINIMUM_SIZE, 422, 40010001, "notional must be >= 1.00", {}),
    (
        Reason.DUPLICATE_CLIENT_ORDER_ID,
        422,
        40010001,
        "client_order_id must be unique",
        {},
    ),
    (
        Reason.DUPLICATE_CLIENT_ORDER_ID,
        422,
        42210000,
        "client_order_id must be unique",
        {},
    ),
    (
        Reason.PRICE_INCREMENT,
        422,
        42210000,
        "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing "
        "criteria",
        {},
    ),
    (
        Reason.PRICE_INCREMENT,
        422,
        42210000,
        "invalid stop_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
        {},
    ),
    (Reason.INVALID_ORDER, 422, 42210000, "fractional orders must be DAY orders", {}),
    (Reason.INVALID_ORDER, 422, 42210000, "fractional orders must be simple orders", {}),
    (
        Reason.INVALID_ORDER,
        422,
        42210000,
        "stop/stop_limit fractional GTC orders are not enabled",
        {},
    ),
    (
        Reason.INVALID_ORDER,
        422,
        42210000,
        "extended hours order must be DAY or GTC limit orders",
        {},
    ),
    (
        Reason.INVALID_ORDER,
        422,
        42210000,
        "stop orders are not eligible for extended hours trading",
        {},
    ),
    (
        Reason.PRICE_RELATION,
        422,
        42210000,
        "stop price must be less than current price",
        {"market_price": "190.1", "stop_price": "191"},
    ),
    (
        Reason.PRICE_RELATION,
        422,
        42210000,
        "stop price must be greater than current price",
        {},
    ),
    (
        Reason.PRICE_RELATION,
        422,
        42210000,
        "stop_loss.stop_price must be <= base_price - 0.01",
        {"base_price": "190.1"},
    ),
    (
        Reason.PRICE_RELATION,
        422,
        42210000,
        "take_profit.limit_price must be >= base_price + 0.01",
        {"base_price": "190.1"},
    ),
    (
        Reason.PRICE_RELATION,
        422,
        42210000,
        "take_profit.limit_price must be < stop_loss.stop_price",
        {},
    ),
    (Reason.NOT_FOUND, 422, 42210000, 'asset "XYZ" not found', {}),
    (Reason.NOT_TRADABLE, 422, 42210000, 'asset "XYZ" is not tradable', {}),
    (Reason.SHORTING, 422, 42210000, 'asset "XYZ" cannot be sold short', {}),
    (Reason.INVALID_ORDER, 422, 42210000, "invalid crypto time_in_force", {}),
    (
        Reason.INTENT_MISMATCH,
        422,
        42210000,
        "position intent mismatch, inferred: sell_to_open, specified: sell_to_close",
        {},
    ),
    (Reason.NOT_OPEN, 422, 42210000, 'order is already in "filled" state', {}),
    (Reason.NOT_OPEN, 422, 42210000, "order is not open", {}),
    (Reason.NOT_REPLACEABLE, 422, 42210000, "cannot replace order in accepted status", {}),
    (Reason.NOT_REPLACEABLE, 422, 42210000, "order parameters are not changed", {}),
    (Reason.NOT_REPLACEABLE, 422, 42210000, "qty must be > filled_qty", {}),
    (Reason.INVALID_ORDER, 422, 40010001, "qty must be integer", {}),
    (Reason.RATE_LIMITED, 429, 42910000, "rate limit exceeded", {}),
    (Reason.RATE_LIMITED, 429, None, "too many requests.", {}),
    (Reason.OTHER, 403, 40310000, "a reason nobody has seen before", {}),
    (Reason.OTHER, 422, 42210000, "a reason nobody has seen before", {}),
]


@pytest.mark.parametrize(("reason", "status", "code", "message", "extra"), ROWS)
def test_every_known_refusal_has_its_reason_and_changes_nothing(
    reason: Reason, status: int, code: int | None, message: str, extra: dict[str, Any]
) -> None:
    response = answer(status, code, message, **extra)
    outcome = of_write(Exchange(REQUEST, response), an_object)
    assert outcome.status is Status.REFUSED
    problem = outcome.problem
    assert problem is not None
    assert problem.reason is reason
    assert (problem.status, problem.code, problem.message) == (status, code, message)
    assert problem.extra == extra


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, '{"code": 50010000, "message": "internal server error"}', Reason.BROKER_FAULT),
        (503, '{"code": 50310000, "message": "service unavailable"}', Reason.BROKER_FAULT),
        (502, "<html>bad gateway</html>", Reason.BROKER_FAULT),
        (504, "gateway timeout", Reason.TIMEOUT),
        (408, "", Reason.TIMEOUT),
        (301, "", Reason.UNREADABLE),
        (409, '{"message": "conflict"}', Reason.OTHER),
        (404, "<html>not found</html>", Reason.UNREADABLE),
        (200, "", Reason.UNREADABLE),
        (200, "<html></html>", Reason.UNREADABLE),
        (200, "[]", Reason.UNREADABLE),
        (200, '{"id": ', Reason.UNREADABLE),
    ],
)
def test_an_answer_that_proves_nothing_leaves_a_write_unknown(
    status: int, body: str, reason: Reason
) -> None:
    outcome = of_write(Exchange(REQUEST, WireResponse(status, {}, body)), an_object)
    assert outcome.status is Status.UNKNOWN
    assert outcome.problem is not None
    assert outcome.problem.reason is reason
    assert outcome.problem.status == status


@pytest.mark.parametrize("body", ["", "<html>sign in</html>", '["unauthorized"]', "null"])
def test_a_refusal_without_json_is_still_a_refusal(body: str) -> None:
    problem = refusal(WireResponse(401, {}, body))
    assert problem.reason is Reason.CREDENTIALS
    assert problem.message == "the broker does not accept the API key"


@pytest.mark.parametrize(
    ("status", "body", "expected", "reason"),
    [
        (404, '{"code": 40410000, "message": "gone"}', Status.ABSENT, Reason.NOT_FOUND),
        (404, "<html>not found</html>", Status.UNAVAILABLE, Reason.UNREADABLE),
        (404, '{"message": "endpoint not found."}', Status.UNAVAILABLE, Reason.UNREADABLE),
        (401, "", Status.REFUSED, Reason.CREDENTIALS),
        (403, '{"message": "who knows"}', Status.REFUSED, Reason.FORBIDDEN),
        (422, '{"code": 42210000, "message": "odd"}', Status.REFUSED, Reason.OTHER),
        (429, "", Status.UNAVAILABLE, Reason.RATE_LIMITED),
        (500, "", Status.UNAVAILABLE, Reason.BROKER_FAULT),
        (302, "", Status.UNAVAILABLE, Reason.UNREADABLE),
        (200, "", Status.UNAVAILABLE, Reason.UNREADABLE),
        (204, "", Status.UNAVAILABLE, Reason.UNREADABLE),
    ],
)
def test_only_the_brokers_own_404_means_absent(
    status: int, body: str, expected: Status, reason: Reason
) -> None:
    outcome = of_read(Exchange(REQUEST, WireResponse(status, {}, body)), an_object)
    assert outcome.status is expected
    assert outcome.problem is not None
    assert outcome.problem.reason is reason


def test_other_keys_are_kept_as_text_and_lists_whole() -> None:
    problem = refusal(
        answer(403, 40310000, "insufficient qty", available=3, cost=1.50, related_orders=["a", "b"])
    )
    assert problem.extra == {"available": "3", "cost": "1.5", "related_orders": ["a", "b"]}


def test_a_code_given_as_text_is_read() -> None:
    problem = refusal(WireResponse(422, {}, '{"code": "40010001", "message": "odd"}'))
    assert (problem.code, problem.reason) == (40010001, Reason.INVALID_ORDER)


DATE = {"date": "Sun, 22 Nov 2026 08:00:00 GMT"}
RESET = {"x-ratelimit-reset": "1795334430"}  # 30 seconds later


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7"} | RESET | DATE, 7),
        (RESET | DATE, 30),
        ({"x-ratelimit-reset": "1"} | DATE, 0),
        (RESET, None),
        (RESET | {"date": "yesterday"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_against_the_brokers_own_clock(
    headers: dict[str, str], seconds: int | None
) -> None:
    assert retry_after(headers) == seconds


def test_a_rate_limit_says_when_it_ends() -> None:
    problem = refusal(answer(429, 42910000, "rate limit exceeded", headers=RESET | DATE))
    assert problem.extra == {"retry_after": "30", "rate_limit_reset": "1795334430"}


def test_other_answers_do_not_speak_of_the_rate_limit() -> None:
    assert refusal(answer(422, 42210000, "order is not open", headers=RESET | DATE)).extra == {}
