"""`runbook replay`: the same log, the same decisions, or the first difference."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from runner.cli import options
from runner.cli.audit_logs import find_log, width
from runner.cli.collecting import seldom

DAMAGED, PARTED = 9, 10


@click.command(short_help="Make every decision of a log again.")
@click.argument("log")
@click.option("--step", "stepwise", is_flag=True, help="Walk through it, forward and back.")
@click.option(
    "--runbook",
    "runbook_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What if the run had been of this runbook.",
)
@click.option(
    "-p",
    "--param",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="What if a parameter had this value; may be repeated.",
)
@click.option(
    "--limits",
    "limits_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What if this policy had held; a file of `limits:` alone changes only those.",
)
@options.audit_dir
@options.as_json("Print one JSON object.")
def replay(log: str, stepwise: bool, audit_dir: Path, as_json: bool, **otherwise: Any) -> None:
    """Answer the interpreter from LOG and compare every effect and decision, offline.

    LOG is a file, a run id, or any part of one that is unique in the audit directory. With --step
    each thing that the run did is shown with its line in the runbook, what the run was told, and
    what it then knew; without a terminal all of them, one after another.

    With --runbook, -p or --limits it shows which decisions and orders would have differed: what
    was read is answered by the log, what follows from other orders by the projection of a plan.

    Exit 0 when all are equal, 10 at the first difference, 9 when the log is damaged.
    """
    supposes = any(otherwise.values())
    if supposes and stepwise:
        raise click.UsageError("--step walks through the log as it is")
    path = find_log(log, audit_dir)
    with seldom(), reported(path):
        if supposes:
            from runner.cli.supposed import suppose  # noqa: PLC0415

            sys.exit(suppose(path, as_json=as_json, **otherwise))
        if stepwise:
            from runner.cli.replay_walk import walk  # noqa: PLC0415

            sys.exit(walk(path, as_json=as_json))
        sys.exit(_replay(path, as_json=as_json))


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Ends the command with a sentence and its exit code where a log cannot be replayed."""
    from runner.audit.errors import LogDamaged  # noqa: PLC0415
    from runner.audit.story import visible  # noqa: PLC0415
    from runner.drive.replaying import Unreplayable  # noqa: PLC0415

    try:
        yield
    except OSError as error:
        where = visible(str(path))
        raise click.UsageError(f"{where} cannot be read: {error.strerror}") from None
    except LogDamaged as error:
        click.echo(visible(str(error)), err=True)
        sys.exit(DAMAGED)
    except Unreplayable as error:
        click.echo(visible(str(error)), err=True)
        sys.exit(PARTED)


def _replay(path: Path, *, as_json: bool) -> int:
    from runner.audit.story import visible  # noqa: PLC0415
    from runner.drive.replaying import replay_run  # noqa: PLC0415
    from runner.drive.walking import parted_at  # noqa: PLC0415
    from runner.report.replay_outcome import outcome_data, outcome_lines  # noqa: PLC0415

    run, outcome = replay_run(path)
    span = parted_at(run, outcome.divergence)
    if as_json:
        click.echo(json.dumps(outcome_data(outcome, span), indent=2, sort_keys=True))
    else:
        for line in outcome_lines(outcome, run.runbook.source, span, width()):
            click.echo(line)
    if outcome.divergence is not None:
        return PARTED
    if not outcome.torn:
        return 0
    click.echo(
        f"{visible(str(path))}: its last line was cut off. What stands before it was replayed; "
        "`runbook resume` sets the rest aside.",
        err=True,
    )
    return DAMAGED
