"""`runbook validate` against check-jsonschema on the same file and schema, whole processes.

    python benchmarks/validate.py

The other tool checks the schema alone; ours also reads names, types, expressions and order rules.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pairs import paired, process_seconds

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = ROOT / "runbooks" / "first-live-trade.yaml"
SCHEMA = ROOT / "schemas" / "runbook.schema.json"
PAIRS = 15
AT_MOST = 0.7


def main() -> None:
    bin_dir = Path(sys.executable).parent
    ours = [str(bin_dir / "runbook"), "validate", str(RUNBOOK)]
    theirs = [str(bin_dir / "check-jsonschema"), "--schemafile", str(SCHEMA), str(RUNBOOK)]
    result = paired(lambda: process_seconds(ours), lambda: process_seconds(theirs), PAIRS)
    print(result.line("validate, whole process", AT_MOST))


if __name__ == "__main__":
    main()
