"""`runbook replay`: the same log, the same decisions, or the first difference."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from runner.cli import options
from runner.cli.audit import find_log


@click.command(short_help="Make every decision of a log again.")
@click.argument("log")
@options.audit_dir
@options.as_json("Print one JSON object.")
def replay(log: str, audit_dir: Path, as_json: bool) -> None:
    """Answer the interpreter from LOG and compare every effect and decision, offline.

    LOG is a file, a run id, or any part of one that is unique in the audit directory.

    Exit 0 when all are equal, 10 at the first difference, 9 when the log is damaged.
    """
    from runner.audit.errors import LogDamaged  # noqa: PLC0415
    from runner.drive.replaying import Unreplayable, replay_log  # noqa: PLC0415

    path = find_log(log, audit_dir)
    try:
        outcome = replay_log(path)
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    except LogDamaged as error:
        click.echo(str(error), err=True)
        sys.exit(9)
    except Unreplayable as error:
        click.echo(str(error), err=True)
        sys.exit(10)
    parted = outcome.divergence
    if as_json:
        data = {
            "effects": outcome.effects,
            "decisions": outcome.decisions,
            "complete": outcome.complete,
            "notes": list(outcome.notes),
            "divergence": None
            if parted is None
            else {
                "seq": parted.seq,
                "step": parted.step,
                "expected": parted.expected,
                "actual": parted.actual,
            },
        }
        click.echo(json.dumps(data, indent=2, sort_keys=True))
    else:
        for note in outcome.notes:
            click.echo(f"note: {note}")
        equal = f"{outcome.effects} effects and {outcome.decisions} decisions equal"
        if parted is not None:
            click.echo(
                f"{equal}, then a difference at record {parted.seq} ({parted.step or 'run'}):"
            )
            click.echo(f"  the log says    {json.dumps(parted.expected, sort_keys=True)}")
            click.echo(f"  now it would be {json.dumps(parted.actual, sort_keys=True)}")
        elif outcome.complete:
            click.echo(f"{equal}; the run ends as it did")
        else:
            click.echo(f"{equal}; the log ends before the run does")
    sys.exit(0 if parted is None else 10)
