"""The ledger chains what happened in a directory, whoever writes it, and loses nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.audit.audit_sample import new_id, ticking, write_whole

from runner.audit import ledger as ledger_module
from runner.audit.errors import JournalBroken, LedgerBroken, LogDamaged
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.verify import verify_ledger


def test_an_opened_and_closed_log_is_named_with_its_head(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    opened, closed = read_log(tmp_path / "ledger.jsonl").records
    last = read_log(path).records[-1]
    assert (opened.type, opened.run, opened.data) == ("opened", path.stem, {"log": path.name})
    assert closed.data == {
        "log": path.name,
        "head": last.hash,
        "records": last.seq,
        "exit_code": 0,
    }


def test_a_log_is_on_disk_before_the_ledger_calls_it_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = os.fdatasync

    def noting(fd: int) -> None:
        order.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        journal.append("signal", {"name": "SIGINT"})
        with monkeypatch.context() as watched:
            watched.setattr(os, "fdatasync", noting)
            Ledger(tmp_path, wall=ticking()).closed(journal, 0)
    assert order == [journal.path.name, "ledger.jsonl"]


def test_a_log_that_could_not_be_written_gets_no_closing_entry(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, new_id(), wall=ticking())
    journal.close()
    ledger = Ledger(tmp_path, wall=ticking())
    with pytest.raises(JournalBroken):
        ledger.closed(journal, 0)
    assert not ledger.path.exists()


def test_what_concerns_no_run_is_chained_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "audit", wall=ticking())
    ledger.append("halted", {"scope": "opening"})
    ledger.append("refused", {"exit_code": 12, "reason": "halted"}, run=new_id())
    report, records = verify_ledger(tmp_path / "audit")
    assert report is not None
    assert report.findings == ()
    assert [record.type for record in records or ()] == ["halted", "refused"]


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a type of ledger record"):
        Ledger(tmp_path, wall=ticking()).append("whatever", {})


@pytest.mark.parametrize("torn", [b"{", b'{"data":{"log":"' + b"x" * 70_000])
def test_a_torn_last_line_is_set_aside_by_the_next_append(tmp_path: Path, torn: bytes) -> None:
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.append("halted", {"note": "y" * 70_000})
    with ledger.path.open("ab") as file:
        file.write(torn)
    ledger.append("unhalted", {})
    report, records = verify_ledger(tmp_path)
    assert report is not None
    assert report.findings == ()
    assert [record.type for record in records or ()] == ["halted", "log.recovered", "unhalted"]


def test_a_torn_first_line_is_set_aside(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.path.write_bytes(b'{"da')
    ledger.append("halted", {})
    assert [each.type for each in read_log(ledger.path).records] == ["log.recovered", "halted"]


def test_a_damaged_ledger_is_not_written_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.append("halted", {})
    ledger.append("halted", {})
    content = ledger.path.read_bytes()[:-10] + b"X" + ledger.path.read_bytes()[-9:]
    ledger.path.write_bytes(content)
    with pytest.raises(LogDamaged, match="line 2 "):
        ledger.append("unhalted", {})
    assert ledger.path.read_bytes() == content


def test_a_huge_file_that_is_no_ledger_is_neither_read_whole_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "LONGEST_LINE", 2**20)
    ledger = Ledger(tmp_path, wall=ticking())
    ledger.path.touch()
    os.truncate(ledger.path, 10 * 2**30)
    with pytest.raises(LedgerBroken, match="no ledger"):
        ledger.append("halted", {})
    assert ledger.path.stat().st_size == 10 * 2**30


def test_a_failed_fdatasync_ends_appending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path, wall=ticking())

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(os, "fdatasync", fail)
        with pytest.raises(LedgerBroken, match="Input/output error"):
            ledger.append("halted", {})
    size = ledger.path.stat().st_size
    with pytest.raises(LedgerBroken):
        ledger.append("halted", {})
    assert ledger.path.stat().st_size == size


def test_a_lock_that_nobody_frees_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "LOCK_SECONDS", 0.0)
    ledger = Ledger(tmp_path, wall=ticking())
    with ledger.path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LedgerBroken, match="stopped or stuck"):
            ledger.append("halted", {})
    ledger.append("halted", {})


APPENDER = """
import sys, time
from pathlib import Path
from runner.audit.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), wall=time.time_ns)
for _ in range(25):
    ledger.append("halted", {})
"""


def test_processes_append_to_one_chain(tmp_path: Path) -> None:
    command = [sys.executable, "-c", APPENDER, str(tmp_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait(timeout=30) for writer in writers] == [0, 0, 0]
    report, records = verify_ledger(tmp_path)
    assert report is not None
    assert report.findings == ()
    assert len(records or ()) == 75
