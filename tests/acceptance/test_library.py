"""Every runbook of the library is carried out as it stands, on the embedded exchange."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance.harness import ROOT, RunPlan, invoke

LIBRARY = sorted((ROOT / "runbooks").glob("*.yaml"))


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_a_runbook_of_the_library_is_valid_without_a_warning(file: Path) -> None:
    checked = invoke("validate", str(file))
    assert checked.exit_code == 0
    assert checked.stdout + checked.stderr == f"{file}: valid\n"


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: file.stem)
def test_a_runbook_of_the_library_ends_well(run_plan: RunPlan, file: Path) -> None:
    ended = run_plan(file, "--yes")
    assert (ended.exit_code, ended.data["status"]) == (0, "completed"), ended.stderr
    assert {step["status"] for step in ended.data["steps"]} <= {"done", "skipped"}
    open_ones = set(ended.data["open_orders"])
    opening = [one for one in ended.data["orders"] if one["leg_of"] is None]
    assert not open_ones & {one["client_order_id"] for one in opening}
