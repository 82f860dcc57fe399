"""`runbook replay --step`: forward and back through a replay by single keys, or all at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from runner.cli.audit_logs import width
from runner.cli.keys import Keys
from runner.cli.replay import PARTED
from runner.drive.walking import Point, Walk, parted_at
from runner.report.replay_outcome import outcome_data, outcome_lines
from runner.report.replay_step import point_lines

KEYS = "n or → next · p or ← back · g go to a record or step · q quit"
_NEXT = ("n", " ", "\r", "\n", "j", "\x1b[C", "\x1b[B", "\x1bOC", "\x1bOB")
_BACK = ("p", "b", "k", "\x1b[D", "\x1b[A", "\x1bOD", "\x1bOA")
_QUIT = ("q", "Q", "\x1b", "\x04", "")


def walk(path: Path, *, as_json: bool) -> int:
    """Walk through a log; the exit code of its replay. Raises as `replay_log` does."""
    walked = Walk(path)
    if as_json:
        _print_json(walked)
    elif sys.stdin.isatty() and sys.stdout.isatty():
        _by_keys(walked)
    else:
        _print_all(walked)
    ended = walked.replay
    return PARTED if ended is not None and ended.divergence is not None else 0


def _print_all(walked: Walk) -> None:
    known = None
    for point in walked:
        for line in point_lines(point, walked.runbook, width(), known):
            click.echo(line)
        click.echo()
        known = point.known
    for line in _end(walked, width()):
        click.echo(line)


def _print_json(walked: Walk) -> None:
    """One object, a point a line, so that a long log need not stand in memory whole."""
    click.echo('{"points": [', nl=False)
    between = "\n"
    for point in walked:
        click.echo(between + json.dumps(point.to_data()), nl=False)
        between = ",\n"
    assert walked.replay is not None
    ended = json.dumps(outcome_data(walked.replay, parted_at(walked.run, walked.replay.divergence)))
    click.echo(f'\n], "outcome": {ended}}}')


def _by_keys(walked: Walk) -> None:
    """Show one point at a time. The last thing to be shown is what the replay came to."""
    points = list(walked)
    at = 0
    with Keys() as keys:
        while True:
            click.clear()
            for line in _screen(walked, points, at):
                click.echo(line)
            click.echo(click.style(KEYS, dim=True))
            key = keys.next()
            if key in _QUIT:
                return
            if key in _NEXT:
                at = min(at + 1, len(points))
            elif key in _BACK:
                at = max(at - 1, 0)
            elif key == "g":
                at = _place(points, keys.line("record or step: "), at)


def _screen(walked: Walk, points: Sequence[Point], at: int) -> Iterator[str]:
    columns = width()
    if at == len(points):
        yield from _end(walked, columns)
        return
    yield f"{at + 1} of {len(points)}"
    yield from point_lines(points[at], walked.runbook, columns)


def _place(points: Sequence[Point], asked: str, at: int) -> int:
    """The first point from a record on, or of a step by its path or id; `at` when there is none."""
    if asked.isdecimal():
        found = (i for i, one in enumerate(points) if one.record and one.record >= int(asked))
    else:
        found = (i for i, one in enumerate(points) if asked in (one.step, one.said.get("id")))
    return next(found, at) if asked else at


def _end(walked: Walk, columns: int) -> Iterator[str]:
    assert walked.replay is not None
    span = parted_at(walked.run, walked.replay.divergence)
    yield from outcome_lines(walked.replay, walked.runbook.source, span, columns)
