"""Every file in `tests/examples` is a test: to add a case is to add a file.

A file begins with comment lines that say what is promised of it:

    # expect: RB202 12:5        one line an error, at line:column; exactly these are reported
    # expect: RB603 1:5 -p      the same for an error in a given parameter's value
    # schema: fails             what check-jsonschema says of the file by our schema, or `passes`
    # params: qty=1000000       a value that is given with -p

Files in `valid` expect nothing, warnings included.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.language.check import check
from runner.language.loader import read_source
from runner.language.parameters import GivenValue, given_by_option
from runner.resources import folder
from runner.steps import ACTIONS

EXAMPLES = Path(__file__).parent.parent / "examples"
VALID = sorted((EXAMPLES / "valid").glob("*.yaml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))
LIBRARY = sorted(folder("runbooks").glob("*.yaml"))
_HEADER = re.compile(r"# (expect|schema|params): (.*)")


@dataclass(frozen=True)
class Promise:
    """What a file's first lines say."""

    errors: tuple[str, ...]
    schema: str
    given: dict[str, GivenValue] | None


def promise_of(path: Path) -> Promise:
    found: dict[str, list[str]] = {"expect": [], "schema": [], "params": []}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _HEADER.fullmatch(line)
        if not match:
            break
        found[match[1]].append(match[2])
    given = {}
    for option in found["params"]:
        value = given_by_option(option)
        assert value is not None, option
        given[value.name] = value
    (schema,) = found["schema"]
    return Promise(tuple(sorted(found["expect"])), schema, given or None)


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_example_has_exactly_the_errors_it_names(path: Path) -> None:
    promise = promise_of(path)
    checked = check(read_source(path), ACTIONS, promise.given)
    errors = [
        f"{one.code} {one.span.line}:{one.span.column}"
        + ("" if source is checked.report.source else " -p")
        for source, one in checked.findings
        if one.severity == "error"
    ]
    assert promise.errors, "an invalid example names its errors"
    assert tuple(sorted(errors)) == promise.errors
    assert checked.runbook is None


@pytest.mark.parametrize("path", VALID + LIBRARY, ids=name_of)
def test_a_valid_example_has_no_findings(path: Path) -> None:
    given = promise_of(path).given if path in VALID else None
    checked = check(read_source(path), ACTIONS, given)
    assert [one for _, one in checked.findings] == []
    assert checked.runbook is not None


@pytest.fixture(scope="module")
def refused_by_check_jsonschema() -> frozenset[Path]:
    """The examples that check-jsonschema refuses by our schema, asked once for all."""
    command = [
        sys.executable,
        *("-m", "check_jsonschema", "--output-format", "json"),
        *("--schemafile", str(folder("schemas") / "runbook.schema.json")),
        *(str(path) for path in VALID + INVALID + LIBRARY),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    verdict = json.loads(answer.stdout)
    wrong = verdict.get("errors", []) + verdict.get("parse_errors", [])
    return frozenset(Path(one["filename"]) for one in wrong)


@pytest.mark.parametrize("path", VALID + INVALID, ids=name_of)
def test_check_jsonschema_gives_the_verdict_that_the_file_names(
    path: Path, refused_by_check_jsonschema: frozenset[Path]
) -> None:
    fails = path in refused_by_check_jsonschema
    assert promise_of(path).schema == ("fails" if fails else "passes")


STRUCTURAL = re.compile(r"RB10[34]|RB11|RB20[14]")


@pytest.mark.parametrize("path", VALID + INVALID, ids=name_of)
def test_an_editor_with_the_schema_sees_what_we_call_structural(path: Path) -> None:
    """An unknown key or action, and text that is no YAML, fail in both; a valid file in none."""
    promise = promise_of(path)
    if not promise.errors:
        assert promise.schema == "passes"
    elif all(STRUCTURAL.match(error) for error in promise.errors):
        assert promise.schema == "fails"


def test_the_library_passes_check_jsonschema(
    refused_by_check_jsonschema: frozenset[Path],
) -> None:
    assert not refused_by_check_jsonschema & set(LIBRARY)
