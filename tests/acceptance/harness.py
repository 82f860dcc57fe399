"""The acceptance harness: real commands, real files, the real TradingClient over real HTTP.

Every run that a test makes is verified and replayed at once: its log must be whole, and the machine
must make every decision again from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from acceptance.leaks import shown
from click.testing import CliRunner

from runner.audit.log import read_log
from runner.audit.records import Record
from runner.cli import cli

ROOT = Path(__file__).resolve().parents[2]
FIRST_RUNBOOK = ROOT / "runbooks" / "first-live-trade.yaml"


@dataclass(frozen=True)
class Ended:
    """What a command came to. `data` is its `--json` object; `records` its log."""

    exit_code: int
    stdout: str
    stderr: str
    data: dict[str, Any] = field(default_factory=dict)
    log: Path | None = None

    @property
    def records(self) -> Sequence[Record]:
        assert self.log is not None
        return read_log(self.log).records

    def sent(self, method: str = "POST") -> list[dict[str, Any]]:
        """The bodies of the requests of one method that left, in order."""
        if self.log is None:
            return []
        return [
            json.loads(record.data["body"]) if record.data["body"] else {}
            for record in self.records
            if record.type == "wire.request" and record.data["method"] == method
        ]

    def step(self, number: int) -> dict[str, Any]:
        """One entry of `steps`, in the order they ended."""
        found: dict[str, Any] = self.data["steps"][number]
        return found

    def outputs(self, step_id: str) -> dict[str, str]:
        """The outputs of the step with an id."""
        return next(one["outputs"] for one in self.data["steps"] if one["id"] == step_id)


def invoke(*arguments: str) -> Ended:
    """One `runbook` command in this process."""
    result = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    shown(result.stdout, result.stderr)
    return Ended(result.exit_code, result.stdout, result.stderr)


RunPlan = Callable[..., Ended]


@pytest.fixture
def run_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPlan:
    """Run a runbook (a path or its text) and return what it came to, its log checked.

    `policy` is the text of the owner's policy for this run, without its first key `policy: 1`;
    without it the built-in ceilings hold. The developer's own policy is never read.
    """
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("RUNBOOK_POLICY", raising=False)
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    audit = tmp_path / "audit"

    def run(
        plan: Path | str, *options: str, scenario: str | None = None, policy: str | None = None
    ) -> Ended:
        file = plan
        if isinstance(plan, str):
            file = tmp_path / "plan.yaml"
            file.write_text(plan, encoding="utf-8")
        more = list(options)
        if scenario is not None:
            (tmp_path / "scenario.yaml").write_text(scenario, encoding="utf-8")
            more += ["--scenario", str(tmp_path / "scenario.yaml")]
        if policy is not None:
            more += ["--policy", str(policy_file(tmp_path / "policy.yaml", policy))]
        ended = invoke("run", str(file), "--json", "--audit-dir", str(audit), *more)
        data = json.loads(ended.stdout) if ended.stdout else {}
        log = Path(data["audit_log"]) if data.get("audit_log") else None
        if log is not None:
            assert invoke("audit", "verify", str(log)).exit_code == 0
            replayed = invoke("replay", str(log), "--json")
            assert replayed.exit_code == 0, replayed.stdout
            finished = any(record.type == "run.finished" for record in read_log(log).records)
            assert json.loads(replayed.stdout)["complete"] == finished
        return Ended(ended.exit_code, ended.stdout, ended.stderr, data, log)

    return run


WIDE = (
    "limits: {max_order_notional: 100000000, max_run_notional: 100000000, "
    "max_day_notional: 100000000}"
)
"""A policy under which the built-in ceilings do not stand in the way."""

SHORTING = "allow_shorting: true"


def without(*guards: str) -> str:
    """Turns guards off, so that a test sees what the broker says of what they would refuse."""
    entries = "".join(f"  - {{guard: {one}, reason: the broker decides}}\n" for one in guards)
    return f"guards_off:\n{entries}"


def policy_file(path: Path, keys: str) -> Path:
    """Write a policy with these keys, as only its owner may write it."""
    path.write_text(f"policy: 1\n{keys}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def plan_of(steps: str, *, head: str = "symbols: [AAPL]", tail: str = "") -> str:
    """A runbook around steps that are written with an indent of two."""
    return f"runbook: 1\nname: a-plan\n{head}\nsteps:\n{steps}\n{tail}"
