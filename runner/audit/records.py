"""One record: its envelope, its canonical line, its hash, and reading it back without trust.

A log and the ledger share this form; only the types of their records differ (`shapes`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, Never

import orjson
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.json import Decoder

from runner.audit.canonical import RECORD_OPTIONS, canonical_bytes, sha256_hex
from runner.audit.errors import CanonicalError

VERSION = 1
"""`v` of every record: the version of the envelope."""

GENESIS = "0" * 64
"""`prev` of the first record."""

LONGEST_LINE = 2**25
"""Bytes of the longest line that is read or written, newline included. The largest records hold a
broker's answer: 500 orders with their legs, the most that it lists, come to 2 MB."""

HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")

_ENVELOPE = frozenset({"v", "seq", "ts", "type", "data", "prev", "hash"})
_OPTIONAL = frozenset({"run", "step"})


class Rule(StrEnum):
    """The rules that verification checks; a finding names the one that breaks."""

    TORN = "torn"  # the last line has no newline: a write was cut off
    BYTES = "bytes"  # the line is not a record in canonical form
    HASH = "hash"  # the record's content does not give its hash
    CHAIN = "chain"  # the record does not follow the one before it
    SHAPE = "shape"  # a known type lacks what it must hold
    RUNBOOK = "runbook"  # the runbook's text is not the one that its digest names
    ORDER = "order"  # records come in an order that no run produces
    INTENT = "intent"  # something was done that no intent announced, or was never answered
    GUARD = "guard"  # an order that opens risk went out and no guard had let it pass
    IDENTITY = "identity"  # two orders of the broker under one client order id
    FILLS = "fills"  # a filled quantity shrank
    STATUS = "status"  # an order that had ended came back
    TARGET = "target"  # one run, two worlds: paper and live, or two accounts
    SECRET = "secret"  # a credential stands in a record
    LEDGER = "ledger"  # the ledger and the log disagree
    SIGNATURE = "signature"  # a signature is missing, wrong, or by another key


