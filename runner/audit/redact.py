"""Keeps credentials out of records.

Two nets: headers that carry credentials lose their value whatever it is, and the secrets that this
process knows are removed wherever their text occurs, also percent-encoded, escaped for JSON, or in
the base64 of an `Authorization: Basic` header.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"

SECRET_HEADERS: Final = frozenset(
    {
        "apca-api-key-id",
        "apca-api-secret-key",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
    }
)
"""Lower-case names. Source: Alpaca's authentication headers, and the standard ones."""


class Redactor:
    """Removes the given secrets, and headers that are made of secrets. An empty one is ignored."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = tuple(secret for secret in secrets if secret)
        forms = {form for secret in known for form in _forms(secret)}
        forms.update(_pairs(known))
        # The longest first: a secret may be part of another one's encoded form.
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if forms else None

    def text(self, text: str) -> str:
        """The text with every occurrence of a secret replaced."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with credentials replaced; the names stay, so that the log shows them."""
        return {
            name: REDACTED if name.lower() in SECRET_HEADERS else self.text(value)
            for name, value in headers.items()
        }

    def data(self, value: Any) -> Any:
        """Any record data with every text in it redacted, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(inner) for inner in value]
        return value


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    escaped = json.dumps(secret)[1:-1]
    yield escaped
    yield escaped.replace("/", "\\/")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


def _pairs(secrets: Iterable[str]) -> Iterator[str]:
    known = tuple(secrets)
    for name in known:
        for word in known:
            yield base64.b64encode(f"{name}:{word}".encode()).decode().rstrip("=")
