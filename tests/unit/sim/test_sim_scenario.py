"""Reading scenarios."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import runner.sim
from runner.sim import Exchange, ScenarioError, default_scenario, load_scenario, read_scenario
from runner.sim.scenario_file import find_scenario, parse_scenario

SHIPPED = sorted((Path(runner.sim.__file__).parent / "scenarios").glob("*.yaml"))

FULL = """
start: 2026-11-24 09:00
seed: 7
cash: 25_000.50
multiplier: 2
status: ACTIVE
shorting_enabled: false
last_equity: 26000
regime: legacy_pdt
pattern_day_trader: no
daytrade_count: 2
omit: [buying_power]
rate_limit: off
partial_fills: 10%
keys: {key: PKSIM, secret: hush}
positions:
  NO: {qty: 10, avg_entry_price: 19.50}
assets:
  WEED: {price: 3.20, marginable: false, name: Simulated farm, attributes: []}
  AAPL: {fractionable: false}
prices: {AAPL: 100.10, NEW: 7}
previous_closes: {AAPL: 99}
tape:
  F:
    - [0, 13.00]
    - [90s, 12.50]
    - [1h30m, 12.75, 12.70, 12.80]
  GE: ge.csv
"""


def test_a_scenario_says_everything_in_text(tmp_path: Path) -> None:
    (tmp_path / "ge.csv").write_text("time,price\n0,300\n1.5,301.25\n")
    path = tmp_path / "full.yaml"
    path.write_text(FULL)
    scenario = load_scenario(path)
    assert scenario.start == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    assert scenario.cash == Decimal("25000.50")
    assert (scenario.seed, scenario.multiplier, scenario.rate_limit) == (7, 2, None)
    assert scenario.partial_fills == Decimal("0.1")
    assert scenario.keys == ("PKSIM", "hush")
    assert scenario.omit == {"buying_power"}
    assert scenario.positions[0].symbol == "NO"
    assets = {asset.symbol: asset for asset in scenario.assets}
    assert assets["WEED"].marginable is False
    assert assets["AAPL"].fractionable is False
    assert str(scenario.prices["AAPL"]) == "100.10"
    assert "NEW" in assets
    ford = scenario.tape["F"]
    assert [point.at - scenario.start for point in ford] == [
        timedelta(), timedelta(seconds=90), timedelta(hours=1, minutes=30)
    ]  # fmt: skip
    assert ford[2].ask == Decimal("12.80")
    assert scenario.tape["GE"][1].at == scenario.start + timedelta(seconds=1, milliseconds=500)
    Exchange(scenario)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing\n")
    assert load_scenario(path) == default_scenario()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cash: lots", "cash: expected a number, not 'lots'"),
        ("money: 5", "money: is not a field of a scenario; known are "),
        ("multiplier: 3", "multiplier: expected one of 1, 2, 4, not '3'"),
        ("start: tomorrow", "start: expected a New York time such as `2026-11-23 10:00`"),
        ("regime: none", "regime: expected one of intraday_margin, legacy_pdt"),
        ("shorting_enabled: 2", "shorting_enabled: expected true or false"),
        ("cash: 1\ncash: 2", "the key 'cash' is given twice"),
        ("positions: {ZZZZ: {qty: 1, avg_entry_price: 1}}", "positions.ZZZZ: the scenario has no"),
        ("positions: {AAPL: {qty: 0, avg_entry_price: 1}}", "a position is not 0"),
        ("positions: {AAPL: 3}", "positions.AAPL: expected a mapping"),
        ("assets: {NEW: {tradable: true}}", "assets.NEW: give it a price"),
        ("assets: {AAPL: {colour: red}}", "assets.AAPL.colour: is not a field of an asset"),
        ("prices: {AAPL: -1}", "prices.AAPL: a price is above 0"),
        ("tape: {AAPL: []}", "tape.AAPL: expected a list of [time, price]"),
        ("tape: {AAPL: [[0, 1], [0, 2]]}", "tape.AAPL[1]: times go forward"),
        ("tape: {AAPL: [[noon, 1]]}", "tape.AAPL[0]: expected a time from the start"),
        ("tape: {AAPL: [[0, 1, 2, 1]]}", "tape.AAPL[0]: the bid is not above the ask"),
        ("tape: {AAPL: missing.csv}", "cannot be read"),
        ("partial_fills: 2", "partial_fills: expected a chance such as 10%"),
        ("keys: {key: a}", "keys: expected"),
        ("cash: [", "is not valid YAML"),
        ("- cash", "expected a mapping"),
    ],
)
def test_a_wrong_scenario_is_told_where_and_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_a_missing_file_is_told() -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario("nowhere.yaml")


@pytest.mark.parametrize("data", [{"cash": 5}, {"cash": "5"}, {}])
def test_a_mapping_reads_like_a_file(data: dict[str, Any]) -> None:
    assert read_scenario(data).cash == Decimal(data.get("cash", 100000))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_load(path: Path) -> None:
    assert Exchange(load_scenario(path)).margin().equity > 0


def test_there_are_shipped_scenarios() -> None:
    assert SHIPPED


SEVERAL = """\
sede: 7
cash: lots
assets:
  AAPL: {colour: red, tradeable: no}
