"""Account numbers on record: as a keyed commitment, so that equality shows and the number does not.

A number of 9 digits could be guessed from a bare hash. The key is made once for a user, lies in
their state directory, and is in no log; `acct-` and 16 hexadecimal digits are what a log holds. Two
logs of the same account and the same key hold the same commitment. Elsewhere, without that file,
another key is made: equality then shows among the logs that were written there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.audit.journal import make_directory

KEY_FILE: Final = "account-key"
"""Its name in the state directory: 64 hexadecimal digits, readable by its owner only."""

COMMITTED: Final = re.compile(r"acct-[0-9a-f]{16}")

Commit = Callable[[str], str]
"""What stands for an account number."""


def commitment(key: bytes) -> Commit:
    """Commitments under a key: HMAC-SHA256 of the number, cut to 64 bits."""

    def commit(number: str) -> str:
        mac = hmac.new(key, number.encode(), hashlib.sha256)
        return f"acct-{mac.hexdigest()[:16]}"

    return commit


def commitment_in(state: Path) -> Commit:
    """Commitments under the key of a state directory, which is made where there is none.

    A key that cannot be kept or read does not stop a run: its commitments then compare within that
    run only.
    """
    path = state / KEY_FILE
    with suppress(OSError, ValueError):
        if not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(key) == 32:
            return commitment(key)
    return commitment(secrets.token_bytes(32))


def last_four(number: str) -> str:
    """What of a number may be shown on a screen; of a short one nothing."""
    return f"…{number[-4:]}" if len(number) > 4 else "…"


def _make(path: Path) -> None:
    """Make the key whole or not at all; of two processes at once the first one's stays."""
    make_directory(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
