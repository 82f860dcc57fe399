"""Reading a log without trusting it.

`scan` streams any file of records and says of each line whether it can be believed; `read_log`
returns the whole log or says where it stops being one. Reading never writes, never locks, and
never repairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from runner.audit.canonical import sha256_hex
from runner.audit.errors import LogDamaged
from runner.audit.records import GENESIS, LONGEST_LINE, Record, RecordError, Rule, parse

LEDGER_NAME = "ledger.jsonl"
SUFFIX = ".jsonl"


class Line(NamedTuple):
    """One line of a file of records: `number` from 1, `offset` in bytes from the start.

    `record` is None when the line is none; `broken` is the rule that the line breaks, and `reason`
    says how. A line may hold a whole record and still not follow the one before it. `raw` are its
    bytes without the newline. A named tuple, because one is made for each of a million records.
    """

    number: int
    offset: int
    raw: bytes
    record: Record | None
    broken: Rule | None = None
    reason: str = ""

    @property
    def torn(self) -> bytes | None:
        """The bytes of a last line that was cut off."""
        return self.raw if self.broken is Rule.TORN else None


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
    offset, number = 0, 0
    with path.open("rb") as file:
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                yield Line(number, offset, raw[:0], None, Rule.BYTES, _ENDLESS)
                return
            if not raw.endswith(b"\n"):
                yield Line(number, offset, raw, None, Rule.TORN, "the line was cut off")
                return
            text = raw[:-1]
            try:
                record = parse(text)
            except RecordError as error:
                yield Line(number, offset, text, None, error.rule, str(error))
                seq = head = None
            else:
                rule, reason = _break(record, seq, head)
                yield Line(number, offset, text, record, rule, reason)
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


def _break(record: Record, seq: int | None, head: str | None) -> tuple[Rule | None, str]:
    """Which rule a record breaks where it stands, and how; neither when it follows the one before,
    or none is known."""
    if seq is not None and record.seq != seq + 1:
        return Rule.CHAIN, f"record {seq + 1} is expected here, and this is record {record.seq}"
    if head is not None and record.prev != head:
        how = "it does not continue the record before it: one was changed, added or removed"
        return Rule.CHAIN, how
    if record.type == "run.started" and _other_runbook(record.data.get("runbook")):
        return Rule.RUNBOOK, "the runbook's text is not the one that its digest names"
    return None, ""


def _other_runbook(runbook: object) -> bool:
    """Whether a header's runbook has a text of another digest than the one beside it."""
    if not isinstance(runbook, dict):
        return False
    text, named = runbook.get("text"), runbook.get("sha256")
    return isinstance(text, str) and sha256_hex(text.encode()) != named


_ENDLESS = (
    f"the line is longer than {LONGEST_LINE // 2**20} MiB, and no record is; the file is not read "
    "any further"
)
