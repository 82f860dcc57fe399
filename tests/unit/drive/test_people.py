"""Asking people: what counts as an approval where no terminal is needed to tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.audit.errors import LedgerBroken
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.redact import Redactor
from runner.drive.clock import WallClock
from runner.drive.notifying import Notifier
from runner.drive.observer import Nobody
from runner.drive.people import People
from runner.drive.signals import Signals
from runner.effects import AskPerson, Command, Notify

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)


def people(record: Any, *, yes: bool = True, live: Any = list) -> People:
    signals = Signals()
    clock = WallClock(signals, wall=NOON.timestamp, monotonic=lambda: 0)
    notifier = Notifier(Redactor([]), {}, run_id="run", name="plan")
    return People(clock, signals, Nobody(), notifier, live=live, record=record, yes=yes)


def ask(who: People, until: datetime = NOON + timedelta(minutes=5)) -> Mapping[str, Any]:
    effect = AskPerson("Go on?", until)
    return who.ask(Command("steps[0]", effect), effect).data


def test_yes_approves_and_the_ledger_has_it_before_the_machine(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, wall=lambda: 0)
    said = ask(people(lambda data: ledger.append("confirmed", data, run="run")))
    assert said == {"approved": True, "by": "--yes", "why": ""}
    (record,) = read_log(tmp_path / "ledger.jsonl").records
    assert record.run == "run"
    assert record.data == {
        "step": "steps[0]", "question": "Go on?", "coming": [], "verdict": "approved",
        "by": "--yes", "why": "",
    }  # fmt: skip


def test_a_question_whose_time_is_over_is_not_approved_by_anyone() -> None:
    said = ask(people(lambda data: None), until=NOON)
    assert said["approved"] is False
    assert "time was over" in said["why"]


def test_an_approval_that_cannot_be_put_on_record_is_none() -> None:
    def record(data: Mapping[str, Any]) -> None:
        raise LedgerBroken("the disk is full")

    said = ask(people(record))
    assert said["approved"] is False
    assert "the disk is full" in said["why"]


def test_a_defect_approves_nothing_and_raises_nothing() -> None:
    def record(data: Mapping[str, Any]) -> None:
        raise RuntimeError("a defect")

    said = ask(people(record))
    assert said["approved"] is False
    assert "a defect" in said["why"]


def test_without_a_terminal_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    said = ask(people(lambda data: None, yes=False))
    assert said == {
        "approved": False, "by": "", "why": "there is no terminal on stdin to answer on",
    }  # fmt: skip


def test_a_message_without_a_command_has_arrived_on_the_terminal() -> None:
    said = people(lambda data: None).tell(Notify("hello")).data
    assert said == {"delivered": True, "to": "terminal", "why": ""}
