"""What expressions come to, from what, and how they fail."""

from __future__ import annotations

import decimal
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from unit.language.expressions_sample import expression_of, gives, lookup, ran, work_out

from runner.language import kinds
from runner.language.expressions import (
    AbsentError,
    EvaluationError,
    constant,
    evaluate,
    explain,
)
from runner.language.kinds import Kind
from runner.language.values import Certainty, Plain, Value, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("100.10 * 1", "100.10"),
        ("1 / 3", "0.3333333333333333333333333333333333"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("0.3 // 0.1", "3"),
        ("1 - 3%", "0.97"),
        ("0 * -1", "0"),
        ("-0", "0"),
        ("floor(steps.acct.equity * 0.5% / 2)", "250"),
        ("floor(params.budget / steps.quote.ask)", "26"),
        ("params.qty - steps.fill.filled_qty", "9.5"),
        ("params.qty == 10.0", "true"),
        ("params.qty != 10", "false"),
        ("params.qty < 11 and params.qty >= 10", "true"),
        ("params.side in ['buy', 'sell']", "true"),
        ("params.side not in ['sell']", "true"),
        ("params.symbol in steps.orders.symbols", "true"),
        ("'MSFT' == params.symbol", "false"),
        ("'yes' if params.aggressive else 'no'", "no"),
        ("1 if false else 2 if false else 3", "3"),
        ("90s + 1m", "150s"),
        ("params.patience * 1.5", "135s"),
        ("2 * params.patience", "180s"),
        ("1m / 3", "20s"),
        ("1s / 3", "0.333333s"),
        ("1h / 15m", "4"),
        ("-90s", "-90s"),
        ("params.last - 10m", "15:40"),
        ("params.last - 9:30", "22800s"),
        ("params.last > 15:30", "true"),
        ("run.at - steps.fill.filled_at", "60s"),
        ("run.at - 30s > steps.fill.filled_at", "true"),
        ("min(3, 1, 2)", "1"),
        ("max(params.patience, 2m)", "120s"),
        ("max(params.last, 9:30)", "15:50"),
        ("abs(-2.5)", "2.5"),
        ("abs(1s - 3s)", "2s"),
        ("floor(-2.5)", "-3"),
        ("ceil(2.1)", "3"),
        ("round(2.5)", "2"),
        ("round(3.5)", "4"),
        ("floor(19.876, 2)", "19.87"),
        ("ceil(19.871, 2)", "19.88"),
        ("round(2.5, 2)", "2.50"),
        ("ran(fill)", "true"),
        ("ran(steps.entry)", "false"),
        ("default(steps.entry.qty, 7)", "7"),
        ("default(steps.entry.qty * 2, 7)", "7"),
        ("default(params.qty, 7)", "10"),
        ("steps.entry.qty == none", "true"),
        ("params.qty != none", "true"),
    ],
)
def test_expressions_come_to_what_arithmetic_says(text: str, value: str) -> None:
    assert gives(text) == value


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("round_tick(189.256)", "189.26"),
        ("round_tick(189.254)", "189.25"),
        ("round_tick(189.255)", "189.26"),
        ("round_tick(189.245)", "189.24"),
        ("round_tick(189.251, 'up')", "189.26"),
        ("round_tick(189.259, 'down')", "189.25"),
        ("round_tick(189)", "189.00"),
        ("round_tick(0.12345)", "0.1234"),
        ("round_tick(0.12341, 'up')", "0.1235"),
        ("round_tick(0.99991, 'up')", "1.00"),
        ("round_tick(0.99996)", "1.00"),
        ("round_tick(0.99999, 'down')", "0.9999"),
        ("round_tick(1.004)", "1.00"),
        ("round_tick(1.009, 'down')", "1.00"),
        ("round_tick(1.0001, 'up')", "1.01"),
        ("round_tick(-1.005, 'down')", "-1.01"),
        ("round_tick(-0.99999, 'down')", "-1.00"),
        ("round_tick(-0.33335, 'up')", "-0.3333"),
    ],
)
def test_round_tick_gives_prices_that_rule_612_allows(text: str, price: str) -> None:
    result = work_out(text).value
    assert written(result.value) == price
    assert result.kind.on_tick


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("round_lot(10.9)", "10"),
        ("round_lot(-10.9)", "-10"),
        ("round_lot(250, 100)", "200"),
        ("round_lot(99, 100)", "0"),
        ("round_lot(1.75, 0.5)", "1.5"),
        ("round_lot(100, 1 / 3)", "99.99999999999999999999999999999999"),
    ],
)
def test_round_lot_never_gives_more_than_it_was_given(text: str, shares: str) -> None:
    assert gives(text) == shares


