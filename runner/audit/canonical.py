"""Canonical JSON (RFC 8785) and its SHA-256.

orjson with sorted keys writes the canonical bytes in microseconds, and writes exactly those bytes
as long as a value holds nothing that the two would write differently. What they would, this module
refuses: floats, integers of 2^53 and more, keys outside ASCII (RFC 8785 sorts by UTF-16, orjson by
UTF-8), and every type that JSON does not have. A test holds the equality against `rfc8785`.
"""

from __future__ import annotations

import hashlib

import orjson

from runner.audit.errors import CanonicalError

RECORD_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER  # refuses what does not fit 53 bits
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
"""How orjson writes canonical bytes, for values that hold nothing inexact."""

_LEAVES = frozenset({str, int, bool, type(None)})


def canonical_bytes(value: object) -> bytes:
    """The one byte string that stands for `value`.

    Raises `CanonicalError` for a value that records do not hold.
    """
    try:
        encoded = orjson.dumps(value, option=RECORD_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise CanonicalError(f"A record cannot hold this value: {error}.") from error
    # After orjson, which stops at cycles and at absurd depth.
    _refuse_inexact(value, check_keys=not encoded.isascii())
    return encoded


def _refuse_inexact(value: object, *, check_keys: bool) -> None:
    # A whole level at a time, because every record passes through here before it is written.
    pending = [value]
    while pending:
        current = pending.pop()
        if type(current) is dict:
            if check_keys and not all(map(str.isascii, current)):
                raise CanonicalError(f"A record's keys are ASCII; these are not: {list(current)}.")
            inner = list(current.values())
        elif type(current) is list:
            inner = current
        elif type(current) in _LEAVES:
            continue
        else:
            raise CanonicalError(
                "A record holds text, integers, booleans, null, lists and mappings; "
                f"{current!r} is of type {type(current).__name__}. Write amounts of money as text."
            )
        if not _LEAVES.issuperset(map(type, inner)):
            pending += inner


def sha256_hex(content: bytes) -> str:
    """The SHA-256 of some bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest(value: object) -> str:
    """The SHA-256 of a value's canonical bytes; for an effect, what replay compares."""
    return sha256_hex(canonical_bytes(value))
