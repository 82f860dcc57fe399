"""`runbook audit list`: the runs, their money, and what they left open."""

from __future__ import annotations

from pathlib import Path

import click

from runner.audit.findings import DAMAGED
from runner.audit.story import visible
from runner.audit.summary import summaries
from runner.cli import options
from runner.cli.audit_logs import known_directory, print_json, width
from runner.report.audit_list import table

UNBELIEVED = ("damaged", "unreadable", "missing")
"""Statuses of logs of which nothing, or not all, can be believed."""


@click.command("list")
@options.audit_dir
@options.as_json("Print one JSON object.")
@click.pass_context
def list_command(context: click.Context, audit_dir: Path, as_json: bool) -> None:
    """List the runs, oldest first: how each ended, what it bought and sold, what it left open.

    TIME is when the run started, UTC; RUN is the part of its id that `audit show` takes; BOUGHT and
    SOLD are dollars filled, without fees. What a run left open is as it was at that run's end:
    later runs may have closed it. Finished runs are listed by the two ends of their logs; whether a
    log can be believed is for `audit verify` to say; where one listed here cannot, the exit code
    is 9.
    """
    listing = summaries(known_directory(audit_dir))
    if listing.ledger:
        where = visible(str(audit_dir))
        click.echo(f"The ledger of {where} is damaged: {visible(listing.ledger)}", err=True)
    if as_json:
        runs = [summary.to_data() for summary in listing.runs]
        print_json({"runs": runs, "ledger": listing.ledger or None})
    elif not listing.runs:
        click.echo(f"No runs in {visible(str(audit_dir))}.")
    else:
        for line in table(listing.runs, width()):
            click.echo(line)
    if listing.ledger or any(one.status in UNBELIEVED for one in listing.runs):
        context.exit(DAMAGED)
