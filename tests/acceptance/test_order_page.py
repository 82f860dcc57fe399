"""The runbooks on the page about orders do what the page says of them."""

from __future__ import annotations

import re

import pytest
from acceptance.harness import ROOT, RunPlan

PAGE = (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
RUNBOOKS = {
    name[1]: text
    for text in re.findall(r"^```yaml\n(runbook: .*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    if (name := re.search(r"^name: (.*)$", text, re.MULTILINE))
}
CALLS = (
    "tape: {AAPL: [[0s, 200, 199.99, 200.01]], AAPL261218C00200000: [[0s, 8, 7.90, 8.00]],"
    " AAPL261218C00210000: [[0s, 4, 3.95, 4.05]]}"
)


@pytest.mark.parametrize(
    ("name", "scenario", "statuses"),
    [
        ("buy-at-the-collar", "", ["filled"]),
        ("bracket", "", ["filled", "new", "held"]),
        ("protect-a-holding", "positions: {AAPL: {qty: 10, avg_entry_price: 90}}",
         ["pending_new", "held"]),
        ("call-spread", CALLS, ["filled"] * 6),
    ],
)  # fmt: skip
def test_a_runbook_of_the_page_runs(
    run_plan: RunPlan, name: str, scenario: str, statuses: list[str]
) -> None:
    assert len(RUNBOOKS) == 4
    ended = run_plan(RUNBOOKS[name], scenario=scenario or "seed: 1")
    assert ended.exit_code == 0, ended.data["error"]
    assert [one["status"] for one in ended.data["orders"]] == statuses
