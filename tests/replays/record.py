"""Records the corpus again: `python -m tests.replays.record [PART OF A NAME]`."""

from __future__ import annotations

import sys
from pathlib import Path

# The tests import each other from their own folder, as pytest does.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from replays.stage import record_all

if __name__ == "__main__":
    found = record_all(only=sys.argv[1] if len(sys.argv) > 1 else "")
    sys.exit("\n".join(found) or 0)
