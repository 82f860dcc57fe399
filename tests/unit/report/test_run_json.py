"""The `--json` object: the same keys always, numbers as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.report.run_sample import CLIENT_ID, LOG, RUN_ID, result

from runner.broker.targets import resolve
from runner.report.run_json import refused_json, run_json

KEYS = {"run_id", "name", "status", "exit_code", "target", "simulated", "audit_log", "steps",
        "orders", "positions", "error", "open_orders"}  # fmt: skip


def test_it_holds_what_the_contract_names() -> None:
    text = run_json(RUN_ID, "one-share", resolve("paper"), LOG, result())
    data = json.loads(text)
    assert set(data) == KEYS
    assert (data["run_id"], data["name"], data["target"]) == (RUN_ID, "one-share", "paper")
    assert data["audit_log"] == str(LOG)
    assert data["orders"][0]["client_order_id"] == CLIENT_ID
    assert data["orders"][0]["filled_avg_price"] == "179.99"
    assert data["error"] is None


def test_status_and_exit_code_are_the_commands_own() -> None:
    ended = result("unknown", 8)
    ended.data.update(status="completed", exit_code=0)
    data = json.loads(run_json(RUN_ID, "x", resolve("sim"), LOG, ended))
    assert (data["status"], data["exit_code"], data["simulated"]) == ("unknown", 8, True)


def test_a_server_is_named_by_its_address() -> None:
    target = resolve("http://127.0.0.1:8787")
    data = json.loads(run_json(RUN_ID, "x", target, LOG, result()))
    assert data["target"] == "http://127.0.0.1:8787"


@pytest.mark.parametrize("code", [3, 7, 9, 11])
def test_a_run_that_never_began_has_the_same_keys(code: int) -> None:
    data = json.loads(refused_json(code, "no \x1b[2J key", "paper"))
    assert set(data) == KEYS
    assert data["exit_code"] == code
    assert data["error"]["message"] == "no \x1b[2J key"


def test_it_is_ascii_on_any_terminal() -> None:
    text = run_json(RUN_ID, "株 \x1b[2J", resolve("sim"), Path("a/ü.jsonl"), result())
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["name"] == "株 \x1b[2J"
