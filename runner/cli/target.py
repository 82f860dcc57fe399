"""The options of commands that look at a target: where it is, and the symbol that is looked at."""

from __future__ import annotations

import shutil

import click

from runner.broker.targets import Target, TargetError, resolve
from runner.cli.options import Command
from runner.language.kinds import SYMBOL
from runner.report.run_stream import Outlet


def options(command: Command) -> Command:
    """`--on`, `--data-url` and `--symbol`."""
    command = click.option(
        "--symbol",
        default="AAPL",
        show_default=True,
        callback=_symbol,
        help="The symbol whose quote is read.",
    )(command)
    command = click.option(
        "--data-url", metavar="URL", help="Market data, when it is not at the same URL."
    )(command)
    return click.option(
        "--on",
        default="sim",
        show_default=True,
        metavar="sim|paper|live|URL",
        help="What to look at. A URL is any server that speaks the Trading API.",
    )(command)


def target_named(on: str, data_url: str | None) -> Target:
    """The target of the options. Raises `click.UsageError`."""
    try:
        return resolve(on, data_url)
    except TargetError as error:
        raise click.UsageError(str(error)) from None


def width_of(out: Outlet) -> int | None:
    """The columns of a terminal, 60 at least; None for anything else."""
    return max(shutil.get_terminal_size().columns, 60) if out.isatty() else None


def _symbol(context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        return str(SYMBOL.read(value))
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from None
