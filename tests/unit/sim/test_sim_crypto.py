"""Crypto: around the clock, for cash, with a fee in what is received."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

STEPS = {"BTC/USD": [(0, "90000")], "ETH/USD": [(0, "3000")]}
Make = Callable[..., Any]


def buy(**order: Any) -> dict[str, Any]:
    return {"symbol": "BTC/USD", "qty": "0.1", "time_in_force": "gtc", **order}


def test_the_fee_is_taken_from_what_is_received(broker: Make) -> None:
    desk = broker(steps=STEPS)
    order = desk.filled(**buy())
    assert (order["symbol"], order["asset_class"], order["filled_qty"]) == (
        "BTC/USD", "crypto", "0.1",
    )  # fmt: skip
    position = desk.position("BTCUSD")
    assert (position["symbol"], position["qty"], position["exchange"]) == (
        "BTCUSD", "0.09975", "CRYPTO",
    )  # fmt: skip
    cash = Decimal(desk.account()["cash"])
    assert cash == 100000 - Decimal(order["filled_avg_price"]) / 10
    sold = desk.filled(**buy(side="sell", qty="0.09975"))
    proceeds = Decimal(sold["filled_avg_price"]) * Decimal("0.09975")
    received = Decimal(desk.account()["cash"]) - cash
    assert received == pytest.approx(proceeds * Decimal("0.9975"), abs=Decimal("0.02"))
    fees = desk.ask("account/activities/CFEE", direction="asc")
    assert [fee["qty"] for fee in fees] == ["-0.00025", "0"]
    assert Decimal(fees[1]["net_amount"]) < 0
    assert desk.ask("positions") == []


def test_what_was_bought_cannot_all_be_sold(broker: Make) -> None:
    desk = broker(steps=STEPS)
    desk.filled(**buy())
    answer = desk.post(**buy(side="sell"))
    assert answer.status == 403
    assert answer.body == {
        "code": 40310000,
        "message": "insufficient balance for BTC (requested: 0.1, available: 0.09975)",
    }


def test_it_trades_at_night_and_on_holidays(broker: Make) -> None:
    for start in ("2026-11-22 03:00", "2026-11-26 12:00", "2026-11-23 23:59:59.9"):
        desk = broker(start=start)
        assert desk.submit(**buy())["status"] == "pending_new"
        desk.wait(1)
        assert desk.position("BTCUSD")["qty"] == "0.09975"


def test_its_price_moves_on_a_sunday(broker: Make) -> None:
    desk = broker(start="2026-11-22 03:00")
    prices = set()
    for _ in range(5):
        prices.add(desk.exchange.tape.last("BTC/USD", desk.at))
        desk.wait(600)
    assert len(prices) == 5


def test_a_limit_order_waits_over_the_weekend(broker: Make) -> None:
    desk = broker(start="2026-11-20 18:00", steps={"BTC/USD": [(0, "90000"), (100_000, "80000")]})
    order = desk.submit(**buy(type="limit", limit_price="85000"))
    desk.wait(100_001)
    assert desk.order(order)["status"] == "filled"


def test_notional_orders_and_immediate_ones(broker: Make) -> None:
    desk = broker(steps=STEPS)
    desk.filled(**buy(qty=None, notional="100", time_in_force="ioc"))
    assert Decimal(desk.account()["cash"]) == pytest.approx(Decimal(99900), abs=Decimal("0.01"))
    missed = desk.submit(**buy(type="limit", limit_price="1000", time_in_force="ioc"))
    assert desk.order(missed, after=1)["status"] == "canceled"


def test_a_quantity_is_cut_to_nine_decimals(broker: Make) -> None:
    order = broker(steps=STEPS).submit(**buy(qty="0.12345678987"))
    assert order["qty"] == "0.123456789"


REFUSED = [
    ({"time_in_force": "day"}, 422, "invalid crypto time_in_force"),
    ({"type": "stop", "stop_price": "99000"}, 422, "stop orders are not supported for crypto"),
    ({"qty": "0.0001"}, 403, "cost basis must be >= minimal amount of order 10"),
    ({"qty": None, "notional": "9.99"}, 403, "cost basis must be >= minimal amount of order 10"),
    ({"side": "sell"}, 403, "insufficient balance for BTC (requested: 0.1, available: 0)"),
]


@pytest.mark.parametrize(("changes", "status", "message"), REFUSED)
def test_what_no_crypto_order_may_be(
    broker: Make, changes: dict[str, Any], status: int, message: str
) -> None:
    answer = broker(steps=STEPS).post(**buy(**changes))
    assert (answer.status, answer.body["message"]) == (status, message)


def test_it_is_bought_with_cash_only(broker: Make) -> None:
    desk = broker(steps=STEPS, cash=Decimal(10000))
    answer = desk.post(**buy(qty="0.2"))
    assert answer.status == 403
    assert answer.body["message"].startswith("insufficient balance for USD (requested: ")
    assert desk.post(**buy()).status == 200


def test_a_replaced_crypto_order_needs_its_money_once(broker: Make) -> None:
    desk = broker(steps=STEPS, cash=Decimal(10000))
    order = desk.submit(**buy(type="limit", limit_price="80000"))
    desk.wait(1)
    new = desk.send("PATCH", f"orders/{order['id']}", {"limit_price": "81000"})
    assert new.status == 200
    assert desk.order(new.body, after=1)["status"] == "new"


def test_closing_sells_all_that_is_held(broker: Make) -> None:
    desk = broker(steps=STEPS)
    desk.filled(**buy())
    order = desk.send("DELETE", "positions/BTCUSD").body
    assert (order["qty"], order["time_in_force"]) == ("0.09975", "gtc")
    desk.wait(1)
    assert desk.ask("positions") == []
