"""`runbook audit`: what can be asked of the logs of past runs, one file a command."""

from __future__ import annotations

import click

from runner.cli.audit_logs import find_log
from runner.cli.lazy import LazyGroup

__all__ = ["audit", "find_log"]

COMMANDS = {
    "verify": ("runner.cli.audit_verify", "verify_command"),
    "list": ("runner.cli.audit_list", "list_command"),
    "show": ("runner.cli.audit_show", "show_command"),
    "export": ("runner.cli.audit_export", "export_command"),
    "proof": ("runner.cli.audit_proof", "proof_command"),
    "keygen": ("runner.cli.audit_keygen", "keygen_command"),
}


@click.group(cls=LazyGroup, commands_in=COMMANDS)
def audit() -> None:
    """Verify, list and read the logs of past runs."""
