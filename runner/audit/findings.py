"""What verification says: findings, each with what it means for a trader, and one report a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from runner.audit.records import Rule

DAMAGED: Final = 9
"""The exit code of a log that cannot be believed."""

State = Literal["finished", "open", "empty", "missing", "unreadable", "ledger"]

MEANINGS: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.TORN: (
            "The process stopped in the middle of writing. Everything before this line stands; "
            "`runbook resume` sets it aside and settles the run: its last order may be live."
        ),
        Rule.BYTES: (
            "The file was edited or the disk damaged it. Do not rely on this log: compare with "
            "the orders and activities that the broker shows."
        ),
        Rule.HASH: (
            "The record says something else than when it was written. Do not rely on this log: "
            "compare with the orders and activities that the broker shows."
        ),
        Rule.CHAIN: (
            "Records are missing, added or exchanged here. Do not rely on this log: compare with "
            "the orders and activities that the broker shows."
        ),
        Rule.SHAPE: "The record lacks what its type promises, so it proves nothing.",
        Rule.ORDER: "No run writes its records like this; part of the log is not from this run.",
        Rule.INTENT: (
            "What reached the broker and what the run had decided are not the same. Compare this "
            "run's client order ids with the orders that the broker shows."
        ),
        Rule.FILLS: (
            "The broker took a fill back (a bust), or an answer is not genuine. Compare the order "
            "with the broker's activities."
        ),
        Rule.TARGET: ("Requests of one run went to two places. Check the orders of both accounts."),
        Rule.LEDGER: (
            "Records or a whole log were cut off, replaced or added after the run closed. Orders "
            "may exist that the log no longer shows: compare with what the broker shows."
        ),
    }
)
"""What a broken rule means for the person whose orders the log records."""

TORN_LEDGER: Final = (
    "A process stopped in the middle of writing the ledger. The next run sets the line aside and "
    "keeps its bytes."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: where (`line` from 1 and `seq`, where there is one), how, what it means."""

    rule: Rule
    message: str
    meaning: str
    line: int | None = None
    seq: int | None = None

    def to_data(self) -> dict[str, Any]:
        return {
            "rule": self.rule.value,
            "line": self.line,
            "seq": self.seq,
            "message": self.message,
            "meaning": self.meaning,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What verification says of one file. `notes` are no damage, but worth a sentence.

    `tail_checked`: the ledger vouches for the end of the log.
    """

    path: Path
    state: State
    run: str | None = None
    status: str | None = None
    records: int = 0
    tail_checked: bool = False
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when the file can be believed, 9 when it cannot."""
        return DAMAGED if self.findings else 0

    def to_data(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "state": self.state,
            "run": self.run,
            "status": self.status,
            "records": self.records,
            "tail_checked": self.tail_checked,
            "findings": [finding.to_data() for finding in self.findings],
            "notes": list(self.notes),
        }
