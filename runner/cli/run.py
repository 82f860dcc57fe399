"""`runbook run`: carries a runbook out."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any, TextIO

import click

from runner.audit.errors import AuditError, JournalBroken
from runner.broker.credentials import Credentials, CredentialsError, find_credentials
from runner.broker.wire import Timeouts
from runner.cli import options
from runner.cli.checking import wants_color
from runner.cli.ruling import NotAllowed, policy_for
from runner.cli.starting import NOTHING, Stopped, Wanted, from_file, from_plan, key_told
from runner.drive.orphans import orphan_beside
from runner.drive.session import Plan, Session, begin, refuse
from runner.drive.signals import Signals
from runner.drive.unfinished import Unfinished
from runner.machine import Result, every_step
from runner.report.diagnostics import records
from runner.report.run_json import refused_json, run_json
from runner.report.run_stream import Outlet
from runner.report.run_views import view_of


@click.command(short_help="Carry a runbook out.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--plan",
    "plan_file",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="Carry out this saved plan (`runbook plan -o`), and only if nothing has moved since.",
)
@click.option("--approve", metavar="DIGEST", help="The saved plan's digest: approves it.")
@click.option(
    "--on",
    metavar="sim|paper|live|URL",
    help="Where to trade; sim where nothing is said. A URL is any server that speaks the Trading "
    "API.",
)
@click.option("--data-url", metavar="URL", help="Market data, when it is not at the same URL.")
@options.parameters
@options.audit_dir
@options.scenario
@options.policy
@options.timeouts
@options.stream
@options.yes
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def run(**given: Any) -> None:
    """Check FILE, then carry it out. Every action goes into a log in the audit directory.

    With --plan in place of FILE a saved plan is carried out: it holds runbook, parameters and
    target. Live runs need one.
    """
    try:
        sys.exit(RunCommand(given).execute())
    except KeyboardInterrupt:  # before a run began; from then on the run has its own handlers
        say(sys.stderr, "Interrupted before the run began. Nothing was sent.")
        sys.exit(130)


class RunCommand:
    """One invocation. `say` is where people read: stdout, or stderr under --json."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.as_json: bool = given["as_json"]
        self.stream = sys.stderr if self.as_json else sys.stdout
        self.color = wants_color(given["no_color"], self.stream)
        self.target: str | None = None

    def execute(self) -> int:
        try:
            wanted = self._wanted()
            self.target = wanted.target.kind
            return self._carry_out(self._allowed(wanted))
        except Stopped as stopped:
            return self._refused(stopped)

    def _wanted(self) -> Wanted:
        """What is to be carried out. Raises `Stopped`, `UsageError`."""
        file, saved = self.given["file"], self.given["plan_file"]
        if (file is None) == (saved is None):
            raise click.UsageError("give a runbook's FILE, or --plan with a saved plan, and one")
        if saved is None and self.given["approve"] is not None:
            raise click.UsageError("--approve is for a saved plan: give --plan")
        return from_file(file, self.given) if saved is None else from_plan(saved, self.given)

    def _allowed(self, wanted: Wanted) -> Plan:
        """Everything that must be so before a run may begin. Raises `Stopped`."""
        given, target, audit_dir = self.given, wanted.target, self.given["audit_dir"]
        policy = policy_for(
            given["policy_file"], wanted.runbook, target.kind,
            yes=given["yes"], no_color=given["no_color"],
        )  # fmt: skip
        if isinstance(policy, NotAllowed):
            found = records(policy.found)
            raise Stopped(policy.exit_code, policy.reason, record=True, findings=found)
        credentials, keys = Credentials("", ""), ""
        try:
            credentials = find_credentials(target, os.environ, [wanted.folder, Path.cwd()])
        except CredentialsError as error:
            if target.kind != "live":
                raise Stopped(7, str(error), record=True) from None
            keys = str(error)
        told = key_told(wanted, credentials)
        if told:
            raise Stopped(3, f"{told} {NOTHING}", record=True)
        timeouts = Timeouts(given["connect_timeout"], given["read_timeout"])
        approval = None
        if wanted.plan is not None or target.kind == "live":
            # Imported here: a run without a plan needs none of it.
            from runner.cli import approving  # noqa: PLC0415

            if target.kind == "live":
                approving.must_be_ready_for_live(
                    wanted, policy, audit_dir, keys=keys, approve=given["approve"]
                )
            approval = approving.approval_of(wanted, given["approve"])
            if wanted.plan is not None:  # last, because whoever approves may take their time
                approving.must_still_hold(
                    wanted, wanted.plan, credentials, policy, audit_dir=audit_dir, timeouts=timeouts
                )
        return Plan(
            wanted.runbook, target, credentials, audit_dir, timeouts, wanted.inside,
            yes=given["yes"], stream=given["stream"], policy=policy, approval=approval,
        )  # fmt: skip

    def _carry_out(self, plan: Plan) -> int:
        runbook, target, signals = plan.runbook, plan.target, Signals()
        opens = any(step.action.opens for step in every_step(runbook.body))
        if opens and target.kind != "sim":
            orphan = orphan_beside(plan.audit_dir, target.base_url, runbook.symbols or ())
            if orphan is not None:
                raise Stopped(4, orphan_in_words(orphan), record=True)
        with signals.installed():
            try:
                session = begin(plan)
            except AuditError as error:
                raise Stopped(9, f"{error} {NOTHING}") from None
            with view_of(self.stream, runbook, session.run_id, target, session.log,
                         color=self.color, policy=plan.policy) as view:  # fmt: skip
                try:
                    result = session.carry_out(view, signals)
                except JournalBroken as error:
                    raise Stopped(9, f"{error} {NOTHING}") from None
                view.conclude(result)
            self._conclude(session, result)
            return result.exit_code

    def _conclude(self, session: Session, result: Result) -> None:
        """What is said on stdout once the run is over."""
        if self.as_json:
            name, target = session.plan.runbook.name, session.plan.target
            self._say_json(run_json(session.run_id, name, target, session.log, result))

    def _say_json(self, said: str) -> None:
        say(sys.stdout, said)

    def _refused(self, stopped: Stopped) -> int:
        """A run that never began: said, and put on record where there is something to keep."""
        code, reason = stopped.exit_code, stopped.reason
        if stopped.record:
            named = str(self.given["file"] or self.given["plan_file"])
            details = {"file": named, "target": self.target or ""}
            refuse(self.given["audit_dir"], code, reason, details)
        say(sys.stderr, reason)
        if self.as_json:
            self._say_json(refused_json(code, reason, self.target, stopped.findings))
        return code


def orphan_in_words(run: Unfinished) -> str:
    """Why a new run must wait for an older one."""
    log = shlex.quote(str(run.log.path))
    return (
        f"Run {run.run_id} ({run.runbook_name}) trades the same symbols and was cut short; "
        f"{', '.join(run.open_orders)} may be live. Nothing was sent. Settle it first: "
        f"runbook resume {log}"
    )


def say(stream: TextIO, text: str) -> None:
    """Print a line; a stream that is closed changes neither the run nor its exit code."""
    Outlet(stream).write(f"{text}\n")
