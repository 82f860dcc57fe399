"""The command line: one file a command; each parses, calls and prints, nothing else.

Commands are imported when they are asked for, so that `validate` never pays for a broker's client.
"""

from __future__ import annotations

import os
import sys

import click

from runner import __version__
from runner.cli.lazy import LazyGroup

COMMANDS = {
    "plan": ("runner.cli.plan", "plan"),
    "run": ("runner.cli.run", "run"),
    "validate": ("runner.cli.validate", "validate"),
    "resume": ("runner.cli.resume", "resume"),
    "replay": ("runner.cli.replay", "replay"),
    "rerun": ("runner.cli.rerun", "rerun"),
    "diff": ("runner.cli.diff", "diff"),
    "audit": ("runner.cli.audit", "audit"),
    "halt": ("runner.cli.halt", "halt_command"),
    "unhalt": ("runner.cli.halt", "unhalt_command"),
    "doctor": ("runner.cli.doctor", "doctor"),
    "drill": ("runner.cli.drill", "drill"),
    "sim": ("runner.cli.sim", "sim"),
    "schema": ("runner.cli.schema", "schema"),
}


@click.group(
    cls=LazyGroup, commands_in=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="runbook")
def cli() -> None:
    """Write a trade plan as a YAML runbook, check it, and carry it out at Alpaca.

    The target is the embedded exchange unless --on says otherwise. Exit codes are in
    docs/exit-codes.md.
    """


def main() -> None:
    """The `runbook` command. A defect of ours is exit 1 and says so; everything else is theirs."""
    _give_streams()
    try:
        sys.exit(cli.main(prog_name="runbook", standalone_mode=False))
    except click.ClickException as refused:
        refused.show()
        sys.exit(refused.exit_code)
    except click.Abort:  # Ctrl-C; a run that has begun has its own handlers
        sys.stderr.write("Interrupted. Nothing was sent.\n")
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        sys.stderr.write(
            f"\nInternal error: {error!r}. This is a defect of runbook, not of your plan. If a run "
            "was under way, its log is whole up to the last record: look at the account before "
            "you do anything else.\n"
        )
        sys.exit(1)


def _give_streams() -> None:
    """Lead standard streams that were closed before the start nowhere.

    Otherwise they are None, and the next file that is opened, a log for instance, takes their
    place. Opened in this order each takes its own descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
