"""Values written out inside text."""

from __future__ import annotations

import pytest
from unit.language.expressions_sample import World, lookup, ran

from runner.language import kinds
from runner.language.diagnostics import Report
from runner.language.expressions import (
    AbsentError,
    Template,
    Text,
    check_template,
    evaluate_template,
    parse_template,
)
from runner.language.source import Source, Span
from runner.language.tree import Scalar
from runner.language.values import Certainty, Value


def template(text: str) -> tuple[Template | Text | None, Report]:
    report = Report(Source("plan.yaml", text))
    scalar = Scalar(text, Span(2, 10, 2, 10 + len(text) + 2), plain=False, offset=1)
    return parse_template(scalar, report), report


def sound(text: str) -> Template:
    found, report = template(text)
    assert isinstance(found, Template), report.found
    assert check_template(found, World(), report), report.found
    return found


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("${params.qty}", "10"),
        ("Buy ${params.qty} ${params.symbol}.", "Buy 10 AAPL."),
        ("${ params.qty * 2 }${params.side}", "20buy"),
        ("at ${round_tick(params.limit * 99%, 'down')}", "at 187.35"),
        ("${'}' if params.aggressive else '{'}", "{"),
        ("$${params.qty} is ${params.qty}", "${params.qty} is 10"),
        ("costs $5, ${params.qty} times", "costs $5, 10 times"),
        ("for ${params.patience} until ${params.last}", "for 90s until 15:50"),
        ("ran: ${ran(fill)}", "ran: true"),
    ],
)
def test_values_are_written_out_inside_text(text: str, becomes: str) -> None:
    result = evaluate_template(sound(text), lookup, ran)
    assert (result.value.value, result.value.kind) == (becomes, kinds.TEXT)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("", ""), ("costs $5", "costs $5"), ("$${x}", "${x}"), ("{x} $", "{x} $"), ("=1", "=1")],
)
def test_text_without_values_stays_text(text: str, plain: str) -> None:
    found, report = template(text)
    assert found == Text(plain)
    assert not report.found


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a ${params.qty", 13, "this ${ has no matching }"),
        ("a ${'x}", 13, "this ${ has no matching }"),
        ("a ${}", 15, "an expression is missing here"),
        ("a ${1 +} b", 18, "expected a value, found the end"),
        ("a ${1 && 2}", 17, "'&&'"),
        ("a ${{x}}", 13, "this ${ has no matching }"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_column(text: str, column: int, message: str) -> None:
    found, report = template(text)
    (finding,) = report.found
    assert found is None
    assert finding.code == "RB401"
    assert message in finding.message
    assert finding.span.column == column


def test_every_expression_of_a_text_is_checked() -> None:
    found, report = template("${params.a} and ${params.b} and ${1 +}")
    assert found is None
    assert [one.code for one in report.sorted()] == ["RB401"]
    found, report = template("${params.a} and ${params.b}")
    assert isinstance(found, Template)
    assert not check_template(found, World(), report)
    assert [(one.code, one.span.column) for one in report.sorted()] == [
        ("RB301", 13),
        ("RB301", 29),
    ]


def test_what_was_written_in_is_on_record_once() -> None:
    result = evaluate_template(sound("${params.qty} ${params.side} ${params.qty}"), lookup, ran)
    assert [value.origin for value in result.inputs] == ["params.qty", "params.side"]


def test_an_absent_value_is_an_error_at_its_place() -> None:
    found, _ = template("Filled ${steps.entry.qty}")
    assert isinstance(found, Template)
    with pytest.raises(AbsentError) as failure:
        evaluate_template(found, lookup, ran)
    span = found.scalar.part(failure.value.start, failure.value.end)
    assert (span.column, span.end_column) == (20, 35)


def test_what_nobody_can_tell_yet_is_written_as_unknown() -> None:
    def read(_: tuple[str, ...]) -> Value | None:
        return Value(None, kinds.QUANTITY, Certainty.UNKNOWN)

    found, _ = template("Filled ${a}")
    assert isinstance(found, Template)
    result = evaluate_template(found, read, ran).value
    assert result.value == "Filled (unknown)"
    assert result.certainty is Certainty.UNKNOWN


def test_a_value_that_looks_like_a_template_is_not_one() -> None:
    def read(_: tuple[str, ...]) -> Value | None:
        return Value("${params.qty}", kinds.TEXT)

    found, _ = template("${a}")
    assert isinstance(found, Template)
    assert evaluate_template(found, read, ran).value.value == "${params.qty}"
