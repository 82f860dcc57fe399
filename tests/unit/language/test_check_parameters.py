"""Parameters are declared with a type, and a given value is read by it before anything is sent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from unit.language.check_sample import ACTIONS, HEAD, checked, codes, findings, runbook_of, steps

from runner.language.check import check
from runner.language.diagnostics import Report
from runner.language.parameters import given_by_file, given_by_option
from runner.language.source import Source


def plan(declaration: str, use: str = "params.p == params.p") -> str:
    return steps(f"claim: {use}", head=HEAD + f"params:\n  p: {declaration}\n")


@pytest.mark.parametrize(
    ("declaration", "given", "value"),
    [
        ("{type: text}", "a: b", "a: b"),
        ("{type: text}", "=1 + 1", "=1 + 1"),
        ("{type: symbol}", "ON", "ON"),
        ("{type: quantity}", "0.5", Decimal("0.5")),
        ("{type: money}", "99.50", Decimal("99.50")),
        ("{type: percent}", "3%", Decimal("0.03")),
        ("{type: integer}", "010", Decimal(10)),
        ("{type: boolean}", "false", False),
        ("{type: choice, values: [day, gtc]}", "gtc", "gtc"),
    ],
)
def test_a_given_value_is_read_by_its_type(declaration: str, given: str, value: object) -> None:
    assert runbook_of(plan(declaration), f"p={given}").params["p"].value == value


def test_a_given_value_is_never_an_expression() -> None:
    (found,) = findings(plan("{type: quantity}"), "p==1 + 1")
    assert (found.code, found.message) == ("RB604", "'p' cannot be '=1 + 1': this is not a number")


@pytest.mark.parametrize(
    ("declaration", "given", "code"),
    [
        ("{type: quantity, max: 10}", "11", "RB603"),
        ("{type: quantity, min: 1}", "0", "RB603"),
        ("{type: duration, max: 10m}", "11m", "RB603"),
        ("{type: choice, values: [day, gtc]}", "ioc", "RB603"),
        ("{type: quantity}", "many", "RB604"),
        ("{type: boolean}", "yes", "RB604"),
        ("{type: symbol}", "aapl", "RB604"),
        ("{type: quantity}", "", "RB604"),
    ],
)
def test_a_value_outside_its_declaration_is_refused(
    declaration: str, given: str, code: str
) -> None:
    result = checked(plan(declaration), f"p={given}")
    (report,) = result.given
    (found,) = report.found
    assert (found.code, found.span.line, found.span.column) == (code, 1, 3)
    assert report.source.name == f"-p p={given}"
    assert "declared at plan.yaml:5:3" in found.help
    assert result.runbook is None


def test_after_an_unreadable_value_nothing_is_judged_by_the_default() -> None:
    head = HEAD + "params: {qty: {type: quantity, default: 0.5}}\n"
    text = steps("send: {symbol: AAPL, side: buy, qty: =params.qty}", head=head)
    assert codes(text) == ["RB505 6:42"]
    assert codes(text, "qty=many") == ["RB604 1:5"]


def test_a_value_without_a_declaration_is_refused() -> None:
    (found,) = findings(plan("{type: quantity, default: 1}"), "q=1")
    assert (found.code, found.message) == ("RB602", "this runbook has no parameter 'q'")


def test_a_missing_value_is_an_error_only_when_the_plan_is_run() -> None:
    text = plan("{type: quantity}")
    assert codes(text) == []
    (found,) = findings(text, run=True)
    assert (found.code, found.span.line, found.span.column) == ("RB601", 5, 3)
    assert found.help.startswith("Give it with `-p p=…`.")


def test_a_file_gives_values_with_their_lines() -> None:
    source = Source("values.yaml", "# for paper\np: 11\nq: [1]\n")
    report = Report(source)
    given = given_by_file(source, report)
    assert [one.code for one in report.found] == ["RB604"]
    result = check(Source("plan.yaml", plan("{type: quantity, max: 10}")), ACTIONS, given)
    (found,) = result.given[0].found
    assert (result.given[0].source.name, found.code, found.span.line) == ("values.yaml", "RB603", 2)


@pytest.mark.parametrize("option", ["p", "", "=5", " =5"])
def test_an_option_without_a_name_and_a_value_is_none(option: str) -> None:
    assert given_by_option(option) is None


@pytest.mark.parametrize(
    ("declaration", "place"),
    [
        ("{default: 1}", "RB202 5:3"),
        ("{type: shares}", "RB203 5:13"),
        ("{type: choice}", "RB202 5:3"),
        ("{type: choice, values: []}", "RB203 5:29"),
        ("{type: quantity, values: [1]}", "RB203 5:23"),
        ("{type: quantity, default: x}", "RB203 5:32"),
        ("{type: quantity, default: 5, max: 3}", "RB603 5:32"),
        ("{type: choice, values: [day], default: gtc}", "RB203 5:45"),
        ("{type: quantity, min: 3, max: 1}", "RB203 5:36"),
        ("{type: text, max: 3}", "RB203 5:24"),
        ("{type: quantity, maxx: 3}", "RB201 5:23"),
        ("quantity", "RB203 5:6"),
        ("", "RB203 5:3"),
    ],
)
def test_a_declaration_is_checked_where_it_stands(declaration: str, place: str) -> None:
    assert codes(plan(declaration)) == [place]


def test_a_parameter_has_a_name_that_expressions_can_say() -> None:
    text = steps("nothing:", head=HEAD + "params: {Qty: {type: text}, if: {type: text}}\n")
    assert codes(text) == ["RB307 4:10", "RB307 4:29"]


def test_a_parameter_that_nothing_reads_is_pointed_out() -> None:
    (found,) = findings(plan("{type: quantity, default: 1}", "1 < 2"))
    assert (found.code, found.severity, found.span.line) == ("RB605", "warning", 5)


@pytest.mark.parametrize(
    "use",
    [
        "timeout: =params.p\nnothing:",
        "when: params.p > 1s\nnothing:",
        "claim: {that: 1 < 2, message: 'for ${params.p}'}",
        "pause:\n  until: polled.qty > 1 and params.p > 1s\n  poll: {look: {symbol: AAPL}}",
    ],
)
def test_every_place_that_reads_a_parameter_counts(use: str) -> None:
    head = HEAD + "params: {p: {type: duration, default: 5s}}\n"
    assert codes(steps(use, head=head)) == []


@pytest.mark.parametrize("description", ["How many", "How many.", "How many..."])
def test_a_place_is_given_with_the_dots_of_its_path(description: str) -> None:
    text = plan(f"{{type: quantity, description: {description}}}")
    given = given_by_option("p=many")
    assert given is not None
    result = check(Source("../clone/plan.yaml", text), ACTIONS, {"p": given})
    (found,) = result.given[0].found
    assert found.help.startswith("'p' is declared at ../clone/plan.yaml:")
    assert found.help.endswith(". How many.")
