"""Replaying a log: the runbook out of it, a fresh machine, and its own outcomes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from runner.audit.errors import LogDamaged
from runner.audit.log import Log, read_log
from runner.audit.shapes import LOG_SHAPES, misfits
from runner.drive.recorded import Replay, Untellable, replay
from runner.drive.timing import resend_within
from runner.effects import ABI
from runner.guards import Rules
from runner.language.check import check
from runner.language.parameters import GivenValue, given_by_option
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine import Run, carry_out
from runner.steps import ACTIONS
from runner.world import moment


class Unreplayable(Exception):  # noqa: N818 - it names what the log is
    """The log cannot be replayed by this version; the message says why."""


def replay_log(path: Path) -> Replay:
    """Replay a log against today's machine.

    Raises `LogDamaged` when the log cannot be believed, `OSError` when it cannot be read,
    `Unreplayable` when its runbook is not valid any more or a newer engine wrote it.
    """
    return replay_run(path)[1]


def replay_run(path: Path) -> tuple[Run, Replay]:
    """The same, with the run as it stands where the replay ended."""
    log = believed(path)
    run = fresh_run(log)
    with explained(path):
        outcome = replay(log.records, carry_out(run))
    return run, replace(outcome, torn=log.torn is not None)


def believed(path: Path) -> Log:
    """A log whose every record is what its type promises.

    Raises `LogDamaged` when it is not, `OSError` when the file cannot be read.
    """
    log = read_log(path)
    for record in log.records:
        wrong = misfits(record.type, record.data, LOG_SHAPES)
        if wrong:
            raise damaged(path, record.seq, wrong[0])
    if log.records and log.records[0].type != "run.started":
        raise damaged(path, 1, "it does not begin a run")
    return log


def damaged(path: Path, number: int, reason: str) -> LogDamaged:
    """What to raise when one line of a log, from 1, cannot be replayed."""
    with path.open("rb") as file:
        offset = sum(len(line) for line in islice(file, number - 1))
    return LogDamaged(path, number, offset, reason)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a log is replayed, as an error that a person can use: `LogDamaged`
    or `Unreplayable`."""
    try:
        yield
    except Untellable as error:
        raise damaged(path, error.seq, str(error)) from error
    except Exception as error:
        # Such as a record of the right shape that no run writes: this version cannot go on.
        what = f"{type(error).__name__}: {error}"
        raise Unreplayable(f"{path} cannot be replayed by this version: {what}") from error


def fresh_run(log: Log) -> Run:
    """A run at its very beginning, as the log's was."""
    header = log.header
    if not header or log.run is None:
        raise LogDamaged(log.path, 1, 0, "the log holds no record of a run")
    abi = header["engine"]["abi"]
    if abi != ABI:
        age = "a newer engine" if abi > ABI else "an engine from before the first release"
        raise Unreplayable(
            f"{log.path} was written by {age} (ABI {abi}; this is {ABI}): use that version"
        )
    started_at = moment(header["started_at"])
    if started_at is None:
        raise Unreplayable(f"{log.path} does not say when its run started")
    within = resend_within(header["target"]["kind"])
    try:
        rules = Rules.from_data(header["policy"]["rules"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise Unreplayable(f"the rules in {log.path} are none that are known: {what}") from error
    return Run(recorded_runbook(log), log.run, started_at, rules, resend_within=within)


def recorded_runbook(log: Log) -> Runbook:
    """The runbook that the log holds, checked again with its own parameters."""
    return kept_runbook(log.path, log.header)


def kept_runbook(path: Path, kept: Mapping[str, Any]) -> Runbook:
    """The runbook whose text and parameters a file holds (`runbook`, `params`), checked again.

    Raises `Unreplayable` when it is not valid any more.
    """
    given: dict[str, GivenValue] = {}
    for name, value in kept["params"].items():
        assignment = given_by_option(f"{name}={value}")
        if assignment is not None:
            given[name] = assignment
    source = Source(kept["runbook"]["file"], kept["runbook"]["text"])
    checked = check(source, ACTIONS, given)
    if checked.runbook is None:
        first = next(found for _, found in checked.findings)
        raise Unreplayable(
            f"the runbook in {path} is not valid for this version: {first.code} {first.message}"
        )
    return checked.runbook
