from __future__ import annotations

import pytest

from runner.broker.targets import DATA_URL, LIVE_URL, PAPER_URL, Target, TargetError, resolve


def test_paper_and_live_are_the_brokers_own_hosts() -> None:
    assert resolve("paper") == Target("paper", PAPER_URL, DATA_URL, loopback=False)
    assert resolve("live") == Target("live", LIVE_URL, DATA_URL, loopback=False)


def test_sim_gets_its_address_when_its_exchange_runs() -> None:
    target = resolve("sim")
    assert (target.kind, target.base_url) == ("sim", "")
    running = target.with_base("http://127.0.0.1:5001/")
    assert running == Target("sim", "http://127.0.0.1:5001", "http://127.0.0.1:5001", loopback=True)


def test_sim_is_never_moved_off_this_machine() -> None:
    with pytest.raises(TargetError, match="this machine only"):
        resolve("sim").with_base(LIVE_URL)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.alpaca.markets",
        "https://api.alpaca.markets/",
        "https://api.alpaca.markets/v2",
        "https://api.alpaca.markets/v2/",
        "HTTPS://API.Alpaca.Markets",
        "https://api.alpaca.markets:443",
        "https://api.alpaca.markets.",
        "https://API.ALPACA.MARKETS.:443/v2//",
    ],
)
def test_a_url_of_the_live_host_is_live_however_it_is_written(text: str) -> None:
    assert resolve(text) == resolve("live")


def test_a_url_of_the_paper_host_is_paper() -> None:
    assert resolve("https://Paper-API.alpaca.markets/v2") == resolve("paper")


@pytest.mark.parametrize(
    "text",
    [
        "https://api.alpaca.markets:8443",
        "https://api.alpaca.markets/elsewhere",
        "http://api.alpaca.markets",
        "https://data.alpaca.markets",
        "https://broker-api.alpaca.markets",
        "https://alpaca.markets",
        "https://paper-api.alpaca.markets@api.alpaca.markets",
        "https://PKKEY:secret@127.0.0.1",
        "https://api.alpaca.markets\\@evil.example",
        "https://api%2ealpaca.markets",
        "https://\uff41pi.alpaca.markets",
        "https://api.alpaca.markets..",
        "https:// api.alpaca.markets",
        "https://127.0.0.1/a/../v2",
        "https://host.example?x=1",
        "https://host.example#x",
        "https://host.example:0",
        "https://host.example:99999",
        "https://host.example:x",
        "https://[::1",
        "https://",
        "ftp://host.example",
        "host.example",
        "LIVE",
        "",
    ],
)
def test_what_is_not_clearly_one_server_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        resolve(text)


def test_a_password_in_a_url_is_not_repeated_in_the_message() -> None:
    with pytest.raises(TargetError) as caught:
        resolve("https://PKKEY:secret@host.example")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9:8080/v2/", "http://127.9.9.9:8080"),
        ("http://localhost:80", "http://localhost"),
        ("http://LOCALHOST.:8080", "http://localhost:8080"),
        ("http://[::1]:8080/broker/", "http://[::1]:8080/broker"),
    ],
)
def test_http_is_allowed_on_this_machine(text: str, base: str) -> None:
    assert resolve(text) == Target("url", base, base, loopback=True)


@pytest.mark.parametrize(
    "text",
    [
        "http://host.example",
        "http://127.0.0.1.example",
        "http://0.0.0.0:8080",
        "http://2130706433",
        "http://10.0.0.1",
        "http://localhost.example",
    ],
)
def test_http_is_refused_for_any_other_machine(text: str) -> None:
    with pytest.raises(TargetError, match="https://"):
        resolve(text)


def test_another_https_server_brings_its_own_market_data_unless_told_otherwise() -> None:
    assert resolve("https://host.example/x/v2").data_url == "https://host.example/x"
    given = resolve("https://host.example", data_url="https://prices.example/v2/")
    assert given == Target("url", "https://host.example", "https://prices.example", loopback=False)
    assert resolve("paper", data_url="http://127.0.0.1:1").data_url == "http://127.0.0.1:1"


def test_a_live_key_is_not_sent_to_another_market_data_server() -> None:
    with pytest.raises(TargetError, match="live key"):
        resolve("live", data_url="https://prices.example")
    assert resolve("live", data_url="https://DATA.alpaca.markets:443/") == resolve("live")


def test_sim_takes_no_market_data_server() -> None:
    with pytest.raises(TargetError, match="--data-url"):
        resolve("sim", data_url="http://127.0.0.1:1")