def test_the_threads_decimal_context_changes_nothing() -> None:
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        assert gives("1234567.891 + 1") == "1234568.891"
        assert gives("round_tick(1234567.895)") == "1234567.90"
        assert gives("floor(1234567.891, 2)") == "1234567.89"


@pytest.mark.parametrize(
    ("text", "message", "start", "end"),
    [
        ("1 + params.qty / (params.qty - 10)", "division by zero", 4, 34),
        ("params.qty // (params.qty - 10)", "division by zero", 0, 31),
        ("params.patience / (params.slices - 4)", "division by zero", 0, 37),
        ("params.qty * 999999999999999999", "the result is larger than 10^18", 0, 31),
        ("999999999999999999 // (params.qty / 100)", "the result is larger than 10^18", 0, 40),
        ("params.last + params.patience * 1000", "the result is past midnight", 0, 36),
        ("params.patience * 999999999", "the result is longer than 10000 days", 0, 27),
        ("floor(params.qty, params.slices / 3)", "decimal places are a whole number", 0, 36),
        ("round_lot(params.qty, params.qty - 10)", "a lot is more than zero shares", 0, 38),
        ("round_tick(params.limit / 99999999)", "rounds to a price of zero", 0, 35),
    ],
)
def test_failures_are_told_in_words_and_with_their_place(
    text: str, message: str, start: int, end: int
) -> None:
    with pytest.raises(EvaluationError) as failure:
        work_out(text)
    assert message in failure.value.message
    assert (failure.value.start, failure.value.end) == (start, end)


def test_an_absent_value_is_an_error_and_never_zero() -> None:
    expression = expression_of("1 + steps.entry.qty")
    with pytest.raises(AbsentError) as failure:
        evaluate(expression, lookup, ran)
    assert failure.value.message == "steps.entry.qty has no value"
    assert expression.span(failure.value.start, failure.value.end).column == 13


def test_default_provides_for_absence_only() -> None:
    with pytest.raises(EvaluationError, match="division by zero"):
        work_out("default(1 / (params.qty - 10), 0)")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("params.aggressive and params.qty > 1", ["params.aggressive"]),
        ("params.qty > 1 or params.aggressive", ["params.qty"]),
        ("params.qty if params.qty > 1 else params.budget * 0 / params.limit", ["params.qty"]),
        ("ran(entry) and steps.entry.qty > 1", ["ran(entry)"]),
        ("default(steps.entry.qty, params.qty)", ["steps.entry.qty", "params.qty"]),
        ("params.qty + params.qty * 2", ["params.qty"]),
        ("steps.entry.qty == none", ["steps.entry.qty"]),
    ],
)
def test_only_what_decides_is_read_and_each_once(text: str, read: list[str]) -> None:
    assert [value.origin for value in work_out(text).inputs] == read


def test_an_absent_input_is_on_record_as_absent() -> None:
    (absent, fallback) = work_out("default(steps.entry.qty, params.qty)").inputs
    assert (absent.value, absent.kind.name) == (None, "none")
    assert fallback.value == 10


def test_a_bare_reference_is_the_value_that_was_read() -> None:
    result = work_out("params.qty").value
    assert result == Value(Decimal(10), kinds.QUANTITY, Certainty.READ, "params.qty")


def test_a_computed_value_says_what_it_was_computed_from() -> None:
    result = work_out("params.qty  *  params.limit").value
    assert result.origin == "params.qty * params.limit"
    assert result.certainty is Certainty.COMPUTED
    assert result.kind == kinds.MONEY


def with_certainty(certainty: Certainty, value: Plain = Decimal(1)) -> Value | None:
    return Value(value, kinds.QUANTITY, certainty, "x")


@pytest.mark.parametrize("certainty", list(Certainty))
def test_a_result_is_as_uncertain_as_its_worst_input(certainty: Certainty) -> None:
    for text, least in (("a", Certainty.READ), ("a + 1", Certainty.COMPUTED)):
        result = evaluate(expression_of(text), lambda _: with_certainty(certainty), ran).value
        assert result.certainty == max(certainty, least)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a", kinds.QUANTITY),
        ("a + 1", kinds.QUANTITY),
        ("-a", kinds.QUANTITY),
        ("a > 1", kinds.BOOLEAN),
        ("not a > 1", kinds.BOOLEAN),
        ("a > 1 and false", kinds.BOOLEAN),
        ("true and a > 1", kinds.BOOLEAN),
        ("a == none", kinds.BOOLEAN),
        ("a in [1, 2]", kinds.BOOLEAN),
        ("default(a, 1)", kinds.QUANTITY),
        ("floor(a)", kinds.QUANTITY),
        ("round_tick(5 if a > 1 else 6)", kinds.PRICE),
    ],
)
def test_what_nobody_can_tell_yet_stays_unknown(text: str, kind: Kind) -> None:
    result = evaluate(expression_of(text), lambda _: with_certainty(Certainty.UNKNOWN, None), ran)
    assert result.value.value is None
    assert result.value.certainty is Certainty.UNKNOWN
    assert result.value.kind == kind


