"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def parameters(command: Command) -> Command:
    """`-p name=value` and `--params FILE`."""
    command = click.option(
        "-p",
        "--param",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="Give a parameter its value; may be repeated.",
    )(command)
    return click.option(
        "--params",
        "params_file",
        type=click.Path(path_type=Path),
        help="A YAML file of parameter values; -p wins over it.",
    )(command)


def audit_dir(command: Command) -> Command:
    """`--audit-dir DIR`, also from RUNBOOK_AUDIT_DIR."""
    return click.option(
        "--audit-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("audit"),
        show_default=True,
        envvar="RUNBOOK_AUDIT_DIR",
        show_envvar=True,
        help="Where logs are kept.",
    )(command)


def no_color(command: Command) -> Command:
    """`--no-color`, also from NO_COLOR."""
    return click.option(
        "--no-color", is_flag=True, envvar="NO_COLOR", help="Print without colour."
    )(command)


def as_json(help_text: str) -> Callable[[Command], Command]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)
