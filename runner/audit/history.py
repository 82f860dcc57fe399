"""What other runs did, read from a directory of logs: orders of the day, and rehearsals.

The orders are asked for before every order that opens risk, so reading is incremental:

1. A log that nothing was appended to since before the window is passed over by its date alone.
2. Any other is read once, line by line, and from then on only what is new in it.
3. A log of another target or account is given up as soon as it says so.

Nothing is guessed: a log of that time that cannot be read, or believed line for line, makes the
history unknown. A torn last line is no damage: what it announces was not on disk, so nothing of it
was sent. Two runs that ask at the same moment do not see the order that the other is about to send.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.audit.errors import HistoryUnknown
from runner.audit.journal import Wall
from runner.audit.log import LEDGER_NAME, SUFFIX, logs_in
from runner.audit.past_run import PastRun, SentOrder
from runner.audit.records import GENESIS, Record, RecordError, Rule, parse
from runner.effects import Json

NEW_YORK = ZoneInfo("America/New_York")

RECENT = timedelta(hours=1)
"""How far back the history reaches at least, for what is counted across midnight."""

CLOCKS_APART = timedelta(hours=1)
"""How far a log's date may be off before the log is wrongly passed over."""

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes. No record is longer; a file without line ends must not fill the memory."""

_BLOCK = 64 * 1024
_REHEARSED_ON = ("sim", "paper")


def window_start(at: datetime) -> datetime:
    """Since when orders count at a moment: New York's midnight, or an hour ago where that is
    earlier. UTC."""
    midnight = at.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)
    return min(midnight.astimezone(at.tzinfo), at - RECENT)


class History:
    """The orders that other runs sent to one target, followed in a directory of logs.

    `run` is the run that asks; its own orders are never among them. `wall` tells how old a file is.
    """

    def __init__(self, directory: Path, run: str, *, kind: str, base_url: str, wall: Wall) -> None:
        self._directory = directory
        self._run = run
        self._target = kind, _server(base_url)
        self._wall = wall
        self._logs: dict[tuple[str, str], _Followed] = {}  # by account and file name

    def orders(self, account_id: str, at: datetime) -> list[Json]:
        """The rows of `ReadHistory` as they are at a moment (aware UTC), oldest first.

        Raises `HistoryUnknown` when a log of that time cannot be read or believed.
        """
        if not account_id:
            raise HistoryUnknown(f"The run has no account yet. {_CONSEQUENCE}")
        since = window_start(at)
        oldest = self._wall() - _nanoseconds(at - since + CLOCKS_APART)
        present = set()
        for entry in self._entries():
            present.add(entry.name)
            self._follow(entry, account_id, oldest)
        self._none_vanished(present, oldest)
        sent: dict[str, SentOrder] = {}  # by client order id: a log and its copy are one run
        for (account, _), log in self._logs.items():
            if account == account_id == log.past.account_id:
                sent |= log.past.orders
        counted = (one for one in sent.values() if one.at >= since and one.run != self._run)
        return [one.to_data() for one in sorted(counted, key=lambda one: (one.at, one.run))]

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    log = entry.name.endswith(SUFFIX) and entry.name != LEDGER_NAME
                    if log and entry.name != f"{self._run}{SUFFIX}" and entry.is_file():
                        yield entry
        except OSError as error:
            raise _unreadable(self._directory, error) from error

    def _follow(self, entry: os.DirEntry[str], account_id: str, oldest: int) -> None:
        key = account_id, entry.name
        try:
            found, log = entry.stat(), self._logs.get(key)
            if found.st_mtime_ns < oldest:
                self._logs.pop(key, None)
                return
            if log is None or log.inode != found.st_ino or found.st_size < log.offset:
                log = self._logs[key] = _Followed(Path(entry.path), found.st_ino)
            log.modified = found.st_mtime_ns
            if log.offset < found.st_size and not log.foreign:
                self._read_on(log, account_id)
        except OSError as error:
            raise _unreadable(Path(entry.path), error) from error

    def _read_on(self, log: _Followed, account_id: str) -> None:
        """Take in what is new in a log, until it proves to be of no concern."""
        for record in log.new_records():
            past = log.past
            try:
                past.see(record)
            except RecordError as error:
                raise _damaged(log, error) from error
            target = past.target.get("kind"), _server(str(past.target.get("base_url")))
            if target != self._target or past.account_id not in (None, account_id):
                log.foreign, log.past = True, PastRun()
                return

    def _none_vanished(self, present: set[str], oldest: int) -> None:
        gone = [key for key in self._logs if key[1] not in present]
        for key in gone:
            log = self._logs[key]
            if not log.foreign and log.modified >= oldest:
                raise HistoryUnknown(
                    f"{log.path} was there a moment ago and is gone. {_CONSEQUENCE} Put it back."
                )
            del self._logs[key]


@dataclass(slots=True)
class _Followed:
    """One log, and how far it is read: `offset` in bytes, `head` the hash of the last record.

    `foreign`: it is of another target or account, and is read no further.
    """

    path: Path
    inode: int
    modified: int = 0  # nanoseconds since the epoch
    offset: int = 0
    line: int = 0
    head: str = GENESIS
    foreign: bool = False
    past: PastRun = field(default_factory=PastRun)

    def new_records(self) -> Iterator[Record]:
        """The whole records after what is read. Raises `HistoryUnknown`, `OSError`."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while raw := file.readline(LONGEST_LINE):
                if not raw.endswith(b"\n") and len(raw) < LONGEST_LINE:
                    return
                try:
                    record = parse(raw[:-1])
                    self._must_follow(record)
                except RecordError as error:
                    raise _damaged(self, error) from error
                yield record
                self.offset, self.line, self.head = (
                    self.offset + len(raw), self.line + 1, record.hash
                )  # fmt: skip

    def _must_follow(self, record: Record) -> None:
        if record.prev != self.head:
            words = "it does not continue the record before it: one was changed, added or removed"
            raise RecordError(Rule.CHAIN, words)
        if self.head == GENESIS and record.type != "run.started":
            raise RecordError(Rule.ORDER, f"the first record is {record.type}, not run.started")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A run that completed on `kind`, sim or paper. `finished_at` is wall time, RFC 3339, UTC;
    `params` are those it ran with, as text."""

    run: str
    finished_at: str
    kind: str
    params: dict[str, str]


def completed_rehearsals(directory: Path, runbook_sha256: str) -> list[Rehearsal]:
    """The runs of a runbook, by the digest of its text, that ended completed on the embedded
    exchange or on paper, newest first.

    Only the first and the last record of each log are read. A log of which these cannot be read
    or believed proves nothing, and is passed over.
    """
    found = []
    for path in logs_in(directory):
        try:
            rehearsal = _rehearsal(path, runbook_sha256)
        except (OSError, RecordError, KeyError, TypeError, AttributeError):
            continue
        if rehearsal is not None:
            found.append(rehearsal)
    return sorted(found, key=lambda one: one.finished_at, reverse=True)


def run_of_plan(directory: Path, plan_sha256: str) -> str:
    """The id of the run in a directory that carried out a saved plan, by its digest; else empty.

    Only the first record of each log is read; one that is none is passed over.
    """
    for path in logs_in(directory):
        try:
            with path.open("rb") as file:
                line = file.readline(LONGEST_LINE)
            if plan_sha256.encode() not in line:
                continue
            first = parse(line.removesuffix(b"\n"))
        except (OSError, RecordError):
            continue
        plan = first.data.get("plan")
        if first.run and isinstance(plan, dict) and plan.get("sha256") == plan_sha256:
            return first.run
    return ""


def _rehearsal(path: Path, runbook_sha256: str) -> Rehearsal | None:
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE)
        if runbook_sha256.encode() not in line:
            return None
        first = parse(line.removesuffix(b"\n"))
        kind = first.data["target"]["kind"]
        text = first.data["runbook"]["text"]
        of_runbook = sha256(text.encode()).hexdigest() == runbook_sha256
        if kind not in _REHEARSED_ON or not of_runbook:
            return None
        last = parse(_last_line(file.fileno()))
    completed = last.type == "run.finished" and last.data["status"] == "completed"
    if not completed or last.run is None or last.run != first.run:
        return None
    return Rehearsal(last.run, last.ts, kind, dict(first.data["params"]))


def _last_line(fd: int) -> bytes:
    """The last line of a file, without its line end; empty when it was cut off."""
    size, block = os.fstat(fd).st_size, _BLOCK
    tail = os.pread(fd, block, max(0, size - block))
    while b"\n" not in tail[:-1] and len(tail) < min(size, LONGEST_LINE):
        block *= 2
        tail = os.pread(fd, block, max(0, size - block))
    return tail[:-1].rpartition(b"\n")[2] if tail.endswith(b"\n") else b""


def _server(base_url: str) -> str:
    """A base URL in one spelling: two of one server on this machine are one server."""
    return base_url.rstrip("/").lower().replace("//localhost", "//127.0.0.1", 1)


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000


_CONSEQUENCE = (
    "What other runs did cannot be told without it, so no order that opens a position is sent."
)


def _damaged(log: _Followed, error: RecordError) -> HistoryUnknown:
    return HistoryUnknown(
        f"{log.path}: line {log.line + 1} (byte {log.offset}): {error}. {_CONSEQUENCE} "
        f"`runbook audit verify {log.path}` says what is wrong; moved out of the directory, it "
        "counts no more."
    )


def _unreadable(path: Path, error: OSError) -> HistoryUnknown:
    return HistoryUnknown(
        f"{path} cannot be read: {error.strerror or error}. {_CONSEQUENCE} Make it readable; moved "
        "out of the directory, it counts no more."
    )
