"""`runbook plan`: what a runbook would do to an account. It reads, and sends nothing."""

from __future__ import annotations

import gc
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.broker.credentials import CredentialsError, find_credentials
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
from runner.cli import options
from runner.cli.checking import wants_color
from runner.cli.ruling import NotAllowed, policy_for
from runner.cli.starting import NOTHING, Stopped, Wanted, from_file, key_told
from runner.guards.rules import Policy
from runner.report.diagnostics import records, visible
from runner.report.run_stream import Outlet
from runner.report.run_text import NEW_YORK

if TYPE_CHECKING:
    from runner.drive.projection import Projection

SELDOM = 100_000
"""Objects after which garbage is looked for: a plan imports much and is soon over."""


@click.command(short_help="Show what a runbook would do to the account.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--on",
    default="sim",
    show_default=True,
    metavar="sim|paper|live|URL",
    help="Whose account to look at. A URL is any server that speaks the Trading API.",
)
@click.option("--data-url", metavar="URL", help="Market data, when it is not at the same URL.")
@options.parameters
@options.audit_dir
@options.scenario
@options.policy
@click.option(
    "-o",
    "--output",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="Save the plan in a file, for `runbook run --plan PLAN`.",
)
@options.timeouts
@options.as_json("Print one JSON object on stdout, everything else on stderr.")
@options.no_color
def plan(file: Path, **given: Any) -> None:
    """Read the target, send nothing, and show what carrying out FILE would do.

    Exit code 0: it would run, or that cannot be told; 4: a guard or a check refuses; 7: the target
    could not be read.
    """
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        sys.exit(_Command(file, given).execute())
    except KeyboardInterrupt:
        Outlet(sys.stderr).write(f"Interrupted. {NOTHING}\n")
        sys.exit(130)
    finally:
        gc.set_threshold(*usual)


class _Command:
    """One invocation."""

    def __init__(self, file: Path, given: dict[str, Any]) -> None:
        self.file = file
        self.given = given
        self.as_json: bool = given["as_json"]

    def execute(self) -> int:
        target: Target | None = None
        try:
            wanted = from_file(self.file, self.given)
            target = wanted.target
            policy = policy_for(
                self.given["policy_file"], wanted.runbook, target.kind,
                yes=False, no_color=self.given["no_color"],
            )  # fmt: skip
            if isinstance(policy, NotAllowed):
                found = records(policy.found)
                raise Stopped(policy.exit_code, policy.reason, findings=found)
            return self._show(self._look_ahead(wanted, policy), wanted, policy)
        except Stopped as stopped:
            return self._no_plan(stopped, target)

    def _look_ahead(self, wanted: Wanted, policy: Policy) -> Projection:
        try:
            folders = [wanted.folder, Path.cwd()]
            credentials = find_credentials(wanted.target, os.environ, folders)
        except CredentialsError as error:
            raise Stopped(7, str(error)) from None
        if told := key_told(wanted, credentials):
            raise Stopped(3, f"{told} {NOTHING}")
        # Imported here: findings in the file are told without the broker's client.
        from runner.drive.planning import look_ahead  # noqa: PLC0415

        return look_ahead(
            wanted.runbook, wanted.target, credentials, policy,
            audit_dir=self.given["audit_dir"],
            timeouts=Timeouts(self.given["connect_timeout"], self.given["read_timeout"]),
            scenario=wanted.inside.scenario if wanted.inside is not None else None,
        )  # fmt: skip

    def _show(self, projection: Projection, wanted: Wanted, policy: Policy) -> int:
        # Imported here: only what is shown is needed, and only once there is something to show.
        from runner.report.plan_totals import exit_code, reason_of  # noqa: PLC0415

        runbook, target = wanted.runbook, wanted.target
        code = exit_code(projection)
        if not projection.observed.account:
            raise Stopped(code, f"{reason_of(projection).rstrip('.')}. {NOTHING}")
        saved = self._save(projection, wanted, policy) if self.given["output"] is not None else ""
        if self.as_json:
            from runner.report.plan_json import plan_data  # noqa: PLC0415

            data = plan_data(projection, runbook, target, policy)
            Outlet(sys.stdout).write(f"{json.dumps(data, indent=2)}\n")
            Outlet(sys.stderr).write(saved)
            return code
        from runner.report.plan_screen import Planned, render  # noqa: PLC0415

        out = Outlet(sys.stdout)
        planned = Planned(projection, runbook, str(self.file), target, policy)
        width = shutil.get_terminal_size().columns if out.isatty() else None
        color = wants_color(self.given["no_color"], sys.stdout)
        out.write(carried(render(planned, width=width, color=color), out.encoding))
        Outlet(sys.stderr).write(saved)
        return code

    def _save(self, projection: Projection, wanted: Wanted, policy: Policy) -> str:
        """Save the plan, and say so. One that would be refused is not worth keeping."""
        from runner.drive.saved_plan import PlanRefused, plan_to_save, save  # noqa: PLC0415
        from runner.report.plan_json import plan_data  # noqa: PLC0415
        from runner.report.plan_totals import exit_code  # noqa: PLC0415

        path: Path = self.given["output"]
        if exit_code(projection):
            return f"Not saved: {path} would be a plan that is refused.\n"
        try:
            plan = plan_to_save(
                plan_data(projection, wanted.runbook, wanted.target, policy),
                projection,
                data_url=self.given["data_url"] or "",
                scenario=wanted.inside.kept if wanted.inside is not None else None,
            )
            save(plan, path)
        except PlanRefused as refused:
            raise Stopped(7, f"{refused} {NOTHING}") from None
        except OSError as error:
            raise Stopped(2, f"{path} cannot be written: {error.strerror or error}.") from None
        until = plan.expires.astimezone(NEW_YORK)
        return (
            f"Plan {plan.short} is saved; it holds until {until:%H:%M:%S} New York:\n"
            f"runbook run --plan {shlex.quote(str(path))}\n"
        )

    def _no_plan(self, stopped: Stopped, target: Target | None) -> int:
        Outlet(sys.stderr).write(f"{visible(stopped.reason)}\n")
        if self.as_json:
            from runner.report.plan_json import refused_data  # noqa: PLC0415

            kind = None if target is None else target.kind
            data = refused_data(stopped.exit_code, stopped.reason, kind, stopped.findings)
            Outlet(sys.stdout).write(f"{json.dumps(data, indent=2)}\n")
        return stopped.exit_code


def carried(text: str, encoding: str) -> str:
    """The text with the mark of an estimate as the stream can carry it."""
    from runner.report.plan_text import ABOUT, ABOUT_IN_ASCII  # noqa: PLC0415

    try:
        ABOUT.encode(encoding)
    except UnicodeEncodeError:
        return text.replace(ABOUT, ABOUT_IN_ASCII)
    return text
