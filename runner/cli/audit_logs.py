"""What the audit commands share: finding a run's log, the screen's width, and JSON."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import click

from runner.audit.log import logs_in
from runner.audit.story import visible

_PIPED_WIDTH = 80


def width() -> int:
    """The terminal's width; 80 when the output goes elsewhere, so that it is always the same."""
    if not sys.stdout.isatty():
        return _PIPED_WIDTH
    return max(shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns, 60)


def print_json(content: object) -> None:
    """Print one JSON object. Everything outside ASCII is escaped: a log may hold anything, and a
    terminal obeys more characters than JSON escapes by itself."""
    click.echo(json.dumps(content))


def known_directory(audit_dir: Path) -> Path:
    """The audit directory. Raises `click.UsageError` when there is none."""
    if not audit_dir.is_dir():
        raise click.UsageError(f"There is no audit directory {visible(str(audit_dir))}.")
    return audit_dir


def find_log(run: str, audit_dir: Path) -> Path:
    """The log of a run: a file, a run id, or any part of one that is unique.

    Raises `click.UsageError` when none or several fit.
    """
    if Path(run).is_file():
        return Path(run)
    found = [path for path in logs_in(known_directory(audit_dir)) if run in path.name]
    if len(found) == 1:
        return found[0]
    where = visible(str(audit_dir))
    if not found:
        raise click.UsageError(
            f"No run {visible(run)!r} in {where}; `runbook audit list` has them."
        )
    names = ", ".join(visible(path.stem) for path in found[:5])
    raise click.UsageError(f"{visible(run)!r} fits {len(found)} runs in {where}: {names}.")
