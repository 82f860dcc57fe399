"""`runbook diff`: two runs side by side."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli import options
from runner.cli.audit_logs import find_log
from runner.cli.replay import reported

if TYPE_CHECKING:
    from runner.audit.compare import RunDiff
    from runner.audit.tolerances import Tolerances

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def tolerances(command: Decorated) -> Decorated:
    """`--price`, `--time` and `--qty`."""
    for name, default, what in (
        ("--qty", "0", "How far apart quantities may be and count as equal, in shares."),
        ("--time", "5s", "How far apart durations may be and count as equal."),
        ("--price", "0.5%", "How far apart prices may be and count as equal."),
    ):
        command = click.option(
            name, default=default, show_default=True, metavar=default.upper(), help=what
        )(command)
    return command


@click.command(short_help="Show two runs side by side.")
@click.argument("first")
@click.argument("second")
@tolerances
@options.audit_dir
@options.as_json("Print one JSON object.")
def diff(first: str, second: str, audit_dir: Path, as_json: bool, **within: str) -> None:
    """Compare the runs of two logs: steps, orders, fills, slippage and durations.

    FIRST and SECOND are files, run ids, or any part of one that is unique in the audit directory.
    Steps are aligned by their path. Ids and moments are never a difference.

    Exit 0 whether they differ or not, 9 when a log is damaged.
    """
    from runner.audit.compare import compare_runs  # noqa: PLC0415
    from runner.drive.supposing import run_log  # noqa: PLC0415

    tolerated = read_tolerances(**within)
    paths = [find_log(one, audit_dir) for one in (first, second)]
    logs = []
    for path in paths:
        with reported(path):
            logs.append(run_log(path))
    print_diff(compare_runs(logs[0], logs[1], tolerated), as_json=as_json)


def print_diff(found: RunDiff, *, as_json: bool) -> None:
    """Print a comparison as people or programs read it."""
    from runner.report.diff_json import diff_data  # noqa: PLC0415
    from runner.report.diff_screen import render  # noqa: PLC0415
    from runner.report.run_stream import Outlet  # noqa: PLC0415

    out = Outlet(sys.stdout)
    if as_json:
        out.write(f"{json.dumps(diff_data(found), indent=2)}\n")
        return
    columns = shutil.get_terminal_size().columns if out.isatty() else 80
    out.write(render(found, max(columns, 60)))


def read_tolerances(price: str, time: str, qty: str) -> Tolerances:
    """The tolerances as they are written. Raises `click.UsageError`."""
    from runner.audit.tolerances import Tolerances  # noqa: PLC0415
    from runner.language.kinds import read_duration  # noqa: PLC0415

    span = None
    try:
        span = timedelta(0) if time == "0" else read_duration(time)
    except ValueError as error:
        raise click.UsageError(f"--time {time}: {error}") from None
    return Tolerances(_number("--price", price, percent=True), span, _number("--qty", qty))


def _number(option: str, text: str, *, percent: bool = False) -> Decimal:
    scale = 100 if percent and text.endswith("%") else 1
    try:
        value = Decimal(text.removesuffix("%") if percent else text) / scale
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        form = "a percentage such as 0.5%" if percent else "a number of shares such as 0"
        raise click.UsageError(f"{option} takes {form}, not {text!r}")
    return value
