"""Logs of changed content whose every hash is right again: what only a replay can find."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.audit.log import read_log
from runner.audit.records import GENESIS, Record, seal


def rewritten(log: Path, to: Path, change: Callable[[Record], dict[str, Any] | None]) -> Path:
    """A copy of a log; `change` gives the new data of a record, or None to leave it out."""
    head, content, seq = GENESIS, b"", 0
    for old in read_log(log).records:
        data = change(old._replace(data=copy.deepcopy(old.data)))
        if data is None:
            continue
        seq += 1
        record, line = seal(
            seq=seq, wall_ns=seq, run=old.run, type=old.type, step=old.step, data=data, prev=head
        )
        head, content = record.hash, content + line
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)
    return to
