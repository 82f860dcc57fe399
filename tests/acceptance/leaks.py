"""After every acceptance test: no key and no account number is in what was written or shown.

What a test writes itself is not looked at: a `.env`, a policy, a runbook. Everything else that is
in its folder afterwards is, whatever wrote it: logs, ledgers, saved plans, exports, pages, halt and
lock files. So is all that commands printed, in this process, in others and on terminals.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

NAMES = ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
ALWAYS = ("a-secret", "SIM00000000")
"""The secret that tests give themselves, and the number of the exchange's account."""

SHORTEST = 8
MOST = 8 * 1024 * 1024
"""Bytes of a file that are looked at; the rest of one that a test made huge is not."""

SHOWN: list[str] = []
"""What commands printed since the last test."""

_OWN_FILES = (".yaml", ".yml", ".env")
_ACCOUNTS = re.compile(r"^accounts:\s*(\[[^\]]*\]|(?:\s*- .*\n?)+|.*)", re.MULTILINE)


def shown(*texts: str) -> None:
    """Keep what a command printed until its test is over."""
    SHOWN.extend(texts)


def secrets_of(folder: Path, environ: Mapping[str, str]) -> set[str]:
    """What a test that worked in a folder must not have let out."""
    found = {*ALWAYS, *(environ.get(name, "") for name in NAMES)}
    for file in filter(Path.is_file, folder.rglob(".env")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() in NAMES or re.search(r"TOKEN|PASSWORD", name):
                found.add(value.strip().strip("'\""))
    for file in filter(Path.is_file, folder.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8", errors="replace")
        for accounts in _ACCOUNTS.findall(text) if text.startswith("policy:") else ():
            found.update(re.findall(r"[A-Z0-9]{8,}", accounts))
    return {one for one in found if len(one) >= SHORTEST}


def leaks(folder: Path, environ: Mapping[str, str], printed: list[str]) -> Iterator[str]:
    """Where a secret got out."""
    forms = {
        form: secret
        for secret in secrets_of(folder, environ)
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())
    }
    for form, secret in forms.items():
        for text in printed:
            if form in text:
                yield f"{secret!r} was shown: {_around(text, form)}"
    for file in written_in(folder):
        with file.open("rb") as opened:
            content = opened.read(MOST)
        for form, secret in forms.items():
            if form.encode() in content:
                text = content.decode(errors="replace")
                yield f"{secret!r} stands in {file.relative_to(folder)}: {_around(text, form)}"


def written_in(folder: Path) -> Iterator[Path]:
    """The files in a folder that a command may have written."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            if not name.endswith(_OWN_FILES) and path.is_file() and not path.is_symlink():
                yield path


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 60) : at + len(form) + 20]
