"""One writer, whole records, nothing after a failed write, and a torn line that is kept."""

from __future__ import annotations

import base64
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from unit.audit.audit_sample import new_id, order, ticking, whole_run, write, write_whole

from runner.audit.errors import CanonicalError, JournalBroken, LogBusy, LogDamaged, LogExists
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.log import iter_records, read_log
from runner.audit.records import GENESIS, Rule
from runner.audit.verify import verify, verify_ledger, verify_log


def test_a_record_has_the_documented_form(tmp_path: Path) -> None:
    run = new_id()
    with Journal.create(tmp_path, run, wall=lambda: 1_795_876_201_123_456_789) as journal:
        first = journal.append("signal", {"name": "SIGINT"}, step="steps[3]", durable=True)
        journal.append("signal", {"name": "SIGINT"})
    lines = journal.path.read_text().splitlines()
    assert json.loads(lines[0]) == first.to_dict()
    assert json.loads(lines[0]) == {
        "v": 1,
        "seq": 1,
        "ts": "2026-11-28T14:30:01.123456789Z",
        "run": run,
        "type": "signal",
        "step": "steps[3]",
        "data": {"name": "SIGINT"},
        "prev": GENESIS,
        "hash": first.hash,
    }
    assert "step" not in json.loads(lines[1])
    assert json.loads(lines[1])["prev"] == first.hash


def test_logs_and_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_whole(tmp_path / "audit")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((path.parent / "ledger.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    before = path.read_bytes()
    with pytest.raises(LogExists, match="never written over"):
        Journal.create(tmp_path, path.stem, wall=ticking())
    assert path.read_bytes() == before


def test_a_name_that_is_no_run_id_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a run id"):
        Journal.create(tmp_path / "audit", "../elsewhere", wall=ticking())
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        journal.append("signal", {"name": "SIGINT"})
        with pytest.raises(LogBusy, match="one writer"):
            Journal.reopen(journal.path, wall=ticking())
    Journal.reopen(journal.path, wall=ticking()).close()


def test_a_value_that_no_record_holds_is_refused_and_the_journal_goes_on(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        with pytest.raises(CanonicalError, match="amounts of money as text"):
            journal.append("run.bound", {"equity": 1.5})
        with pytest.raises(ValueError, match="not a type of record"):
            journal.append("run.unheard", {})
        journal.append("signal", {"name": "SIGINT"})
    assert [record.seq for record in read_log(journal.path).records] == [1]


def test_records_before_a_durable_one_wait_for_its_fdatasync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: list[int] = []
    real = os.fdatasync

    def noting(fd: int) -> None:
        real(fd)
        on_disk.append(os.fstat(fd).st_size)

    monkeypatch.setattr(os, "fdatasync", noting)
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        for _ in range(5):
            journal.append("signal", {"name": "SIGINT"})
        assert on_disk == []
        journal.append("signal", {"name": "SIGTERM"}, durable=True)
        assert on_disk == [journal.path.stat().st_size]
        assert len(read_log(journal.path).records) == 6


def test_a_failed_fdatasync_ends_all_appending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path, new_id(), wall=ticking())
    journal.append("signal", {"name": "SIGINT"}, durable=True)

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(os, "fdatasync", fail)
        with pytest.raises(JournalBroken, match="Input/output error"):
            journal.append("signal", {"name": "SIGINT"}, durable=True)
    size = journal.path.stat().st_size
    assert journal.broken
    for durable in (False, True):
        with pytest.raises(JournalBroken, match="without its record"):
            journal.append("signal", {"name": "SIGINT"}, durable=durable)
    assert journal.path.stat().st_size == size


def test_a_full_disk_ends_all_appending_and_leaves_a_torn_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path, new_id(), wall=ticking())
    journal.append("signal", {"name": "SIGINT"})
    real = os.write
    room = [20]

    def short(fd: int, content: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, content[: room.pop()])

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "write", short)
        with pytest.raises(JournalBroken, match="No space left"):
            journal.append("signal", {"name": "SIGINT"})
    with pytest.raises(JournalBroken):
        journal.append("signal", {"name": "SIGINT"})
    log = read_log(journal.path)
    assert len(log.records) == 1
    assert log.torn is not None
    assert len(log.torn) == 20


