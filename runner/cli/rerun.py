"""`runbook rerun`: the runbook and parameters of a log once more, then both runs side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from runner.audit.log import Log
from runner.cli import options
from runner.cli.audit_logs import find_log
from runner.cli.diff import read_tolerances, tolerances
from runner.cli.replay import reported
from runner.cli.run import RunCommand, say
from runner.cli.starting import Wanted, from_log
from runner.drive.session import Session
from runner.drive.supposing import run_log
from runner.machine import Result
from runner.report.run_json import run_object


@click.command(short_help="Carry a log's runbook out again, and compare.")
@click.argument("log")
@click.option(
    "--on",
    metavar="sim|paper|URL",
    help="Where to trade; sim where nothing is said. Live is refused.",
)
@click.option("--data-url", metavar="URL", help="Market data, when it is not at the same URL.")
@options.audit_dir
@click.option(
    "--scenario",
    "scenario_file",
    metavar="FILE|NAME",
    help="What the embedded exchange starts with, in place of what the log's run started with.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), help="The embedded exchange's seed; the log's own else."
)
@tolerances
@options.policy
@options.timeouts
@options.stream
@options.yes
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def rerun(log: str, **given: Any) -> None:
    """Carry out the runbook in LOG again, with its parameters, and compare the two runs.

    LOG is a file, a run id, or any part of one that is unique in the audit directory. The new run
    has a log of its own, and today's policy holds. On the embedded exchange it begins with the
    scenario and the seed of the log's run.

    The exit code is that of the new run; that the runs differ is no error.
    """
    path = find_log(log, given["audit_dir"])
    given |= {"file": path, "plan_file": None, "approve": None}
    try:
        sys.exit(_Rerun(path, given).execute())
    except KeyboardInterrupt:  # before a run began; from then on the run has its own handlers
        say(sys.stderr, "Interrupted before the run began. Nothing was sent.")
        sys.exit(130)


class _Rerun(RunCommand):
    """One invocation."""

    def __init__(self, path: Path, given: dict[str, Any]) -> None:
        super().__init__(given)
        self.path = path
        self.within = read_tolerances(given["price"], given["time"], given["qty"])
        self.log: Log | None = None

    def _wanted(self) -> Wanted:
        with reported(self.path):
            self.log = run_log(self.path)
        return from_log(self.log, self.given)

    def _conclude(self, session: Session, result: Result) -> None:
        from runner.audit.compare import compare_runs  # noqa: PLC0415
        from runner.cli.diff import print_diff  # noqa: PLC0415
        from runner.report.diff_json import diff_data  # noqa: PLC0415

        assert self.log is not None
        found = compare_runs(self.log, run_log(session.log), self.within)
        if not self.as_json:
            say(sys.stdout, "")
            print_diff(found, as_json=False)
            return
        name, target = session.plan.runbook.name, session.plan.target
        ran = run_object(session.run_id, name, target, session.log, result)
        say(sys.stdout, json.dumps({"run": ran, "diff": diff_data(found)}, indent=2))

    def _say_json(self, said: str) -> None:
        """A run that never began: there is nothing to compare."""
        say(sys.stdout, json.dumps({"run": json.loads(said), "diff": None}, indent=2))
