"""`runbook drill`: every guard refuses its known-bad order over a real reading, and nothing leaves.

The same holds in worlds in which much is missing: a guard that lets its bad order pass there would
let a real one pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acceptance.faulty_broker import answered, faulty
from acceptance.harness import Ended, invoke, policy_file
from acceptance.test_doctor import QUICK, exchange, own_house

from runner.guards import GUARDS

__all__ = ["own_house"]

CODES = [guard.code for guard in GUARDS]
UNSET = ("max_day_orders", "max_order_qty", "max_position_qty", "max_position_notional",
         "max_gross_exposure")  # fmt: skip
"""Nobody bounds these where the policy does not."""


def drilled(on: str, *more: str) -> Ended:
    """`runbook drill --json`; its `data` is the object."""
    ended = invoke("drill", "--on", on, "--json", *QUICK, *more)
    return Ended(ended.exit_code, ended.stdout, ended.stderr, json.loads(ended.stdout))


def test_every_guard_refuses_and_the_server_saw_reads_only() -> None:
    with exchange() as served:
        ended = drilled(served.url)
        methods = {one.request.method for one in served.received.after(0, 1000)}
    assert ended.exit_code == 0
    assert [one["guard"] for one in ended.data["guards"]] == CODES
    said = {one["guard"]: one["verdict"] for one in ended.data["guards"]}
    assert {code for code in CODES if said[code] != "refuse"} == set(UNSET)
    assert {said[code] for code in UNSET} == {"unset"}
    assert ended.data["refused"] == len(CODES) - len(UNSET)
    assert not any(one["refuses_base"] for one in ended.data["guards"])
    assert methods == {"GET"}


def test_the_base_order_is_one_share_at_the_bid_that_no_guard_refuses() -> None:
    with exchange() as served:
        ended = drilled(served.url)
    base = ended.data["base"]
    assert base["order"]["qty"] == "1"
    assert base["order"]["type"] == "limit"
    assert {one["verdict"] for one in base["verdicts"]} == {"pass"}


def test_where_the_account_is_short_the_base_order_opens_more_of_it(tmp_path: Path) -> None:
    file = policy_file(tmp_path / "policy.yaml", "allow_shorting: true")
    with exchange(positions={"AAPL": {"qty": -10, "avg_entry_price": 250}}) as served:
        ended = drilled(served.url, "--policy", str(file))
    base = ended.data["base"]
    assert base["order"]["side"] == "sell"
    assert base["order"]["position_intent"] == "sell_to_open"
    assert {one["verdict"] for one in base["verdicts"]} == {"pass"}


def test_the_screen_fits_80_columns_and_ends_with_the_count() -> None:
    ended = invoke("drill")
    lines = ended.stdout.splitlines()
    assert lines[0] == "runbook drill on the simulated exchange"
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in ended.stdout
    count = len(CODES) - len(UNSET)
    said = f"{count} guards refused {count} bad orders. {len(UNSET)} have no limit set. "
    assert lines[-1] == f"{said}Nothing was sent."
    shown = [line.split()[1] for line in lines if line.startswith("refused ")]
    assert shown == [code for code in CODES if code not in UNSET]
    unset = [line.split()[2] for line in lines if line.startswith("not set ")]
    assert unset == list(UNSET)


def test_a_limit_that_is_not_set_is_shown_with_how_to_set_it_and_not_invented(
    tmp_path: Path,
) -> None:
    file = policy_file(tmp_path / "policy.yaml", "limits: {max_order_qty: 30}")
    ended = drilled("sim", "--policy", str(file))
    fed = {one["guard"]: one for one in ended.data["guards"]}
    assert fed["max_order_qty"]["verdict"] == "refuse"
    assert fed["max_order_qty"]["order"]["qty"] == "31"
    assert fed["max_day_orders"]["verdict"] == "unset"
    assert fed["max_day_orders"]["order"] == {}
    assert f"`max_day_orders` under `limits` of {file}" in fed["max_day_orders"]["message"]
    assert ended.data["not_set"] == [code for code in UNSET if code != "max_order_qty"]
    assert ended.exit_code == 0


def test_every_limit_that_is_set_is_drilled_by_the_real_one(tmp_path: Path) -> None:
    """However wide: a collar of 60% and a spread of 95% are no others than the policy's."""
    own = "limits: {price_collar: 60%, max_spread: 95%, max_day_orders: 50, max_order_qty: 30, "
    own += "max_position_qty: 100, max_position_notional: 90000, max_gross_exposure: 90000}"
    file = policy_file(tmp_path / "policy.yaml", own)
    ended = drilled("sim", "--policy", str(file))
    fed = {one["guard"]: one for one in ended.data["guards"]}
    assert {one["verdict"] for one in fed.values()} == {"refuse"}
    assert "more than 60.00%" in fed["price_collar"]["message"]
    assert "more than 95.00%" in fed["max_spread"]["message"]


