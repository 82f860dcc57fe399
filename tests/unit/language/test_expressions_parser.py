"""What can be written in an expression, and what is said of everything else."""

from __future__ import annotations

import pytest
from unit.language.expressions_sample import expression_of, gives, read

from runner.language import kinds
from runner.language.diagnostics import Diagnostic, Report
from runner.language.expressions import parse
from runner.language.expressions.syntax import Binary, Compare, Literal, Logic, Node, Unary
from runner.language.expressions.tokens import WORDS
from runner.language.source import Source, Span
from runner.language.tree import Scalar


def refused(text: str) -> Diagnostic:
    expression, report = read(text)
    assert expression is None
    (only,) = report.found
    return only


def shape(node: Node) -> str:
    """The tree with every parenthesis written."""
    match node:
        case Unary():
            return f"({node.operator} {shape(node.operand)})"
        case Binary() | Compare():
            return f"({shape(node.left)} {node.operator} {shape(node.right)})"
        case Logic():
            return "(" + f" {node.operator} ".join(map(shape, node.operands)) + ")"
        case Literal():
            return str(node.value)
    return type(node).__name__


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("8 / 4 / 2", "((8 / 4) / 2)"),
        ("8 // 4 * 2", "((8 // 4) * 2)"),
        ("-2 * 3", "((- 2) * 3)"),
        ("2 * -3", "(2 * (- 3))"),
        ("- - 3", "(- (- 3))"),
        ("not 1 == 2", "(not (1 == 2))"),
        ("not true and false", "((not True) and False)"),
        ("true or false and true", "(True or (False and True))"),
        ("true and not false", "(True and (not False))"),
        ("1 < 2 + 3 and 4 > 3", "((1 < (2 + 3)) and (4 > 3))"),
        ("true and true and true", "(True and True and True)"),
        ("(true and true) and true", "((True and True) and True)"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, tree: str) -> None:
    assert shape(expression_of(text).root) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100.10", "100.10"),
        (".5", "0.5"),
        ("010", "10"),
        ("3%", "0.03"),
        ("0.25%", "0.0025"),
        ("90s", "90s"),
        ("1h30m", "5400s"),
        ("250ms", "0.25s"),
        ("1d", "86400s"),
        ("9:30", "09:30"),
        ("15:50:30", "15:50:30"),
        ("'it is \"quoted\"'", 'it is "quoted"'),
        ('"it\'s"', "it's"),
        ("''", ""),
        ("true", "true"),
        ("false", "false"),
        ("  \n 1\t+\r\n1 ", "2"),
    ],
)
def test_literals_are_read_exactly(text: str, value: str) -> None:
    assert gives(text) == value


