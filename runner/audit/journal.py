"""The single writer of one run's log.

What holds, and what a failure means:

1. The log is created, never opened for a new run: an existing file is never written over.
2. The writer holds an exclusive lock on the file for as long as it lives. The kernel frees it when
   the process dies, however it dies.
3. One record is one `write`. A killed process leaves whole lines, or one torn last line.
4. `append(durable=True)` returns after `fdatasync`. When it raises, the caller must not send what
   the record announces.
5. That fdatasync takes every earlier record to disk with it, so records need none of their own
   while no write to the broker is pending: a run waits for the disk once an order, not once a
   record. `kill -9` loses none of them, the kernel has them; a power failure may lose those since
   the last durable one, and with them no order, because its intent was durable.
6. After a failed write or fdatasync nothing is appended again: the kernel may have dropped the
   pages, and a later success would hide the hole.
"""

from __future__ import annotations

import base64
import fcntl
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runner.audit.errors import JournalBroken, LogBusy, LogDamaged, LogExists
from runner.audit.ids import is_run_id
from runner.audit.log import SUFFIX, scan
from runner.audit.records import GENESIS, Record, Rule, seal
from runner.audit.shapes import LOG_SHAPES

Wall = Callable[[], int]
"""Wall time: nanoseconds since the epoch, UTC."""


