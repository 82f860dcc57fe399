"""Random faults and kills for some seconds; a seed that goes wrong is printed with its weather."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_random_faults_and_kills_double_or_lose_an_order() -> None:
    command = [sys.executable, "-m", "tests.crash.storm", "--seconds", "12"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
