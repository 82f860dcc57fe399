"""Finding the owner's policy: `--policy`, then `RUNBOOK_POLICY`, then the user's configuration.

A file that is named must be there; only the last place may be empty, and then the built-in
ceilings hold. A file that everybody may write is refused, as ssh refuses its own: whoever can
write it can raise every ceiling.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from runner.guards.policy import policy_of
from runner.guards.rules import BUILT_IN, Policy
from runner.language.diagnostics import Diagnostic, Report
from runner.language.loader import UnreadableFile, read_source
from runner.language.source import Source, Span

VARIABLE = "RUNBOOK_POLICY"
FOLDER, FILE_NAME = "order-runbook", "policy.yaml"


class PolicyRefused(Exception):  # noqa: N818 - it says what was done with the file
    """The policy cannot be used, so nothing may start. `findings` stand in `source`."""

    def __init__(self, source: Source, findings: list[Diagnostic]) -> None:
        first = findings[0]
        place = f"{source.name}:{first.span.line}:{first.span.column}"
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(
            f"The policy cannot be used: {place}: {first.message}{more}. Nothing was sent."
        )
        self.source = source
        self.findings = findings


def find_policy(named: Path | None, environment: Mapping[str, str]) -> Policy:
    """The policy that holds, from the file that `--policy` names or from its other places.

    Raises `PolicyRefused` for a named file that is not there, and for any file that cannot be
    read, may be written by everybody or has a mistake in it.
    """
    from_variable = environment.get(VARIABLE, "")
    if named is not None:
        return read_policy_file(named, "--policy names it")
    if from_variable:
        return read_policy_file(Path(from_variable), f"{VARIABLE} names it")
    usual = usual_place(environment)
    if not os.path.lexists(usual):
        return replace(BUILT_IN, looked_for=str(usual))
    return read_policy_file(usual, "")


def usual_place(environment: Mapping[str, str]) -> Path:
    """`$XDG_CONFIG_HOME/order-runbook/policy.yaml`, by default under `~/.config`.

    A relative XDG_CONFIG_HOME counts as none (XDG Base Directory Specification 0.8).
    """
    chosen = environment.get("XDG_CONFIG_HOME", "")
    home = Path(environment.get("HOME") or Path("~").expanduser())
    base = Path(chosen) if chosen and Path(chosen).is_absolute() else home / ".config"
    return base / FOLDER / FILE_NAME


def read_policy_file(path: Path, why: str) -> Policy:
    """The policy in one file. `why` it is looked for; empty for its usual place.

    Raises `PolicyRefused`.
    """
    source = Source(str(path), "")
    if path.is_dir():
        raise _refused(source, "this is a directory, not a policy", "Name the YAML file in it.")
    try:
        source = read_source(path)
        mode = path.stat().st_mode
    except UnreadableFile as error:
        raise _refused(source, error.message, f"{why}." if why else "") from None
    except OSError as error:
        raise _refused(source, f"the file cannot be read: {error.strerror}", "") from None
    if mode & stat.S_IWOTH and os.name == "posix":
        mend = f"Take that right away: chmod o-w {shlex.quote(str(path))}"
        raise _refused(source, "everybody on this machine may write this file", mend)
    report = Report(source)
    policy = policy_of(source, report)
    if policy is None:
        raise PolicyRefused(source, report.sorted())
    return policy


def _refused(source: Source, message: str, help_: str) -> PolicyRefused:
    found = Diagnostic("PO101", message, Span(1, 1, 1, 1), help=help_)
    return PolicyRefused(Source(source.name, ""), [found])
