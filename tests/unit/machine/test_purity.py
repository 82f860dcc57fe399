"""The machine is pure: that is what makes replay, resume and plan possible at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[3] / "runner"
PURE = ("machine", "steps", "guards", "language", "effects.py", "world.py", "identity.py")
IMPURE = {
    "time", "random", "os", "socket", "subprocess", "threading", "asyncio", "requests", "urllib",
    "http", "secrets", "uuid", "tempfile", "shutil", "signal", "logging", "alpaca",
    "runner.broker", "runner.sim", "runner.audit", "runner.drive", "runner.cli", "runner.report",
}  # fmt: skip
READS_A_FILE = {"loader.py"}
"""The one place in the language that opens a file: the runbook that a user names."""


def pure_files() -> Iterator[Path]:
    for name in PURE:
        place = PACKAGE / name
        yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


@pytest.mark.parametrize(
    "file", list(pure_files()), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_nothing_in_the_pure_part_reaches_outside(file: Path) -> None:
    allowed = {"os"} if file.name in READS_A_FILE else set()
    for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
        parts = name.split(".")
        prefixes = {".".join(parts[: length + 1]) for length in range(len(parts))}
        assert not prefixes & (IMPURE - allowed), f"{file} imports {name}"


def test_nothing_in_the_pure_part_asks_what_time_it_is() -> None:
    for file in pure_files():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("now", "utcnow", "today"), f"{file}:{node.lineno}"


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
