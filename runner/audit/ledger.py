"""The ledger of an audit directory: what happened in it, chained, so that nothing can go missing.

Each run's log is a chain of its own, and a chain cannot show that its own end was cut off. The
ledger can: it keeps each closed log's last hash and number of records. It is shared by all runs of
the directory, so each append takes a short lock, reads the last line, and is on disk on return.

Order of writing, which verification relies on: `opened` before the log's first record, `resumed`
before the first record of a resume, `closed` after the last, `signed` after that.
"""

from __future__ import annotations

import base64
import fcntl
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.audit.errors import AuditError, LedgerBroken, LogDamaged
from runner.audit.journal import Journal, Wall, make_directory, sync_directory, write_all
from runner.audit.log import LEDGER_NAME
from runner.audit.records import GENESIS, LONGEST_LINE, Record, RecordError, parse, seal
from runner.audit.shapes import LEDGER_SHAPES
from runner.audit.signing import is_configured, key_place, sign

LOCK_SECONDS = 5.0
"""How long an append waits for another process's append, which takes milliseconds."""

_BLOCK = 65536


class Ledger:
    """Appends to `ledger.jsonl` of one audit directory; makes both when they are not there."""

    def __init__(self, directory: Path, *, wall: Wall) -> None:
        self.path = directory / LEDGER_NAME
        self._wall = wall
        self._failure: str | None = None

    def opened(self, journal: Journal) -> Record:
        """A run opened its log. Write it before the log's first record."""
        return self.append("opened", {"log": journal.path.name}, run=journal.run)

    def resumed(self, path: Path, run: str) -> Record:
        """A resume takes up a log. Write it before the log is reopened."""
        return self.append("resumed", {"log": path.name}, run=run)

    def closed(self, journal: Journal, exit_code: int) -> Record:
        """A log got its last record: how many it holds and the hash of the last.

        Write it before the journal is closed. The log is put on disk first: a ledger that knows
        more than the disk would call a power failure a cut-off end. Raises `JournalBroken` when
        that fails or had failed before; such a log stays without a closing entry.

        Where a signing key is configured, the entry is signed. A key that cannot be used changes
        nothing about the run, which is over: it is said on stderr, and the log stays unsigned.
        """
        journal.sync()
        data = {
            "log": journal.path.name,
            "head": journal.head,
            "records": journal.records,
            "exit_code": exit_code,
        }
        closing = self.append("closed", data, run=journal.run)
        if is_configured():
            try:
                self._sign(closing)
            except AuditError as error:
                sys.stderr.write(f"{journal.path.name} was closed, but not signed: {error}\n")
        return closing

    def _sign(self, closing: Record) -> None:
        key, signature = sign(closing.hash, key_place())
        data = {
            "log": closing.data["log"],
            "closing": closing.hash,
            "key": key,
            "signature": signature,
        }
        self.append("signed", data, run=closing.run)

    def append(
        self,
        type: str,  # noqa: A002 - the record's own word for it
        data: Mapping[str, Any],
        *,
        run: str | None = None,
    ) -> Record:
        """Writes one record, on disk on return, and returns it.

        A torn last line, left by a process that died, is first replaced by a `log.recovered` that
        keeps its bytes. Raises `LogDamaged` when the last record cannot be believed (nothing is
        written), `LedgerBroken` when the ledger cannot be locked or written, `CanonicalError` or
        `ValueError` when the record cannot be one.
        """
        if type not in LEDGER_SHAPES:
            raise ValueError(f"{type!r} is not a type of ledger record")
        if self._failure is not None:
            raise LedgerBroken(self._failure)
        try:
            make_directory(self.path.parent)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _lock(fd, self.path)
                return self._append(fd, type, data, run)
            finally:
                os.close(fd)
        except OSError as error:
            self._failure = (
                f"Could not write the ledger {self.path}: {error.strerror or error}. "
                "Without it a missing log or a cut-off end would not show."
            )
            raise LedgerBroken(self._failure) from error

    def _append(self, fd: int, kind: str, data: Mapping[str, Any], run: str | None) -> Record:
        last, torn, end = _tail(fd, self.path)
        if last is None:
            sync_directory(self.path.parent)
        os.lseek(fd, end, os.SEEK_SET)
        if torn:
            kept = {"bytes": len(torn), "torn": base64.b64encode(torn).decode()}
            last = self._write(fd, "log.recovered", kept, None, last)
        return self._write(fd, kind, data, run, last)

    def _write(
        self, fd: int, kind: str, data: Mapping[str, Any], run: str | None, last: Record | None
    ) -> Record:
        record, line = seal(
            seq=last.seq + 1 if last else 1,
            wall_ns=self._wall(),
            run=run,
            type=kind,
            step=None,
            data=data,
            prev=last.hash if last else GENESIS,
        )
        write_all(fd, line)
        os.fdatasync(fd)
        return record


def _lock(fd: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise LedgerBroken(
                    f"{path} has been locked by another process for {LOCK_SECONDS:.0f} seconds; "
                    "an append takes milliseconds, so that process is stopped or stuck."
                ) from error
            time.sleep(0.005)
        else:
            return


def _tail(fd: int, path: Path) -> tuple[Record | None, bytes, int]:
    """The last whole record, the torn bytes after it, and the offset where those begin."""
    size = os.fstat(fd).st_size
    start, tail, block = size, b"", _BLOCK
    while start > 0 and tail.count(b"\n") < 2:
        if len(tail) > 2 * LONGEST_LINE:
            raise LedgerBroken(f"{path} is no ledger: it ends in lines that are no records.")
        length = min(block, start)
        start -= length
        tail = os.pread(fd, length, start) + tail
        block *= 2
    whole, newline, torn = tail.rpartition(b"\n")
    end = size - len(torn)
    if not newline:
        return None, torn, end
    line = whole.rpartition(b"\n")[2]
    try:
        return parse(line), torn, end
    except RecordError as error:
        number = _line_number(fd, end)
        raise LogDamaged(path, number, end - len(line) - 1, str(error)) from error


def _line_number(fd: int, end: int) -> int:
    return os.pread(fd, end, 0).count(b"\n")
