"""What a run is told of the other runs of its log directory, by real runs on one account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import RunPlan, plan_of
from acceptance.processes import RESTING, a_market
from acceptance.shared_account import shared
from acceptance.test_actions_beside_others import BUY, FILL, MARKET
from acceptance.test_resume import believed, fill, killed, resume

from runner.audit.log import logs_in, read_log
from runner.audit.records import Record

__all__ = ["shared"]

BUY_MSFT = (
    "{id: entry, submit_order: {symbol: MSFT, side: buy, qty: 3, type: limit, limit_price: 50}}"
)
CLOSE = "{id: exit, close_position: {symbol: AAPL, scope: account}}"


def readings(log: Path) -> list[dict[str, Any]]:
    """The outcomes of `read_history`, in order."""
    found, asked = [], 0
    for record in read_log(log).records:
        if record.type == "effect.intent" and record.data["effect"]["effect"] == "read_history":
            asked = record.data["n"]
        elif record.type == "effect.outcome" and record.data["n"] == asked:
            found.append(record.data)
    return found


def run(account: Any, *lines: str, symbol: str = "AAPL") -> tuple[Path, Any]:
    """The log of a run, and what it came to."""
    before = {*logs_in(account.audit)}
    data = account.run(*lines, head=f"symbols: [{symbol}]")
    (log,) = {*logs_in(account.audit)} - before
    return log, data


def header(log: Path) -> Record:
    return read_log(log).records[0]


def test_a_run_is_told_the_orders_of_the_runs_before_it(shared: Any) -> None:
    with shared(MARKET) as account:
        first, _ = run(account, BUY, FILL)
        second, _ = run(account, BUY_MSFT, symbol="MSFT")
        third, _ = run(account, BUY.replace("qty: 5", "qty: 6"), FILL)
        assert [one["data"]["orders"] for one in readings(first)] == [[]]
        (told,) = readings(third)
        bought, limited = told["data"]["orders"]
        digest = header(first).data["runbook"]["sha256"]
        assert bought == {
            "at": bought["at"],
            "run": header(first).run,
            "runbook": digest,
            "symbol": "AAPL",
            "side": "buy",
            "qty": "5",
            "notional": None,
            "type": "market",
            "limit_price": None,
            "stop_price": None,
            "worth": bought["worth"],
        }
        assert 500 < float(bought["worth"]) < 530
        assert (limited["run"], limited["worth"]) == (header(second).run, "150")


DRIFTS = {
    "tape": {"AAPL": [["0s", "100", "99.99", "100.01"], ["1s", "100.01", "100", "100.02"]]},
    "rate_limit": "off",
}
COLLARED = (
    "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 5, type: marketable_limit, "
    "collar: 1%}}"
)


def test_a_runbook_that_two_schedulers_start_buys_once_though_its_price_has_moved(
    shared: Any,
) -> None:
    with shared(DRIFTS) as account:
        _, first = run(account, COLLARED, FILL)
        assert first["exit_code"] == 0, first
        account.settle()
        _, second = run(account, COLLARED, FILL)
        assert second["exit_code"] == 4
        assert second["error"]["message"].startswith("duplicates: ")
        assert len(account.orders) == 1


LEGS = "AAPL261204C00270000", "AAPL261204C00280000"


def test_an_order_of_several_legs_is_sent_once_by_two_runs_of_a_runbook(shared: Any) -> None:
    sides = zip(LEGS, ("buy", "sell"), strict=True)
    legs = [f"{{symbol: {one}, side: {side}, ratio: 1}}" for one, side in sides]
    order = (
        "{id: entry, submit_order: {order_class: mleg, qty: 2, type: limit, limit_price: 2.95, "
        f"legs: [{', '.join(legs)}]}}}}"
    )
    tape = {LEGS[0]: [["0s", "6.65", "6.60", "6.70"]], LEGS[1]: [["0s", "3.85", "3.80", "3.90"]]}
    with shared({"tape": tape}) as account:
        _, first = run(account, order, symbol=", ".join(LEGS))
        assert first["exit_code"] == 0, first
        sent = len(account.orders)
        _, second = run(account, order, symbol=", ".join(LEGS))
        assert second["exit_code"] == 4
        assert second["error"]["message"].startswith("duplicates: ")
        assert len(account.orders) == sent


def test_a_damaged_log_of_the_day_is_named_and_never_asked_for_by_what_only_closes(
    shared: Any,
) -> None:
    with shared(MARKET) as account:
        log, _ = run(account, BUY, FILL)
        log.write_bytes(log.read_bytes().replace(b'"qty":"5"', b'"qty":"1"'))
        opening, refused = run(account, BUY)
        assert refused["status"] == "refused"
        (told,) = readings(opening)
        assert (told["status"], told["problem"]["reason"]) == ("unavailable", "unreadable")
        assert f"{log}: line " in told["problem"]["message"]
        closing, closed = run(account, CLOSE, "{await_fill: {order: exit, timeout: 10s}}")
        assert closed["status"] == "completed"
        assert account.positions == {}
        assert readings(closing) == []


def test_a_resumed_run_is_told_what_others_sent_and_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    more = "  - submit_order: {symbol: AAPL, side: buy, qty: 2}"
    with a_market(tmp_path) as market:
        first = killed(market, plan_of(f"{RESTING}\n{more}"))
        other = market.start(plan_of("  - submit_order: {symbol: MSFT, side: buy, qty: 3}",
                                     head="symbols: [MSFT]"))  # fmt: skip
        assert other.end() == 0, other.stderr
        fill(market)
        (second,) = {*logs_in(market.audit)} - {first}
        ended = resume(first)
        assert ended.exit_code == 0, ended.stderr
        before, after = (one["data"]["orders"] for one in readings(first))
        assert before == []
        assert [(one["run"], one["qty"]) for one in after] == [(header(second).run, "3")]
        believed(first)


def test_on_the_embedded_exchange_a_run_is_alone(run_plan: RunPlan) -> None:
    plan = plan_of("  - submit_order: {symbol: AAPL, side: buy, qty: 1}")
    assert run_plan(plan).exit_code == 0
    again = run_plan(plan)
    assert again.log is not None
    assert [one["data"] for one in readings(again.log)] == [{"orders": []}]
