"""The published schema is the declared one, and judges records as the verifier does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from unit.audit.audit_sample import TARGET, new_id, ticking, whole_run, write_whole

from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.schema import record_schema
from runner.audit.shapes import LEDGER_SHAPES, LOG_SHAPES, misfits

COMMITTED = Path(__file__).parents[3] / "schemas" / "audit-record.schema.json"
HEX = "a" * 64

LOG_DATA: dict[str, dict[str, Any]] = dict(whole_run(new_id())) | {
    "run.resumed": {"target": TARGET},
    "step.skipped": {"reason": "its condition is false"},
    "effect.unknown": {"n": 1},
    "effect.reconciled": {"orders": [], "problems": [], "goes_on": True},
    "signal": {"name": "SIGINT"},
    "heartbeat": {"at": "2026-11-23T14:30:02.000000Z"},
    "log.recovered": {"bytes": 3, "torn": "e30="},
}
LEDGER_DATA: dict[str, dict[str, Any]] = {
    "opened": {"log": "x.jsonl"},
    "resumed": {"log": "x.jsonl"},
    "closed": {"log": "x.jsonl", "head": HEX, "records": 3, "exit_code": 0},
    "signed": {"log": "x.jsonl", "closing": HEX, "key": HEX, "signature": HEX + HEX},
    "refused": {"exit_code": 4, "reason": "a guard refused"},
    "planned": {},
    "confirmed": {
        "step": "steps[0]",
        "question": "Buy?",
        "verdict": "approved",
        "by": "ann",
        "why": "",
    },
    "halted": {},
    "unhalted": {},
    "log.recovered": {"bytes": 3, "torn": "e30="},
}
WRONG: list[Any] = ["text", -1, 1, None, True, [], {}, {"a": 1}, HEX]


def validator(definition: str) -> jsonschema.Draft202012Validator:
    schema = record_schema()
    return jsonschema.Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{definition}"}]})


def record(kind: str, data: Any) -> dict[str, Any]:
    ts = "2026-11-23T14:30:01.123456789Z"
    envelope = {"v": 1, "seq": 1, "ts": ts, "run": "r", "prev": HEX, "hash": HEX}
    return envelope | {"type": kind, "data": data}


def variations(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The data itself, with each key absent in turn, and each with each wrong value, in depth."""
    yield data
    for key, value in data.items():
        yield {other: inner for other, inner in data.items() if other != key}
        for wrong in WRONG:
            yield data | {key: wrong}
        if isinstance(value, dict):
            for inner in variations(value):
                yield data | {key: inner}


def test_the_committed_schema_is_what_the_declarations_say() -> None:
    assert json.loads(COMMITTED.read_text()) == record_schema()
    assert COMMITTED.read_text() == json.dumps(record_schema(), indent=2) + "\n"
    jsonschema.Draft202012Validator.check_schema(record_schema())


@pytest.mark.parametrize("kind", sorted(LOG_SHAPES))
def test_schema_and_verifier_judge_log_records_alike(kind: str) -> None:
    judge = validator("log")
    assert misfits(kind, LOG_DATA[kind], LOG_SHAPES) == []
    for data in variations(copy.deepcopy(LOG_DATA[kind])):
        assert judge.is_valid(record(kind, data)) == (misfits(kind, data, LOG_SHAPES) == []), data


@pytest.mark.parametrize("kind", sorted(LEDGER_SHAPES))
def test_schema_and_verifier_judge_ledger_records_alike(kind: str) -> None:
    judge = validator("ledger")
    assert misfits(kind, LEDGER_DATA[kind], LEDGER_SHAPES) == []
    for data in variations(copy.deepcopy(LEDGER_DATA[kind])):
        assert judge.is_valid(record(kind, data)) == (misfits(kind, data, LEDGER_SHAPES) == [])


def test_an_answer_may_be_an_error() -> None:
    data = {"n": 1, "attempt": 1, "error": "the connection was reset"}
    assert misfits("wire.response", data, LOG_SHAPES) == []
    assert validator("log").is_valid(record("wire.response", data))


def test_every_written_line_fits_the_schema(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    Ledger(tmp_path, wall=ticking()).append("halted", {"scope": "all"})
    judge = jsonschema.Draft202012Validator(json.loads(COMMITTED.read_text()))
    for file in (path, tmp_path / "ledger.jsonl"):
        for each in read_log(file).records:
            judge.validate(each.to_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"seq": 0},
        {"ts": "2026-11-23T14:30:01Z"},
        {"prev": "A" * 64},
        {"hash": "short"},
        {"extra": 1},
        {"type": "unheard.of"},
        {"step": 3},
        {"data": []},
    ],
    ids=str,
)
def test_the_envelope_is_closed(change: dict[str, Any]) -> None:
    whole = record("signal", {"name": "SIGINT"})
    judge = jsonschema.Draft202012Validator(record_schema())
    assert judge.is_valid(whole)
    assert not judge.is_valid(whole | change)
    for key in ("v", "seq", "ts", "type", "data", "prev", "hash"):
        assert not judge.is_valid({other: whole[other] for other in whole if other != key})


def test_the_journal_writes_only_declared_types(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        for kind, data in LOG_DATA.items():
            assert journal.append(kind, data).type == kind
