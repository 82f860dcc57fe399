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

Signature = Literal["", "signed", "unverified", "unsigned"]
"""What is known of the signature on a closed log; empty where none is due or it is a finding.
`unverified`: it was not made with a key that the reader named, or cannot be checked here."""

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
        Rule.RUNBOOK: (
            "The text of the runbook that the log shows is not the one that was carried out. Do "
            "not rely on this log: compare with the orders and activities that the broker shows."
        ),
        Rule.ORDER: "No run writes its records like this; part of the log is not from this run.",
        Rule.INTENT: (
            "What reached the broker and what the run had decided are not the same. Compare this "
            "run's client order ids with the orders that the broker shows."
        ),
        Rule.GUARD: (
            "An order that can open a position left without every check, or the record of one was "
            "removed. Compare the order with the limits that it should have kept."
        ),
        Rule.IDENTITY: (
            "The broker may hold two orders where one was meant. Look up both in the broker's "
            "list of orders."
        ),
        Rule.FILLS: (
            "The broker took a fill back (a bust), or an answer is not genuine. Compare the order "
            "with the broker's activities."
        ),
        Rule.STATUS: (
            "The broker contradicted itself, or an answer is not genuine. Compare the order with "
            "the broker's activities."
        ),
        Rule.TARGET: ("Requests of one run went to two places. Check the orders of both accounts."),
        Rule.SECRET: (
            "Who reads this log can trade with your account. Make a new key at the broker now, "
            "delete the old one, and give this log to nobody."
        ),
        Rule.LEDGER: (
            "Records or a whole log were cut off, replaced or added after the run closed. Orders "
            "may exist that the log no longer shows: compare with what the broker shows."
        ),
        Rule.SIGNATURE: (
            "Whoever closed this log did not hold the key that you trust: it may have been "
            "rewritten as a whole. Compare with what the broker shows."
        ),
    }
)
"""What a broken rule means for the person whose orders the log records."""

NO_LOG: Final = (
    "It is another kind of file, or it was overwritten. A log of this name proves nothing now."
)
"""What it means when a file has no record in it."""

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

    `tail_checked`: the ledger, or a proof, vouches for the end of the log. `signed_by` is the
    public key in hexadecimal.
    """

    path: Path
    state: State
    run: str | None = None
    status: str | None = None
    records: int = 0
    tail_checked: bool = False
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    signature: Signature = ""
    signed_by: str = ""

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
            "signature": self.signature or None,
            "signed_by": self.signed_by or None,
            "findings": [finding.to_data() for finding in self.findings],
            "notes": list(self.notes),
        }
