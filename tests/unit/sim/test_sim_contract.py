"""Answers against Alpaca's own description of the Trading API, where a copy of it is at hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runner.sim.faults_reader import read_fault
from runner.sim.orders import INTERRUPTIONS
from runner.sim.routes import TABLE

DESCRIPTION = Path(__file__).parents[4] / "shared" / "alpaca" / "trading-api.yaml"
Make = Callable[..., Any]

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason="no copy of the API description")


@pytest.fixture(scope="module")
def described() -> Callable[[str, Any], None]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DESCRIPTION.open(encoding="utf-8") as file:
        components = yaml.load(file, Loader=loader)["components"]

    def check(name: str, answer: Any) -> None:
        if name == "Order" and answer["legs"]:
            # It says of a leg's own legs that they are an object, and that they are always null.
            for leg in answer["legs"]:
                check("Order", leg)
            answer = answer | {"legs": [{**leg, "legs": {}} for leg in answer["legs"]]}
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        jsonschema.Draft202012Validator(schema).validate(answer)

    return check


def test_answers_are_as_described(broker: Make, described: Callable[[str, Any], None]) -> None:
    desk = broker()
    bought = desk.filled(symbol="AAPL", qty="10")
    desk.filled(symbol="F", side="sell", qty="5")
    described("Order", bought)
    for order in (
        {"symbol": "AAPL", "side": "sell", "qty": "2", "type": "limit", "limit_price": "400"},
        {"symbol": "AAPL", "side": "sell", "type": "trailing_stop", "trail_percent": "5"},
        {"symbol": "MSFT", "notional": "25"},
        {"symbol": "TSLA", "type": "stop", "stop_price": "900", "time_in_force": "gtc"},
    ):
        described("Order", desk.submit(**order))
    described("Account", desk.account())
    described("AccountConfigurations", desk.ask("account/configurations"))
    described("legacy_clock", desk.ask("clock"))
    for day in desk.ask("calendar", start="2026-11-01", end="2026-12-31"):
        described("legacy_calendar_day", day)
    for position in desk.ask("positions"):
        described("Position", position)
    for order in desk.ask("orders", status="all"):
        described("Order", order)
    for activity in desk.ask("account/activities/FILL"):
        described("TradingActivities", activity)
    for asset in desk.ask("assets"):
        described("Assets", asset)
    for row in desk.send("DELETE", "positions").body:
        # The description has no words for the body of a refused row.
        if row["status"] == 200:
            described("PositionClosedReponse", row)
        else:
            described("Error", row["body"])
    for row in desk.send("DELETE", "orders").body:
        described("CanceledOrderResponse", row)
    described("Error", desk.post(symbol="AAPL", qty="1000000").body)


def test_answers_about_groups_and_replacements_are_as_described(
    broker: Make, described: Callable[[str, Any], None]
) -> None:
    desk = broker(steps={"AAPL": [(0, "100")]})
    legs = {"take_profit": {"limit_price": "110"}, "stop_loss": {"stop_price": "95"}}
    bracket = desk.submit(symbol="AAPL", qty="10", order_class="bracket", **legs)
    described("Order", bracket)
    desk.wait(1)
    described("Order", desk.ask(f"orders/{bracket['id']}", nested="true"))
    profit = bracket["legs"][0]
    new = desk.send("PATCH", f"orders/{profit['id']}", {"limit_price": "111"})
    described("Order", new.body)
    described("Order", desk.order(profit))
    described("Order", desk.order(profit, after=1))
    described("Error", desk.send("PATCH", f"orders/{profit['id']}", {}).body)
    wrong = desk.post(symbol="AAPL", order_class="bracket", **legs | {"stop_loss": None})
    described("Error", wrong.body)
    for order in desk.ask("orders", status="all", nested="true"):
        described("Order", order)


def test_answers_about_options_are_as_described(
    broker: Make, described: Callable[[str, Any], None]
) -> None:
    desk = broker(steps={"AAPL": [(0, "270")]})
    listed = desk.ask("options/contracts", show_deliverables="true", limit=3)
    described("OptionContractsResponse", listed)
    described("OptionContract", desk.ask("options/contracts/AAPL261204C00270000"))
    described("Error", desk.send("GET", "options/contracts/AAPL261204C00000001").body)
    described("Order", desk.filled(symbol="AAPL261204C00270000"))
    order = desk.submit(
        side=None,
        order_class="mleg",
        legs=[
            {"symbol": "AAPL261204C00280000", "side": "buy", "ratio_qty": "1"},
            {"symbol": "AAPL261204C00290000", "side": "sell", "ratio_qty": "1"},
        ],
    )
    desk.wait(1)
    # The description wants a UUID and a side even where its own example leaves them empty.
    for leg in desk.ask(f"orders/{order['id']}", nested="true")["legs"]:
        described("Order", leg | {"type": "limit"})
    for position in desk.ask("positions"):
        described("Position", position | {"exchange": "NASDAQ"})
    desk.send("POST", "positions/AAPL261204C00270000/exercise")
    for activity in desk.ask("account/activities", category="non_trade_activity"):
        described("NonTradeActivities", activity)
    described("Account", desk.account())


@pytest.mark.parametrize("status", INTERRUPTIONS)
def test_an_order_in_a_rare_status_is_as_described(
    broker: Make, described: Callable[[str, Any], None], status: str
) -> None:
    fault = read_fault({"fault": "interrupt", "to": status, "time": "1m"})
    desk = broker(faults=(fault,))
    order = desk.order(desk.submit(symbol="AAPL"), after=1)
    assert order["status"] == status
    described("Order", order)


def test_answers_about_crypto_are_as_described(
    broker: Make, described: Callable[[str, Any], None]
) -> None:
    desk = broker()
    described("Order", desk.filled(symbol="BTC/USD", qty="0.1", time_in_force="gtc"))
    described("Position", desk.position("BTCUSD"))
    for activity in desk.ask("account/activities/CFEE"):
        described("NonTradeActivities", activity)
    for asset in desk.ask("assets", asset_class="crypto"):
        described("Assets", asset)


def test_answers_beside_orders_are_as_described(
    broker: Make, described: Callable[[str, Any], None]
) -> None:
    desk = broker()
    made = desk.send("POST", "watchlists", {"name": "Mine", "symbols": ["AAPL"]})
    described("Watchlist", made.body)
    for found in desk.ask("watchlists"):
        described("WatchlistWithoutAsset", found)
    for query in ({}, {"period": "1D"}, {"period": "1W", "timeframe": "1H"}):
        described("PortfolioHistory", desk.ask("account/portfolio/history", **query))
    changed = desk.send("PATCH", "account/configurations", {"no_shorting": True})
    described("AccountConfigurations", changed.body)


def test_every_path_of_the_description_is_answered_or_listed_as_absent(broker: Make) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DESCRIPTION.open(encoding="utf-8") as file:
        paths = yaml.load(file, Loader=loader)["paths"]
    described = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, methods in paths.items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    answered = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in TABLE}
    absent = ("/v1/", "/v2beta1/", "/v2/tokenization", "/v2/wallets", "/v3/")
    assert {path for _, path in described - answered if not path.startswith(absent)} == set()


def test_no_key_is_answered_that_the_description_lacks(broker: Make) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with DESCRIPTION.open(encoding="utf-8") as file:
        components = yaml.load(file, Loader=loader)["components"]
    known = set(components["examples"]["EquityOrderResponse"]["value"])
    order = broker().submit(symbol="AAPL")
    assert known <= set(order)
    assert set(order) - known == {"expires_at", "position_intent"}
