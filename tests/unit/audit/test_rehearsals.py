"""Which runs of a runbook completed on the embedded exchange or on paper."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from unit.audit.audit_sample import TEXT, rewrite
from unit.audit.past_log import NOON, PAPER, PastLog

from runner.audit.history import Rehearsal, completed_rehearsals

SHA = hashlib.sha256(TEXT.encode()).hexdigest()
SIM = {"kind": "sim", "base_url": "http://127.0.0.1:4711"}


def rehearsed(directory: Path, seed: int = 1, status: str = "completed", **more: Any) -> PastLog:
    log = PastLog(directory, seed, **more)
    log.sends()
    log.ends(status)
    return log


@pytest.mark.parametrize("target", [SIM, PAPER])
def test_a_run_that_completed_on_sim_or_paper_is_a_rehearsal(
    tmp_path: Path, target: dict[str, str]
) -> None:
    log = rehearsed(tmp_path, target=target)
    (found,) = completed_rehearsals(tmp_path, SHA)
    assert found == Rehearsal(
        log.run, "2026-11-23T17:00:01.000000000Z", target["kind"], {"qty": "1"}
    )


def test_each_is_found_the_newest_first(tmp_path: Path) -> None:
    old, new, newest = (
        rehearsed(tmp_path, seed, at=NOON + timedelta(days=day)).run
        for seed, day in ((2, 0), (1, 1), (3, 2))
    )
    assert [one.run for one in completed_rehearsals(tmp_path, SHA)] == [newest, new, old]


@pytest.mark.parametrize(
    "other",
    [
        {"text": TEXT + "# changed\n"},
        {"target": {"kind": "url", "base_url": "http://127.0.0.1:4711"}},
        {"target": {"kind": "live", "base_url": "https://api.alpaca.markets"}},
        {"status": "failed"},
        {"status": "refused"},
    ],
)
def test_another_text_target_or_end_is_none(tmp_path: Path, other: dict[str, Any]) -> None:
    rehearsed(tmp_path, **other)
    assert completed_rehearsals(tmp_path, SHA) == []


def test_a_run_that_has_not_ended_is_none(tmp_path: Path) -> None:
    PastLog(tmp_path).sends()
    assert completed_rehearsals(tmp_path, SHA) == []


def another_digest(path: Path) -> None:
    """The log claims the digest of a text that is not its own."""

    def change(script: list[Any]) -> list[Any]:
        script[0][1]["runbook"]["text"] = "runbook: 1\nname: another\n"
        return script

    rewrite(path, change)


def no_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])


def a_changed_status(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"failed"', b'"completed"'))


def a_torn_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def nothing(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("status", "damage"),
    [
        ("completed", another_digest),
        ("completed", no_header),
        ("failed", a_changed_status),
        ("completed", a_torn_end),
        ("completed", nothing),
    ],
)
def test_a_log_that_cannot_be_believed_proves_nothing_and_hides_no_other(
    tmp_path: Path, status: str, damage: Callable[[Path], None]
) -> None:
    damage(rehearsed(tmp_path, 1, status).path)
    other = rehearsed(tmp_path, 2)
    assert [one.run for one in completed_rehearsals(tmp_path, SHA)] == [other.run]


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_the_last_record_is_found_however_long_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("runner.audit.history._BLOCK", block)
    rehearsed(tmp_path)
    assert len(completed_rehearsals(tmp_path, SHA)) == 1


def test_a_directory_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert completed_rehearsals(tmp_path / "nowhere", SHA) == []
