"""Reading a log without trusting it.

`scan` streams any file of records and says of each line whether it can be believed; `read_log`
returns the whole log or says where it stops being one. Reading never writes, never locks, and
never repairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.audit.errors import LogDamaged
from runner.audit.records import GENESIS, Record, RecordError, Rule, parse

LEDGER_NAME = "ledger.jsonl"
SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file of records: `number` from 1, `offset` in bytes from the start.

    `record` is None when the line is none; `broken` is the rule that the line breaks, and `reason`
    says how. A line may hold a whole record and still not follow the one before it.
    """

    number: int
    offset: int
    record: Record | None
    broken: Rule | None = None
    reason: str = ""
    torn: bytes | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A log as read: whole records in order, and the bytes of a last line that was cut off."""

    path: Path
    records: tuple[Record, ...]
    torn: bytes | None

    @property
    def run(self) -> str | None:
        """The id of the run, or None when the log holds no record."""
        return self.records[0].run if self.records else None

    @property
    def header(self) -> dict[str, Any]:
        """The data of `run.started`; empty when the log holds no record."""
        return self.records[0].data if self.records else {}


def scan(path: Path) -> Iterator[Line]:
    """Each line of a file of records, whatever it holds. Raises `OSError` when it cannot be read.

    After a line that breaks the chain the chain is taken up again from what follows, so that one
    damage is one finding.
    """
    seq: int | None = 0
    head: str | None = GENESIS
    offset = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.endswith(b"\n"):
                yield Line(number, offset, None, Rule.TORN, "the line was cut off", torn=raw)
                return
            try:
                record = parse(raw[:-1])
            except RecordError as error:
                yield Line(number, offset, None, error.rule, str(error))
                seq = head = None
            else:
                reason = _break(record, seq, head)
                yield Line(number, offset, record, Rule.CHAIN if reason else None, reason)
                seq, head = record.seq, record.hash
            offset += len(raw)


def iter_records(path: Path) -> Iterator[Record]:
    """The records of a log, one at a time. A torn last line ends them.

    Raises `LogDamaged` at the first line that cannot be believed, `OSError` when the file cannot
    be read.
    """
    for line in scan(path):
        if line.broken is Rule.TORN:
            return
        if line.broken or line.record is None:
            raise LogDamaged(path, line.number, line.offset, line.reason)
        yield line.record


def read_log(path: Path) -> Log:
    """The whole log: its records, and the torn bytes at its end if there are any.

    Raises `LogDamaged` when a line before the last cannot be believed, `OSError` when the file
    cannot be read.
    """
    records: list[Record] = []
    torn: bytes | None = None
    for line in scan(path):
        if line.broken is Rule.TORN:
            torn = line.torn
        elif line.broken or line.record is None:
            raise LogDamaged(path, line.number, line.offset, line.reason)
        else:
            records.append(line.record)
    return Log(path, tuple(records), torn)


def logs_in(directory: Path) -> list[Path]:
    """The run logs of an audit directory, oldest run first."""
    return sorted(
        path for path in directory.glob(f"*{SUFFIX}") if path.name != LEDGER_NAME and path.is_file()
    )


def _break(record: Record, seq: int | None, head: str | None) -> str:
    """How a record fails to follow the one before it; empty when it follows, or none is known."""
    if seq is not None and record.seq != seq + 1:
        return f"record {seq + 1} is expected here, and this is record {record.seq}"
    if head is not None and record.prev != head:
        return "it does not continue the record before it: one was changed, added or removed"
    return ""
