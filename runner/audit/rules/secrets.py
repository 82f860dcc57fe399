"""No credential stands in a log.

What writes a log removes the credentials that it knows (`runner.audit.redact`). This looks again,
without knowing any, for what a credential looks like: a key id of Alpaca, a bearer token, or a
header that carries a secret and still has its value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from runner.audit.records import Record
from runner.audit.redact import REDACTED, SECRET_HEADERS

KEY_ID: Final = re.compile(
    rb"K(?<=[PAC]K)(?<![A-Za-z0-9]..)"
    rb"(?![A-Z0-9]{0,4}[0-9]{6}[CP][0-9]{8}(?![A-Za-z0-9]))"  # an option on a stock such as PKX
    rb"[A-Z0-9]{18}(?:[A-Z0-9]{6})?(?![A-Za-z0-9])"
)
"""An Alpaca key id: PK for paper, AK for live, CK for a broker's, 20 or 26 characters in all.

It begins with the one letter that all three share, because a search for a fixed letter costs a
tenth of a search for a choice, and this one reads every byte of a log."""

BEARER: Final = re.compile(rb"[Bb]earer +[A-Za-z0-9._~+/-]{16,}")

SECRET_NAME: Final = re.compile(
    rb"(?i)(?:apca-api-secret-key|apca_api_secret_key|alpaca_secret_key)[\\\"']*\s*[:=]"
    rb"[\s\\\"']*(?!\[redacted\])[A-Za-z0-9+/]{16,}"
)
"""The name of Alpaca's secret in a header or an environment, and a value after it."""


def secrets_in(line: bytes, record: Record) -> Sequence[str]:
    """What looks like a credential in a record; its value is not repeated."""
    found = []
    if key := KEY_ID.search(line):
        begins = line[key.start() - 1 : key.start() + 3].decode()
        found.append(f"an Alpaca key id that begins with {begins} stands in the record")
    if b"earer " in line and BEARER.search(line):
        found.append("a bearer token stands in the record")
    if record.type.startswith("wire."):
        found += _headers(record.data.get("headers"))
    elif (b"SECRET" in line or b"secret" in line) and SECRET_NAME.search(line):
        found.append("an Alpaca secret key stands in the record, under its name")
    return found


def _headers(headers: object) -> list[str]:
    """The headers that carry a credential and still have it."""
    if not isinstance(headers, dict):
        return []
    carrying = [name for name in headers if name.lower() in SECRET_HEADERS]
    return [f"the header {name} has a value" for name in carrying if headers[name] != REDACTED]
