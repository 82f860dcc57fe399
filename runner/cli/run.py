"""`runbook run`: carries a runbook out."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click

from runner.audit.errors import AuditError, JournalBroken
from runner.broker.credentials import CredentialsError, find_credentials
from runner.broker.targets import TargetError, resolve
from runner.broker.wire import Timeouts
from runner.cli import options
from runner.cli.checking import check_file, read_given, show, wants_color
from runner.drive.orphans import orphan_beside
from runner.drive.session import Inside, Plan, begin, refuse
from runner.drive.signals import Signals
from runner.drive.unfinished import Unfinished
from runner.machine import every_step
from runner.report.diagnostics import records
from runner.report.run_json import refused_json, run_json
from runner.report.run_stream import Outlet
from runner.report.run_views import view_of

LIVE_NEEDS = (
    "Live trading is not open yet: it will require a policy file, limits in the runbook, a "
    "rehearsal of the same runbook on paper, and your confirmation. Use --on paper."
)


@click.command(short_help="Carry a runbook out.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--on",
    default="sim",
    show_default=True,
    metavar="sim|paper|live|URL",
    help="Where to trade. A URL is any server that speaks the Trading API.",
)
@click.option("--data-url", metavar="URL", help="Market data, when it is not at the same URL.")
@options.parameters
@options.audit_dir
@click.option(
    "--scenario",
    "scenario_file",
    metavar="FILE|NAME",
    help="What the embedded exchange starts with: a YAML file, or a shipped scenario's name.",
)
@click.option("--seed", type=click.IntRange(min=0), help="The embedded exchange's seed.")
@options.timeouts
@options.stream
@options.yes
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def run(file: Path, **given: Any) -> None:
    """Check FILE, then carry it out. Every action goes into a log in the audit directory."""
    try:
        sys.exit(_Command(file, given).execute())
    except KeyboardInterrupt:  # before a run began; from then on the run has its own handlers
        say(sys.stderr, "Interrupted before the run began. Nothing was sent.")
        sys.exit(130)


class _Command:
    """One invocation. `say` is where people read: stdout, or stderr under --json."""

    def __init__(self, file: Path, given: dict[str, Any]) -> None:
        self.file = file
        self.given = given
        self.as_json: bool = given["as_json"]
        self.stream = sys.stderr if self.as_json else sys.stdout
        self.color = wants_color(given["no_color"], self.stream)

    def execute(self) -> int:
        values = read_given(self.given["assignments"], self.given["params_file"])
        checked, found = check_file(self.file, values)
        show(found, color=wants_color(self.given["no_color"], sys.stderr))
        if checked is None or checked.runbook is None:
            runbook_is_wrong = checked is None or checked.report.failed
            what = f"{self.file} is not a valid runbook" if runbook_is_wrong else "A value is wrong"
            return self._refused(3, f"{what}; nothing was sent.", findings=records(found))
        try:
            target = resolve(self.given["on"], self.given["data_url"])
        except TargetError as error:
            raise click.UsageError(str(error)) from None
        inside = self._inside(target.kind)
        if target.kind == "live":
            return self._refused(11, LIVE_NEEDS, target=target.kind, record=True)
        folders = [self.file.resolve().parent, Path.cwd()]
        try:
            credentials = find_credentials(target, os.environ, folders)
        except CredentialsError as error:
            return self._refused(7, str(error), target=target.kind, record=True)
        timeouts = Timeouts(self.given["connect_timeout"], self.given["read_timeout"])
        plan = Plan(
            checked.runbook, target, credentials, self.given["audit_dir"], timeouts, inside,
            yes=self.given["yes"], stream=self.given["stream"],
        )  # fmt: skip
        return self._carry_out(plan)

    def _inside(self, kind: str) -> Inside | None:
        """What the embedded exchange starts with; None for any other target."""
        file, seed = self.given["scenario_file"], self.given["seed"]
        if kind != "sim":
            if file is not None or seed is not None:
                raise click.UsageError("--scenario and --seed belong to --on sim")
            return None
        # Imported here: a run on a real broker does not need the exchange.
        from runner.sim import ScenarioError, default_scenario  # noqa: PLC0415
        from runner.sim.scenario_file import find_scenario  # noqa: PLC0415

        text = ""
        try:
            if file is None:
                scenario = default_scenario()
            else:
                scenario, text = find_scenario(file)
        except ScenarioError as error:
            raise click.UsageError(str(error)) from None
        if seed is not None:
            scenario = replace(scenario, seed=seed)
        return Inside(scenario, text, file or "")

    def _carry_out(self, plan: Plan) -> int:
        runbook, target, signals = plan.runbook, plan.target, Signals()
        opens = any(step.action.opens for step in every_step(runbook.body))
        if opens and target.kind != "sim":
            orphan = orphan_beside(plan.audit_dir, target.base_url, runbook.symbols or ())
            if orphan is not None:
                reason = orphan_in_words(orphan)
                return self._refused(4, reason, target=target.kind, record=True)
        with signals.installed():
            try:
                session = begin(plan)
            except AuditError as error:
                return self._refused(9, f"{error} Nothing was sent.", target=target.kind)
            with view_of(self.stream, runbook, session.run_id, target, session.log,
                         color=self.color) as view:  # fmt: skip
                try:
                    result = session.carry_out(view, signals)
                except JournalBroken as error:
                    return self._refused(9, f"{error} Nothing was sent.", target=target.kind)
                view.conclude(result)
            if self.as_json:
                said = run_json(session.run_id, runbook.name, target, session.log, result)
                say(sys.stdout, said)
            return result.exit_code

    def _refused(
        self,
        exit_code: int,
        reason: str,
        *,
        target: str | None = None,
        record: bool = False,
        findings: Sequence[Mapping[str, Any]] = (),
    ) -> int:
        """A run that never began: said, and put on record where there is something to keep."""
        if record:
            details = {"file": str(self.file), "target": target or ""}
            refuse(self.given["audit_dir"], exit_code, reason, details)
        say(sys.stderr, reason)
        if self.as_json:
            say(sys.stdout, refused_json(exit_code, reason, target, findings))
        return exit_code


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
