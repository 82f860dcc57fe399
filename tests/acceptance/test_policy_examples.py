"""Every file in `tests/examples/policies` is a test: to add a case is to add a file.

A file begins with comment lines that say what is promised of it, as those of runbooks do:

    # expect: PO102 4:1         one line an error, at line:column; exactly these are reported
    # schema: fails             what check-jsonschema says of the file by our schema, or `passes`
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance.test_examples import name_of, promise_of

from runner.guards.policy import policy_of
from runner.language.diagnostics import Report
from runner.language.loader import read_source
from runner.resources import folder

EXAMPLES = Path(__file__).parent.parent / "examples" / "policies"
VALID = sorted((EXAMPLES / "valid").glob("*.yaml"))
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))
STRUCTURAL = re.compile(r"RB10[34]|PO10[235]")


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_an_invalid_policy_has_exactly_the_errors_it_names(path: Path) -> None:
    report = Report(read_source(path))
    assert policy_of(report.source, report) is None
    found = sorted(f"{one.code} {one.span.line}:{one.span.column}" for one in report.found)
    assert found == list(promise_of(path).errors) != []


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_a_valid_policy_has_no_findings(path: Path) -> None:
    report = Report(read_source(path))
    assert policy_of(report.source, report) is not None
    assert report.found == []
    assert promise_of(path).errors == ()


@pytest.fixture(scope="module")
def refused_by_check_jsonschema() -> frozenset[Path]:
    """The policies that check-jsonschema refuses by our schema, asked once for all."""
    command = [
        sys.executable,
        *("-m", "check_jsonschema", "--output-format", "json"),
        *("--schemafile", str(folder("schemas") / "policy.schema.json")),
        *(str(path) for path in VALID + INVALID),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    verdict = json.loads(answer.stdout)
    wrong = verdict.get("errors", []) + verdict.get("parse_errors", [])
    return frozenset(Path(one["filename"]) for one in wrong)


@pytest.mark.parametrize("path", VALID + INVALID, ids=name_of)
def test_check_jsonschema_gives_the_verdict_that_a_policy_names(
    path: Path, refused_by_check_jsonschema: frozenset[Path]
) -> None:
    fails = path in refused_by_check_jsonschema
    assert promise_of(path).schema == ("fails" if fails else "passes")


@pytest.mark.parametrize("path", VALID + INVALID, ids=name_of)
def test_an_editor_sees_what_is_structurally_wrong_with_a_policy(path: Path) -> None:
    """An unknown or missing key, an unknown guard and text that is no YAML fail in both."""
    promise = promise_of(path)
    if not promise.errors:
        assert promise.schema == "passes"
    elif all(STRUCTURAL.match(error) for error in promise.errors):
        assert promise.schema == "fails"
