"""Every log of the corpus is read by every command, and the sums agree with the runs' own."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import ROOT, invoke

from runner.audit.log import LEDGER_NAME, iter_records
from runner.audit.outline import outline
from runner.audit.sent import Sent
from runner.audit.summary import summarize

LOGS = sorted(one for one in (ROOT / "tests" / "replays").glob("*.jsonl")
              if one.name != LEDGER_NAME)  # fmt: skip


def filled(log: Path, side: str) -> Decimal:
    """Dollars that the fills of a log add up to, one by one."""
    sent = Sent()
    fills = [fill for record in iter_records(log) for fill in sent.see(record)]
    mine = [one.dollars for one in fills if one.order.terms.get("side") == side]
    return sum((one for one in mine if one is not None), Decimal(0))


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_fills_add_up_to_what_the_run_said_at_its_end(log: Path) -> None:
    summary = summarize(log)
    for said, side in ((summary.bought, "buy"), (summary.sold, "sell")):
        assert said is not None
        # The run divides what several orders cost by their shares to name one average.
        assert filled(log, side) == pytest.approx(said, abs=Decimal("0.0001"))


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_every_step_is_shown_and_every_value_has_an_origin(log: Path) -> None:
    for row in outline(iter_records(log)).steps.values():
        shown = invoke("audit", "show", str(log), "--why", row.path)
        assert shown.exit_code == 0
        assert all(len(line) <= 80 for line in shown.stdout.splitlines())
        steps: list[dict[str, Any]] = json.loads(
            invoke("audit", "show", str(log), "--why", row.path, "--json").stdout
        )["steps"]
        values = [one for step in steps for each in step["decisions"] for one in each["values"]]
        assert all(one["kind"] != "untraced" for one in values)
        given = [one for one in values if one["kind"] == "output"]
        assert all(one["age_seconds"] is not None for one in given)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_every_log_can_be_walked_through(log: Path) -> None:
    walked = invoke("replay", str(log), "--step")
    assert walked.exit_code == 0
    overview = invoke("audit", "show", str(log))
    assert overview.exit_code == 0
    lines = (walked.stdout + overview.stdout).splitlines()
    assert all(len(line) <= 80 for line in lines)
