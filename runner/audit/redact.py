"""Keeps credentials and account numbers out of records.

Three nets. Headers that carry credentials lose their value whatever it is. The secrets that this
process knows are removed wherever their text occurs, also percent-encoded, escaped for JSON or
HTML, or in base64, as in an `Authorization: Basic` header. Account numbers are learned from what
the broker says, and replaced everywhere from then on.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

import orjson

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

_FIELDS: Final = ("account_number", "account_no", "accountNumber", "account_num")
_NUMBERS: Final = (
    re.compile(
        rf'(?:{"|".join(_FIELDS)})[\\"\']*\s*[:=]\s*[\\"\']*'
        r"((?=[A-Za-z-]*[0-9])[A-Za-z0-9-]{5,32})"
    ),
    re.compile(
        r"ccount(?: number| Number| no\.?| No\.?)?[ :#\"']{1,3}"
        r"([A-Z]{1,4}[0-9]{6,12}|[0-9]{9})(?![A-Za-z0-9]|[.,][0-9])"
    ),
    re.compile(r"(PA(?<![A-Za-z0-9]PA)[0-9][A-Z0-9]{9})(?![A-Za-z0-9])"),
)
"""Where an account number stands: under its name, after the word in a broker's sentence, or as a
paper account's number: PA, a digit and nine capitals or digits (Alpaca's dashboard, 2026-11). A
live account's has nine digits. Each pattern begins with fixed letters, which is much faster."""

_COMMITTED: Final = ("acct-", "…")
_UNCOMMITTED: Final = re.compile(
    rf'"(?:{"|".join(_FIELDS)})":(?!"(?:{"|".join(_COMMITTED)}|")|null|[{{\[])'
)
"""In JSON, a field that should hold a commitment and does not."""

_SMALLEST_CORE: Final = 8
"""Characters of base64 that are looked for inside other base64; fewer would be found by chance."""


class Redactor:
    """Removes the given secrets, and headers that are made of secrets. An empty one is ignored.

    `words` are removed only where they stand alone. `number` says what stands for an account
    number; without it numbers stay.
    """

    def __init__(
        self,
        secrets: Iterable[str],
        *,
        words: Iterable[str] = (),
        number: Callable[[str], str] | None = None,
        accounts: Iterable[str] = (),
    ) -> None:
        known = tuple(secret for secret in secrets if secret)
        forms = {form for secret in known for form in _forms(secret)}
        forms.update(_pairs(known))
        parts = [_alternatives(forms)] if forms else []
        alone = {form for word in words if word for form in _spellings(word)}
        if alone:
            parts.append(rf"(?<![A-Za-z0-9])(?:{_alternatives(alone)})(?![A-Za-z0-9])")
        self._pattern = re.compile("|".join(parts)) if parts else None
        # Looking for each is some thirty times as fast as the pattern, which seldom finds any.
        self._forms = (*forms, *alone)
        self._number = number
        self._accounts: dict[str, str] = {}
        self._account: re.Pattern[str] | None = None
        for account in accounts:
            self._know(account)

    def text(self, text: str) -> str:
        """The text with every occurrence of a secret replaced, and of an account number."""
        if self._number is not None:
            self._learn(text)
        if self._pattern is not None and any(form in text for form in self._forms):
            text = self._pattern.sub(REDACTED, text)
        if self._account is not None and any(form in text for form in self._accounts):
            text = self._account.sub(self._stand_in, text)
        return text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with credentials replaced; the names stay, so that the log shows them."""
        return {
            name: REDACTED if name.lower() in SECRET_HEADERS else self.text(value)
            for name, value in headers.items()
        }

    def data(self, value: Any) -> Any:
        """Any record data with every text in it redacted, keys included."""
        return self._each(value) if self._needs_it(value) else value

    def _needs_it(self, value: Any) -> bool:
        """Whether anything in the data may have to go: looked for in all of it at once."""
        try:
            whole = orjson.dumps(value).decode()
        except TypeError:
            return True
        if self._number is not None:
            self._learn(whole)
            if _UNCOMMITTED.search(whole):
                return True
        return any(form in whole for form in (*self._forms, *self._accounts))

    def _each(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(key, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._each(inner) for inner in value]
        return value

    def _value(self, key: object, value: Any) -> Any:
        if self._number is None or key not in _FIELDS or not isinstance(value, str | int):
            return self._each(value)
        number = str(value)
        self._know(number)
        return number if not number or number.startswith(_COMMITTED) else self._number(number)

    def _learn(self, text: str) -> None:
        """Find the account numbers that a text names."""
        if "ccount" not in text and "PA" not in text:  # seldom more, and much faster to find
            return
        for pattern in _NUMBERS:
            for found in pattern.finditer(text):
                self._know(found[1])

    def _know(self, number: str) -> None:
        if (
            self._number is None
            or len(number) < 5
            or number in self._accounts
            or number.startswith(_COMMITTED)
        ):
            return
        stand_in = self._number(number)
        for form in {number, *_in_base64(number)}:
            self._accounts[form] = stand_in
        self._account = re.compile("|".join(map(_as_account, self._accounts)))

    def _stand_in(self, found: re.Match[str]) -> str:
        return self._accounts[found[0]]


def _as_account(number: str) -> str:
    """Digits alone may be part of a longer number, of a price or of a moment; those stay."""
    exact = re.escape(number)
    return rf"(?<![0-9])(?<![0-9]\.){exact}(?![0-9])" if number.isdigit() else exact


def _alternatives(forms: Iterable[str]) -> str:
    # The longest first: a secret may be part of another one's encoded form.
    return "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))


def _spellings(secret: str) -> Iterator[str]:
    """A secret in the ways in which text is escaped on its way."""
    yield secret
    for quoted in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda one: one[0].lower(), quoted)
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
        # Once more: JSON inside JSON.
        yield json.dumps(escaped)[1:-1]
    yield html.escape(secret)


def _forms(secret: str) -> Iterator[str]:
    yield from _spellings(secret)
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield from _in_base64(secret)


def _in_base64(secret: str) -> Iterator[str]:
    """What of a secret shows when it is encoded with other text before and after it.

    Three bytes become four characters, so it begins at one of three places within a group; the
    characters that it shares with its neighbours are left out.
    """
    for before in range(3):
        whole = bytes(before) + secret.encode()
        end = len(whole) * 8 // 6
        core = base64.b64encode(whole).decode()[(0, 2, 3)[before] : end]
        if len(core) >= _SMALLEST_CORE:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def _pairs(secrets: Iterable[str]) -> Iterator[str]:
    known = tuple(secrets)
    for name in known:
        for word in known:
            yield base64.b64encode(f"{name}:{word}".encode()).decode().rstrip("=")
