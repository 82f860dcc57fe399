"""What the ledger's entries about a log say of it: how it ended, and who signed that.

A swapped file, a cut tail and records that were added after the end all show here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from runner.audit.findings import Finding, Signature
from runner.audit.reading import Reading, finding
from runner.audit.records import Record, Rule
from runner.audit.signing import SigningError, is_genuine


@dataclass(frozen=True, slots=True)
class Trust:
    """The public keys, in hexadecimal, that the reader trusts. `demanded`: the reader named them
    for this verification, so that a log without a signature is not what was expected."""

    keys: frozenset[str] = frozenset()
    demanded: bool = False


NO_TRUST: Final = Trust()


def against_ledger(reading: Reading, entries: Sequence[Record]) -> Iterator[Finding]:
    """Where a log and what the ledger says of its opening and closing part."""
    if reading.stopped:
        return  # its end is not known, and it is damaged anyway
    for entry in entries:
        if reading.run is not None and entry.run != reading.run:
            text = f"the ledger opened this file for run {entry.run}, and it holds {reading.run}"
            yield finding(Rule.LEDGER, text, None, None)
            return
    for entry in entries:
        if entry.type == "closed":
            yield from _against_closing(reading, entry)
    if not entries or entries[-1].type != "closed" or reading.last is None:
        return
    closing = entries[-1].data
    if reading.last.seq > closing["records"]:
        text = f"{reading.last.seq - closing['records']} records after the log was closed"
        yield finding(Rule.LEDGER, text, None, reading.last)
    elif reading.finished and reading.last.data.get("exit_code") != closing["exit_code"]:
        text = f"the ledger says exit code {closing['exit_code']}, the log another"
        yield finding(Rule.LEDGER, text, None, reading.last)


def _against_closing(reading: Reading, entry: Record) -> Iterator[Finding]:
    count, head = entry.data["records"], entry.data["head"]
    last = reading.last.seq if reading.last else 0
    if last < count:
        text = f"the log was closed with {count} records and now ends at record {last}"
        yield finding(Rule.LEDGER, text, None, reading.last)
    elif count and reading.hashes.get(count) != head:
        text = f"record {count} is not the one with which the log was closed"
        yield finding(Rule.LEDGER, text, None, None)


def signature_of(
    entries: Sequence[Record], trust: Trust
) -> tuple[Signature, str, list[Finding], list[str]]:
    """What is known of the signature on a log's last closing: its state, the key in hexadecimal,
    what is wrong with it, and what is worth a sentence."""
    closed = [entry for entry in entries if entry.type == "closed"]
    if not closed or entries[-1].type in ("opened", "resumed"):
        return "", "", [], []
    closing = closed[-1].hash
    signed = [one for one in entries if one.type == "signed" and one.data["closing"] == closing]
    if not signed:
        return _unsigned(trust)
    key, signature = signed[-1].data["key"], signed[-1].data["signature"]
    try:
        genuine = is_genuine(key, closing, signature)
    except SigningError as error:
        if trust.demanded:
            raise
        return "unverified", key, [], [f"signed with {key}, not checked: {error}"]
    if not genuine:
        text = f"the signature on the closing entry was not made with {key}, which it names"
        return "", key, [finding(Rule.SIGNATURE, text, None, None)], []
    if not trust.keys:
        text = f"signed with {key}: whose key that is, this directory cannot prove (--key)"
        return "unverified", key, [], [text]
    if key not in trust.keys:
        text = f"the log was signed with {key}, which is not the key that you trust"
        return "", key, [finding(Rule.SIGNATURE, text, None, None)], []
    return "signed", key, [], []


def _unsigned(trust: Trust) -> tuple[Signature, str, list[Finding], list[str]]:
    if trust.demanded:
        text = "the log was closed without a signature, or its signature was removed"
        return "unsigned", "", [finding(Rule.SIGNATURE, text, None, None)], []
    return "unsigned", "", [], ["not signed: closed without a key"] if trust.keys else []
