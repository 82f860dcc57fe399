"""Options: the chain, single contracts, levels and cover, several legs, exercise and the end."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from runner.sim import Holding
from runner.sim.contracts import Contract, chain, parse
from runner.sim.control_market import set_price
from runner.sim.option_margin import requirement, uncovered_calls

FLAT = {"AAPL": [(0, "270")]}
CALL, HIGHER = "AAPL261204C00270000", "AAPL261204C00280000"
PUT, LOWER = "AAPL261204P00270000", "AAPL261204P00260000"
NEXT_WEEK = "AAPL261127C00265000"
Make = Callable[..., Any]
SHARES = (Holding("AAPL", Decimal(100), Decimal(250)),)


def spread(*legs: tuple[str, str], **order: Any) -> dict[str, Any]:
    """A multi-leg order of (side, symbol) legs."""
    return {
        "order_class": "mleg",
        "type": "market",
        "side": None,
        "legs": [{"symbol": symbol, "side": side, "ratio_qty": 1} for side, symbol in legs],
        **order,
    }


# ------------------------------------------------------------------------- contracts


def test_a_symbol_says_what_a_contract_is() -> None:
    contract = parse(CALL)
    assert contract is not None
    assert contract.symbol == CALL
    assert (contract.kind, contract.strike, contract.name) == (
        "call", Decimal(270), "AAPL Dec 04 2026 270 Call",
    )  # fmt: skip
    for symbol in ("AAPL", "AAPL261304C00270000", "AAPL261204X00270000", CALL.lower()):
        assert parse(symbol) is None


def test_a_chain_surrounds_the_price_and_knows_holidays(broker: Make) -> None:
    now = broker().exchange.now.date()
    contracts = chain("AAPL", Decimal(270), now)
    expirations = sorted({contract.expires.isoformat() for contract in contracts})
    assert expirations[:3] == ["2026-11-27", "2026-12-04", "2026-12-11"]
    assert "2027-01-15" in expirations
    assert {contract.strike for contract in contracts} >= {Decimal(240), Decimal(300)}
    assert len({contract.symbol for contract in contracts}) == len(contracts)


def test_prices_have_the_order_that_options_have(broker: Make) -> None:
    desk = broker(steps=FLAT)
    tape, now = desk.exchange.tape, desk.exchange.now
    calls = [tape.last(f"AAPL261204C00{strike}000", now) for strike in (250, 260, 270, 280)]
    assert all(a > b for a, b in pairwise(calls))
    puts = [tape.last(f"AAPL261204P00{strike}000", now) for strike in (250, 260, 270, 280)]
    assert all(a < b for a, b in pairwise(puts))
    assert tape.last("AAPL261211C00270000", now) > tape.last(CALL, now)
    quote = tape.quote(CALL, now)
    assert quote.bid < tape.last(CALL, now) < quote.ask


# ------------------------------------------------------------------------- single orders


def test_a_contract_is_a_hundred_shares(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.filled(symbol=CALL)
    assert (order["asset_class"], order["position_intent"]) == ("us_option", "buy_to_open")
    paid = Decimal(order["filled_avg_price"]) * 100
    assert Decimal(desk.account()["cash"]) == 100000 - paid
    position = desk.position(CALL)
    assert (position["qty"], position["asset_class"]) == ("1", "us_option")
    assert Decimal(position["cost_basis"]) == paid
    assert Decimal(position["market_value"]) == 100 * Decimal(position["current_price"])
    desk.filled(symbol=CALL, side="sell")
    assert desk.ask("positions") == []


REFUSED = [
    ({"time_in_force": "gtc"}, "options orders must be DAY orders"),
    ({"type": "stop", "stop_price": "1"}, "options orders must be market or limit orders"),
    ({"qty": "0.5"}, "options orders must be for a whole number of contracts"),
    ({"notional": "50", "qty": None}, "options orders must be for a whole number of contracts"),
    ({"type": "limit", "limit_price": "1", "extended_hours": True},
     "options orders do not support extended hours trading"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_no_option_order_may_be(broker: Make, changes: Any, message: str) -> None:
    answer = broker(steps=FLAT).post(symbol=CALL, **changes)
    assert (answer.status, answer.body["message"]) == (422, message)


def test_market_orders_need_regular_hours(broker: Make) -> None:
    desk = broker(steps=FLAT, start="2026-11-23 08:00")
    answer = desk.post(symbol=CALL)
    assert answer.body["message"] == "options market orders are only allowed during market hours"
    assert desk.submit(symbol=CALL, type="limit", limit_price="1")["status"] == "pending_new"


def test_the_level_decides_what_may_be_traded(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=SHARES)
    desk.send("PATCH", "account/configurations", {"max_options_trading_level": 1})
    assert desk.account()["options_trading_level"] == 1
    answer = desk.post(symbol=CALL)
    assert answer.status == 403
    assert answer.body["message"] == "account not eligible for level2 options trading"
    assert desk.post(symbol=CALL, side="sell").status == 200
    answer = desk.post(**spread(("buy", CALL), ("sell", HIGHER)))
    assert answer.body["message"] == "account not eligible for level3 options trading"


def test_a_call_is_sold_against_shares_which_it_locks(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=SHARES)
    desk.filled(symbol=CALL, side="sell")
    assert desk.position("AAPL")["qty_available"] == "0"
    assert desk.post(symbol="AAPL", side="sell", qty="1").status == 403
    answer = desk.post(symbol=HIGHER, side="sell")
    assert answer.status == 403
    assert answer.body["message"] == "account not eligible to trade uncovered option contracts"
    desk.filled(symbol=CALL)
    assert desk.position("AAPL")["qty_available"] == "100"


def test_a_put_is_sold_against_its_strike_in_cash(broker: Make) -> None:
    desk = broker(steps=FLAT, cash=Decimal(30000))
    desk.filled(symbol=PUT, side="sell")
    answer = desk.post(symbol=LOWER, side="sell")
    assert answer.status == 403
    assert answer.body["message"] == "insufficient options buying power"
    assert set(answer.body) == {"code", "message", "options_buying_power", "cost_basis"}
    assert answer.body["cost_basis"] == "26000"


def test_options_are_not_bought_on_margin(broker: Make) -> None:
    desk = broker(steps=FLAT, cash=Decimal(2000))
    price = desk.exchange.tape.quote(CALL, desk.exchange.now).ask
    affordable = int(2000 / (price * 100))
    assert desk.post(symbol=CALL, qty=str(affordable + 1)).status == 403
    assert desk.post(symbol=CALL, qty=str(affordable)).status == 200


# ------------------------------------------------------------------------- several legs


def test_a_spread_trades_all_legs_at_once(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(**spread(("buy", CALL), ("sell", HIGHER), qty="2"))
    assert (order["symbol"], order["side"], order["asset_class"]) == ("", "", "")
    assert [leg["position_intent"] for leg in order["legs"]] == ["buy_to_open", "sell_to_open"]
    assert [leg["ratio_qty"] for leg in order["legs"]] == ["1", "1"]
    desk.wait(1)
    filled = desk.ask(f"orders/{order['id']}", nested="true")
    assert filled["status"] == "filled"
    assert {leg["status"] for leg in filled["legs"]} == {"filled"}
    bought, sold = (Decimal(leg["filled_avg_price"]) for leg in filled["legs"])
    assert Decimal(filled["filled_avg_price"]) == bought - sold
    assert [p["qty"] for p in desk.ask("positions")] == ["2", "-2"]
    assert Decimal(desk.account()["cash"]) == 100000 - 200 * (bought - sold)
    assert len(desk.ask("account/activities/FILL")) == 2
    closing = desk.submit(**spread(("sell", CALL), ("buy", HIGHER), qty="2"))
    assert [leg["position_intent"] for leg in closing["legs"]] == ["sell_to_close", "buy_to_close"]
    desk.wait(1)
    assert desk.ask("positions") == []
    names = [event.name for event in desk.exchange.events]
    assert names == ["pending_new", "new", "fill"] * 2


def test_a_credit_is_a_negative_limit_and_its_risk_is_set_aside(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(
        **spread(("sell", PUT), ("buy", LOWER), qty="1", type="limit", limit_price="-9")
    )
    assert order["limit_price"] == "-9"
    reserved = 400000 - Decimal(desk.account()["buying_power"])
    assert reserved == 4 * (1000 - 900)
    assert desk.order(order, after=1)["status"] == "new"
    desk.cancel(order["legs"][0])
    desk.wait(1)
    found = desk.ask(f"orders/{order['id']}", nested="true")
    assert [found["status"], *(leg["status"] for leg in found["legs"])] == ["canceled"] * 3
    assert desk.account()["buying_power"] == "400000"


def test_a_spread_that_never_fills_expires_with_its_legs(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(
        **spread(("buy", CALL), ("sell", HIGHER), qty="1", type="limit", limit_price="0.01")
    )
    desk.go("2026-11-23 16:00")
    found = desk.ask(f"orders/{order['id']}", nested="true")
    assert [found["status"], *(leg["status"] for leg in found["legs"])] == ["expired"] * 3
    assert desk.exchange.book.open_orders() == []


def test_parts_of_a_spread_fill_in_proportion(broker: Make) -> None:
    desk = broker(steps=FLAT, partial_fills=1)
    order = desk.submit(**spread(("buy", CALL), ("sell", HIGHER), qty="10"))
    desk.wait("0.3")
    found = desk.ask(f"orders/{order['id']}", nested="true")
    assert found["status"] == "partially_filled"
    assert {leg["filled_qty"] for leg in found["legs"]} == {found["filled_qty"]}
    desk.wait(60)
    assert {p["qty"] for p in desk.ask("positions")} == {"10", "-10"}


SENSELESS = [
    ({"legs": []}, "mleg orders must have between 2 and 4 legs"),
    ({"legs": [{"symbol": CALL, "side": "buy", "ratio_qty": 1}] * 2},
     "all legs must have unique symbols"),
    ({"legs": [{"symbol": CALL, "side": "buy", "ratio_qty": 2},
               {"symbol": HIGHER, "side": "sell", "ratio_qty": 4}]},
     "leg ratio quantities must be relatively prime"),
    ({"legs": [{"symbol": CALL, "side": "buy", "ratio_qty": 1},
               {"symbol": "AAPL", "side": "sell", "ratio_qty": 1}]}, 'asset "AAPL" not found'),
    ({"legs": [{"symbol": CALL, "ratio_qty": 1}, {"symbol": HIGHER, "side": "sell"}]},
     "each leg must have a side or a position_intent"),
    ({"type": "limit"}, "limit orders require a limit price"),
    ({"type": "stop", "stop_price": "1"}, "mleg orders must be market or limit orders"),
    ({"time_in_force": "gtc"}, "options orders must be DAY orders"),
    ({"qty": "1.5"}, "qty must be an integer > 0"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), SENSELESS)
def test_a_senseless_spread_is_refused(broker: Make, changes: Any, message: str) -> None:
    answer = broker(steps=FLAT).post(**spread(("buy", CALL), ("sell", HIGHER)) | changes)
    assert (answer.status, answer.body["message"]) == (422, message)


def test_a_short_call_without_cover_is_refused_and_so_is_a_wrong_intent(broker: Make) -> None:
    desk = broker(steps=FLAT)
    answer = desk.post(**spread(("sell", CALL), ("buy", PUT)))
    assert answer.body["message"] == "account not eligible to trade uncovered option contracts"
    order = spread(("buy", CALL), ("sell", HIGHER))
    order["legs"][0]["position_intent"] = "buy_to_close"
    assert desk.post(**order).body["message"].startswith("position intent mismatch")


def test_what_short_legs_require() -> None:
    def leg(kind: str, strike: int, number: int) -> tuple[Contract, Decimal]:
        found = parse(f"AAPL261204{kind}00{strike}000")
        assert found is not None
        return found, Decimal(number)

    assert requirement([leg("P", 270, -1)]) == 27000
    assert requirement([leg("P", 270, -1), leg("P", 260, 1)]) == 1000
    assert requirement([leg("P", 260, -1), leg("P", 270, 1)]) == 0
    assert requirement([leg("C", 270, -2), leg("C", 280, 2)]) == 2000
    assert requirement([leg("C", 270, -1), leg("P", 260, 1)]) == 0
    assert uncovered_calls([leg("C", 270, -3), leg("C", 280, 1)]) == 2


# ------------------------------------------------------------------------- the end


def test_exercising_moves_shares_at_the_strike(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol=CALL)
    cash = Decimal(desk.account()["cash"])
    assert desk.send("POST", f"positions/{CALL}/exercise").status == 200
    assert Decimal(desk.account()["cash"]) == cash - 27000
    assert [p["symbol"] for p in desk.ask("positions")] == ["AAPL"]
    assert desk.position("AAPL")["qty"] == "100"
    kinds = [row["activity_type"] for row in desk.ask("account/activities", direction="asc")]
    assert kinds == ["FILL", "OPEXC", "OPTRD"]
    assert len(desk.ask("account/activities", category="non_trade_activity")) == 2


def test_what_cannot_be_exercised(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=SHARES)
    answer = desk.send("POST", f"positions/{CALL}/exercise")
    assert (answer.status, answer.body["message"]) == (
        403, "no available position for the specified contract",
    )  # fmt: skip
    assert desk.send("POST", "positions/AAPL/exercise").body["message"] == "invalid symbol"
    desk.filled(symbol=CALL, side="sell")
    answer = desk.send("POST", f"positions/{CALL}/exercise")
    assert answer.body == {"code": 40310001, "message": "cannot exercise short position"}
    desk.filled(symbol=PUT)
    desk.go("2026-11-23 16:30")
    assert desk.send("POST", f"positions/{PUT}/exercise").status == 422


def test_in_the_money_is_exercised_at_the_end_and_the_rest_is_gone(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol=NEXT_WEEK)
    desk.filled(symbol="AAPL261127C00280000")
    desk.go("2026-11-30 10:00")
    assert [(p["symbol"], p["qty"]) for p in desk.ask("positions")] == [("AAPL", "100")]
    kinds = {row["activity_type"] for row in desk.ask("account/activities")}
    assert kinds == {"FILL", "OPEXC", "OPTRD", "OPEXP"}
    assert desk.post(symbol=NEXT_WEEK).status == 422


def test_a_covered_call_is_assigned(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=SHARES)
    desk.filled(symbol=NEXT_WEEK, side="sell")
    desk.go("2026-11-30 10:00")
    assert desk.ask("positions") == []
    assert "OPASN" in {row["activity_type"] for row in desk.ask("account/activities")}


def test_a_position_may_be_kept_from_being_exercised(broker: Make) -> None:
    desk = broker(steps=FLAT)
    desk.filled(symbol=NEXT_WEEK)
    assert desk.send("POST", f"positions/{NEXT_WEEK}/do-not-exercise").status == 200
    desk.go("2026-11-30 10:00")
    assert desk.ask("positions") == []


def test_a_covered_call_that_is_replaced_needs_its_shares_once(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=(Holding("AAPL", Decimal(200), Decimal(250)),))
    order = desk.submit(symbol=CALL, side="sell", qty="2", type="limit", limit_price="90")
    desk.wait(1)
    answer = desk.send("PATCH", f"orders/{order['id']}", {"limit_price": "89"})
    assert answer.status == 200, answer.body
    desk.wait(1)
    more = desk.send("PATCH", f"orders/{answer.body['id']}", {"qty": 3})
    assert more.body["message"] == "account not eligible to trade uncovered option contracts"


def test_calls_that_open_orders_would_sell_need_their_shares_too(broker: Make) -> None:
    desk = broker(steps=FLAT, positions=(Holding("AAPL", Decimal(200), Decimal(250)),))
    high = {"type": "limit", "limit_price": "90"}
    desk.submit(symbol=CALL, side="sell", qty="1", **high)
    naked = spread(("sell", CALL), ("sell", HIGHER), qty="1", type="limit", limit_price="-90")
    answer = desk.post(**naked)
    assert answer.body["message"] == "account not eligible to trade uncovered option contracts"
    desk.submit(
        **spread(("sell", CALL), ("buy", HIGHER), qty="5", type="limit", limit_price="-9.9")
    )
    assert desk.position("AAPL")["qty_available"] == "100"


def test_an_option_can_be_given_a_price_of_its_own_by_hand(broker: Make) -> None:
    desk = broker(steps=FLAT)
    order = desk.submit(symbol=CALL, type="limit", limit_price="2.00")
    desk.wait(1)
    set_price(desk.exchange, CALL, Decimal("1.90"))
    assert desk.order(order, after=1)["status"] == "filled"
    assert desk.position(CALL)["current_price"] == "1.9"
    package = desk.submit(
        **spread(("buy", CALL), ("sell", HIGHER), qty="1", type="limit", limit_price="0.10")
    )
    desk.wait(1)
    set_price(desk.exchange, HIGHER, Decimal("1.89"))
    assert desk.order(package, after=1)["status"] == "filled"
