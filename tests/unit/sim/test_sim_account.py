"""Cash, margin, buying power, positions, settings, and the old day-trading rule."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from runner.sim import Holding

FLAT = {"AAPL": [(0, "100")], "NOMG": [(0, "10")]}
DAY_TRADING = {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"}
Make = Callable[..., Any]


def held(symbol: str, qty: str, price: str) -> tuple[Holding, ...]:
    return (Holding(symbol, Decimal(qty), Decimal(price)),)


def test_a_fresh_account_has_four_times_its_equity(broker: Make) -> None:
    account = broker().account()
    assert account["equity"] == account["cash"] == account["last_equity"] == "100000"
    assert account["buying_power"] == "400000"
    assert account["regt_buying_power"] == "200000"
    assert account["non_marginable_buying_power"] == "100000"
    assert account["multiplier"] == "4"
    assert account["status"] == "ACTIVE"
    assert account["user_configurations"] is None
    assert account["balance_asof"] == "2026-11-20"


def test_the_account_has_the_recorded_keys_and_no_day_trading_ones(broker: Make) -> None:
    recorded = """account_blocked account_number accrued_fees admin_configurations balance_asof
    buying_power cash created_at crypto_status crypto_tier currency effective_buying_power equity
    id initial_margin intraday_adjustments last_equity last_maintenance_margin long_market_value
    maintenance_margin multiplier non_marginable_buying_power options_approved_level
    options_buying_power options_trading_level pending_reg_taf_fees portfolio_value
    position_market_value regt_buying_power short_market_value shorting_enabled sma status
    trade_suspended_by_user trading_blocked transfers_blocked user_configurations"""
    desk = broker()
    assert set(desk.account()) == set(recorded.split())
    assert "pdt_check" not in desk.ask("account/configurations")


def test_the_margin_of_a_documented_account(broker: Make) -> None:
    # The figures of the account in Alpaca's own example, at multiplier 2.
    desk = broker(
        cash=Decimal("122086.5"),
        multiplier=2,
        steps={"AAPL": [(0, "125.961")]},
        positions=held("AAPL", "10", "100"),
    )
    account = desk.account()
    assert account["long_market_value"] == "1259.6"  # on the penny grid: 125.96
    assert account["equity"] == "123346.1"
    assert account["initial_margin"] == "629.8"
    assert account["maintenance_margin"] == "377.88"
    assert account["buying_power"] == "245432.6"
    assert account["options_buying_power"] == "122716.3"
    assert account["non_marginable_buying_power"] == "122086.5"


def test_a_fill_moves_whole_cents_of_cash_and_shares(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol="AAPL", qty="0.333333333")
    account = desk.account()
    assert account["cash"] == "99966.66"
    assert desk.position("AAPL")["qty"] == "0.333333333"


def test_a_position_that_must_be_paid_in_full_takes_full_buying_power(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol="NOMG", qty="1000")
    account = desk.account()
    assert account["buying_power"] == "359960"  # 4 * (99,990 - 10,000)
    assert account["initial_margin"] == "10000"


def test_below_two_thousand_dollars_there_is_no_margin(broker: Make) -> None:
    account = broker(cash=Decimal(1999)).account()
    assert account["multiplier"] == "1"
    assert account["buying_power"] == "1999"
    assert account["shorting_enabled"] is False


def test_a_short_position_is_negative_and_uses_buying_power(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.filled(symbol="AAPL", side="sell", qty="10")
    assert order["position_intent"] == "sell_to_open"
    position = desk.position("AAPL")
    assert (position["qty"], position["side"], position["qty_available"]) == ("-10", "short", "-10")
    assert position["unrealized_pl"] == "-0.1"
    account = desk.account()
    assert account["short_market_value"] == "-1000"
    assert account["cash"] == "100999.9"
    assert account["buying_power"] == "398999.6"
    closed = desk.filled(symbol="AAPL", qty="10")
    assert closed["position_intent"] == "buy_to_close"
    assert desk.ask("positions") == []
    assert desk.account()["cash"] == "99999.8"


def test_neither_side_crosses_zero_in_one_order(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=held("AAPL", "10", "90"))
    assert desk.post(symbol="AAPL", side="sell", qty="11").status == 403
    desk.filled(symbol="AAPL", side="sell", qty="10")
    desk.filled(symbol="AAPL", side="sell", qty="10")
    assert desk.post(symbol="AAPL", qty="11").status == 403


def test_profit_is_told_apart_from_todays_profit(broker: Make) -> None:
    desk = broker(
        steps={"AAPL": [(0, "100"), (60, "106")]},
        positions=held("AAPL", "10", "80"),
        previous_closes={"AAPL": Decimal("99")},
    )
    desk.wait(120)
    position = desk.position("AAPL")
    assert position["unrealized_pl"] == "260"
    assert position["unrealized_plpc"] == "0.325"
    assert position["unrealized_intraday_pl"] == "70"
    assert position["lastday_price"] == "99"
    assert position["change_today"] == "0.0707070707"


def test_a_part_sold_keeps_the_entry_price_of_the_rest(broker: Make) -> None:
    desk = broker(
        steps=FLAT,
        positions=held("AAPL", "10", "80"),
        previous_closes={"AAPL": Decimal("99")},
    )
    desk.filled(symbol="AAPL", qty="4", side="sell")
    position = desk.position("AAPL")
    assert (position["qty"], position["avg_entry_price"]) == ("6", "80")
    assert (position["cost_basis"], position["unrealized_pl"]) == ("480", "120")
    assert position["unrealized_intraday_pl"] == "6"


def test_what_was_bought_yesterday_is_measured_from_yesterdays_close(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (3600, "104"), (86400, "105")]})
    desk.filled(symbol="AAPL", qty="10")
    desk.go("2026-11-24 11:00")
    position = desk.position("AAPL")
    assert position["unrealized_intraday_pl"] == "10"
    assert position["unrealized_pl"] == "49.9"


def test_a_partial_fill_keeps_the_rest_of_the_reservation(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1)
    order = desk.submit(symbol="AAPL", qty="100", type="limit", limit_price="110")
    assert desk.account()["buying_power"] == "389000"
    filled = Decimal(desk.order(order, after="0.5")["filled_qty"])
    assert 0 < filled < 100
    spread = filled * Decimal("0.01")  # bought at the ask, valued at the last price
    expected = 400000 - 4 * spread - filled * 100 - (100 - filled) * 110
    assert Decimal(desk.account()["buying_power"]) == expected


def test_last_equity_follows_the_last_close(broker: Make) -> None:
    desk = broker(steps={"AAPL": [(0, "100"), (3600, "110")]}, positions=held("AAPL", "100", "90"))
    assert desk.account()["last_equity"] == "110000"
    desk.go("2026-11-23 19:00")
    assert desk.account()["last_equity"] == "110000"
    desk.go("2026-11-24 08:00")
    account = desk.account()
    assert account["last_equity"] == "111000"
    assert account["balance_asof"] == "2026-11-23"
    assert account["last_maintenance_margin"] == "3300"


def test_a_missing_field_can_be_rehearsed(broker: Make) -> None:
    desk = broker(omit=frozenset({"buying_power", "status"}))
    assert not {"buying_power", "status"} & set(desk.account())


# ------------------------------------------------------------------------- configuration


def test_a_patch_of_the_configuration_changes_what_it_names(broker: Make) -> None:
    desk = broker(steps=FLAT)
    before = desk.ask("account/configurations")
    patch = {"suspend_trade": True, "no_shorting": None, "pdt_check": None, "unknown": 1}
    after = desk.send("PATCH", "account/configurations", patch).body
    assert after == {**before, "suspend_trade": True}
    assert desk.account()["trade_suspended_by_user"] is True
    assert desk.post(symbol="AAPL").status == 403
    desk.send("PATCH", "account/configurations", {"suspend_trade": False, "no_shorting": True})
    assert desk.post(symbol="AAPL").status == 200
    assert desk.post(symbol="F", side="sell").status == 403
    assert (
        desk.send("PATCH", "account/configurations", {"max_margin_multiplier": "3"}).status == 422
    )
    desk.send("PATCH", "account/configurations", {"max_margin_multiplier": "1"})
    assert desk.account()["multiplier"] == "1"


# ------------------------------------------------------------------------- legacy day trading


def small(broker: Make, **changes: Any) -> Any:
    return broker(steps=FLAT, cash=Decimal(20000), regime="legacy_pdt", **changes)


def test_the_old_regime_has_the_old_fields(broker: Make) -> None:
    desk = small(broker, daytrade_count=2)
    account = desk.account()
    assert set(account) >= DAY_TRADING
    assert (account["pattern_day_trader"], account["daytrade_count"]) == (False, 2)
    assert {"pdt_check", "dtbp_check"} <= set(desk.ask("account/configurations"))


def test_the_fourth_day_trade_is_denied_below_twenty_five_thousand(broker: Make) -> None:
    desk = small(broker)
    for count in range(3):
        assert desk.account()["daytrade_count"] == count
        desk.filled(symbol="AAPL")
        desk.filled(symbol="AAPL", side="sell")
    desk.filled(symbol="AAPL")
    answer = desk.post(symbol="AAPL", side="sell")
    assert answer.status == 403
    assert answer.body == {
        "code": 40310100,
        "message": "trade denied due to pattern day trading protection",
    }
    desk.go("2026-11-24 10:00")
    assert desk.post(symbol="AAPL", side="sell").status == 200


def test_day_trades_leave_the_count_after_five_sessions(broker: Make) -> None:
    desk = small(broker)
    desk.filled(symbol="AAPL")
    desk.filled(symbol="AAPL", side="sell")
    desk.go("2026-11-30 10:00")  # Monday, the fifth session: Thursday was a holiday
    assert desk.account()["daytrade_count"] == 1
    desk.go("2026-12-01 10:00")
    assert desk.account()["daytrade_count"] == 0


def test_a_flagged_account_opens_nothing_below_the_minimum(broker: Make) -> None:
    desk = small(broker, pattern_day_trader=True)
    assert desk.post(symbol="AAPL").body["code"] == 40310100


def test_a_large_account_and_the_new_regime_trade_as_they_like(broker: Make) -> None:
    for desk in (
        broker(steps=FLAT, cash=Decimal(20000)),
        broker(steps=FLAT, cash=Decimal(26000), regime="legacy_pdt"),
    ):
        for _ in range(5):
            desk.filled(symbol="AAPL")
            desk.filled(symbol="AAPL", side="sell")


# ------------------------------------------------------------------------- closing positions


def test_closing_a_position_is_a_market_day_order(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=held("AAPL", "10", "90"))
    order = desk.send("DELETE", "positions/AAPL").body
    assert (order["side"], order["qty"], order["type"]) == ("sell", "10", "market")
    assert (order["time_in_force"], order["position_intent"]) == ("day", "sell_to_close")
    assert desk.order(order, after=1)["status"] == "filled"
    answer = desk.send("DELETE", "positions/AAPL")
    assert (answer.status, answer.body["message"]) == (404, "position does not exist")


@pytest.mark.parametrize(
    ("query", "qty"), [({"qty": "4"}, "4"), ({"percentage": "50"}, "5"), ({"percentage": 33}, "3")]
)
def test_a_part_of_a_position_is_closed(broker: Make, query: dict[str, Any], qty: str) -> None:
    desk = broker(steps=FLAT, positions=held("AAPL", "10", "90"))
    assert desk.send("DELETE", "positions/AAPL", **query).body["qty"] == qty


@pytest.mark.parametrize(
    "query", [{"qty": "0"}, {"percentage": "101"}, {"qty": 1, "percentage": 1}]
)
def test_a_senseless_part_is_refused(broker: Make, query: dict[str, Any]) -> None:
    desk = broker(steps=FLAT, positions=held("AAPL", "10", "90"))
    assert desk.send("DELETE", "positions/AAPL", **query).status == 422


def test_closing_all_reports_each_position(broker: Make) -> None:
    desk = broker(
        steps=FLAT,
        positions=(*held("AAPL", "10", "90"), *held("F", "-5", "13")),
    )
    desk.submit(symbol="AAPL", qty="10", side="sell", type="limit", limit_price="120")
    answer = desk.send("DELETE", "positions")
    assert answer.status == 207
    first, second = answer.body
    assert (first["symbol"], first["status"]) == ("AAPL", 403)
    assert first["body"]["held_for_orders"] == "10"
    assert (second["status"], second["body"]["side"]) == (200, "buy")
    desk.wait(1)
    answer = desk.send("DELETE", "positions", cancel_orders="True")
    assert [row["status"] for row in answer.body] == [200]
    desk.wait(1)
    assert desk.ask("positions") == []
    assert desk.ask("orders") == []


def test_profit_within_a_day_is_measured_from_the_close_before(broker: Make) -> None:
    desk = broker(
        start="2026-11-23 15:00",
        steps={"AAPL": [(0, "100"), (60 * 60 * 20, "110")]},
        previous_closes={"AAPL": Decimal(90)},
        positions=(Holding("AAPL", Decimal(100), Decimal(90)),),
        cash=Decimal(91000),
    )
    desk.go("2026-11-24 12:00")
    query = {"period": "2D", "timeframe": "1H"}
    reset = desk.ask("account/portfolio/history", **query)
    kept = desk.ask("account/portfolio/history", pnl_reset="no_reset", **query)
    assert reset["equity"] == kept["equity"]
    assert reset["base_value"] == 100000
    assert (reset["profit_loss"][0], kept["profit_loss"][0]) == (1000, 1000)
    assert (reset["profit_loss"][-1], kept["profit_loss"][-1]) == (1000, 2000)


@pytest.mark.parametrize(
    "query",
    [
        {"pnl_reset": "never"},
        {"period": "1D", "start": "2026-11-20T00:00:00Z", "end": "2026-11-23T00:00:00Z"},
    ],
)
def test_a_senseless_history_is_refused(broker: Make, query: Any) -> None:
    assert broker().send("GET", "account/portfolio/history", **query).status == 422
