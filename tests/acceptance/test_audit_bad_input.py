"""A file that is no log, or no whole one, gets a clear sentence, no traceback, and not a byte."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance.harness import Ended, invoke
from unit.audit.audit_sample import new_id, started, whole_run, write, write_whole

from runner.audit.records import GENESIS, LONGEST_LINE, seal

RUN = new_id()
GIB = 2**30


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-4]))


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def foreign(path: Path) -> None:
    path.write_text("date,symbol,qty\n" + "2026-11-23,AAPL,1\n" * 3000)


def another_json(path: Path) -> None:
    path.write_text('{"level": "info", "message": "started"}\n' * 50)


def not_utf8(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"AAPL", b"\xc3\x28PL", 1))


def out_of_order(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[4], lines[3], *lines[5:]]))


def deep(path: Path) -> None:
    path.write_bytes(b"[" * 200_000 + b"\n" + path.read_bytes())


def endless(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x" * (LONGEST_LINE + 10))


def sparse(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, 10 * GIB)


def other_runbook(path: Path) -> None:
    path.unlink()
    (path.parent / "ledger.jsonl").unlink()
    header = started(runbook=started()["runbook"] | {"text": "runbook: 1\nname: another\n"})
    write(path.parent, [("run.started", header), *whole_run(RUN)[1:]], RUN)


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncated, "cut off"),
    "binary": (binary, "no audit log"),
    "foreign text": (foreign, "no audit log"),
    "other json lines": (another_json, "no audit log"),
    "invalid utf-8": (not_utf8, "line 3"),
    "out of order": (out_of_order, "record 4 is expected here"),
    "absurdly deep": (deep, "line 1"),
    "an endless line": (endless, "longer than 32 MiB"),
    "10 GiB of nothing": (sparse, "longer than 32 MiB"),
    "another runbook": (other_runbook, "its digest names"),
}
COMMANDS: dict[str, tuple[str, ...]] = {
    "verify": ("audit", "verify"),
    "show": ("audit", "show"),
    "replay": ("replay",),
}


@pytest.fixture(autouse=True)
def nothing_huge_is_left(tmp_path: Path) -> Iterator[None]:
    """Every file that a test leaves is searched for secrets, and that takes a file of 10 GiB."""
    yield
    for path in tmp_path.rglob("*.jsonl"):
        if path.stat().st_size > GIB:
            path.unlink()


def standing(path: Path) -> tuple[int, int, list[Path]]:
    """What would show that a file, or what lies beside it, was written to."""
    return path.stat().st_size, path.stat().st_mtime_ns, sorted(path.parent.iterdir())


def asked(path: Path, *command: str) -> Ended:
    """What a command says of a file, which it must leave as it is, and quickly."""
    before = standing(path)
    began = time.monotonic()
    ended = invoke(*command)
    assert time.monotonic() - began < 20
    assert standing(path) == before
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended


CUT_OFF = ("truncated", "replay")
"""What a crash left is replayed as far as it goes; that the rest was cut off is for the others."""

CASES = [(case, command) for case in BAD for command in COMMANDS if (case, command) != CUT_OFF]


@pytest.mark.parametrize(("case", "command"), CASES)
def test_a_file_that_cannot_be_believed_is_9_with_a_sentence(
    tmp_path: Path, case: str, command: str
) -> None:
    damage, words = BAD[case]
    path = write_whole(tmp_path)
    damage(path)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = asked(path, *COMMANDS[command], str(path))
    assert ended.exit_code == 9, ended.stdout + ended.stderr
    said = " ".join((ended.stdout + ended.stderr).split())
    if command == "verify":
        assert words in said
    assert "line" in said
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    assert grown < 600 * 1024  # kilobytes: some copies of one line, not of a file


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_file_that_no_ledger_knows_is_9(tmp_path: Path, command: str) -> None:
    path = tmp_path / f"{RUN}.jsonl"
    path.touch()
    ended = asked(path, *COMMANDS[command], str(path))
    assert ended.exit_code == 9, ended.stdout + ended.stderr
    assert ended.stdout + ended.stderr


@pytest.mark.parametrize("case", BAD)
def test_a_listing_survives_a_file_that_cannot_be_believed(tmp_path: Path, case: str) -> None:
    path = write_whole(tmp_path)
    write_whole(tmp_path, seed=1)
    if case != "another runbook":  # which begins with an empty directory
        BAD[case][0](path)
    ended = asked(path, "audit", "list", "--audit-dir", str(tmp_path))
    assert ended.exit_code in (0, 9)
    assert len([line for line in ended.stdout.splitlines() if line.strip()]) >= 3


def test_a_file_of_another_kind_is_one_finding_and_not_read_to_its_end(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    foreign(path)
    ended = asked(path, "audit", "verify", str(path), "--json")
    (finding,) = json.loads(ended.stdout)["reports"][0]["findings"]
    assert "none of its first 20 lines" in finding["message"]


def test_damage_without_end_ends_the_reading(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(first + b"no record\n" * 3000)
    ended = asked(path, "audit", "verify", str(path), "--json")
    assert ended.exit_code == 9
    findings = json.loads(ended.stdout)["reports"][0]["findings"]
    assert len(findings) == 1001
    assert "not read any further" in findings[-1]["message"]


def test_unknown_records_without_end_end_the_reading(tmp_path: Path) -> None:
    head, lines = GENESIS, []
    for seq in range(1, 1500):
        record, line = seal(
            seq=seq, wall_ns=0, run=RUN, type="run.dreamt", step=None, data={}, prev=head
        )
        head = record.hash
        lines.append(line)
    path = tmp_path / f"{RUN}.jsonl"
    path.write_bytes(b"".join(lines))
    ended = asked(path, "audit", "verify", str(path), "--json")
    assert ended.exit_code == 9
    assert len(json.loads(ended.stdout)["reports"][0]["findings"]) == 1001


def test_a_cut_tail_shows_against_the_ledger_only(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    cut(path)
    ended = asked(path, "audit", "verify", str(path))
    assert ended.exit_code == 9
    assert "now ends at record 13" in " ".join(ended.stdout.split())


def test_a_directory_with_a_damaged_ledger_is_9(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    ledger = path.with_name("ledger.jsonl")
    for content in (b"\x00" * 5000 + b"\n", b"plain text\n" * 5000):
        ledger.write_bytes(content)
        ended = asked(ledger, "audit", "verify", str(tmp_path))
        assert ended.exit_code == 9
        assert "ledger" in ended.stdout
    os.truncate(ledger, 10 * GIB)
    assert asked(ledger, "audit", "verify", str(tmp_path)).exit_code == 9
