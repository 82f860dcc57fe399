"""A seeded part of the crash-point sweep; `python -m tests.crash.sweep` sweeps every point.

It runs as the command does, in a process of its own that has no threads when it forks.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from crash.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
EVERY = {"served": "53", "inside": "151"}
"""Of so many points one is taken here; points on the exchange inside take longer."""


def swept(case: str, where: str, *options: str) -> dict[str, Any]:
    """What the command found."""
    command = [sys.executable, "-m", "tests.crash.sweep", "--json", "--seed", "1"]
    command += ["--case", case, "--where", where, "--every", EVERY[where], *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_anywhere_and_resumed_ends_as_if_nothing_had_happened(case: str) -> None:
    found = swept(case, "served", "--pairs", "1")
    assert found["points"] > 0
    assert found["interrupts"] > 0
    assert found["moved"] > 0
    assert (found["duplicates"], found["losses"], found["wrong"]) == (0, 0, [])


@pytest.mark.parametrize("case", CASES)
def test_so_does_a_run_whose_exchange_died_with_it(case: str) -> None:
    found = swept(case, "inside")
    assert found["points"] > 0
    assert (found["duplicates"], found["losses"], found["wrong"]) == (0, 0, [])