class RecordError(ValueError):
    """A line is no record. `rule` says which promise it breaks, the text how."""

    def __init__(self, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


class Record(NamedTuple):
    """One record as it stands in the file. `ts` is wall time, UTC, in nanoseconds.

    `run` is absent only in ledger records that concern no run; `step` where no step is meant. A
    named tuple, because one is made between every order's intent and its first byte, and a frozen
    dataclass takes three times as long to make.
    """

    seq: int
    ts: str
    run: str | None
    type: str
    step: str | None
    data: dict[str, Any]
    prev: str
    hash: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of the record, `hash` included."""
        content: dict[str, Any] = {"v": VERSION, "seq": self.seq, "ts": self.ts}
        if self.run is not None:
            content["run"] = self.run
        content["type"] = self.type
        if self.step is not None:
            content["step"] = self.step
        return content | {"data": self.data, "prev": self.prev, "hash": self.hash}


def seal(
    *,
    seq: int,
    wall_ns: int,
    run: str | None,
    type: str,  # noqa: A002 - the record's own word for it
    step: str | None,
    data: Mapping[str, Any],
    prev: str,
) -> tuple[Record, bytes]:
    """A record with its hash, and its line, newline included.

    Raises `CanonicalError` when `data` holds what a record cannot.
    """
    ts = timestamp(wall_ns)
    held = dict(data)
    content = {"data": held, "prev": prev, "seq": seq, "ts": ts, "type": type, "v": VERSION}
    if run is not None:
        content["run"] = run
    if step is not None:
        content["step"] = step
    hashed = canonical_bytes(content)
    digest = sha256_hex(hashed)
    # `hash` sorts right before `prev`. The last `,"prev":"` is the record's own: what follows it
    # is flat, and inside a text its quotes would be escaped.
    seam = hashed.rindex(b',"prev":"')
    line = b"".join((hashed[:seam], _hash_member(digest), hashed[seam:], b"\n"))
    if len(line) > LONGEST_LINE:
        raise CanonicalError(f"A record is at most {LONGEST_LINE} bytes long, not {len(line)}.")
    return Record(seq, ts, run, type, step, held, prev, digest), line


def parse(line: bytes) -> Record:
    """The record of one line without its newline.

    Raises `RecordError` unless the bytes are exactly the canonical form of a record whose content
    gives its hash.
    """
    # What a line says is written again and compared. The decoder refuses what canonical JSON does
    # not have, so that nothing needs to be walked through; what is wrong is told by `_explain`.
    try:
        said = _ENVELOPES.decode(line)
        hashed = orjson.dumps(_content(said), option=RECORD_OPTIONS)
    except (ValueError, TypeError, RecursionError):
        return _explain(line)
    digest = sha256_hex(hashed)
    seam = hashed.rindex(b',"prev":"')
    again = b"".join((hashed[:seam], _hash_member(digest), hashed[seam:]))
    if line != again or not line.isascii():
        return _explain(line)
    run = None if said.run is UNSET else said.run
    step = None if said.step is UNSET else said.step
    return Record(said.seq, said.ts, run, said.type, step, said.data, said.prev, digest)


def _explain(line: bytes) -> Record:
    """The record of a line, read in small steps that say what is wrong with it.

    Raises `RecordError`.
    """
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordError(Rule.BYTES, f"not a JSON object: {error}") from error
    record = _read_envelope(content)
    try:
        if canonical_bytes(content) != line:
            raise RecordError(Rule.BYTES, "the bytes are not the canonical form of the record")
    except CanonicalError as error:
        raise RecordError(Rule.BYTES, str(error)) from error
    before, _, after = line.rpartition(_hash_member(record.hash))
    if sha256_hex(before + after) != record.hash:
        raise RecordError(
            Rule.HASH, "the content was changed after it was written: its hash differs"
        )
    return record


class _Envelope(Struct, forbid_unknown_fields=True):
    """A record as its line says it: `_read_envelope`, compiled."""

    v: Literal[1]
    seq: Annotated[int, Meta(ge=1)]
    ts: Annotated[str, Meta(pattern=rf"^{TIMESTAMP.pattern}\Z")]
    type: str
    data: dict[str, Any]
    prev: Annotated[str, Meta(pattern=rf"^{HEX_DIGEST.pattern}\Z")]
    hash: str
    run: str | UnsetType = UNSET
    step: str | UnsetType = UNSET


def _no_float(text: str) -> Never:
    raise ValueError(f"{text} is a floating point number")


_ENVELOPES = Decoder(_Envelope, float_hook=_no_float)


def _content(said: _Envelope) -> dict[str, Any]:
    """What the hash is made of."""
    content = {
        "data": said.data,
        "prev": said.prev,
        "seq": said.seq,
        "ts": said.ts,
        "type": said.type,
        "v": VERSION,
    }
    if said.run is not UNSET:
        content["run"] = said.run
    if said.step is not UNSET:
        content["step"] = said.step
    return content


def timestamp(wall_ns: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 text in UTC with nine decimals."""
    seconds, nanoseconds = divmod(wall_ns, 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _hash_member(digest: str) -> bytes:
    return f',"hash":"{digest}"'.encode()


def _read_envelope(content: object) -> Record:
    if not isinstance(content, dict):
        raise RecordError(Rule.BYTES, "not a JSON object")
    missing = _ENVELOPE - content.keys()
    if missing:
        raise RecordError(Rule.BYTES, f"the record has no {', '.join(sorted(missing))}")
    unknown = content.keys() - _ENVELOPE - _OPTIONAL
    if unknown:
        raise RecordError(Rule.BYTES, f"the record has an unknown key {min(unknown)!r}")
    if type(content["v"]) is not int or content["v"] != VERSION:
        raise RecordError(
            Rule.BYTES, f"record version {content['v']!r} is not {VERSION}, the one known here"
        )
    if type(content["seq"]) is not int or content["seq"] < 1:
        raise RecordError(Rule.BYTES, "seq is not a number from 1")
    for key, form in (("ts", TIMESTAMP), ("prev", HEX_DIGEST), ("hash", HEX_DIGEST)):
        if not isinstance(content[key], str) or not form.fullmatch(content[key]):
            raise RecordError(Rule.BYTES, f"{key} is malformed")
    for key in ("type", "run", "step"):
        if not isinstance(content.get(key, ""), str):
            raise RecordError(Rule.BYTES, f"{key} is not text")
    if not isinstance(content["data"], dict):
        raise RecordError(Rule.BYTES, "data is not an object")
    return Record(
        seq=content["seq"],
        ts=content["ts"],
        run=content.get("run"),
        type=content["type"],
        step=content.get("step"),
        data=content["data"],
        prev=content["prev"],
        hash=content["hash"],
    )
