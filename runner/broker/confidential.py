"""What of the environment and of `.env` files must never be written down or shown.

A `.env` holds more than keys: addresses, limits, the names of symbols. Taking every value for a
secret would blank out prices, dates and the word `filled` in the log, and the machine is told what
the log says. So a value is judged by its name and by what it looks like:

- Below 6 characters nothing is a secret. No key is that short, and `1` or `true` stand everywhere.
- Alpaca's own four variables, and names that say KEY, SECRET, TOKEN, PASSWORD and the like, hold
  keys. A key is removed wherever it occurs, in whatever spelling it travels.
- Ordinary words, symbols, numbers of fewer than 8 digits, dates and times, paths, and addresses
  of Alpaca's own servers are no secrets.
- Anything else is removed where it stands as a word of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

SHORTEST: Final = 6
"""Characters of the shortest value that is taken for a secret."""

_ALPACAS: Final = (
    "ALPACA_API_KEY",
    "ALPACA_SECRET_KEY",
    "APCA_API_KEY_ID",
    "APCA_API_SECRET_KEY",
)
_KEY_NAME: Final = re.compile(
    r"(?i)KEY|SECRET|TOKEN|PASS|PWD|AUTH|CREDENTIAL|WEBHOOK|PRIVATE|SIGNATURE"
)
_WORD: Final = r"(?:[a-z]{1,20}|[A-Z][a-z]{1,20}|[A-Z]{1,20})"
_WORDS: Final = re.compile(rf"{_WORD}(?:[ ,;:/._-]+{_WORD})*")
_NUMBER: Final = re.compile(r"[-+$]?[0-9][0-9.,_]*%?")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[-+]\d\d:?\d\d)?)?|\d\d?:\d\d(:\d\d)?")
_PATH: Final = re.compile(r"(?:~|\.{0,2})/\S*")


@dataclass(frozen=True, slots=True)
class Confidential:
    """A value of the environment or of a `.env` that must not be written. `key` says that it is
    one by its name, so that it is removed even from the middle of other text."""

    name: str
    value: str = field(repr=False)
    key: bool


def confidential(
    environ: Mapping[str, str], dotenv_dirs: Sequence[Path]
) -> tuple[Confidential, ...]:
    """Alpaca's keys in `environ`, and the secrets of every `.env` in `dotenv_dirs`.

    A `.env` that cannot be read holds nothing that could get out through this process.
    """
    found = {
        value: Confidential(name, value, key=True)
        for name in _ALPACAS
        if len(value := environ.get(name, "").strip()) >= SHORTEST
    }
    for folder in dotenv_dirs:
        for name, value in _kept(folder / ".env").items():
            secret = _judged(name, value.strip())
            if secret is not None and (secret.key or secret.value not in found):
                found[secret.value] = secret
    return tuple(found.values())


def read_dotenv(path: Path) -> dict[str, str]:
    """The values of a `.env`, as they stand. Raises `OSError` or `UnicodeError`."""
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is a .env to read

    values = dotenv_values(path, interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _kept(path: Path) -> dict[str, str]:
    try:
        return read_dotenv(path) if path.is_file() else {}
    except (OSError, UnicodeError):
        return {}


def _judged(name: str, value: str) -> Confidential | None:
    if len(value) < SHORTEST:
        return None
    if name in _ALPACAS or (_KEY_NAME.search(name) and not _alpacas_server(value)):
        return Confidential(name, value, key=True)
    return None if any(_plain(value)) else Confidential(name, value, key=False)


def _plain(value: str) -> Iterator[bool]:
    """Whether a value says nothing that anybody would keep to themselves."""
    digits = sum(character.isdigit() for character in value)
    yield bool(_NUMBER.fullmatch(value)) and digits < 8
    yield bool(_MOMENT.fullmatch(value) or _WORDS.fullmatch(value) or _PATH.fullmatch(value))
    yield _alpacas_server(value)


def _alpacas_server(value: str) -> bool:
    """Whether a value is the address of a public server of Alpaca, or of one on this machine."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    host = parts.hostname or ""
    public = host == "alpaca.markets" or host.endswith(".alpaca.markets")
    local = host in ("localhost", "127.0.0.1", "::1")
    return (public or local) and "@" not in parts.netloc and not parts.query