def test_a_log_that_was_removed_under_its_writer_stops_the_run(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, new_id(), wall=ticking())
    journal.append("signal", {"name": "SIGINT"}, durable=True)
    journal.path.unlink()
    with pytest.raises(JournalBroken, match="removed"):
        journal.append("signal", {"name": "SIGINT"}, durable=True)


def test_a_closed_journal_takes_no_records(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        journal.close()
    with pytest.raises(JournalBroken, match="closed"):
        journal.append("signal", {"name": "SIGINT"})


def test_threads_do_not_break_the_chain(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:

        def signals() -> None:
            for _ in range(50):
                journal.append("signal", {"name": "SIGINT"})

        threads = [threading.Thread(target=signals) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_log(journal.path).records) == 200


@pytest.mark.parametrize("cut", [1, 2, 50, 200])
def test_a_torn_last_line_is_set_aside_and_its_bytes_are_kept(tmp_path: Path, cut: int) -> None:
    run = new_id()
    path = write(tmp_path, whole_run(run)[:-3], run, close=None)
    content = path.read_bytes()
    start = content.rfind(b"\n", 0, -1) + 1
    torn = content[start:-cut]
    path.write_bytes(content[:-cut])
    assert read_log(path).torn == torn
    Ledger(tmp_path, wall=ticking()).resumed(path, run)
    with Journal.reopen(path, wall=ticking()) as journal:
        journal.append("run.resumed", {"target": {"kind": "sim", "base_url": "http://x"}})
    log = read_log(path)
    recovered = log.records[-2]
    assert recovered.type == "log.recovered"
    assert base64.b64decode(recovered.data["torn"]) == torn
    assert recovered.data["bytes"] == len(torn)
    assert log.torn is None
    assert content.startswith(path.read_bytes()[:start])
    _, ledger = verify_ledger(tmp_path)
    assert verify_log(path, ledger).findings == ()


def test_a_damaged_log_is_not_reopened_and_not_written(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    content = path.read_bytes().replace(b'"AAPL"', b'"MSFT"', 1)
    path.write_bytes(content + b"torn")
    with pytest.raises(LogDamaged, match="line 3 "):
        Journal.reopen(path, wall=ticking())
    assert path.read_bytes() == content + b"torn"


def test_a_log_without_a_whole_record_has_nothing_to_resume(tmp_path: Path) -> None:
    path = tmp_path / f"{new_id()}.jsonl"
    path.write_bytes(b'{"data":{')
    with pytest.raises(LogDamaged, match="nothing to resume"):
        Journal.reopen(path, wall=ticking())
    assert path.read_bytes() == b'{"data":{'


def test_a_missing_log_is_not_reopened(tmp_path: Path) -> None:
    with pytest.raises(JournalBroken, match="No such file"):
        Journal.reopen(tmp_path / "gone.jsonl", wall=ticking())


def test_a_long_log_streams_and_keeps_its_chain_over_a_reopening(tmp_path: Path) -> None:
    with Journal.create(tmp_path, new_id(), wall=ticking()) as journal:
        for filled in range(300):
            journal.append("run.bound", order(str(filled)))
    with Journal.reopen(journal.path, wall=ticking()) as journal:
        journal.append("signal", {"name": "SIGINT"})
    assert sum(1 for _ in iter_records(journal.path)) == 301


WRITER = """
import sys, time
from pathlib import Path
from runner.audit.journal import Journal
journal = Journal.create(Path(sys.argv[1]), sys.argv[2], wall=time.time_ns)
print("ready", flush=True)
while True:
    journal.append("signal", {"name": "SIGINT" * 40}, durable=journal.records % 50 == 0)
"""


def test_a_killed_writer_leaves_a_log_that_can_be_read_and_continued(tmp_path: Path) -> None:
    run = new_id()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), run], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        path = tmp_path / f"{run}.jsonl"
        with pytest.raises(LogBusy):
            Journal.reopen(path, wall=ticking())
        while path.stat().st_size < 100_000:
            assert writer.poll() is None
        os.kill(writer.pid, signal.SIGKILL)
    before = read_log(path)
    assert len(before.records) > 100
    with Journal.reopen(path, wall=ticking()) as journal:
        last = journal.append("signal", {"name": "SIGTERM"})
    assert last.seq == len(before.records) + (before.torn is not None) + 1
    chain = {Rule.BYTES, Rule.HASH, Rule.CHAIN, Rule.TORN}
    findings = [finding for report in verify(path) for finding in report.findings]
    assert not chain & {finding.rule for finding in findings}
