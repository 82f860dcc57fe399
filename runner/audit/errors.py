"""What can go wrong with an audit log, in words for the person whose orders it records.

AuditError
├── CanonicalError   a value that a record cannot hold (nothing was written)
├── LogBusy          another process is writing this log
├── LogExists        a log of this name is there already
├── JournalBroken    a write failed; this log takes no more records
├── LedgerBroken     the ledger could not be written
├── HistoryUnknown   what other runs did cannot be told from their logs
└── LogDamaged       a log or ledger that cannot be believed (exit 9)
"""

# ruff: noqa: N818 - these name what became of a log, which is what their messages say
from __future__ import annotations

from pathlib import Path


class AuditError(Exception):
    """The base of every error of the audit log. Its text is a full sentence for a trader."""


class CanonicalError(AuditError, TypeError):
    """A value has no canonical form: a float, a number too large, a key outside ASCII, …"""


class LogBusy(AuditError):
    """Another process holds the log: one writer per log."""


class LogExists(AuditError):
    """A log of this name exists; a log is never written over."""


class JournalBroken(AuditError):
    """A write or its fdatasync failed. This writer never appends to the log again."""


class LedgerBroken(AuditError):
    """The directory's ledger could not be locked, read or written."""


class HistoryUnknown(AuditError):
    """A log that counts cannot be read or believed, or has vanished; its text names the file."""


class LogDamaged(AuditError):
    """A line cannot be believed. `path`, `line` (from 1) and `offset` (bytes) say where."""

    def __init__(self, path: Path, line: int, offset: int, reason: str) -> None:
        super().__init__(f"{path}: line {line} (byte {offset}): {reason}")
        self.path = path
        self.line = line
        self.offset = offset
        self.reason = reason
