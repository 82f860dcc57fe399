"""One small file that proves a log without its directory.

It holds the ledger's closing record of the log, which names the log, its number of records and its
last hash, and the signature on that record where there is one. Whoever has the proof can tell
later, offline, whether a log is the one that was closed then: a changed, cut or exchanged log does
not fit it. A proof without a signature proves as much as the place where it was kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from runner.audit.canonical import canonical_bytes
from runner.audit.errors import AuditError
from runner.audit.records import Record, RecordError, parse
from runner.audit.shapes import LEDGER_SHAPES, misfits

VERSION: Final = 1
_MOST_BYTES: Final = 1_000_000


class ProofError(AuditError):
    """A proof cannot be made or read; the text says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The records of a ledger that prove one log: its last closing, and the signature on it."""

    closing: Record
    signed: Record | None = None

    @property
    def entries(self) -> tuple[Record, ...]:
        """The records, as they follow one another in the ledger."""
        return (self.closing, self.signed) if self.signed is not None else (self.closing,)

    def to_bytes(self) -> bytes:
        """The file: one JSON object that a person can read too."""
        said = self.closing.data
        content: dict[str, Any] = {
            "proof": VERSION,
            "run": self.closing.run,
            "log": said["log"],
            "records": said["records"],
            "head": said["head"],
            "ledger": [one.to_dict() for one in self.entries],
        }
        return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def proof_of(ledger: Sequence[Record], log: str) -> Proof:
    """The proof of a log, by file name, out of its ledger's records.

    Raises `ProofError` when the ledger does not say that the log is closed.
    """
    entries = [entry for entry in ledger if entry.data.get("log") == log]
    turns = [entry for entry in entries if entry.type in ("opened", "resumed", "closed")]
    if not turns:
        raise ProofError(f"The ledger does not name {log}: nothing vouches for its end.")
    closing = turns[-1]
    if closing.type != "closed":
        raise ProofError(f"{log} is open: a log is proven when its run has been closed.")
    signed = [
        entry
        for entry in entries
        if entry.type == "signed" and entry.data["closing"] == closing.hash
    ]
    return Proof(closing, signed[-1] if signed else None)


def read_proof(path: Path) -> Proof:
    """The proof in a file. Raises `ProofError` when it holds none that can be believed."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ProofError(f"The proof {path} cannot be read: {error.strerror}.") from None
    try:
        held = orjson.loads(content) if len(content) <= _MOST_BYTES else None
    except orjson.JSONDecodeError:
        held = None
    if not isinstance(held, dict) or "proof" not in held:
        raise ProofError(f"{path} is no proof as `runbook audit proof` writes it.")
    if held["proof"] != VERSION:
        raise ProofError(
            f"{path} is a proof of version {held['proof']!r}; this version of runbook knows "
            f"version {VERSION}."
        )
    records = held.get("ledger")
    if not isinstance(records, list) or not 1 <= len(records) <= 2:
        raise ProofError(f"{path} does not hold the ledger's records of one log.")
    closing, *rest = [_record(path, one) for one in records]
    if closing.type != "closed" or any(one.type != "signed" for one in rest):
        raise ProofError(f"{path} does not hold the closing record of a log.")
    proof = Proof(closing, rest[0] if rest else None)
    if proof.signed is not None and proof.signed.data["closing"] != closing.hash:
        raise ProofError(f"{path} holds the signature on another closing record.")
    if orjson.loads(proof.to_bytes()) != held:
        raise ProofError(f"{path} says something else of the log than its closing record.")
    return proof


def write_proof(proof: Proof, path: Path) -> None:
    """Write a proof to a new file. Raises `ProofError` when that cannot be done."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(proof.to_bytes())
    except FileExistsError:
        raise ProofError(f"{path} exists already; name another file.") from None
    except OSError as error:
        raise ProofError(f"The proof {path} cannot be written: {error.strerror}.") from None


def _record(path: Path, held: object) -> Record:
    """A ledger record out of a proof; its hash is that of its content."""
    try:
        record = parse(canonical_bytes(held))
    except (RecordError, AuditError) as error:
        raise ProofError(f"{path} was changed or is damaged: {error}") from None
    if wrong := misfits(record.type, record.data, LEDGER_SHAPES):
        raise ProofError(f"{path} was changed or is damaged: {wrong[0]}.")
    return record
