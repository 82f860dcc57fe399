"""What a command is to carry out or to look ahead on: a runbook, where, and by which plan.

It comes from a runbook's file and the options, or whole from a saved plan.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.broker.targets import Target, TargetError, resolve
from runner.cli.checking import check_file, read_given, show, wants_color
from runner.language.values import as_given
from runner.report.diagnostics import records

if TYPE_CHECKING:
    from runner.audit.log import Log
    from runner.broker.credentials import Credentials
    from runner.drive.saved_plan import SavedPlan
    from runner.drive.session import Inside
    from runner.language.runbook import Runbook

NOTHING = "Nothing was sent."


class Stopped(Exception):  # noqa: N818 - it says no; it is not a programming error
    """The command ends here, nothing sent. `record` puts it into the ledger; `findings` are those
    of an invalid file, as `validate --format json` prints them."""

    def __init__(
        self,
        exit_code: int,
        reason: str,
        *,
        record: bool = False,
        findings: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(reason)
        self.exit_code = exit_code
        self.reason = reason
        self.record = record
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Wanted:
    """`inside` is given exactly when the target is the exchange inside; `folder` is where a `.env`
    is looked for beside the working directory."""

    runbook: Runbook
    target: Target
    inside: Inside | None
    folder: Path
    plan: SavedPlan | None = None


def from_file(file: Path, given: Mapping[str, Any]) -> Wanted:
    """What the options name. Raises `Stopped` for an invalid runbook, `UsageError`."""
    values = read_given(given["assignments"], given["params_file"])
    checked, found = check_file(file, values)
    show(found, color=wants_color(given["no_color"], sys.stderr))
    if checked is None or checked.runbook is None:
        runbook_is_wrong = checked is None or checked.report.failed
        what = f"{file} is not a valid runbook" if runbook_is_wrong else "A value is wrong"
        raise Stopped(3, f"{what}. {NOTHING}", findings=records(found))
    target = _target(given["on"] or "sim", given["data_url"])
    inside = _inside(target.kind, given["scenario_file"], given["seed"])
    return Wanted(checked.runbook, target, inside, file.resolve().parent)


def from_plan(file: Path, given: Mapping[str, Any]) -> Wanted:
    """What a saved plan holds; `--on` may repeat its target.

    Raises `Stopped` (11) when the file is no plan, was changed, or is for elsewhere.
    """
    # Imported here: a run without a plan needs none of it.
    from runner.drive.rebuilding import scenario_of  # noqa: PLC0415
    from runner.drive.replaying import Unreplayable, kept_runbook  # noqa: PLC0415
    from runner.drive.saved_plan import PlanRefused, load  # noqa: PLC0415
    from runner.drive.session import Inside  # noqa: PLC0415

    for option in ("assignments", "params_file", "data_url", "scenario_file", "seed"):
        if given[option] not in (None, ()):
            raise click.UsageError("the plan holds its own parameters, target and scenario")
    try:
        plan = load(file)
        runbook = kept_runbook(file, plan.data)
    except (PlanRefused, Unreplayable) as error:
        raise Stopped(11, _whole(str(error)), record=True) from None
    kept = plan.data["target"]
    target = _target(kept["base_url"] or kept["kind"], plan.data["data_url"] or None)
    if given["on"] is not None and _target(given["on"], None).base_url != target.base_url:
        words = f"{file} is a plan for {kept['kind']} {kept['base_url']}".rstrip()
        raise Stopped(11, f"{words}, not for {given['on']}. {NOTHING}", record=True)
    inside = None
    if target.kind == "sim":
        scenario = plan.data["scenario"]
        inside = Inside(scenario_of(plan.data), scenario["text"], scenario.get("file", ""))
    return Wanted(runbook, target, inside, file.resolve().parent, plan)


def key_told(wanted: Wanted, credentials: Credentials) -> str:
    """Which key of the user's the log or a saved plan would hold; empty when none."""
    # Imported here: a runbook that is refused for what it says needs none of it.
    from runner.drive.secrecy import key_in  # noqa: PLC0415

    runbook, inside = wanted.runbook, wanted.inside
    texts = {runbook.source.name: runbook.source.text}
    texts |= {f"the parameter {key}": as_given(one) for key, one in runbook.params.items()}
    if inside is not None and inside.text:
        texts[inside.file or "the scenario"] = inside.text
    return key_in(texts, credentials)


def from_log(log: Log, given: Mapping[str, Any]) -> Wanted:
    """The runbook, parameters and, of a simulated run, the scenario that a log holds, for another
    target than live.

    Raises `Stopped`: 11 for live, 3 where they are not valid any more.
    """
    # Imported here: a run of a file needs none of it.
    from runner.audit.errors import AuditError  # noqa: PLC0415
    from runner.drive.rebuilding import NotRebuilt, scenario_of  # noqa: PLC0415
    from runner.drive.replaying import Unreplayable, kept_runbook  # noqa: PLC0415
    from runner.drive.session import Inside  # noqa: PLC0415
    from runner.sim import ScenarioError  # noqa: PLC0415

    target = _target(given["on"] or "sim", given["data_url"])
    if target.kind == "live":
        words = "A run is not run again on live: plan it anew (`runbook plan FILE --on live`)"
        raise Stopped(11, f"{words}. {NOTHING}", record=True)
    try:
        runbook = kept_runbook(log.path, log.header)
    except (Unreplayable, AuditError) as error:
        raise Stopped(3, _whole(str(error)), record=True) from None
    inside = _inside(target.kind, given["scenario_file"], given["seed"])
    if inside is not None and given["scenario_file"] is None and "scenario" in log.header:
        kept = log.header["scenario"]
        try:
            scenario = scenario_of(log.header)
        except (NotRebuilt, ScenarioError, ValueError) as error:
            words = f"The scenario in {log.path} cannot be made again: {error}"
            raise Stopped(3, _whole(words), record=True) from None
        if given["seed"] is not None:
            scenario = replace(scenario, seed=given["seed"])
        inside = Inside(scenario, kept["text"], kept.get("file", ""))
    folder = Path(runbook.source.name).resolve().parent
    return Wanted(runbook, target, inside, folder)


def _whole(text: str) -> str:
    return text if text.endswith(NOTHING) else f"{text.rstrip('.')}. {NOTHING}"


def _target(on: str, data_url: str | None) -> Target:
    try:
        return resolve(on, data_url)
    except TargetError as error:
        raise click.UsageError(str(error)) from None


def _inside(kind: str, file: str | None, seed: int | None) -> Inside | None:
    """What the embedded exchange starts with; None for any other target."""
    if kind != "sim":
        if file is not None or seed is not None:
            raise click.UsageError("--scenario and --seed belong to --on sim")
        return None
    # Imported here: a command on a real broker does not need the exchange.
    from runner.drive.session import Inside  # noqa: PLC0415
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
