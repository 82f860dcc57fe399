"""`runbook validate`: everything that can be known without a broker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from runner.cli import options
from runner.cli.checking import Found, check_file, read_given, show, unreadable, wants_color
from runner.language.diagnostics import Diagnostic
from runner.language.runbook import Runbook
from runner.report import diagnostics as report

ENDINGS = (".yaml", ".yml")
NONE_IN_IT = "no *.yaml or *.yml file is in this directory"


@click.command(short_help="Check runbooks without a broker.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.parameters
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also say where a runbook asks for more than this policy allows.",
)
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
    *,
    assignments: tuple[str, ...],
    params_file: Path | None,
    policy_file: Path | None,
    output: str,
    no_color: bool,
) -> None:
    """Check FILES and print every finding with its place. Exit 0 when all are valid, else 3.

    With --policy it is 4 where all are valid and one asks for more than the policy allows.

    A directory stands for the *.yaml and *.yml files in it, not those of directories below.
    With -p or --params the values are checked too, as a run would.
    """
    values = read_given(assignments, params_file)
    given = values if assignments or params_file is not None else None
    found: Found = []
    valid, allowed = True, True
    beyond = _judge_of(policy_file, found) if policy_file is not None else None
    if policy_file is not None and beyond is None:
        valid = False
    for folder in files:
        if folder.is_dir() and not _runbooks_in(folder):
            found.append(unreadable(folder, NONE_IN_IT))
            valid = False
    if output == "text":
        show(found, color=wants_color(no_color, sys.stderr))
    for file in (one for named in files for one in _runbooks_in(named)):
        checked, findings = check_file(file, given)
        found.extend(findings)
        ok = checked is not None and not checked.failed
        valid = valid and ok
        if beyond is not None and checked is not None and checked.runbook is not None:
            more = beyond(checked.runbook)
            findings = [*findings, (checked.runbook.source, more)] if more else findings
            found.extend(findings[-1:] if more else [])
            allowed, ok = allowed and not more, not more
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
    sys.exit(3 if not valid else 0 if allowed else 4)


def _judge_of(policy_file: Path, found: Found) -> Callable[[Runbook], list[Diagnostic]] | None:
    """What says where a runbook asks for more; None, and a finding, for a policy that is wrong."""
    # Imported here: without a policy nothing of what runs a runbook is needed.
    from runner.drive.policy import PolicyRefused, find_policy  # noqa: PLC0415
    from runner.drive.within_policy import beyond  # noqa: PLC0415

    try:
        policy = find_policy(policy_file, {})
    except PolicyRefused as refused:
        found.append((refused.source, refused.findings))
        return None
    return lambda runbook: beyond(policy, runbook)


def _runbooks_in(path: Path) -> list[Path]:
    """The files that a directory stands for, by name; a file stands for itself, and so does a
    directory that cannot be looked into."""
    try:
        inside = sorted(path.iterdir()) if path.is_dir() else None
    except OSError:
        inside = None
    if inside is None:
        return [path]
    return [one for one in inside if one.suffix in ENDINGS and not one.is_dir()]
