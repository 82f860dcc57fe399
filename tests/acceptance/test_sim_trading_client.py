"""Every public method of Alpaca's TradingClient, answered by the embedded exchange."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import (
    CryptoHistoricalDataClient,
    OptionHistoricalDataClient,
    StockHistoricalDataClient,
)
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestBarRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoSnapshotRequest,
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AssetClass,
    ContractType,
    CorporateActionType,
    OrderClass,
    OrderSide,
    OrderStatus,
    TimeInForce,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetCorporateAnnouncementsRequest,
    GetOptionContractsRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
    UpdateWatchlistRequest,
)

from runner.sim import Exchange, Holding, Served, VirtualClock, default_scenario, serve

PUT, LOWER = "AAPL261204P00270000", "AAPL261204P00260000"
HELD = (
    Holding("AAPL", Decimal(10), Decimal(250)),
    Holding("F", Decimal(-5), Decimal(13)),
)


@pytest.fixture
def served() -> Iterator[Served]:
    scenario = default_scenario(positions=HELD)
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Any:
    found = TradingClient(api_key="k", secret_key="s", url_override=served.url)
    found._session.trust_env = False
    return found


def settle(served: Served) -> None:
    served.sleep_until(served.now() + timedelta(seconds=3))


def market(symbol: str, qty: float, side: OrderSide = OrderSide.BUY) -> MarketOrderRequest:
    tif = TimeInForce.GTC if "/" in symbol else TimeInForce.DAY
    return MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=tif)


def resting(symbol: str = "MSFT", price: float = 400) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=price
    )


def bracket(symbol: str = "MSFT") -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol,
        qty=2,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.GTC,
        order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=600),
        stop_loss=StopLossRequest(stop_price=400),
    )


def test_every_public_method_has_its_test() -> None:
    own = {name for name in vars(TradingClient) if not name.startswith("_")}
    methods = own | {"get", "post", "put", "patch", "delete"}
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    without = {name for name in methods if f"test_{name}" not in tests or name not in called}
    assert not without


# ------------------------------------------------------------------------- orders


def test_submit_order(served: Served, client: Any) -> None:
    order = client.submit_order(bracket())
    assert order.order_class is OrderClass.BRACKET
    assert [leg.status for leg in order.legs] == [OrderStatus.HELD] * 2
    settle(served)
    top = client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert top.status is OrderStatus.FILLED
    assert [leg.status for leg in top.legs] == [OrderStatus.NEW, OrderStatus.HELD]


def test_submit_order_one_cancels_other(served: Served, client: Any) -> None:
    order = client.submit_order(
        LimitOrderRequest(
            symbol="AAPL",
            qty=10,
            side=OrderSide.SELL,
            time_in_force=TimeInForce.GTC,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=300),
            stop_loss=StopLossRequest(stop_price=240, limit_price=239),
        )
    )
    assert (order.limit_price, order.legs[0].stop_price) == ("300", "240")
    settle(served)
    assert client.get_open_position("AAPL").qty_available == "0"


def test_submit_order_with_several_legs(served: Served, client: Any) -> None:
    order = client.submit_order(
        MarketOrderRequest(
            qty=1,
            order_class=OrderClass.MLEG,
            time_in_force=TimeInForce.DAY,
            legs=[
                OptionLegRequest(symbol=PUT, side=OrderSide.BUY, ratio_qty=1),
                OptionLegRequest(symbol=LOWER, side=OrderSide.SELL, ratio_qty=1),
            ],
        )
    )
    assert (order.order_class, order.symbol) == (OrderClass.MLEG, None)
    settle(served)
    found = client.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    assert found.status is OrderStatus.FILLED
    assert [leg.symbol for leg in found.legs] == [PUT, LOWER]
    assert client.get_open_position(LOWER).qty == "-1"


def test_get_orders(client: Any) -> None:
    placed = [client.submit_order(resting()), client.submit_order(bracket())]
    assert len(client.get_orders()) == 4
    nested = client.get_orders(GetOrdersRequest(nested=True))
    assert {order.id for order in nested} == {order.id for order in placed}


def test_get_order_by_id(client: Any) -> None:
    order = client.submit_order(resting())
    assert client.get_order_by_id(order.id).id == order.id


def test_get_order_by_client_id(client: Any) -> None:
    order = client.submit_order(resting())
    assert client.get_order_by_client_id(order.client_order_id).id == order.id


def test_replace_order_by_id(served: Served, client: Any) -> None:
    order = client.submit_order(resting())
    settle(served)
    change = ReplaceOrderRequest(qty=4, limit_price=401.5, time_in_force=TimeInForce.GTC)
    new = client.replace_order_by_id(order.id, change)
    assert (new.replaces, new.qty, new.limit_price) == (order.id, "4", "401.5")
    settle(served)
    old = client.get_order_by_id(order.id)
    assert (old.status, old.replaced_by) == (OrderStatus.REPLACED, new.id)
    with pytest.raises(APIError, match="order parameters are not changed"):
        client.replace_order_by_id(new.id, ReplaceOrderRequest())


def test_cancel_orders(served: Served, client: Any) -> None:
    client.submit_order(resting())
    assert [row.status for row in client.cancel_orders()] == [200]
    settle(served)
    assert client.get_orders() == []


def test_cancel_order_by_id(served: Served, client: Any) -> None:
    order = client.submit_order(resting())
    assert client.cancel_order_by_id(order.id) is None
    settle(served)
    assert client.get_order_by_id(order.id).status is OrderStatus.CANCELED


# ------------------------------------------------------------------------- positions


def test_get_all_positions(client: Any) -> None:
    assert [position.symbol for position in client.get_all_positions()] == ["AAPL", "F"]


def test_get_open_position(served: Served, client: Any) -> None:
    client.submit_order(market("BTC/USD", 0.1))
    settle(served)
    position = client.get_open_position("BTCUSD")
    assert (position.symbol, position.asset_class) == ("BTCUSD", AssetClass.CRYPTO)
    assert position.qty == "0.09975"
    assert client.get_open_position("BTC/USD") == position
    assert client.get_open_position(position.asset_id) == position


def test_close_all_positions(served: Served, client: Any) -> None:
    client.submit_order(market("ETH/USD", 1))
    settle(served)
    assert {row.status for row in client.close_all_positions(cancel_orders=True)} == {200}
    settle(served)
    assert client.get_all_positions() == []


def test_close_position(served: Served, client: Any) -> None:
    client.close_position("AAPL", ClosePositionRequest(percentage="50"))
    settle(served)
    assert client.get_open_position("AAPL").qty == "5"


def test_exercise_options_position(served: Served, client: Any) -> None:
    client.submit_order(market(PUT, 1))
    client.submit_order(market("AAPL", 90))
    settle(served)
    assert client.get_open_position(PUT).asset_class is AssetClass.US_OPTION
    assert client.exercise_options_position(PUT) is None
    with pytest.raises(APIError, match="position does not exist"):
        client.get_open_position("AAPL")
    kinds = {row["activity_type"] for row in client.get("/account/activities")}
    assert kinds == {"FILL", "OPEXC", "OPTRD"}


# ------------------------------------------------------------------------- account


def test_get_account(client: Any) -> None:
    account = client.get_account()
    assert (account.options_trading_level, account.pattern_day_trader) == (3, None)


def test_get_account_configurations(client: Any) -> None:
    assert client.get_account_configurations().fractional_trading is True


def test_set_account_configurations(client: Any) -> None:
    configuration = client.get_account_configurations()
    configuration.suspend_trade = True
    assert client.set_account_configurations(configuration).suspend_trade is True
    with pytest.raises(APIError, match="suspend_trade"):
        client.submit_order(resting())


def test_get_portfolio_history(served: Served, client: Any) -> None:
    client.submit_order(market("AAPL", 1))
    settle(served)
    history = client.get_portfolio_history(
        GetPortfolioHistoryRequest(period="1W", timeframe="1D", extended_hours=True)
    )
    assert len(history.timestamp) == len(history.equity) == len(history.profit_loss) == 6
    assert history.equity[-1] == pytest.approx(float(client.get_account().equity), abs=0.01)
    intraday = client.get_portfolio_history(GetPortfolioHistoryRequest(period="1D"))
    assert intraday.timeframe == "1Min"
    assert client.get_portfolio_history().timeframe == "1D"


# ------------------------------------------------------------------------- assets and calendar


def test_get_all_assets(client: Any) -> None:
    pairs = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO))
    assert [asset.symbol for asset in pairs] == ["BTC/USD", "ETH/USD"]
    assert pairs[0].min_trade_increment == pytest.approx(1e-9)


def test_get_asset(client: Any) -> None:
    assert client.get_asset("BTC/USD").id == client.get_asset("BTCUSD").id
    assert client.get_asset(client.get_asset("AAPL").id).symbol == "AAPL"


def test_get_clock(client: Any) -> None:
    assert client.get_clock().is_open is True


def test_get_calendar(client: Any) -> None:
    days = client.get_calendar(GetCalendarRequest(start=date(2026, 11, 26), end=date(2026, 11, 27)))
    assert [day.date for day in days] == [date(2026, 11, 27)]


def test_get_option_contracts(client: Any) -> None:
    answer = client.get_option_contracts(
        GetOptionContractsRequest(
            underlying_symbols=["AAPL"],
            type=ContractType.PUT,
            expiration_date_lte=date(2026, 12, 31),
            strike_price_gte="260",
            limit=5,
        )
    )
    assert len(answer.option_contracts) == 5
    assert {contract.type for contract in answer.option_contracts} == {ContractType.PUT}
    following = client.get_option_contracts(GetOptionContractsRequest(page_token="5", limit=5))
    assert following.option_contracts
    assert client.get_option_contracts(GetOptionContractsRequest()).option_contracts


def test_get_option_contract(client: Any) -> None:
    contract = client.get_option_contract(PUT)
    assert (contract.strike_price, contract.expiration_date) == (270, date(2026, 12, 4))
    assert client.get_option_contract(contract.id) == contract
    with pytest.raises(APIError, match="option contract AAPL261204P00001000 not found"):
        client.get_option_contract("AAPL261204P00001000")


@pytest.mark.filterwarnings("ignore:get_corporate_announcement:DeprecationWarning")
def test_get_corporate_announcements(client: Any) -> None:
    request = GetCorporateAnnouncementsRequest(
        ca_types=[CorporateActionType.DIVIDEND], since=date(2026, 11, 1), until=date(2026, 11, 20)
    )
    assert client.get_corporate_announcements(request) == []


@pytest.mark.filterwarnings("ignore:get_corporate_announcement:DeprecationWarning")
def test_get_corporate_announcement_by_id(client: Any) -> None:
    with pytest.raises(APIError) as error:
        client.get_corporate_announcement_by_id("b0b6dd9d-8b9b-48a9-ba46-b9d54906e415")
    assert error.value.status_code == 404


# ------------------------------------------------------------------------- watchlists


@pytest.fixture
def watchlist(client: Any) -> Any:
    return client.create_watchlist(CreateWatchlistRequest(name="Mine", symbols=["AAPL", "F"]))


def test_create_watchlist(client: Any, watchlist: Any) -> None:
    assert [asset.symbol for asset in watchlist.assets] == ["AAPL", "F"]
    with pytest.raises(APIError, match="watchlist name must be unique"):
        client.create_watchlist(CreateWatchlistRequest(name="Mine", symbols=[]))


def test_get_watchlists(client: Any, watchlist: Any) -> None:
    assert [found.id for found in client.get_watchlists()] == [watchlist.id]


def test_get_watchlist_by_id(client: Any, watchlist: Any) -> None:
    assert client.get_watchlist_by_id(watchlist.id).name == "Mine"


def test_update_watchlist_by_id(client: Any, watchlist: Any) -> None:
    change = UpdateWatchlistRequest(name="Ours", symbols=["SPY"])
    found = client.update_watchlist_by_id(watchlist.id, change)
    assert (found.name, [asset.symbol for asset in found.assets]) == ("Ours", ["SPY"])


def test_add_asset_to_watchlist_by_id(client: Any, watchlist: Any) -> None:
    found = client.add_asset_to_watchlist_by_id(watchlist.id, "SPY")
    assert [asset.symbol for asset in found.assets] == ["AAPL", "F", "SPY"]


def test_remove_asset_from_watchlist_by_id(client: Any, watchlist: Any) -> None:
    found = client.remove_asset_from_watchlist_by_id(watchlist.id, "AAPL")
    assert [asset.symbol for asset in found.assets] == ["F"]


def test_delete_watchlist_by_id(client: Any, watchlist: Any) -> None:
    assert client.delete_watchlist_by_id(watchlist.id) is None
    assert client.get_watchlists() == []


# ------------------------------------------------------------------------- the plain verbs


def test_get(client: Any, watchlist: Any) -> None:
    assert client.get("/watchlists:by_name", {"name": "Mine"})["id"] == str(watchlist.id)


def test_post(client: Any, watchlist: Any) -> None:
    body = {"symbol": "SPY"}
    assert len(client.post(f"/watchlists/{watchlist.id}", body)["assets"]) == 3


def test_put(client: Any, watchlist: Any) -> None:
    assert client.put(f"/watchlists/{watchlist.id}", {"name": "Ours"})["name"] == "Ours"


def test_patch(client: Any) -> None:
    answer = client.patch("/account/configurations", {"no_shorting": True})
    assert answer["no_shorting"] is True


def test_delete(client: Any, watchlist: Any) -> None:
    client.delete(f"/watchlists/{watchlist.id}")
    assert client.get_watchlists() == []


# ------------------------------------------------------------------------- market data


def data_client(kind: Any, served: Served) -> Any:
    found = kind("k", "s", url_override=served.url)
    found._session.trust_env = False
    return found


@pytest.mark.parametrize(
    ("timeframe", "bars"),
    [
        (TimeFrame(5, TimeFrameUnit.Minute), 5 * 192 + 73),
        (TimeFrame(1, TimeFrameUnit.Hour), 5 * 16 + 7),
        (TimeFrame(1, TimeFrameUnit.Day), 6),
        (TimeFrame(1, TimeFrameUnit.Week), 2),
        (TimeFrame(1, TimeFrameUnit.Month), 1),
    ],
)
def test_bars_of_several_symbols_and_timeframes(
    served: Served, timeframe: TimeFrame, bars: int
) -> None:
    data = data_client(StockHistoricalDataClient, served)
    found = data.get_stock_bars(
        StockBarsRequest(
            symbol_or_symbols=["AAPL", "F"],
            timeframe=timeframe,
            start=served.now().replace(day=16, hour=5, minute=0),
            limit=10_000,
        )
    )
    assert len(found["AAPL"]) == len(found["F"]) == bars
    assert all(bar.low <= min(bar.open, bar.close) for bar in found["AAPL"])


def test_snapshots_and_the_latest_bars_of_stocks(served: Served) -> None:
    data = data_client(StockHistoricalDataClient, served)
    both = ["AAPL", "F"]
    snapshots = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=both))
    latest = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=both))
    for symbol in both:
        assert snapshots[symbol].minute_bar.close == latest[symbol].close


def test_crypto_data(served: Served) -> None:
    data = data_client(CryptoHistoricalDataClient, served)
    pair = "BTC/USD"
    quote = data.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=pair))[pair]
    trade = data.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=pair))[pair]
    assert quote.bid_price < trade.price < quote.ask_price
    bar = data.get_crypto_latest_bar(CryptoLatestBarRequest(symbol_or_symbols=pair))[pair]
    assert bar.close == trade.price
    books = data.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=pair))
    assert books[pair].asks[0].price == quote.ask_price
    snapshot = data.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=pair))[pair]
    assert snapshot.latest_trade.price == trade.price
    day: Any = TimeFrame.Day
    start = served.now() - timedelta(days=3, hours=1)
    request = CryptoBarsRequest(symbol_or_symbols=pair, timeframe=day, start=start)
    assert len(data.get_crypto_bars(request)[pair]) == 3  # the weekend counts


def test_option_data(served: Served) -> None:
    data = data_client(OptionHistoricalDataClient, served)
    quote = data.get_option_latest_quote(OptionLatestQuoteRequest(symbol_or_symbols=PUT))[PUT]
    trade = data.get_option_latest_trade(OptionLatestTradeRequest(symbol_or_symbols=PUT))[PUT]
    assert quote.bid_price < trade.price < quote.ask_price
    snapshot = data.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols=PUT))[PUT]
    assert snapshot.latest_quote.ask_price == quote.ask_price
    chain = data.get_option_chain(
        OptionChainRequest(underlying_symbol="AAPL", type=ContractType.PUT)
    )
    assert PUT in chain
    hour: Any = TimeFrame.Hour
    request = OptionBarsRequest(symbol_or_symbols=PUT, timeframe=hour)
    assert data.get_option_bars(request)[PUT]
    assert data.get_option_exchange_codes()
