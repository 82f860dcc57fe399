"""The commands of the kill switch, and runs beside them, in a folder of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import FIRST_RUNBOOK, Ended, invoke

from runner.audit.log import read_log
from runner.audit.records import Record


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder, with a state directory in it, and nothing of the developer's own."""
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("RUNBOOK_AUDIT_DIR", raising=False)
    monkeypatch.chdir(folder)
    return folder


def command(*arguments: str) -> Ended:
    """A command with `--json`, in this process."""
    ended = invoke(*arguments, "--json")
    return replace(ended, data=json.loads(ended.stdout))


def halt(*options: str) -> dict[str, Any]:
    ended = command("halt", "--reason", "enough", *options)
    assert ended.exit_code == 0, ended.stderr
    return ended.data


def halt_now() -> None:
    halt()


def unhalt(*options: str) -> dict[str, Any]:
    ended = command("unhalt", "--reason", "looked at it", *options)
    assert ended.exit_code == 0, ended.stderr
    return ended.data


def run(*options: str, plan: str | None = None) -> Ended:
    """A run on the embedded exchange, in this process."""
    file = FIRST_RUNBOOK
    if plan is not None:
        file = Path("plan.yaml")
        file.write_text(plan, encoding="utf-8")
    return command("run", str(file), *options)


def believed(log: Path) -> list[Record]:
    """The records of a log that verifies, and from which every decision is made again."""
    verified = invoke("audit", "verify", str(log))
    assert verified.exit_code == 0, verified.stdout
    replayed = invoke("replay", str(log))
    assert replayed.exit_code == 0, replayed.stdout
    return list(read_log(log).records)


def ledger(folder: Path) -> list[Record]:
    return list(read_log(folder / "audit" / "ledger.jsonl").records)
