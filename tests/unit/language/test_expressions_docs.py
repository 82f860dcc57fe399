"""What the page on expressions says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from unit.language.expressions_sample import ask, gives, lookup, ran

from runner.language.diagnostics import Report
from runner.language.expressions import (
    FUNCTIONS,
    Template,
    Text,
    describe,
    evaluate_template,
    parse_template,
)
from runner.language.expressions.rules import calculation
from runner.language.kinds import AVERAGE, MONEY, NUMBER, PERCENT, QUANTITY, Kind
from runner.language.source import Source, Span
from runner.language.tree import Scalar

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text(encoding="utf-8")
CELL = re.compile(r"(?<!\\)\|")


def rows(*heading: str) -> list[tuple[str, str]]:
    """The rows of every table with these two headings."""
    found: list[tuple[str, str]] = []
    inside = False
    for line in PAGE.splitlines():
        cells = tuple(cell.strip() for cell in CELL.split(line)[1:-1])
        if len(cells) != 2:
            inside = False
        elif cells == heading:
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            found.append((cells[0].replace("\\|", "|"), cells[1]))
    return found


def code(cell: str) -> str:
    return cell.removeprefix("`").removesuffix("`")


@pytest.mark.parametrize(("example", "value"), rows("example", "gives"))
def test_the_examples_give_what_the_page_says(example: str, value: str) -> None:
    assert gives(code(example)) == code(value)


@pytest.mark.parametrize(("example", "finding"), rows("mistake", "finding"))
def test_the_mistakes_are_found(example: str, finding: str) -> None:
    assert ask(code(example)).codes == [code(finding)]


@pytest.mark.parametrize(("text", "becomes"), rows("text", "becomes"))
def test_the_texts_become_what_the_page_says(text: str, becomes: str) -> None:
    report = Report(Source("docs", text))
    found = parse_template(Scalar(code(text), Span(1, 1, 1, 99)), report)
    if isinstance(found, Template):
        assert evaluate_template(found, lookup, ran).value.value == code(becomes)
    else:
        assert found == Text(code(becomes))


def test_the_page_lists_every_function_as_it_is_declared() -> None:
    listed = {code(signature): line for signature, line in rows("function", "gives")}
    assert listed == {function.signature: function.line for function in FUNCTIONS.values()}


SAMPLES: dict[str, list[Kind]] = {
    "shares": [QUANTITY],
    "dollars": [MONEY],
    "price": [AVERAGE],
    "percentage": [PERCENT],
    "bare number": [NUMBER],
    "anything": [QUANTITY, MONEY, AVERAGE],
}
SIGNS = {"+": "+", "-": "-", "\u00d7": "*", "\u00f7": "/"}


@pytest.mark.parametrize(("written", "result"), rows("you write", "you get"))
def test_units_go_together_as_the_page_says(written: str, result: str) -> None:
    left, sign, right = re.split(r" ([-+\u00d7\u00f7]) ", written)
    for one in SAMPLES[left]:
        for other in [one] if right == "the same" else SAMPLES[right]:
            expected = one if result == "the same" else SAMPLES[result][0]
            got = calculation(SIGNS[sign], one, other)
            assert isinstance(got, Kind)
            assert describe(got) == describe(expected)


def test_the_page_names_every_finding_of_this_language() -> None:
    package = Path(__file__).parents[3] / "runner" / "language" / "expressions"
    raised = {
        found
        for module in package.glob("*.py")
        for found in re.findall(r"\"(RB4\d\d)\"", module.read_text(encoding="utf-8"))
    }
    assert raised <= set(re.findall(r"^\| (RB4\d\d) \|", PAGE, re.MULTILINE))
