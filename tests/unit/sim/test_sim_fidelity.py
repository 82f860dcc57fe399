"""The fidelity page, its registry and the code stay in step."""

from __future__ import annotations

import re
from pathlib import Path

import runner.sim
from runner.sim.fidelity import RULES, page
from runner.sim.fidelity.grades import GRADES

SOURCES = Path(runner.sim.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "fidelity.md"


def test_the_page_is_written_from_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_is_named_at_its_code_and_every_name_is_a_rule() -> None:
    named = {
        rule
        for path in SOURCES.glob("*.py")
        for rule in re.findall(r"# rule: ([\w.-]+)", path.read_text(encoding="utf-8"))
    }
    assert named == {rule.id for rule in RULES}


def test_every_rule_has_one_id_and_a_known_grade() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert {rule.grade for rule in RULES} == set(GRADES)
    assert all(rule.sentence.endswith(".") for rule in RULES)
