"""The page about the format says what the format is, and its recipe works."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.audit.audit_sample import write_whole

from runner.audit.log import read_log
from runner.audit.records import Rule
from runner.audit.shapes import LEDGER_SHAPES, LOG_SHAPES, Shape

PAGE = (Path(__file__).parents[3] / "docs" / "audit-format.md").read_text()


def table_rows(heading: str) -> dict[str, str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.MULTILINE))


def keys(shape: Shape) -> Iterator[str]:
    for key, inner in shape.items():
        yield key
        if not isinstance(inner, str | tuple):
            yield from keys(inner)


NAMED_BEFORE = {
    "run.resumed": {
        "kind",
        "base_url",
        "data_url?",
        "abi",
        "version",
        "alpaca_py",
        "python",
    },  # under run.started
}


@pytest.mark.parametrize("kind", sorted(LOG_SHAPES))
def test_every_type_of_a_log_and_its_keys_are_documented(kind: str) -> None:
    row = table_rows("Types of a run's log")[kind]
    for key in set(keys(LOG_SHAPES[kind])) - NAMED_BEFORE.get(kind, set()):
        assert f"`{key}`" in row


@pytest.mark.parametrize("kind", sorted(set(LEDGER_SHAPES) - {"log.recovered"}))
def test_every_type_of_the_ledger_and_its_keys_are_documented(kind: str) -> None:
    row = table_rows("The ledger")[kind]
    for key in keys(LEDGER_SHAPES[kind]):
        assert f"`{key}`" in row


def test_no_other_types_are_documented() -> None:
    assert set(table_rows("Types of a run's log")) == set(LOG_SHAPES)
    assert set(table_rows("The ledger")) == set(LEDGER_SHAPES)


def test_every_rule_is_documented() -> None:
    assert set(table_rows("What `runbook audit verify` checks")) == {rule.value for rule in Rule}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path / "verify_log.py"
    script.write_text(code)
    return script


def follow(recipe: Path, log: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(recipe), str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_recipe_believes_a_whole_log_and_prints_what_the_ledger_says(
    tmp_path: Path, recipe: Path
) -> None:
    path = write_whole(tmp_path / "audit")
    closed = read_log(path.with_name("ledger.jsonl")).records[-1].data
    done = follow(recipe, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{closed['records']} {closed['head']}\n"
    assert follow(recipe, path.with_name("ledger.jsonl")).returncode == 0


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (b'"AAPL"', b'"MSFT"', "line 3: its content was changed"),
        (b'"v":1}', b'"v": 1}', "line 1: not canonical"),
    ],
)
def test_the_recipe_finds_damage(
    tmp_path: Path, recipe: Path, was: bytes, becomes: bytes, said: str
) -> None:
    path = write_whole(tmp_path / "audit")
    path.write_bytes(path.read_bytes().replace(was, becomes, 1))
    done = follow(recipe, path)
    assert done.returncode == 1
    assert done.stderr.startswith(said)


def test_the_recipe_finds_a_removed_line(tmp_path: Path, recipe: Path) -> None:
    path = write_whole(tmp_path / "audit")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4] + lines[5:]))
    assert "does not follow" in follow(recipe, path).stderr
