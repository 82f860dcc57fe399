"""Before a saved plan is carried out, and before anything goes live: what must be so, or no."""

from __future__ import annotations

import sys
from pathlib import Path

from runner.audit.history import run_of_plan
from runner.broker.credentials import Credentials
from runner.broker.wire import Timeouts
from runner.cli.starting import NOTHING, Stopped, Wanted
from runner.drive.drift import basis_of, drift
from runner.drive.live_gate import lacking, only_gets_out
from runner.drive.people import nobody_to_ask, user_name
from runner.drive.planning import look_ahead
from runner.drive.saved_plan import FEWEST, PlanRefused, SavedPlan
from runner.drive.session import Approval
from runner.guards import Policy
from runner.report.diagnostics import visible
from runner.report.run_stream import Outlet


def must_be_ready_for_live(
    wanted: Wanted, policy: Policy, audit_dir: Path, *, keys: str, approve: str | None
) -> None:
    """Raise `Stopped` (11) with everything that a live run lacks, each with how to get it."""
    missing = list(
        lacking(
            wanted.runbook, policy, wanted.plan, audit_dir,
            keys=keys, can_ask=not nobody_to_ask(), approve=approve,
        )
    )  # fmt: skip
    if missing:
        lines = "".join(f"\n  - {one}" for one in missing)
        raise Stopped(11, f"Not live yet. {NOTHING} Missing:{lines}", record=True)


def must_still_hold(
    wanted: Wanted,
    plan: SavedPlan,
    credentials: Credentials,
    policy: Policy,
    *,
    audit_dir: Path,
    timeouts: Timeouts,
) -> None:
    """Look ahead again, and raise `Stopped` (11) when the plan has expired or the world has moved.

    Raises `Stopped` with 7 when the target cannot be read.
    """
    done = run_of_plan(audit_dir, plan.digest)
    if done:
        words = f"Run {done} has carried out this plan. A plan is carried out once"
        raise Stopped(11, f"{words}: make a new one. {NOTHING}", record=True)
    if policy.sha256 != plan.data["policy"]["sha256"]:
        words = "The policy is another one than the plan was made under"
        raise Stopped(11, f"{words}: make a new plan. {NOTHING}", record=True)
    scenario = wanted.inside.scenario if wanted.inside is not None else None
    now = look_ahead(
        wanted.runbook, wanted.target, credentials, policy,
        audit_dir=audit_dir, timeouts=timeouts, scenario=scenario,
    )  # fmt: skip
    if not now.observed.account:
        error = now.main.result.get("error")
        why = error.get("message") if isinstance(error, dict) else "the target could not be read"
        raise Stopped(7, f"{why}. {NOTHING}", record=True)
    if now.observed.account.get("id") != plan.data["account"]["id"]:
        words = "The plan was made for another account than these credentials open"
        raise Stopped(11, f"{words}. {NOTHING}", record=True)
    try:
        plan.must_hold_at(now.observed.at)
    except PlanRefused as refused:
        raise Stopped(11, str(refused), record=True) from None
    moved = drift(plan.data["basis"], basis_of(now))
    if moved:
        lines = "".join(f"\n  - {visible(one)}" for one in moved)
        words = f"Since the plan was made something has moved. {NOTHING}{lines}"
        raise Stopped(11, f"{words}\nMake a new plan, and read it.", record=True)


def approval_of(wanted: Wanted, approve: str | None) -> Approval | None:
    """Who lets the plan be carried out. A live one needs its digest: given, or typed now.

    None for a run without a plan. Raises `Stopped` (11) when it is not approved.
    """
    plan = wanted.plan
    if plan is None:
        return None
    account = str(plan.data["account"]["id"])
    if approve is not None:
        if not plan.is_named_by(approve):
            words = f"--approve {visible(approve)} is not the plan's digest, {plan.short}"
            raise Stopped(11, f"{words}. {NOTHING}", record=True)
        return Approval(plan.digest, account, user_name(), "--approve")
    if wanted.target.kind != "live" or only_gets_out(wanted.runbook):
        return Approval(plan.digest, account)
    screen = Outlet(sys.stderr)
    totals = plan.data["totals"]
    screen.write(
        f"\nPlan {plan.short} of {visible(wanted.runbook.name)}, on the LIVE account: "
        f"{totals['orders']} orders, about ${totals['notional']}.\n"
        f"Type the first {FEWEST} characters of its digest to carry it out, anything else not to: "
    )
    typed = sys.stdin.readline()
    if not plan.is_named_by(typed):
        raise Stopped(11, f"Not approved. {NOTHING}", record=True)
    return Approval(plan.digest, account, user_name(), "typed")
