"""`runbook resume`: brings a run to its end that was cut short."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from runner.audit.commitment import commitment_in
from runner.audit.errors import AuditError
from runner.audit.lock import state_directory
from runner.broker.credentials import CredentialsError, find_credentials
from runner.broker.wire import Timeouts
from runner.cli import options
from runner.cli.audit import find_log
from runner.cli.checking import show, wants_color
from runner.cli.ruling import yes_refused
from runner.cli.run import say
from runner.drive.admission import not_listed_any_more
from runner.drive.observer import Nobody
from runner.drive.policy import PolicyRefused, find_policy
from runner.drive.replaying import Unreplayable, fresh_run
from runner.drive.resuming import Resumption, take_up
from runner.drive.signals import Signals
from runner.drive.unfinished import Ended, NotResumed, Unfinished, look_at
from runner.guards.rules import Policy, Rules
from runner.machine import Result
from runner.report.run_json import refused_json, run_json
from runner.report.run_resumed import Resumed
from runner.report.run_stream import Outlet
from runner.report.run_summary import WithoutSteps, last_line, render
from runner.report.run_views import view_of


@click.command(short_help="Bring a run to its end that was cut short.")
@click.argument("log")
@click.option(
    "--continue",
    "go_on",
    is_flag=True,
    help="Go on with the steps even when much time has passed or something does not fit.",
)
@click.option(
    "--stop",
    is_flag=True,
    help="Cancel this run's orders by their ids and end it, without its steps or its clean-up.",
)
@options.audit_dir
@options.policy
@options.timeouts
@options.stream
@options.yes
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def resume(log: str, audit_dir: Path, **given: Any) -> None:
    """Take up the run of LOG after a crash, a kill, a power cut or a second Ctrl-C.

    LOG is a file, a run id, or any part of one that is unique in the audit directory.

    What the run had sent is looked up at the broker first. Its steps go on only in the same market
    session, within 10 minutes, when orders, fills and positions agree, and when the policy forbids
    no more than it did; otherwise it is cleaned up and ends.
    """
    if given["go_on"] and given["stop"]:
        raise click.UsageError("--continue and --stop exclude each other")
    try:
        sys.exit(_Command(find_log(log, audit_dir), given).execute())
    except KeyboardInterrupt:  # before it was taken up; from then on the run has its own handlers
        say(sys.stderr, "Interrupted before the run was taken up. Nothing was sent.")
        sys.exit(130)


class _Command:
    """One invocation. Where people read: stdout, or stderr under --json."""

    def __init__(self, path: Path, given: dict[str, Any]) -> None:
        self.path = path
        self.found: Unfinished | None = None
        self.given = given
        self.as_json: bool = given["as_json"]
        self.stream = sys.stderr if self.as_json else sys.stdout
        self.color = wants_color(given["no_color"], self.stream)

    def execute(self) -> int:
        try:
            found = look_at(self.path)
            if isinstance(found, Ended):
                return self._ended(found)
            return self._take_up(found)
        except NotResumed as refused:
            return self._refused(refused.exit_code, str(refused))
        except Unreplayable as error:
            return self._refused(10, f"{error}. `runbook resume --stop` works without it.")
        except AuditError as error:
            return self._refused(9, f"{error} Nothing was sent.")

    def _ended(self, run: Ended) -> int:
        status = run.status.replace("_", " ")
        say(
            self.stream,
            f"Run {run.run_id} ({run.name}) has ended already: {status}, exit code "
            f"{run.exit_code}. Nothing was done.",
        )
        if self.as_json:
            result = Result(run.status, run.exit_code, dict(run.result))
            say(sys.stdout, run_json(run.run_id, run.name, run.target, self.path, result))
        return run.exit_code

    def _take_up(self, found: Unfinished) -> int:
        target = found.target
        stops = self.given["stop"] or found.stopped
        if found.stopped and self.given["go_on"]:
            raise click.UsageError("this run was stopped with --stop: its steps do not go on")
        self.found = found
        tightened, policy = "", None
        if not stops:
            # Both raise before anything is written when it is refused today.
            rules = fresh_run(found.log).rules
            tightened = self._tightened(found, rules)
            file = str(found.log.header["policy"]["file"])
            policy = Policy(file=file, off=rules.off)
        folders = [Path(found.runbook_file).resolve().parent, Path.cwd()]
        try:
            credentials = find_credentials(target, os.environ, folders)
        except CredentialsError as error:
            return self._refused(7, str(error))
        timeouts = Timeouts(self.given["connect_timeout"], self.given["read_timeout"])
        signals = Signals()
        with signals.installed():
            run = take_up(
                found, target, credentials, timeouts=timeouts, yes=self.given["yes"],
                stream=self.given["stream"], tightened=tightened,
            )  # fmt: skip
            result = self._stop(run, signals) if policy is None else self._go(run, policy, signals)
        if self.as_json:
            said = run_json(found.run_id, found.runbook_name, target, self.path, result)
            say(sys.stdout, said)
        return result.exit_code

    def _tightened(self, found: Unfinished, rules: Rules) -> str:
        """What today's policy forbids and the run's own rules allow; empty when nothing.

        Raises `NotResumed` when the policy cannot be used, or not with these options.
        """
        kind, go_on = found.target.kind, self.given["go_on"]
        try:
            policy = find_policy(self.given["policy_file"], os.environ)
        except PolicyRefused as refused:
            show([(refused.source, refused.findings)], color=self.color)
            reason = f"{refused} `runbook resume --stop` works without it."
            raise NotResumed(3, reason) from None
        if self.given["yes"] and (why_not := yes_refused(policy, found.runbook, kind)):
            raise NotResumed(11, why_not)
        more = Rules.of(policy, found.runbook.limits, kind).forbids_more(rules)
        if kind == "live":
            commit = commitment_in(state_directory(os.environ))
            more = not_listed_any_more(policy.accounts, found.log.records, commit) or more
        if more and go_on:
            raise NotResumed(
                11,
                f"The policy is tighter than when the run began: {more}. Its steps cannot go on; "
                "without --continue it is cleaned up and ends. Nothing was sent.",
            )
        return f"a policy that is tighter than when the run began: {more}" if more else ""

    def _go(self, run: Resumption, policy: Policy, signals: Signals) -> Result:
        found = run.unfinished
        told = [one.data for one in found.log.records if one.type == "effect.outcome"]
        resumed = Resumed(len(told), sum(1 for one in told if one.get("resumed")))
        with view_of(self.stream, found.runbook, found.run_id, run.target, self.path,
                     color=self.color, resumed=resumed, policy=policy) as view:  # fmt: skip
            result = run.carry_out(view, signals, go_on=self.given["go_on"])
            view.conclude(result)
        return result

    def _stop(self, run: Resumption, signals: Signals) -> Result:
        simulated = run.target.kind == "sim"
        say(
            self.stream,
            "The simulated exchange ended with the process of its run, and every order with it."
            if simulated
            else "Looking up this run's orders, and cancelling those that open a position.",
        )
        result = run.stop(Nobody(), signals)
        say(self.stream, f"Run {run.unfinished.run_id} was stopped without its steps.\n")
        out = Outlet(self.stream)
        width = shutil.get_terminal_size().columns if out.isatty() else None
        ended = WithoutSteps(simulated, self.path)
        out.write(render(ended, result, width=width, color=self.color))
        return result

    def _refused(self, exit_code: int, reason: str) -> int:
        """A run that was not taken up; where the log is known, with what of it may be live.

        Another process that holds the run says itself what is live: 4 stays 4.
        """
        say(sys.stderr, reason)
        found = self.found
        if found is None:
            if self.as_json:
                say(sys.stdout, refused_json(exit_code, reason))
            return exit_code
        result = found.refused(exit_code, reason)
        data = {**result.data, "status": result.status}
        say(sys.stderr, last_line(data, simulated=found.target.kind == "sim", log=self.path))
        if self.as_json:
            said = run_json(found.run_id, found.runbook_name, found.target, self.path, result)
            say(sys.stdout, said)
        return result.exit_code
