"""The owner's policy out of its file's text."""

from __future__ import annotations

from runner.guards import GUARDS
from runner.guards.rules import CEILINGS, Policy
from runner.language.diagnostics import Report
from runner.language.policy_file import read_policy
from runner.language.source import Source


def policy_of(source: Source, report: Report) -> Policy | None:
    """The policy that a text is, or None when anything is wrong with it; findings go to `report`.

    Never raises for anything that a file can hold.
    """
    codes = [guard.code for guard in GUARDS]
    written = read_policy(source, codes, CEILINGS, report)
    if written is None:
        return None
    keys = written.keys
    return Policy(
        file=source.name,
        sha256=source.sha256,
        accounts=keys.accounts or (),
        symbols=written.symbols,
        sides=tuple(dict.fromkeys(keys.sides or ("buy", "sell"))),
        allow_shorting=keys.allow_shorting is True,
        allow_yes=keys.allow_yes,
        limits=written.limits,
        off=written.off,
        places=written.places,
    )
