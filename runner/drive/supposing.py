"""A log, and what is supposed to be otherwise: its text, its values, its limits.

What was read and what was sent stays as the log holds it; the run keeps its id, so that what is
the same is sent under the same client order ids.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from runner.audit.errors import LogDamaged
from runner.audit.log import Log
from runner.audit.visits import Visit, visits_of
from runner.drive.differences import StepPair, Verdict, side_by_side
from runner.drive.held import Held
from runner.drive.recorded import by_the_machine
from runner.drive.replaying import believed, explained, fresh_run
from runner.drive.whatif import Supposition, suppose
from runner.guards.rules import BUILT_IN, LIMITS, Policy, Rules, tighter
from runner.language.check import check
from runner.language.parameters import GivenValue, given_by_option
from runner.language.runbook import Limits, Runbook
from runner.language.source import Source
from runner.language.values import as_given
from runner.machine import Run
from runner.steps import ACTIONS

DIFFERS = 10
"""The exit code of a comparison in which anything differs."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is supposed: a policy in place of the run's, or limits in place of some of its own."""

    runbook: Runbook
    policy: Policy | None = None
    limits: Limits | None = None
    changes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The comparison. `changes` say in words what was supposed, `notes` what a reader should know.

    `was` is what the log's run came to: its status, empty where it never ended.
    """

    log: Log
    changes: tuple[str, ...]
    steps: tuple[StepPair, ...]
    supposition: Supposition
    notes: tuple[str, ...]
    was: str
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 when nothing differs, else 10."""
        same = all(one.verdict is Verdict.SAME for one in self.steps)
        return 0 if same and not self.supposition.ends else DIFFERS


def run_log(path: Path) -> Log:
    """A log that can be believed and that holds a run.

    Raises `LogDamaged`, and `OSError` when the file cannot be read.
    """
    log = believed(path)
    if not log.records:
        raise LogDamaged(path, 1, 0, "the log holds no record of a run")
    return log


def kept_source(log: Log) -> Source:
    """The text of the log's runbook."""
    kept = log.header["runbook"]
    return Source(kept["file"], kept["text"])


def kept_values(log: Log) -> dict[str, GivenValue]:
    """The values of the log's run, as a command line gives them, without those that were its
    runbook's defaults: another text may have others."""
    looked_at = check(kept_source(log), ACTIONS, None).runbook
    defaults = looked_at.params if looked_at is not None else {}
    usual = {name: as_given(value) for name, value in defaults.items()}
    values = log.header["params"].items()
    pairs = ((name, given_by_option(f"{name}={one}")) for name, one in values)
    return {
        name: one
        for name, one in pairs
        if one is not None and usual.get(name) != log.header["params"][name]
    }


def what_if(log: Log, otherwise: Otherwise) -> WhatIf:
    """What the log's run would have decided and sent.

    Raises `LogDamaged` or `Unreplayable` when the log is none that can be replayed.
    """
    base = fresh_run(log)
    rules, notes = _rules(log, base, otherwise)
    with explained(log.path):
        run = Run(
            otherwise.runbook, base.id, base.started_at, rules, resend_within=base.resend_within
        )
        recorded = visits_of(by_the_machine(log.records))
        supposed = suppose(run, Held(log.records), _first(recorded))
        steps = side_by_side(recorded, supposed.visits, ends=bool(supposed.ends) or supposed.cut)
    finished = next((one.data for one in log.records if one.type == "run.finished"), {})
    return WhatIf(
        log=log,
        changes=otherwise.changes,
        steps=tuple(steps),
        supposition=supposed,
        notes=(*notes, *otherwise.dropped, *supposed.notes),
        was=str(finished.get("status", "")),
        counts=_counts(steps),
    )


def _first(visits: list[Visit]) -> dict[str, Visit]:
    return {one.path: one for one in reversed(visits)}


def _counts(steps: list[StepPair]) -> dict[str, dict[str, int]]:
    """How many steps, decisions and orders are same, differ, are new and gone."""
    walked = [one for one in steps if one.visit.path]
    groups = {
        "steps": [one.verdict for one in walked],
        "decisions": [part.verdict for one in steps for part in one.decisions],
        "orders": [part.verdict for one in steps for part in one.orders],
    }
    return {
        name: {verdict.value: found.count(verdict) for verdict in Verdict}
        for name, found in groups.items()
    }


# ------------------------------------------------------------------------------- limits


def _rules(log: Log, base: Run, otherwise: Otherwise) -> tuple[Rules, list[str]]:
    """What the guards measure against, and what is to be said of that."""
    own = otherwise.runbook.limits
    if otherwise.policy is not None:
        return Rules.of(otherwise.policy, own, base.rules.target), []
    rules, notes = base.rules, list[str]()
    if own != base.runbook.limits:
        rules, notes = _own_changed(log, base, own)
    if otherwise.limits is not None:
        changed = {
            name: tighter(name, value, getattr(own, name))
            for name in LIMITS
            if (value := getattr(otherwise.limits, name)) is not None
        }
        rules = rules.with_limits(**changed)
    return rules, notes


def _own_changed(log: Log, base: Run, own: Limits) -> tuple[Rules, list[str]]:
    """The run's rules with other limits of its own.

    The log holds what came of policy and runbook together. Where the runbook's own limit was the
    tighter one, the policy's is not known: the new limit is taken as it is.
    """
    if not log.header["policy"].get("sha256"):
        return Rules.of(BUILT_IN, own, base.rules.target), []
    held, before = base.rules.limits, base.runbook.limits
    changed: dict[str, Any] = {}
    loosened = []
    for name in LIMITS:
        was, new, bound = (getattr(one, name) for one in (before, own, held))
        if was == new:
            continue
        binding = was is not None and was == bound
        changed[name] = new if binding and new is not None else tighter(name, bound, new)
        if binding and new is not None and tighter(name, new, was) != new:
            loosened.append(name)
    rules = replace(base.rules, limits=dataclasses.replace(held, **changed))
    words = "the log does not hold what the policy would have allowed beyond the runbook's own"
    return rules, [f"{words} {', '.join(loosened)}"] if loosened else []
