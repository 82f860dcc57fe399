"""The last net before the disk: whatever a run is about to record is looked through."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from unit.audit.audit_sample import new_id

from runner.audit.commitment import commitment
from runner.audit.journal import Journal
from runner.broker.confidential import Confidential
from runner.broker.credentials import Credentials
from runner.broker.wire import Failure, WireError, WireRequest, WireResponse
from runner.drive.recorder import Recorder
from runner.drive.secrecy import answer_without_secrets, key_in, redactor_of, said_in
from runner.drive.signals import Signals
from runner.effects import Answer, Event, Problem, Reason, Status

SECRET, TOKEN, NUMBER = "kB7/x+Qz0aV9wLr2TnYp", "tok-98f7a6b5", "987654321"
KEYS = Credentials(
    "PKABCDEFGHIJKLMNOPQR",
    SECRET,
    never_written=(
        Confidential("BOT_TOKEN", TOKEN, key=True),
        Confidential("DESK", "desk-7/east", key=False),
    ),
)
REDACTOR = redactor_of(KEYS, ["buy from desk-9"], number=commitment(b"k" * 32), accounts=[NUMBER])


def test_no_record_holds_what_the_run_was_told_to_keep(tmp_path: Path) -> None:
    log = tmp_path / f"{(run := new_id())}.jsonl"
    recorder = Recorder(Journal.create(tmp_path, run, wall=time.time_ns), REDACTOR, Signals())
    words = f"{SECRET} and {TOKEN} of {NUMBER} at desk-7/east"
    recorder.event(Event("steps[0]", "decision", {"expression": words, "verdict": "true"}))
    recorder.tap(1, WireRequest("GET", f"http://x/?a={TOKEN}", {"x-note": words}, words))
    recorder.tap(1, WireResponse(200, {"x-note": words}, words))
    recorder.tap(1, WireError(Failure.OTHER, words, sent=True))
    recorder.finished("failed", 5, {"error": {"message": words}})
    text = log.read_text(encoding="utf-8")
    assert text.count("[redacted] and [redacted] of acct-") == 7
    for secret in (SECRET, TOKEN, NUMBER, "desk-7"):
        assert secret not in text


def test_a_log_that_cannot_be_written_does_not_tell_the_screen_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal.create(tmp_path, new_id(), wall=time.time_ns)
    journal.close()
    recorder = Recorder(journal, REDACTOR, Signals())
    recorder.event(Event("steps[0]", "decision", {"expression": TOKEN}))
    shown = capsys.readouterr().err
    assert "[redacted]" in shown
    assert TOKEN not in shown


def test_an_answer_is_told_without_secrets_and_keeps_all_else() -> None:
    problem = Problem(Reason.OTHER, f"no {TOKEN}", 403, 40310000, {"account": NUMBER, "left": "5"})
    answer = Answer(Status.REFUSED, {"cash": "100.10", "note": TOKEN}, problem)
    told = answer_without_secrets(answer, REDACTOR)
    assert told.status is Status.REFUSED
    assert told.data == {"cash": "100.10", "note": "[redacted]"}
    assert told.problem is not None
    assert (told.problem.message, told.problem.status) == ("no [redacted]", 403)
    assert told.problem.extra == {"account": commitment(b"k" * 32)(NUMBER), "left": "5"}


def test_a_word_that_the_runbook_says_is_no_secret_and_a_key_always_is() -> None:
    said = redactor_of(KEYS, ["buy from desk-7/east", TOKEN])
    assert said.text(f"desk-7/east {TOKEN}") == "desk-7/east [redacted]"


def test_a_key_in_a_text_is_named_with_its_line_and_not_repeated() -> None:
    told = key_in({"plan.yaml": f"runbook: 1\nname: {TOKEN}\n"}, KEYS)
    assert told.startswith("plan.yaml holds the value of BOT_TOKEN (line 2).")
    assert TOKEN not in told
    assert key_in({"plan.yaml": "from desk-7/east"}, KEYS) == ""
    assert "the API secret" in key_in({"plan.yaml": SECRET}, KEYS)


def test_a_resume_takes_for_said_what_the_log_begins_with() -> None:
    header = {"runbook": {"text": "one", "name": "two"}, "params": {"a": "three"}, "n": 4}
    assert set(said_in(header)) == {"one", "two", "three", "4"}
