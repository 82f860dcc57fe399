"""`runbook plan` of the first runbook against running it, on a running `runbook sim`.

    python benchmarks/plan.py

Whole processes, in turn, on the same exchange. A plan reads what a run reads, and waits for
nothing.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import count
from pathlib import Path

from pairs import paired, process_seconds
from run import RUNBOOK, exchange

PAIRS = 11
AT_MOST = 0.8


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, exchange(folder) as url:
        variables = {"RUNBOOK_STATE_DIR": folder, "XDG_CONFIG_HOME": folder, "RUNBOOK_POLICY": ""}
        turns = count()

        def command(name: str) -> list[str]:
            """Each with logs of its own, or the same run would soon be sent too often."""
            runbook = str(Path(sys.executable).parent / "runbook")
            options = ["--on", url, "--audit-dir", f"{folder}/audit-{next(turns)}"]
            return [runbook, name, str(RUNBOOK), *options]

        found = paired(
            lambda: process_seconds(command("plan"), **variables),
            lambda: process_seconds(command("run"), **variables),
            PAIRS,
        )
        print(found.line("plan, beside running it", AT_MOST))


if __name__ == "__main__":
    main()
