"""The page of the policy says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from runner.guards.policy import policy_of
from runner.guards.rules import CEILINGS, LIMITS
from runner.language.diagnostics import Report
from runner.language.source import Source
from runner.report.policy_reference import CODES, default_of_each_limit, policy_page

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "policy.md"
RUNNER = ROOT / "runner"


def test_the_page_of_the_policy_is_what_the_declarations_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == policy_page(), (
        "write it again: python -m runner.report.policy_reference > docs/policy.md"
    )


def test_the_policy_on_the_page_is_valid() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", policy_page(), re.DOTALL | re.MULTILINE)
    report = Report(Source("policy.md", text))
    assert policy_of(report.source, report) is not None, report.found


def test_every_built_in_ceiling_is_on_the_page_with_its_number() -> None:
    said = default_of_each_limit()
    for name in LIMITS:
        ceiling = getattr(CEILINGS, name)
        if ceiling is not None:
            assert said[name].replace("$", "").replace(",", "") == f"{ceiling:f}"


def test_every_code_of_a_policy_is_on_the_page() -> None:
    files = [*RUNNER.glob("language/policy*.py"), *RUNNER.glob("drive/*policy.py")]
    used = {code for file in files for code in re.findall(r'"(PO\d+)"', file.read_text())}
    assert used == {code for code, _ in CODES}
