"""The first and the last record of a log, without reading what lies between.

What stands between is not looked at, so this says nothing about whether the log can be believed;
`verify` does. The ledger says whether the last record is the one with which the log was closed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.audit.errors import LogDamaged
from runner.audit.log import LEDGER_NAME, scan
from runner.audit.records import GENESIS, LONGEST_LINE, Record, RecordError, parse
from runner.audit.shapes import LEDGER_SHAPES, LOG_SHAPES, misfits

_BLOCK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a log that holds a whole record. `torn`: the very last line was cut off."""

    first: Record
    last: Record
    torn: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """What the ledger says of one log: its last entry, where that closed it, and the run."""

    run: str | None
    closing: Mapping[str, object] | None


def ends(path: Path) -> Ends | None:
    """The first and last whole record of a log; None when it holds none.

    Raises `LogDamaged` when one of the two cannot be believed, or the first does not begin a run;
    `OSError` when the file cannot be read.
    """
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            if len(line) < LONGEST_LINE and _begins_a_record(line):
                return None  # the process stopped while it wrote the very first record
            raise LogDamaged(path, 1, 0, "the line is not a record")
        first = _parsed(path, line[:-1], 0, 1)
        size, tail = os.fstat(file.fileno()).st_size, b""
        while tail.count(b"\n") < 2 and len(tail) < min(size, 2 * LONGEST_LINE):
            length = min(max(_BLOCK, 2 * len(tail)), size)
            tail = os.pread(file.fileno(), length, size - length)
    whole, _, torn = tail.rpartition(b"\n")
    line = whole.rpartition(b"\n")[2]
    last = _parsed(path, line, size - len(torn) - len(line) - 1, 0)
    if first.type != "run.started" or first.seq != 1 or first.prev != GENESIS:
        raise LogDamaged(path, 1, 0, "it does not begin a run")
    if last.run != first.run:
        raise LogDamaged(path, 0, 0, "its last record is of another run")
    return Ends(first, last, bool(torn))


def listed(directory: Path) -> tuple[dict[str, Listed], str]:
    """What the ledger says of each log, by file name; and what is wrong with the ledger, if
    anything: what it says then counts for nothing, and nothing is given.

    A directory without a ledger gives nothing, and no complaint.
    """
    path, found = directory / LEDGER_NAME, dict[str, Listed]()
    try:
        for line in scan(path):
            if line.torn is not None:
                continue
            if line.broken or line.record is None:
                return {}, f"line {line.number} (byte {line.offset}): {line.reason}"
            kind, data = line.record.type, line.record.data
            if misfits(kind, data, LEDGER_SHAPES):
                return {}, f"line {line.number} (byte {line.offset}): it is no entry of a ledger"
            if kind in ("opened", "resumed", "closed"):
                found[data["log"]] = Listed(line.record.run, data if kind == "closed" else None)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"it cannot be read: {error.strerror or error}"
    return found, ""


def _begins_a_record(line: bytes) -> bool:
    return b'{"data":'.startswith(line[:8]) or line.startswith(b'{"data":')


def _parsed(path: Path, line: bytes, offset: int, number: int) -> Record:
    try:
        record = parse(line)
    except RecordError as error:
        raise LogDamaged(path, number, offset, str(error)) from error
    wrong = misfits(record.type, record.data, LOG_SHAPES)
    if wrong:
        raise LogDamaged(path, number or record.seq, offset, wrong[0])
    return record