WORLDS: dict[str, dict[str, Any]] = {
    "closed": {"start": "2026-11-22 12:00"},
    "before the open": {"start": "2026-11-23 08:00"},
    "a blocked account": {"trading_blocked": True},
    "a cash account": {"multiplier": 1},
    "no money": {"cash": 0},
    "stale data": {"faults": [{"fault": "stale_data", "symbol": "AAPL"}]},
    "long": {"positions": {"AAPL": {"qty": 10, "avg_entry_price": 250}}},
    "short": {"positions": {"AAPL": {"qty": -10, "avg_entry_price": 250}}},
    "an account that says little": {
        "omit": ["buying_power", "equity", "status", "trading_blocked", "options_trading_level"]
    },
    "flagged day trader": {"regime": "legacy_pdt", "pattern_day_trader": True, "cash": 10000},
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_every_guard_refuses_in_every_world(world: dict[str, Any]) -> None:
    with exchange(**world) as served:
        ended = drilled(served.url)
    assert ended.data["not_refused"] == []
    assert ended.exit_code == 0


@pytest.mark.parametrize("symbol", ["BTC/USD", "AAPL261218C00270000", "F", "NOSUCH"])
def test_every_guard_refuses_for_every_kind_of_symbol(symbol: str) -> None:
    with exchange() as served:
        ended = drilled(served.url, "--symbol", symbol)
    assert ended.data["not_refused"] == []


def test_every_guard_refuses_without_quote_trade_and_asset() -> None:
    with exchange() as served, faulty(served.url) as broker:
        nothing = answered(404, b'{"message":"not found"}')
        broker.on("GET", "/v2/stocks/*", nothing, for_ever=True)
        broker.on("GET", "/v2/assets/*", nothing, for_ever=True)
        ended = drilled(broker.url)
    assert ended.data["not_refused"] == []


def test_a_guard_that_refuses_the_base_order_as_well_is_shown_as_such() -> None:
    with exchange(trading_blocked=True) as served:
        ended = drilled(served.url)
    assert "refused already by account_can_trade" in ended.stderr
    (own,) = [one for one in ended.data["guards"] if one["guard"] == "account_can_trade"]
    assert own["refuses_base"] is True


def test_a_guard_that_is_off_is_shown_with_the_reason(tmp_path: Path) -> None:
    off = "guards_off: [{guard: wash_trade, reason: one bot only}]"
    file = policy_file(tmp_path / "policy.yaml", off)
    ended = drilled("sim", "--policy", str(file))
    assert ended.exit_code == 0
    (own,) = [one for one in ended.data["guards"] if one["guard"] == "wash_trade"]
    assert own["verdict"] == "off"
    assert "one bot only" in own["message"]
    count = len(CODES) - len(UNSET) - 1
    said = f"{count} guards refused {count} bad orders. 1 is turned off. "
    assert said in " ".join(ended.stderr.split())
    assert max(map(len, ended.stderr.splitlines())) <= 80


def test_a_policy_that_cannot_be_used_is_3(tmp_path: Path) -> None:
    file = policy_file(tmp_path / "policy.yaml", "sidess: [buy]")
    ended = drilled("sim", "--policy", str(file))
    assert ended.exit_code == 3
    assert "policy.yaml:2:1" in ended.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_a_world_that_cannot_be_read_is_7(status: int) -> None:
    with exchange() as served, faulty(served.url) as broker:
        body = b'{"message":"unauthorized."}'
        broker.on("GET", "/v2/account", answered(status, body), for_ever=True)
        ended = drilled(broker.url)
    assert ended.exit_code == 7
    assert "Nothing was sent." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_paper_without_a_key_is_7_and_a_target_that_is_none_is_2() -> None:
    assert drilled("paper").exit_code == 7
    assert invoke("drill", "--on", "nowhere").exit_code == 2


@contextmanager
def damaged(audit: Path) -> Iterator[None]:
    """A log of today that cannot be believed: what other runs did is unknown."""
    audit.mkdir()
    log = audit / "20261123T150000Z-aaaaaaaa.jsonl"
    log.write_text("not a record\n", encoding="utf-8")
    yield
    assert [*audit.iterdir()] == [log]


def test_a_history_that_cannot_be_read_refuses_the_base_order(tmp_path: Path) -> None:
    with exchange() as served, damaged(tmp_path / "audit"):
        ended = drilled(served.url)
    against = [one for one in ended.data["base"]["verdicts"] if one["verdict"] == "refuse"]
    assert "max_day_notional" in [one["guard"] for one in against]
    assert ended.data["not_refused"] == []
