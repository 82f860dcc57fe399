"""The owner's policy for a command that is about to trade: it holds, or the command stops here."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from runner.cli.checking import Found, show, wants_color
from runner.drive.policy import PolicyRefused, find_policy
from runner.drive.within_policy import beyond, policy_would_be
from runner.guards.rules import BUILT_IN, Policy
from runner.language.diagnostics import Diagnostic
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine import every_step

WITHOUT_POLICY = (
    "WARNING: THE POLICY CANNOT BE USED. This runbook only cancels and closes, so it goes on under "
    "the built-in rules, with every guard on. Mend the policy before anything else is run."
)


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """Why nothing may start. `found` has been shown already."""

    exit_code: int
    reason: str
    found: Found


def policy_for(
    named: Path | None, runbook: Runbook, target: str, *, yes: bool, no_color: bool
) -> Policy | NotAllowed:
    """The policy under which a runbook may run on a target (sim, paper, live, url).

    Not allowed: 3 where the policy file cannot be used, 4 where the runbook asks for more than it
    allows, 11 where `--yes` was given and may not answer the runbook's questions. A runbook that
    only cancels and closes is not kept from it by a file that cannot be used: the built-in policy
    holds then, said on stderr; but not on live, where the account must be listed.
    """
    color = wants_color(no_color, sys.stderr)
    try:
        policy = find_policy(named, os.environ)
    except PolicyRefused as refused:
        found = [(refused.source, refused.findings)]
        show(found, color=color)
        opens = any(step.action.opens for step in every_step(runbook.body))
        if opens or target == "live":
            return NotAllowed(3, str(refused), found)
        sys.stderr.write(f"{WITHOUT_POLICY}\n")
        policy = BUILT_IN
    more = beyond(policy, runbook)
    if more:
        show([(runbook.source, more)], color=color)
        return NotAllowed(4, _asks_for_more(runbook.source, more), [(runbook.source, more)])
    if yes and (why_not := yes_refused(policy, runbook, target)):
        return NotAllowed(11, why_not, [])
    return policy


def yes_refused(policy: Policy, runbook: Runbook, target: str) -> str:
    """Why `--yes` may not answer the runbook's questions on a target; empty where it may, or
    where the runbook asks nothing."""
    asks = any(step.action.asks for step in every_step(runbook.body))
    if not asks or policy.lets_yes_answer(target):
        return ""
    where = f"in {policy.file}." if policy.file else f"in a policy. {policy_would_be(policy)}"
    return (
        f"--yes may not answer this runbook's questions on {target}. Nothing was sent: run it "
        f"without --yes on a terminal, or write `allow_yes: true` {where}"
    )


def _asks_for_more(source: Source, more: list[Diagnostic]) -> str:
    first = more[0]
    place = f"{source.name}:{first.span.line}:{first.span.column}"
    others = f" (and {len(more) - 1} more)" if len(more) > 1 else ""
    return f"{place}: {first.message}{others}. {first.help} Nothing was sent."
