"""Replaying a log: the runbook out of it, a fresh machine, and its own outcomes again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from runner.audit.log import Log, read_log
from runner.drive.recorded import Replay, replay
from runner.drive.timing import resend_within
from runner.effects import ABI
from runner.language.check import check
from runner.language.parameters import GivenValue, given_by_option
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine import Run, carry_out
from runner.steps import ACTIONS


class Unreplayable(Exception):  # noqa: N818 - it names what the log is
    """The log cannot be replayed by this version; the message says why."""


def replay_log(path: Path) -> Replay:
    """Replay a log against today's machine.

    Raises `LogDamaged` when the log cannot be believed, `OSError` when it cannot be read,
    `Unreplayable` when its runbook is not valid any more or a newer engine wrote it.
    """
    log = read_log(path)
    run = fresh_run(log)
    return replay(log.records, carry_out(run))


def fresh_run(log: Log) -> Run:
    """A run at its very beginning, as the log's was."""
    header = log.header
    if not header or log.run is None:
        raise Unreplayable(f"{log.path} holds no run")
    abi = header["engine"]["abi"]
    if abi > ABI:
        raise Unreplayable(
            f"{log.path} was written by a newer engine (ABI {abi}; this is {ABI}): use that version"
        )
    started_at = datetime.fromisoformat(header["started_at"])
    within = resend_within(header["target"]["kind"])
    return Run(recorded_runbook(log), log.run, started_at, resend_within=within)


def recorded_runbook(log: Log) -> Runbook:
    """The runbook that the log holds, checked again with its own parameters."""
    kept = log.header["runbook"]
    given: dict[str, GivenValue] = {}
    for name, value in log.header["params"].items():
        assignment = given_by_option(f"{name}={value}")
        if assignment is not None:
            given[name] = assignment
    checked = check(Source(kept["file"], kept["text"]), ACTIONS, given)
    if checked.runbook is None:
        first = next(found for _, found in checked.findings)
        raise Unreplayable(
            f"the runbook in {log.path} is not valid for this version: {first.code} {first.message}"
        )
    return checked.runbook
