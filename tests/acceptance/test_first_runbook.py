"""The tutorial's trade: the first thing anybody runs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from acceptance.harness import FIRST_RUNBOOK, Ended, RunPlan, invoke


def test_it_buys_closes_and_leaves_nothing_behind(run_plan: RunPlan) -> None:
    ended = run_plan(FIRST_RUNBOOK)
    assert ended.exit_code == 0
    assert ended.data["status"] == "completed"
    assert [(one["side"], one["status"]) for one in ended.data["orders"]] == [
        ("buy", "filled"),
        ("sell", "filled"),
    ]
    assert ended.data["positions"] == [{"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}]
    assert ended.data["open_orders"] == []
    assert ended.data["error"] is None


def test_each_order_left_once_with_decimals_as_text(run_plan: RunPlan) -> None:
    sent = run_plan(FIRST_RUNBOOK, "-p", "qty=2").sent()
    assert [(one["side"], one["qty"]) for one in sent] == [("buy", "2"), ("sell", "2")]
    assert len({one["client_order_id"] for one in sent}) == 2
    assert sent[1]["position_intent"] == "sell_to_close"


def test_an_existing_position_is_left_as_it_was(run_plan: RunPlan) -> None:
    held = "positions: {AAPL: {qty: 7, avg_entry_price: 150}}"
    ended = run_plan(FIRST_RUNBOOK, scenario=held)
    assert ended.exit_code == 0
    assert ended.sent()[1]["qty"] == "1"
    assert ended.step(10)["outputs"]["qty"] == "7"


def test_the_same_seed_gives_the_same_fills(run_plan: RunPlan) -> None:
    def fills(ended: Ended) -> list[tuple[str, str]]:
        return [(one["order_id"], one["filled_avg_price"]) for one in ended.data["orders"]]

    first, again, other = (run_plan(FIRST_RUNBOOK, "--seed", seed) for seed in ("7", "7", "8"))
    assert fills(first) == fills(again) != fills(other)


def test_any_changed_byte_of_its_log_is_found(run_plan: RunPlan) -> None:
    log = run_plan(FIRST_RUNBOOK).log
    assert log is not None
    whole = log.read_bytes()
    for offset in range(0, len(whole), len(whole) // 40):
        log.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        assert invoke("audit", "verify", str(log)).exit_code == 9, offset
    log.write_bytes(whole)
    assert invoke("audit", "verify", str(log)).exit_code == 0


def test_a_quantity_outside_its_declaration_is_refused_before_anything_is_sent(
    run_plan: RunPlan,
) -> None:
    ended = run_plan(FIRST_RUNBOOK, "-p", "qty=1000000")
    assert ended.exit_code == 3
    assert ended.log is None
    assert "RB603" in ended.stderr


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("trading_blocked: true", "trading_blocked"),
        ("account_blocked: true", "account_blocked"),
        ("trade_suspended_by_user: true", "trade_suspended_by_user"),
        ("status: ACCOUNT_CLOSED", "ACCOUNT_CLOSED"),
        ("cash: 100", "buying_power"),
        ("omit: [maintenance_margin]", "maintenance_margin"),
        ("omit: [trading_blocked]", "trading_blocked"),
        (
            "{regime: legacy_pdt, daytrade_count: 3, cash: 10000, last_equity: 10000}",
            "3 day trades",
        ),
        ("{regime: legacy_pdt, pattern_day_trader: true, cash: 20000}", "flagged"),
    ],
)
def test_an_account_that_must_not_trade_is_refused_with_nothing_sent(
    run_plan: RunPlan, scenario: str, words: str
) -> None:
    ended = run_plan(FIRST_RUNBOOK, scenario=scenario)
    assert ended.exit_code == 4
    assert ended.data["status"] == "refused"
    assert words in ended.data["error"]["message"]
    assert ended.sent() == []
    assert ended.data["orders"] == []


def test_the_old_rule_allows_what_it_allowed(run_plan: RunPlan) -> None:
    ended = run_plan(FIRST_RUNBOOK, scenario="{regime: legacy_pdt, daytrade_count: 2, cash: 10000}")
    assert ended.exit_code == 0
    assert ended.step(1)["outputs"] == {"regime": "pdt", "day_trades": "3"}


def test_an_order_above_its_limit_is_refused_with_nothing_sent(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    text = FIRST_RUNBOOK.read_text().replace("max_order_notional: 5000", "max_order_notional: 100")
    ended = run_plan(text)
    assert ended.exit_code == 4
    assert "max_order_notional" in ended.data["error"]["message"]
    assert ended.sent() == []


def test_money_in_the_log_is_exact(run_plan: RunPlan) -> None:
    ended = run_plan(FIRST_RUNBOOK)
    fill = ended.outputs("fill")
    assert Decimal(fill["filled_avg_price"]) > 0
    assert ended.data["orders"][0]["filled_avg_price"] == fill["filled_avg_price"]
