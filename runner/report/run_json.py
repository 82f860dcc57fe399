"""The `--json` object of a run (the command's contract): one object, the same keys always."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from runner.machine.result import Result

_LISTS = ("steps", "orders", "positions", "open_orders")


class Target(Protocol):
    """What is printed of a target: its kind, and the address of one that has no other name."""

    @property
    def kind(self) -> str: ...
    @property
    def base_url(self) -> str: ...


def run_object(run_id: str, name: str, target: Target, log: Path, result: Result) -> dict[str, Any]:
    """The object of a run that has a log. Numbers of money and shares are text."""
    data: Mapping[str, Any] = result.data
    return {
        "run_id": run_id,
        "name": name,
        "status": result.status,
        "exit_code": result.exit_code,
        "target": target.base_url if target.kind == "url" else target.kind,
        "simulated": target.kind == "sim",
        "audit_log": str(log),
        **{key: data.get(key, []) for key in _LISTS[:3]},
        "error": data.get("error"),
        "open_orders": data.get("open_orders", []),
    }


def run_json(run_id: str, name: str, target: Target, log: Path, result: Result) -> str:
    """`run_object` as text, in ASCII so that any terminal and any reader takes it."""
    return json.dumps(run_object(run_id, name, target, log, result), indent=2)


def refused_json(
    exit_code: int,
    reason: str,
    target: str | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The same object for a run that never began: it has no id and no log, and sent nothing.

    `findings` are those of an invalid runbook, as `validate --format json` prints them.
    """
    return json.dumps(
        {
            "run_id": None,
            "name": None,
            "status": "refused",
            "exit_code": exit_code,
            "target": target,
            "simulated": target == "sim",
            "audit_log": None,
            "steps": [],
            "orders": [],
            "positions": [],
            "error": {"cause": "refused", "message": reason},
            "open_orders": [],
            **({"findings": list(findings)} if findings else {}),
        },
        indent=2,
    )
