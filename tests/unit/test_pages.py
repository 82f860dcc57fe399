"""What the pages say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Command, Group

from runner.cli import cli
from runner.guards import GUARDS
from runner.language.check import check
from runner.language.declare import declared_fields
from runner.language.runbook import Limits
from runner.language.source import Source
from runner.report.guards import page as page_of_guards
from runner.report.reference import reference
from runner.steps import ACTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


def test_the_page_of_actions_is_what_the_declarations_say() -> None:
    assert (ROOT / "docs" / "actions.md").read_text(encoding="utf-8") == reference(ACTIONS), (
        "write it again: python -m runner.report.reference > docs/actions.md"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_whole_runbook_on_a_page_is_valid(page: Path) -> None:
    for text in blocks(page, "yaml"):
        if text.startswith("runbook:"):
            checked = check(Source(page.name, text), ACTIONS)
            assert checked.runbook is not None, list(checked.findings)


def test_the_first_two_commands_of_the_readme_are_the_ones_a_newcomer_needs() -> None:
    first, second = blocks(ROOT / "README.md", "sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "runbook run runbooks/first-live-trade.yaml" in first
    assert "[test]" in second
    assert "pytest" in second


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_page_of_guards_is_what_the_declarations_say() -> None:
    assert (ROOT / "docs" / "guards.md").read_text(encoding="utf-8") == page_of_guards(GUARDS), (
        "write it again: python -m runner.report.guards > docs/guards.md"
    )


def test_every_limit_is_set_by_a_guard_that_is_on_its_page() -> None:
    assert {guard.limit for guard in GUARDS} >= set(declared_fields(Limits))
    assert len({guard.code for guard in GUARDS}) == len(GUARDS)


def test_every_command_says_what_it_does() -> None:
    for name, command in commands(cli, "runbook"):
        assert command.help, name


def commands(group: Group, path: str) -> list[tuple[str, Command]]:
    found: list[tuple[str, Command]] = [(path, group)]
    for name in group.list_commands(None):  # type: ignore[arg-type]
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        if isinstance(command, Group):
            found += commands(command, f"{path} {name}")
        else:
            found.append((f"{path} {name}", command))
    return found
