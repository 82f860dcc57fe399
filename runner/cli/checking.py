"""Reading and checking a runbook for a command: findings to stderr, or a checked runbook."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from runner.language.check import Checked, check
from runner.language.diagnostics import Diagnostic, Report
from runner.language.loader import UnreadableFile, read_source
from runner.language.parameters import GivenValue, given_by_file, given_by_option
from runner.language.source import Source, Span
from runner.report.diagnostics import render_text
from runner.steps import ACTIONS

MOST_SHOWN = 100
"""A file that is not a runbook at all can give a finding a character."""

Found = list[tuple[Source, list[Diagnostic]]]


def check_file(path: Path, given: Mapping[str, GivenValue] | None) -> tuple[Checked | None, Found]:
    """Check one file: what came of it, and the findings with the texts they are in."""
    try:
        source = read_source(path)
    except UnreadableFile as error:
        return None, [unreadable(path, str(error))]
    checked = check(source, ACTIONS, given)
    reports = [one for one in (checked.report, *checked.given) if one.found]
    return checked, [(one.source, one.sorted()) for one in reports]


def unreadable(path: Path, message: str) -> tuple[Source, list[Diagnostic]]:
    """The finding for a file that cannot be read at all."""
    return Source(str(path), ""), [Diagnostic("RB101", message, Span(1, 1, 1, 1))]


def read_given(assignments: Sequence[str], params_file: Path | None) -> dict[str, GivenValue]:
    """Parameter values from `--params` and `-p`, the latter winning.

    Raises `click.UsageError` for an assignment without a name, and exits 3 for a parameters file
    that cannot be read.
    """
    given: dict[str, GivenValue] = {}
    if params_file is not None:
        try:
            report = Report(read_source(params_file))
        except UnreadableFile as error:
            show([unreadable(params_file, str(error))], color=False)
            raise SystemExit(3) from None
        given |= given_by_file(report.source, report)
        if report.failed:
            show([(report.source, report.sorted())], color=False)
            raise SystemExit(3)
    for assignment in assignments:
        value = given_by_option(assignment)
        if value is None:
            raise click.UsageError(f"-p takes NAME=VALUE, not {assignment!r}")
        given[value.name] = value
    return given


def show(found: Found, *, color: bool) -> None:
    """Print findings to stderr, excerpts and all; of very many, the first."""
    for source, findings in found:
        sys.stderr.write(render_text(source, findings[:MOST_SHOWN], color=color, width=None))
        if len(findings) > MOST_SHOWN:
            sys.stderr.write(f"… and {len(findings) - MOST_SHOWN} more; these come first.\n")


def wants_color(no_color: bool, stream: object) -> bool:
    """Whether to colour what goes to a stream: only a terminal, and only when not refused."""
    return not no_color and bool(getattr(stream, "isatty", lambda: False)())
