"""`runbook replay` with something that is supposed to be otherwise."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from runner.audit.log import Log
from runner.cli.checking import Found, read_given, show, unreadable
from runner.drive.policy import PolicyRefused, read_policy_file
from runner.drive.supposing import Otherwise, kept_source, kept_values, run_log, what_if
from runner.guards.policy import policy_of
from runner.guards.rules import LIMITS, Policy, limit_text
from runner.language import tree
from runner.language.check import check
from runner.language.diagnostics import Report
from runner.language.loader import UnreadableFile, load, read_source
from runner.language.parameters import GivenValue
from runner.language.runbook import Limits, Runbook
from runner.language.source import Source
from runner.language.values import as_given
from runner.report.run_stream import Outlet
from runner.report.whatif_screen import render, what_if_data
from runner.steps import ACTIONS

INVALID = 3


class NotSupposed(Exception):  # noqa: N818 - it says what is wrong with what was given
    """What is supposed cannot be; findings have been shown."""


def suppose(
    path: Path,
    *,
    runbook_file: Path | None,
    assignments: Sequence[str],
    limits_file: Path | None,
    as_json: bool,
) -> int:
    """Compare a log with what would have been, print it, and give the exit code.

    Raises `LogDamaged`, `Unreplayable` and `OSError` for the log.
    """
    log = run_log(path)
    try:
        otherwise = _otherwise(log, runbook_file, read_given(assignments, None), limits_file)
    except NotSupposed as wrong:
        click.echo(str(wrong), err=True)
        return INVALID
    found = what_if(log, otherwise)
    out = Outlet(sys.stdout)
    if as_json:
        out.write(f"{json.dumps(what_if_data(found), indent=2)}\n")
    else:
        columns = shutil.get_terminal_size().columns if out.isatty() else 80
        out.write(render(found, max(columns, 60)))
    return found.exit_code


def _otherwise(
    log: Log, file: Path | None, given: Mapping[str, GivenValue], limits_file: Path | None
) -> Otherwise:
    runbook, dropped = _runbook(log, file, given)
    changes = list(_changes(log, runbook, file))
    policy, limits = (None, None) if limits_file is None else _limits(limits_file)
    if policy is not None:
        changes.append(f"the policy {limits_file}")
    if limits is not None:
        changes += [
            f"{name} {limit_text(name, value)}"
            for name in LIMITS
            if (value := getattr(limits, name)) is not None
        ]
    return Otherwise(runbook, policy, limits, tuple(changes), dropped)


def _runbook(
    log: Log, file: Path | None, given: Mapping[str, GivenValue]
) -> tuple[Runbook, tuple[str, ...]]:
    """The text with the log's values, those given on the command line before them."""
    source = kept_source(log)
    values, dropped = kept_values(log), tuple[str, ...]()
    if file is not None:
        try:
            source = read_source(file)
        except UnreadableFile as error:
            raise _wrong(str(file), [unreadable(file, str(error))]) from None
        declared = _declared(source)
        dropped = tuple(f"{file} has no parameter {one}" for one in values if one not in declared)
        values = {name: one for name, one in values.items() if name in declared}
    checked = check(source, ACTIONS, {**values, **given})
    reports = [one for one in (checked.report, *checked.given) if one.found]
    found = [(one.source, one.sorted()) for one in reports]
    if checked.runbook is None:
        raise _wrong(source.name, found)
    return checked.runbook, dropped


def _declared(source: Source) -> set[str]:
    """The names of a text's parameters, as far as they can be read."""
    root = load(source, Report(source))
    node = root.get("params") if isinstance(root, tree.Mapping) else None
    return {one.key.text for one in node.entries} if isinstance(node, tree.Mapping) else set()


def _wrong(name: str, found: Found) -> NotSupposed:
    show(found, color=False)
    return NotSupposed(f"{name} cannot be supposed. Nothing was compared.")


def _changes(log: Log, runbook: Runbook, file: Path | None) -> Sequence[str]:
    found = [] if file is None else [f"the runbook {file}"]
    before = log.header["params"]
    for name, value in runbook.params.items():
        now = as_given(value)
        if before.get(name) != now:
            was = f", was {before[name]}" if name in before else ""
            found.append(f"{name} = {now}{was}")
    return found


def _limits(file: Path) -> tuple[Policy | None, Limits | None]:
    """A policy, which holds whole; or a file of `limits:` alone, which change those of the run."""
    try:
        source = read_source(file)
    except UnreadableFile as error:
        raise _wrong(str(file), [unreadable(file, str(error))]) from None
    try:
        if re.search(r"^\s*[\"']?policy[\"']?\s*:", source.text, re.MULTILINE):
            return read_policy_file(file, ""), None
    except PolicyRefused as refused:
        raise _wrong(str(file), [(refused.source, refused.findings)]) from None
    # The version is put behind, so that findings name the lines as they are written.
    whole = Source(source.name, f"{source.text.rstrip()}\npolicy: 1\n")
    report = Report(whole)
    policy = policy_of(whole, report)
    if policy is None:
        raise _wrong(str(file), [(whole, report.sorted())])
    return None, policy.limits
