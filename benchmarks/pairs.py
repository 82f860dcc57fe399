"""Two commands, run in turn, compared pair by pair: drift of the machine cancels out."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Paired:
    """Seconds of each side, and the ratio ours/theirs of each pair."""

    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def line(self, what: str, target: float) -> str:
        """One printed line: medians, ratio, and the ratio it is meant to stay below."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return (
            f"{what:<34} ours {ours * 1000:8.1f} ms   theirs {theirs * 1000:8.1f} ms   "
            f"ratio {self.ratio:.2f} (at most {target})"
        )


def paired(ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> Paired:
    """Run both in turn, once uncounted, then `pairs` times. Each returns its seconds."""
    ours(), theirs()
    seconds = [(ours(), theirs()) for _ in range(pairs)]
    return Paired([a for a, _ in seconds], [b for _, b in seconds])


def process_seconds(command: Sequence[str], **environment: str) -> float:
    """Wall seconds of a whole process that must succeed, with a few variables set.

    Modules are cached as bytecode, as an installed program's are.
    """
    variables = {**os.environ, **environment}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return seconds
