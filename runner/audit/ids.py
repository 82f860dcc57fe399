"""Run ids: readable, sortable by start time, impossible to guess or to meet twice.

The client order ids derived from them are in `runner.identity`, because the machine needs those.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

RANDOM_BYTES = 10
"""80 random bits: two runs of one second collide with a probability of 2^-80."""

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z2-7]{16}")


def run_id(at: datetime, randomness: bytes) -> str:
    """The id of a run that starts at `at`, such as `20261123T143001Z-k3v7c2mqzt5a6yrx`.

    `randomness` is 10 bytes from the operating system. Raises `ValueError` when it is shorter or
    longer, or when `at` has no time zone.
    """
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"a run id takes {RANDOM_BYTES} random bytes, not {len(randomness)}")
    if at.tzinfo is None:
        raise ValueError("a run id takes a moment with a time zone")
    started = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{started}-{base64.b32encode(randomness).decode().lower()}"


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run id, and so is safe in a file name."""
    return RUN_ID.fullmatch(text) is not None
