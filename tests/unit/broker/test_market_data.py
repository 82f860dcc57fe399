"""Quotes, trades and the previous close, on the markets that differ in where they are found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from unit.broker.broker_server import Broker, Reply

from runner import effects
from runner.broker.gateway import Gateway
from runner.broker.targets import resolve
from runner.effects import Answer, Json, Reason, Status

OPTION = "AAPL261218C00200000"
QUOTE = {"bp": "1", "ap": "2", "bs": "3", "as": "4", "t": "2026-11-23T15:30:00Z"}
TRADE = {"p": "1.5", "s": "10", "t": "2026-11-23T15:30:00Z"}
NOT_SUBSCRIBED = Reply(403, {"message": "subscription does not permit querying recent SIP data"})


@pytest.fixture
def paper(broker: Broker, make_gateway: Callable[..., Gateway]) -> Gateway:
    """A gateway to the paper account, its servers replaced by the scripted one."""
    target = replace(resolve("paper"), base_url=broker.url, data_url=broker.url)
    return make_gateway("", target=target)


@pytest.mark.parametrize(
    ("symbol", "path", "query", "body"),
    [
        (
            "AAPL",
            "/v2/stocks/AAPL/quotes/latest",
            {"feed": "sip"},
            {"symbol": "AAPL", "quote": QUOTE | {"ax": "V"}},
        ),
        (
            "BTC/USD",
            "/v1beta3/crypto/us/latest/quotes",
            {"symbols": "BTC/USD"},
            {"quotes": {"BTC/USD": QUOTE}},
        ),
        (
            OPTION,
            "/v1beta1/options/quotes/latest",
            {"symbols": OPTION, "feed": "opra"},
            {"quotes": {OPTION: QUOTE}},
        ),
    ],
)
def test_each_market_has_its_own_quotes(
    *,
    symbol: str,
    path: str,
    query: dict[str, str],
    body: dict[str, Json],
    paper: Gateway,
    broker: Broker,
) -> None:
    broker.on("GET", path, Reply(200, body))
    feed = query.get("feed", "us")
    answer = paper.perform(effects.ReadQuote(symbol), 1)
    assert answer == Answer(Status.OK, {"symbol": symbol, "feed": feed, "quote": dict(QUOTE)})
    assert broker.received[0].query == query


def test_the_latest_trade(paper: Gateway, broker: Broker) -> None:
    broker.on("GET", "/v2/stocks/AAPL/trades/latest", Reply(200, {"trade": TRADE | {"i": 7}}))
    answer = paper.perform(effects.ReadTrade("AAPL"), 1)
    assert answer == Answer(Status.OK, {"symbol": "AAPL", "feed": "sip", "trade": dict(TRADE)})


def test_the_free_feed_is_used_and_remembered_when_the_better_one_is_refused(
    paper: Gateway, broker: Broker
) -> None:
    path = "/v2/stocks/AAPL/quotes/latest"
    broker.on("GET", path, NOT_SUBSCRIBED, Reply(200, {"quote": QUOTE}))
    for _ in range(2):
        answer = paper.perform(effects.ReadQuote("AAPL"), 1)
        assert (answer.status, answer.data["feed"]) == (Status.OK, "iex")
    assert [one.query["feed"] for one in broker.received] == ["sip", "iex", "iex"]


def test_a_server_down_is_no_reason_for_another_feed(paper: Gateway, broker: Broker) -> None:
    path = "/v2/stocks/AAPL/quotes/latest"
    broker.on("GET", path, Reply(500), Reply(200, {"quote": QUOTE}))
    assert paper.perform(effects.ReadQuote("AAPL"), 1).data["feed"] == "sip"


def test_another_server_chooses_its_feed_itself(gateway: Gateway, broker: Broker) -> None:
    broker.on("GET", "/v2/stocks/AAPL/quotes/latest", Reply(200, {"quote": QUOTE}))
    assert gateway.perform(effects.ReadQuote("AAPL"), 1).data["feed"] == "default"
    assert broker.received[0].query == {}


def test_a_quote_of_the_embedded_exchange_says_that_it_is_simulated(
    broker: Broker, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway("", target=resolve("sim").with_base(broker.url))
    broker.on("GET", "/v2/stocks/AAPL/quotes/latest", Reply(200, {"quote": QUOTE}))
    assert gateway.perform(effects.ReadQuote("AAPL"), 1).data["feed"] == "simulated"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"quotes": {}}, Status.ABSENT),
        ({"quotes": None}, Status.ABSENT),
        ({"quotes": {"ETH/USD": QUOTE}}, Status.ABSENT),
        ({"quotes": {"BTC/USD": {"bp": "1"}}}, Status.UNAVAILABLE),
        ({"quotes": {"BTC/USD": QUOTE | {"ap": None}}}, Status.UNAVAILABLE),
        ({"quotes": [QUOTE]}, Status.UNAVAILABLE),
        ([], Status.UNAVAILABLE),
    ],
)
def test_a_quote_is_whole_or_absent(
    body: object, status: Status, gateway: Gateway, broker: Broker
) -> None:
    broker.on("GET", "/v1beta3/crypto/us/latest/quotes", Reply(200, body))
    assert gateway.perform(effects.ReadQuote("BTC/USD"), 1).status is status


# ----------------------------------------------------------------------- previous close


DAYS = [
    {"date": "2026-11-24", "open": "09:30", "close": "16:00"},
    {"date": "2026-11-25", "open": "09:30", "close": "16:00"},
    {"date": "2026-11-27", "open": "09:30", "close": "13:00"},
    {"date": "2026-11-30", "open": "09:30", "close": "16:00"},
]
BARS = [
    {"t": f"{day['date']}T05:00:00Z", "o": 1, "c": f"{100 + number}.10"}
    for number, day in enumerate(DAYS)
]


def at(broker: Broker, timestamp: str) -> None:
    clock = {
        "timestamp": timestamp,
        "is_open": False,
        "next_open": "2026-12-01T09:30:00-05:00",
        "next_close": "2026-12-01T16:00:00-05:00",
    }
    broker.on("GET", "/v2/clock", Reply(200, clock))


@pytest.mark.parametrize(
    ("timestamp", "close"),
    [
        ("2026-11-25T09:29:59-05:00", "100.10"),  # before the open: the day before
        ("2026-11-25T15:59:59.999999999-05:00", "100.10"),  # this session is not over
        ("2026-11-25T16:00:00-05:00", "101.10"),  # now it is
        ("2026-11-26T12:00:00-05:00", "101.10"),  # Thanksgiving
        ("2026-11-27T12:59:59-05:00", "101.10"),
        ("2026-11-27T13:00:00-05:00", "102.10"),  # an early close
        ("2026-11-29T03:00:00Z", "102.10"),  # the weekend
        ("2026-11-30T10:00:00-05:00", "102.10"),
    ],
)
def test_the_previous_close_is_that_of_the_last_completed_session(
    timestamp: str, close: str, gateway: Gateway, broker: Broker
) -> None:
    at(broker, timestamp)
    broker.on("GET", "/v2/calendar", Reply(200, DAYS))
    broker.on("GET", "/v2/stocks/AAPL/bars", Reply(200, {"symbol": "AAPL", "bars": BARS}))
    answer = gateway.perform(effects.ReadPreviousClose("AAPL"), 1)
    bar = answer.data["bar"]
    assert isinstance(bar, dict)
    assert (answer.data["symbol"], bar["c"]) == ("AAPL", close)


def test_the_bars_asked_for_end_with_the_session_and_are_adjusted_for_splits(
    paper: Gateway, broker: Broker
) -> None:
    at(broker, "2026-11-28T12:00:00-05:00")
    broker.on("GET", "/v2/calendar", Reply(200, DAYS))
    broker.on("GET", "/v2/stocks/AAPL/bars", Reply(200, {"bars": BARS}))
    paper.perform(effects.ReadPreviousClose("AAPL"), 1)
    assert broker.received[1].query == {"start": "2026-11-16", "end": "2026-11-28"}
    assert broker.received[2].query == {
        "timeframe": "1Day",
        "start": "2026-11-15T18:00:00Z",
        "end": "2026-11-27T18:00:00Z",
        "limit": "1000",
        "adjustment": "split",
        "feed": "sip",
    }


def test_a_symbol_that_did_not_trade_gives_the_day_it_did(gateway: Gateway, broker: Broker) -> None:
    at(broker, "2026-11-28T12:00:00-05:00")
    broker.on("GET", "/v2/calendar", Reply(200, DAYS))
    broker.on("GET", "/v2/stocks/AAPL/bars", Reply(200, {"bars": BARS[:1]}))
    bar = gateway.perform(effects.ReadPreviousClose("AAPL"), 1).data["bar"]
    assert isinstance(bar, dict)
    assert bar["t"] == "2026-11-24T05:00:00Z"


@pytest.mark.parametrize("bars", [[], None, BARS[3:]])
def test_without_a_completed_bar_the_previous_close_is_absent(
    bars: object, gateway: Gateway, broker: Broker
) -> None:
    at(broker, "2026-11-28T12:00:00-05:00")
    broker.on("GET", "/v2/calendar", Reply(200, DAYS))
    broker.on("GET", "/v2/stocks/AAPL/bars", Reply(200, {"bars": bars}))
    assert gateway.perform(effects.ReadPreviousClose("AAPL"), 1).status is Status.ABSENT


def test_crypto_has_no_sessions_its_last_whole_day_counts(gateway: Gateway, broker: Broker) -> None:
    at(broker, "2026-11-28T05:59:59Z")
    bars = [
        {"t": "2026-11-26T06:00:00Z", "c": "1"},
        {"t": "2026-11-27T06:00:00Z", "c": "2"},
        {"t": "2026-11-28T06:00:00Z", "c": "3"},
    ]
    broker.on("GET", "/v1beta3/crypto/us/bars", Reply(200, {"bars": {"BTC/USD": bars}}))
    answer = gateway.perform(effects.ReadPreviousClose("BTC/USD"), 1)
    assert answer.data == {"symbol": "BTC/USD", "bar": {"t": "2026-11-26T06:00:00Z", "c": "1"}}
    assert [one.path for one in broker.received] == ["/v2/clock", "/v1beta3/crypto/us/bars"]


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("/v2/clock", Reply(500)),
        ("/v2/calendar", Reply(500)),
        ("/v2/calendar", Reply(200, [])),
        ("/v2/calendar", Reply(200, [{"date": "2026-11-27"}])),
        ("/v2/stocks/AAPL/bars", Reply(200, {"bars": "none"})),
        ("/v2/stocks/AAPL/bars", Reply(200, {"bars": [{"c": "1"}]})),
        ("/v2/stocks/AAPL/bars", Reply(200, {"bars": [{"t": BARS[0]["t"]}]})),
    ],
)
def test_a_previous_close_that_cannot_be_told_is_unavailable(
    path: str, reply: Reply, gateway: Gateway, broker: Broker
) -> None:
    at(broker, "2026-11-28T12:00:00-05:00")
    broker.on("GET", "/v2/calendar", Reply(200, DAYS))
    broker.on("GET", "/v2/stocks/AAPL/bars", Reply(200, {"bars": BARS}))
    broker.on("GET", path, reply)
    answer = gateway.perform(effects.ReadPreviousClose("AAPL"), 1)
    assert answer.status is Status.UNAVAILABLE
    assert answer.problem is not None
    assert answer.problem.reason in (Reason.UNREADABLE, Reason.BROKER_FAULT)