def test_a_condition_decided_without_the_unknown_part_is_known() -> None:
    expression = expression_of("false and a > 1")
    result = evaluate(expression, lambda _: with_certainty(Certainty.UNKNOWN, None), ran).value
    assert result.value is False
    assert result.certainty is Certainty.COMPUTED


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.QUANTITY, "10"),
        (kinds.QUANTITY, True),
        (kinds.QUANTITY, Decimal("NaN")),
        (kinds.QUANTITY, Decimal("Infinity")),
        (kinds.QUANTITY, Decimal("1e19")),
        (kinds.QUANTITY, Decimal("1e-100000000")),
        (kinds.TEXT, Decimal(1)),
        (kinds.BOOLEAN, "true"),
        (kinds.MOMENT, "2026-11-23T14:30:00Z"),
        (kinds.list_of(kinds.TEXT), "AAPL"),
    ],
)
@pytest.mark.parametrize("text", ["a", "a + 1", "a == 1", "floor(a)", "a and true", "1 in a"])
def test_a_value_that_is_not_what_its_kind_says_is_refused(
    kind: Kind, value: Plain, text: str
) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression_of(text), lambda _: Value(value, kind, Certainty.READ, "a"), ran)


def test_moments_with_and_without_a_time_zone_do_not_mix() -> None:
    def read(path: tuple[str, ...]) -> Value | None:
        zone = UTC if path == ("a",) else None
        return Value(datetime(2026, 11, 23, tzinfo=zone), kinds.MOMENT)

    for text in ("a < b", "a - b"):
        with pytest.raises(EvaluationError):
            evaluate(expression_of(text), read, ran)


@pytest.mark.parametrize(
    "text",
    [
        "min()",
        "min('a', 'b')",
        "floor('x')",
        "abs(true)",
        "round_tick(1, 'x')",
        "round_lot('x')",
        "unknown(1)",
        "ran(1)",
        "not 1",
        "-none",
        "1 < 'x'",
        "1 in 2",
        "1 if 2 else 3",
    ],
)
def test_an_expression_that_was_not_checked_fails_in_words_too(text: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression_of(text), lookup, ran)


def test_a_value_is_never_read_as_an_expression() -> None:
    def read(_: tuple[str, ...]) -> Value | None:
        return Value("=1 + 1", kinds.TEXT)

    assert evaluate(expression_of("a"), read, ran).value.value == "=1 + 1"


def test_true_is_not_one() -> None:
    def read(_: tuple[str, ...]) -> Value | None:
        return Value((True,), kinds.list_of(kinds.BOOLEAN))

    assert evaluate(expression_of("1 in a"), read, ran).value.value is False


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("189.25", "189.25"),
        ("1 + 1", "2"),
        ("'buy'", "buy"),
        ("params.qty", None),
        ("ran(fill)", None),
        ("default(params.qty, 1)", None),
        ("1 / 0", None),
    ],
)
def test_a_constant_is_an_expression_without_names(text: str, value: str | None) -> None:
    found = constant(expression_of(text))
    assert (written(found.value) if found else None) == value


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "steps.fill.filled_qty == params.qty",
            ["0.5 == 10", "steps.fill.filled_qty is 0.5", "params.qty is 10"],
        ),
        (
            "params.qty > 1 and params.side == 'sell' and params.budget > 0",
            [
                "params.qty > 1: 10 > 1",
                "params.side == 'sell': 'buy' == 'sell'",
                "params.qty is 10",
                "params.side is 'buy'",
            ],
        ),
        (
            "params.qty > 11 or not params.qty < 12",
            ["params.qty > 11: 10 > 11", "params.qty < 12: 10 < 12", "params.qty is 10"],
        ),
        ("params.aggressive", ["params.aggressive is false"]),
        ("ran(entry)", ["ran(entry) is false"]),
        ("steps.entry.qty != none", ["steps.entry.qty is none"]),
        (
            "1 < params.qty / (params.qty - 10)",
            ["division by zero", "params.qty is 10"],
        ),
        ("params.side in ['sell']", ["'buy' in [sell]", "params.side is 'buy'"]),
        ("2 < 1", ["2 < 1"]),
    ],
)
def test_a_condition_that_failed_is_explained_by_its_values(text: str, lines: list[str]) -> None:
    assert explain(expression_of(text), lookup, ran) == lines
