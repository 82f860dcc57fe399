"""Expressions only compute: what they are made of cannot reach a clock, a file or the network."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "runner" / "language" / "expressions"
ALLOWED = {
    "__future__",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "functools",
    "msgspec",
    "msgspec.structs",
    "re",
    "typing",
}
"""`datetime` for its types; that nothing asks it for the time is checked below."""


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names.update(one.name for one in node.names)
    return names


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_only_the_language_and_plain_parts_of_the_library_are_imported(module: Path) -> None:
    outside = {name for name in imported(module) if not name.startswith("runner.language")}
    assert outside <= ALLOWED


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_asks_for_the_time_or_runs_text(module: Path) -> None:
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert not called & {"now", "utcnow", "today", "eval", "exec", "getattr", "open", "__import__"}
