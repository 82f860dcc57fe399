"""What a log says of questions and messages, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.audit.records import Record
from runner.audit.story import tell

ASK = {"effect": "ask_person", "question": "Buy?", "until": "2026-11-23T15:05:00.000000Z"}
SAY = {"effect": "notify", "message": "bought"}


def record(seq: int, kind: str, data: dict[str, Any]) -> Record:
    return Record(seq=seq, ts="t", run="r", type=kind, step="steps[0]", data=data, prev="", hash="")


@pytest.mark.parametrize(
    ("effect", "outcome", "line"),
    [
        (ASK, {"data": {"approved": True, "by": "ann", "why": ""}},
         'asked "Buy?", approved by ann'),
        (ASK, {"data": {"approved": True, "by": "--yes", "why": ""}},
         'asked "Buy?", approved by --yes'),
        (ASK, {"data": {"approved": False, "by": "ann", "why": "the answer was not yes"}},
         'asked "Buy?", not approved by ann: the answer was not yes'),
        (ASK, {"data": {"approved": False, "by": "", "why": "nobody answered in time"}},
         'asked "Buy?", not approved: nobody answered in time'),
        (ASK, {"data": {"approved": False, "by": "", "why": "stopped"}, "interrupt": "SIGINT"},
         'asked "Buy?", not approved: stopped, interrupted by SIGINT'),
        (ASK, {"status": "not_performed"}, "ask_person: not_performed"),
        (SAY, {"data": {"delivered": True, "to": "terminal", "why": ""}},
         'message "bought", told terminal'),
        (SAY, {"data": {"delivered": False, "to": "terminal, mail", "why": "exit code 1"}},
         'message "bought", not delivered: exit code 1'),
    ],
)  # fmt: skip
def test_questions_and_messages_are_told_in_words(
    effect: dict[str, Any], outcome: dict[str, Any], line: str
) -> None:
    answered = {"n": 1, "at": "t", "status": "ok", **outcome}
    records = [
        record(1, "effect.intent", {"n": 1, "effect": effect, "digest": ""}),
        record(2, "effect.outcome", answered),
    ]
    assert [one.text for one in tell(records)] == [line]