tape:
  F:
    - [0, 13]
    - [0, 14]
faults:
  - {fault: stuck_cancl}
  - {fault: delay, stauts: 5}
positions:
  ZZZZ: {qty: 1, avg_entry_price: 1}
"""
TOLD = """\
my.yaml:1:1: sede: is not a field of a scenario; did you mean seed?
  1 | sede: 7
    | ^^^^
my.yaml:2:1: cash: expected a number, not 'lots'
  2 | cash: lots
    | ^^^^"""


def test_everything_that_is_wrong_is_told_in_the_order_of_the_text() -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(SEVERAL.encode(), "my.yaml", None)
    told = str(error.value)
    assert told.startswith(TOLD)
    heads = [line for line in told.splitlines() if line.startswith("my.yaml:")]
    assert [head.split(": ")[0].removeprefix("my.yaml:") for head in heads] == [
        "1:1", "2:1", "4:10", "4:23", "8:7", "10:6", "11:5", "11:20", "13:3",
    ]  # fmt: skip
    assert "assets.AAPL.tradeable: is not a field of an asset; did you mean tradable?" in told
    assert "faults[0].fault: 'stuck_cancl' is not known; did you mean stuck_cancel?" in told


def test_the_excerpt_points_at_what_is_wrong() -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(b"assets:\n  AAPL: {colour: red}\n", "my.yaml", None)
    _, line, carets = str(error.value).splitlines()
    assert line == "  2 |   AAPL: {colour: red}"
    assert carets == "    |          ^^^^^^"


def test_a_key_given_twice_is_told_each_time() -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(b"cash: 1\ncash: 2\nseed: 1\nseed: 2\n", "my.yaml", None)
    assert [m.splitlines()[0].split(": ")[0] for m in error.value.messages] == [
        "my.yaml:2:1",
        "my.yaml:4:1",
    ]


def test_a_very_long_line_does_not_flood_the_message() -> None:
    text = b"assets: {" + b"A: {price: 1}, " * 1000 + b"}"
    with pytest.raises(ScenarioError) as error:
        parse_scenario(text, "my.yaml", None)
    assert max(map(len, error.value.messages[0].splitlines())) < 200


def test_a_shipped_scenario_with_a_typing_error_is_suggested() -> None:
    with pytest.raises(ScenarioError, match=r"did you mean partial-fills\?"):
        find_scenario("partial-fill")


def test_an_option_can_be_given_a_price_a_tape_and_be_held() -> None:
    listed, other = "AAPL261204C00270000", "GE261218P00300000"
    tape = {"GE": [["0", "305"]], other: [["0", "4.00"], ["1m", "5.00", "4.90", "5.10"]]}
    given = {"prices": {listed: "7.50"}, "tape": tape}
    held = {"positions": {other: {"qty": 2, "avg_entry_price": 3}}}
    exchange = Exchange(read_scenario(given | held))
    for symbol in (listed, other):
        asset = exchange.assets.find(symbol)
        assert asset is not None
        assert asset.contract is not None
    assert exchange.tape.last(listed, exchange.now) == Decimal("7.50")
    later = exchange.now + timedelta(minutes=2)
    assert exchange.tape.quote(other, later).ask == Decimal("5.10")
    assert exchange.positions.qty(other) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prices": {"ZZZZ261204C00270000": 5}}, "give its underlying ZZZZ a price too"),
        ({"positions": {"AAPL261204C00270000": {"qty": 1, "avg_entry_price": 1}}}, "`prices`"),
        ({"faults": [{"fault": "drop", "after": "2m", "until": "1m"}]}, "is after `after`"),
    ],
)
def test_what_cannot_be_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_scenario(given)
