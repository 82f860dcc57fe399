"""Makes the harness's fixtures known to every acceptance test, and looks for what got out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance import leaks
from acceptance.harness import run_plan

__all__ = ["run_plan"]


@pytest.fixture(autouse=True)
def nothing_secret_gets_out(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """No key and no account number is in any file that a test left, nor in what was shown."""
    del monkeypatch  # asked for so that the test's environment still stands when this ends
    leaks.SHOWN.clear()
    folder: Path | None = None
    if "tmp_path" in request.fixturenames:
        folder = request.getfixturevalue("tmp_path")
    yield
    if folder is not None:
        found = list(leaks.leaks(folder, os.environ, leaks.SHOWN))
        assert not found, "\n".join(found)
