"""What stands between a runbook and a live account.

A runbook that may open risk needs five things beside live keys: a policy that lists the account, a
saved plan that has not expired, a rehearsal of the same runbook that completed on the embedded
exchange or on paper, and the plan's digest, typed or given. One that provably only cancels and
closes needs the keys and the account number alone: getting out must be easy.

The plan's age and its account are looked at when the broker has been read, the account number where
the run is bound (`admission`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.audit.history import completed_rehearsals
from runner.drive.saved_plan import FEWEST, SavedPlan
from runner.guards import Policy
from runner.language.runbook import Runbook
from runner.machine import every_step


def only_gets_out(runbook: Runbook) -> bool:
    """Whether a runbook provably only cancels and closes."""
    return not any(step.action.opens for step in every_step(runbook.body))


def lacking(
    runbook: Runbook,
    policy: Policy,
    plan: SavedPlan | None,
    audit_dir: Path,
    *,
    keys: str = "",
    can_ask: bool,
    approve: str | None,
) -> Iterator[str]:
    """What is missing for a live run, each as one line that says how to get it.

    `keys` is why there are no usable keys, empty when there are; `can_ask` whether somebody is at
    a terminal to type the digest; `approve` is what `--approve` gave.
    """
    file = runbook.source.name
    if keys:
        yield f"live keys: {keys}"
    if not policy.accounts:
        where = policy.file or "a policy file (docs/policy.md)"
        yield f"a policy that lists the account: put its number under `accounts` of {where}"
    if only_gets_out(runbook):
        return
    if plan is None:
        yield (
            f"a saved plan: `runbook plan {file} --on live -o plan.json`, then "
            "`runbook run --plan plan.json`"
        )
    if not completed_rehearsals(audit_dir, runbook.source.sha256):
        yield (
            f"a rehearsal of exactly this runbook in {audit_dir}: `runbook run {file} --on paper` "
            "(or `--on sim`) must complete"
        )
    if plan is None:
        return
    if approve is not None and not plan.is_named_by(approve):
        yield (
            f"your approval of this plan: --approve {approve} is not its digest, {plan.short} "
            f"(at least {FEWEST} characters)"
        )
    elif approve is None and not can_ask:
        yield f"your approval: there is no terminal to type it on; give --approve {plan.short}"
