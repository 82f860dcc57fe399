"""`runbook audit export`: the logs as tables for spreadsheets and databases."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import click

from runner.audit.export import Row, rows, run_row
from runner.audit.findings import DAMAGED
from runner.audit.log import SUFFIX, logs_in
from runner.audit.story import visible
from runner.audit.summary import summaries, summarize
from runner.audit.tables import TABLES
from runner.cli import options
from runner.cli.audit_logs import find_log, known_directory
from runner.report.audit_export import FORMATS


@click.command("export")
@click.argument("run", required=False)
@click.option(
    "--what",
    type=click.Choice(tuple(TABLES)),
    default="runs",
    show_default=True,
    help="Which table.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    default="csv",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to FILE, which only you can read, instead of standard output.",
)
@options.audit_dir
@click.pass_context
def export_command(
    context: click.Context,
    run: str | None,
    *,
    what: str,
    form: str,
    output: Path | None,
    audit_dir: Path,
) -> None:
    """Write one table of one run, or of every run of the audit directory.

    RUN is a log, a run id, or any part of one that is unique. The columns are in
    docs/audit-export.md. Exit code 9: a log is damaged; the rows before the damage are written.
    """
    damage: list[str] = []
    write = FORMATS[form]
    columns = [column.name for column in TABLES[what]]
    found = _rows(run, what, audit_dir, damage)
    if output is None:
        write(columns, found, sys.stdout)
    else:
        _refuse_a_log(output, audit_dir)
        try:
            _write_whole(output, lambda file: write(columns, found, file))
        except OSError as error:
            where = visible(str(output))
            raise click.UsageError(f"{where} cannot be written: {error.strerror}.") from error
    for one in damage:
        click.echo(f"Damaged: {visible(one)}", err=True)
    if damage:
        context.exit(DAMAGED)


def _rows(run: str | None, what: str, audit_dir: Path, damage: list[str]) -> Iterator[Row]:
    if what == "runs":
        if run is not None:
            found = [summarize(find_log(run, audit_dir))]
        else:
            listing = summaries(known_directory(audit_dir))
            found = list(listing.runs)
            damage += [f"the ledger: {listing.ledger}"] if listing.ledger else []
        for summary in found:
            damage += [f"{summary.path.name}: {summary.damage}"] if summary.damage else []
            yield run_row(summary)
        return
    logs = logs_in(known_directory(audit_dir)) if run is None else [find_log(run, audit_dir)]
    for path in logs:
        try:
            yield from rows(what, path, damage)
        except OSError as error:
            damage.append(f"{path.name}: it cannot be read: {error.strerror or error}")


def _refuse_a_log(output: Path, audit_dir: Path) -> None:
    """Only run logs and the ledger end in .jsonl in an audit directory."""
    if output.suffix == SUFFIX and output.parent.resolve() == audit_dir.resolve():
        raise click.UsageError(
            f"{visible(str(output))} would be taken for a log: write it outside of the audit "
            "directory, or under another ending."
        )


def _write_whole(output: Path, write: Callable[[TextIO], None]) -> None:
    """Write a file that only its owner can read; what was there before is replaced at the end."""
    part = output.with_name(f"{output.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            write(file)
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
