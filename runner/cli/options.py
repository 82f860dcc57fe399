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


def timeouts(command: Command) -> Command:
    """`--connect-timeout` and `--read-timeout`."""
    for name, least, most, default, what in (
        ("--read-timeout", 0.1, 300, 20.0, "an answer"),
        ("--connect-timeout", 0.1, 120, 10.0, "a connection"),
    ):
        command = click.option(
            name,
            type=click.FloatRange(least, most),
            default=default,
            show_default=True,
            metavar="SECONDS",
            help=f"How long to wait for {what}.",
        )(command)
    return command


def policy(command: Command) -> Command:
    """`--policy FILE`. RUNBOOK_POLICY is read where the policy is found, to name it there."""
    return click.option(
        "--policy",
        "policy_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The owner's policy. Without it RUNBOOK_POLICY, then "
        "~/.config/order-runbook/policy.yaml, then the built-in ceilings.",
    )(command)


def scenario(command: Command) -> Command:
    """`--scenario` and `--seed`."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), help="The embedded exchange's seed."),
        click.option(
            "--scenario",
            "scenario_file",
            metavar="FILE|NAME",
            help="What the embedded exchange starts with: a YAML file, or a shipped scenario's "
            "name.",
        ),
    ):
        command = option(command)
    return command


def yes(command: Command) -> Command:
    """`--yes`."""
    return click.option(
        "--yes", is_flag=True, help="Answer yes to every question that the runbook asks."
    )(command)


def stream(command: Command) -> Command:
    """`--stream` and `--no-stream`; None when neither is given."""
    return click.option(
        "--stream/--no-stream",
        default=None,
        help="Listen to the account's trade updates, so that a fill is noticed at once. On by "
        "itself only for a server on this machine: an account has one such connection.",
    )(command)


def as_json(help_text: str) -> Callable[[Command], Command]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)