class Journal:
    """Appends records to one log. Made by `create` for a new run, by `reopen` for a resume.

    `path` is the log, `run` the run's id, `records` how many records it holds, `head` the hash of
    the last one (64 zeros before the first). One append at a time, from whichever thread; not from
    a signal handler.
    """

    def __init__(
        self, fd: int, path: Path, run: str, *, wall: Wall, records: int = 0, head: str = GENESIS
    ) -> None:
        self.path = path
        self.run = run
        self.records = records
        self.head = head
        self._fd = fd
        self._wall = wall
        self._failure: str | None = None
        self._one_at_a_time = threading.Lock()

    @classmethod
    def create(cls, directory: Path, run: str, *, wall: Wall) -> Journal:
        """A new, empty, locked log `<run>.jsonl`, readable by its owner only.

        The directory is made when it is not there. Raises `LogExists` when the log is, `LogBusy`
        when another process took it, `JournalBroken` when it cannot be made, `ValueError` when
        `run` is not a run id.
        """
        if not is_run_id(run):
            raise ValueError(f"{run!r} is not a run id")
        path = directory / f"{run}{SUFFIX}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            make_directory(directory)
            fd = os.open(path, flags, 0o600)
        except FileExistsError as error:
            raise LogExists(f"{path} exists already; a log is never written over.") from error
        except OSError as error:
            raise JournalBroken(_cannot("create", path, error)) from error
        try:
            _lock(fd, path)
            sync_directory(directory)
        except OSError as error:
            os.close(fd)
            raise JournalBroken(_cannot("create", path, error)) from error
        except LogBusy:
            os.close(fd)
            raise
        return cls(fd, path, run, wall=wall)

    @classmethod
    def reopen(cls, path: Path, *, wall: Wall) -> Journal:
        """The log of a run that is to be resumed, locked, its chain checked, ready to go on.

        A torn last line is replaced by a `log.recovered` record that keeps its bytes. Raises
        `LogBusy` when another process writes the log, `LogDamaged` when it cannot be believed
        (nothing is written then), `JournalBroken` when it cannot be opened or written.
        """
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise JournalBroken(_cannot("reopen", path, error)) from error
        try:
            _lock(fd, path)
            return cls._continue(fd, path, wall)
        except OSError as error:
            os.close(fd)
            raise JournalBroken(_cannot("reopen", path, error)) from error
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def _continue(cls, fd: int, path: Path, wall: Wall) -> Journal:
        last: Record | None = None
        torn, end = b"", os.fstat(fd).st_size
        for line in scan(path):
            if line.broken is Rule.TORN and line.torn is not None:
                torn, end = line.torn, line.offset
            elif line.broken or line.record is None:
                raise LogDamaged(path, line.number, line.offset, line.reason)
            else:
                last = line.record
        if last is None or last.run is None:
            raise LogDamaged(path, 1, 0, "the log holds no record; its run did nothing to resume")
        journal = cls(fd, path, last.run, wall=wall, records=last.seq, head=last.hash)
        os.lseek(fd, end, os.SEEK_SET)
        if torn:
            # The record is longer than the bytes that it keeps, so one write replaces them, and
            # no moment exists at which they are in neither form.
            kept: dict[str, Any] = {"bytes": len(torn), "torn": base64.b64encode(torn).decode()}
            journal.append("log.recovered", kept, durable=True)
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
        return journal

    def append(
        self,
        type: str,  # noqa: A002 - the record's own word for it
        data: Mapping[str, Any],
        *,
        step: str | None = None,
        durable: bool = False,
    ) -> Record:
        """Writes one record and returns it; with `durable`, only once it is on disk.

        Raises `CanonicalError` or `ValueError` when the record cannot be one (nothing is written
        and the journal goes on), `JournalBroken` when it could not be written (nothing is ever
        written again).
        """
        if type not in LOG_SHAPES:
            raise ValueError(f"{type!r} is not a type of record")
        with self._one_at_a_time:
            if self._failure is not None:
                raise JournalBroken(self._failure)
            record, line = seal(
                seq=self.records + 1,
                wall_ns=self._wall(),
                run=self.run,
                type=type,
                step=step,
                data=data,
                prev=self.head,
            )
            try:
                write_all(self._fd, line)
                if durable:
                    self._put_on_disk()
                self.records, self.head = record.seq, record.hash
            except OSError as error:
                raise self._failed(error) from error
            except BaseException:
                self._failure = f"A write to {self.path} was interrupted; it takes no more records."
                raise
            return record

    def sync(self) -> None:
        """Puts every record so far on disk. Raises `JournalBroken` when it cannot."""
        with self._one_at_a_time:
            if self._failure is not None:
                raise JournalBroken(self._failure)
            try:
                self._put_on_disk()
            except OSError as error:
                raise self._failed(error) from error

    def _put_on_disk(self) -> None:
        if os.fstat(self._fd).st_nlink == 0:
            raise FileNotFoundError("the file was removed while the run was writing it")
        os.fdatasync(self._fd)

    def _failed(self, error: OSError) -> JournalBroken:
        """Ends all appending, and returns what to raise."""
        self._failure = _cannot("write", self.path, error)
        return JournalBroken(self._failure)

    @property
    def broken(self) -> bool:
        """Whether the log takes no more records: a write failed, or it was closed."""
        return self._failure is not None

    def close(self) -> None:
        """Frees the log for other writers. Closing twice is no error."""
        with self._one_at_a_time:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            self._failure = self._failure or f"{self.path} is closed."

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def being_written(path: Path) -> bool:
    """Whether a process holds the log open for writing. Raises `OSError` when it cannot be read."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def write_all(fd: int, content: bytes) -> None:
    """Writes every byte; a disk that fills up in the middle raises `OSError` on the next part."""
    written = os.write(fd, content)
    while written < len(content):
        written += os.write(fd, content[written:])


def make_directory(directory: Path) -> None:
    """Makes a directory for its owner only, so that its entry outlives a power failure."""
    if directory.is_dir():
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Puts a directory's entries on disk, so that a new file is found after a power failure."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _lock(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LogBusy(
            f"{path} is being written by another process. A log has one writer: "
            "wait for that run to end, or stop it."
        ) from error
    if not os.path.samestat(os.fstat(fd), path.stat()):
        raise LogBusy(f"{path} was replaced while it was being opened.")


def _cannot(action: str, path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"Could not {action} the log {path}: {reason}. Nothing that opens a position is sent "
        "without its record."
    )
