"""Runs that died or were left with orders that may be live: a new run must not trade beside them.

The ledger names the logs that nobody closed, or that were closed in doubt; each of those is read. A
run that a process still carries out holds its own locks, and is not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.audit.errors import AuditError
from runner.audit.journal import being_written
from runner.audit.log import LEDGER_NAME, iter_records
from runner.drive.unfinished import NotResumed, Unfinished, look_at

IN_DOUBT = (8, 9, 130)
"""Exit codes after which a log may be unfinished."""


def orphan_beside(audit_dir: Path, base_url: str, symbols: tuple[str, ...]) -> Unfinished | None:
    """A run in the same directory, at the same address, in one of the symbols (none means any),
    of which an order may be live; None when there is none that can be read."""
    for path in unfinished_logs(audit_dir):
        if not path.exists() or being_written(path):
            continue
        try:
            found = look_at(path)
        except NotResumed:
            continue  # `audit verify` says what is wrong with it
        if not isinstance(found, Unfinished) or found.target.base_url != base_url:
            continue
        bound, _ = found.binding
        shared = not bound or not symbols or set(bound) & set(symbols)
        if shared and found.open_orders:
            return found
    return None


def unfinished_logs(audit_dir: Path) -> Iterator[Path]:
    """Logs that the ledger does not know to be finished; none when it cannot be believed."""
    last: dict[str, int | None] = {}
    try:
        for record in iter_records(audit_dir / LEDGER_NAME):
            if record.type in ("opened", "resumed"):
                last[str(record.data["log"])] = None
            elif record.type == "closed":
                last[str(record.data["log"])] = record.data["exit_code"]
    except (OSError, AuditError):
        return
    for name, exit_code in last.items():
        if exit_code is None or exit_code in IN_DOUBT:
            yield audit_dir / name
