"""How often Python looks for garbage while a whole log is in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 200_000
"""New objects between two looks. A log is many small objects that all stay, and each look walks
through them: at Python's own 700 that is a third of the time that a replay takes."""


@contextmanager
def seldom() -> Iterator[None]:
    """Python looks seldom inside, and as before afterwards."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
