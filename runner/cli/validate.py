"""`runbook validate`: everything that can be known without a broker."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runner.cli import options
from runner.cli.checking import check_file, read_given, show, wants_color
from runner.report import diagnostics as report


@click.command(short_help="Check runbooks without a broker.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.parameters
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How findings are printed; all but text go to stdout.",
)
@options.no_color
def validate(
    files: tuple[Path, ...],
    assignments: tuple[str, ...],
    params_file: Path | None,
    output: str,
    no_color: bool,
) -> None:
    """Check FILES and print every finding with its place. Exit 0 when all are valid, else 3.

    With -p or --params the values are checked too, as a run would.
    """
    values = read_given(assignments, params_file)
    given = values if assignments or params_file is not None else None
    found, valid = [], True
    for file in files:
        checked, findings = check_file(file, given)
        found.extend(findings)
        ok = checked is not None and not checked.failed
        valid = valid and ok
        if output == "text":
            show(findings, color=wants_color(no_color, sys.stderr))
            if ok:
                click.echo(f"{file}: valid")
    if output != "text":
        render = {
            "json": report.render_json,
            "github": report.render_github,
            "sarif": report.render_sarif,
        }[output]
        click.echo(render(found))
    sys.exit(0 if valid else 3)