@pytest.mark.parametrize(
    ("text", "column", "message", "remedy"),
    [
        ("params.qty = 1", 20, "'='", "Write == to compare."),
        ("true && false", 14, "'&&'", "Write and instead."),
        ("true || false", 14, "'||'", "Write or instead."),
        ("!true", 9, "'!'", "Write not instead."),
        ("1 <> 2", 11, "'<>'", "Write != instead."),
        ("1 => 2", 11, "'=>'", "Write >= instead."),
        ("2 ** 3", 11, "'**'", "There are no powers; multiply instead."),
        ("10 % 3", 12, "'%'", "A percent sign stands right after a number"),
        ("$5", 9, "'$'", "Write the amount alone, without a currency sign."),
        ("x ? 1 : 2", 11, "'?'", "Write a if condition else b."),
        ("True", 9, "expected a value, found 'True'", "Write 'true' in small letters."),
        ("true AND false", 14, "found 'AND'", "Write 'and' in small letters."),
        ("null", 9, "expected a value, found 'null'", "Write none instead."),
        ("1 is 1", 11, "found 'is'", "Write == instead."),
        ("\u201cday\u201d", 9, "has no meaning", "Use straight quotes: 'text'."),
        ("2 \u00d7 3", 11, "has no meaning", "Write * instead."),
        ("1 \u2264 2", 11, "has no meaning", "Write <= instead."),
        ("min(1,500)", 13, "1,500 could be one number or several", "Write 1500, or a space"),
        ("1_000", 9, "without thousands separators", ""),
        ("1e5", 9, "without an exponent", ""),
        ("10k", 9, "'10k': this is not a duration", ""),
        ("25:00", 9, "'25:00': this is not a time of day", ""),
        ("1.", 9, "'1.': this is not a number", ""),
        ("0.1234567891", 9, "at most 9 decimal places", ""),
        ("1234567890123456789", 9, "at most 18 digits", ""),
        ("'abc", 9, "this text has no end", "Close the text with '."),
        ("steps .x", 15, "a dot stands between two names", ""),
        ("a # b", 11, "'#' has no meaning", ""),
        ("a \x00", 11, "U+0000 has no meaning", ""),
        ("1 +", 12, "expected a value, found the end", ""),
        ("1 2", 11, "expected an operator or the end, found '2'", ""),
        ("(1", 11, "expected ')' to close the parenthesis, found the end", ""),
        ("1)", 10, "expected an operator or the end, found ')'", ""),
        ("min(1, 2", 17, "expected ')' to close the arguments, found the end", ""),
        ("1 if true", 18, "expected 'else' and what to take otherwise", ""),
        ("[]", 9, "a list holds at least one value", ""),
        ("params.min(1)", 9, "params.min is not a function", ""),
        ("1 < 2 < 3", 15, "comparisons cannot be chained", "a < b and b < c"),
        ("1 + not true", 13, "'not' must stand in parentheses here", "Write (not \u2026)."),
        ("", 9, "an expression is missing here", ""),
        ("   ", 9, "an expression is missing here", ""),
    ],
)
def test_what_cannot_be_read_is_said_at_its_column(
    text: str, column: int, message: str, remedy: str
) -> None:
    finding = refused(text)
    assert finding.code == "RB401"
    assert message in finding.message
    assert remedy in finding.help
    assert (finding.span.line, finding.span.column) == (3, column)


def test_a_finding_covers_exactly_the_word_it_is_about() -> None:
    assert refused("params.qty && true").span == Span(3, 20, 3, 22)


def test_a_scalar_over_several_lines_is_pointed_at_as_a_whole() -> None:
    report = Report(Source("plan.yaml", ""))
    span = Span(3, 8, 5, 2)
    parse("1 +", Scalar("1 +", span, columns_exact=False), 0, report)
    assert report.found[0].span == span


@pytest.mark.parametrize(
    "text",
    [
        "1 + " * 400 + "1",
        "1 + " * 120 + "1",
        "(" * 40 + "1" + ")" * 40,
        "-" * 60 + "1",
        "not " * 60 + "true",
        "1 if true else " * 40 + "1",
        "abs(" * 40 + "1" + ")" * 40,
        "1" + " + 1" * 40,
        "min(" + "1, " * 250 + "1)",
        "(" * 990,
    ],
)
def test_what_is_too_long_deep_or_large_is_refused(text: str) -> None:
    assert refused(text).code == "RB407"


def test_long_conditions_that_people_write_are_within_the_bounds() -> None:
    condition = " and ".join(f"params.q{number} > {number}" for number in range(40))
    expression, report = read(condition)
    assert expression, report.found


def test_names_are_listed_with_their_places() -> None:
    expression = expression_of("params.qty * steps.fill.filled_qty if ran(entry) else params.qty")
    assert [(name.dotted, name.span.column) for name in expression.names] == [
        ("params.qty", 9),
        ("steps.fill.filled_qty", 22),
        ("params.qty", 63),
    ]
    assert [(step.dotted, step.span) for step in expression.asked] == [
        ("entry", Span(3, 51, 3, 56))
    ]


def test_a_quoted_scalar_shifts_the_columns_by_its_quote() -> None:
    report = Report(Source("plan.yaml", ""))
    scalar = Scalar("= &", Span(1, 6, 1, 11), plain=False, offset=1)
    parse(" &", scalar, 1, report)
    assert report.found[0].span == Span(1, 9, 1, 10)


def test_a_parenthesized_part_is_written_with_its_parentheses() -> None:
    expression = expression_of("(1 +  2) * 3")
    assert isinstance(expression.root, Binary)
    assert expression.written(expression.root.left) == "(1 + 2)"


def test_the_words_of_the_language_cannot_be_names() -> None:
    assert {*WORDS, "null"} == set(kinds.RESERVED)
