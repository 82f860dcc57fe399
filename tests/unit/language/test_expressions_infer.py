"""What an expression gives is known before the run, and what cannot work is found there."""

from __future__ import annotations

import pytest
from unit.language.expressions_sample import NOT_FILLED, SKIPPED, World, ask, kind_of, read

from runner.language.expressions import describe, expect_boolean
from runner.language.kinds import Family


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("params.qty + 1", "a number of shares"),
        ("1 + params.qty", "a number of shares"),
        ("params.qty - steps.fill.filled_qty", "a number of shares"),
        ("params.budget + steps.acct.cash", "an amount in dollars"),
        ("steps.acct.cash + params.limit", "an amount in dollars"),
        ("steps.quote.ask - steps.quote.bid", "a price"),
        ("params.qty * params.limit", "an amount in dollars"),
        ("params.limit * params.qty", "an amount in dollars"),
        ("params.qty * params.budget", "an amount in dollars"),
        ("params.budget / params.limit", "a number of shares"),
        ("params.budget // params.limit", "a number of shares"),
        ("params.budget / params.qty", "a price"),
        ("params.budget / steps.acct.cash", "a number"),
        ("params.qty / 2", "a number"),
        ("params.qty * 2", "a number"),
        ("2 / params.qty", "a number"),
        ("steps.acct.equity * 0.5%", "an amount in dollars"),
        ("steps.acct.equity * params.risk", "an amount in dollars"),
        ("params.budget / params.risk", "an amount in dollars"),
        ("steps.acct.equity * 0.5% / 2", "a number"),
        ("params.limit * (1 + 2%)", "a price"),
        ("params.limit * (params.qty / steps.fill.filled_qty)", "a price"),
        ("1 + 2%", "a percentage"),
        ("params.risk * 50%", "a percentage"),
        ("params.slices * 50%", "a number"),
        ("-params.qty", "a number of shares"),
        ("abs(params.qty)", "a number of shares"),
        ("floor(params.budget / params.limit)", "a number of shares"),
        ("min(params.budget, steps.acct.cash)", "an amount in dollars"),
        ("params.qty if params.aggressive else 0", "a number of shares"),
        ("default(steps.entry.qty, 0)", "a number of shares"),
        ("round_lot(params.qty / 3)", "a number of shares"),
        ("params.patience * 2", "a duration, such as 90s, 10m or 1h30m"),
        ("params.patience / 30s", "a number"),
        ("params.last - 10m", "a time of day"),
        ("run.at - steps.fill.filled_at", "a duration, such as 90s, 10m or 1h30m"),
        ("params.qty > 3", "true or false"),
        ("'buy' if params.aggressive else 'sell'", "text"),
        ("params.symbol if params.aggressive else 'MSFT'", "a symbol"),
        ("[1, 2]", "a list"),
    ],
)
def test_results_carry_what_they_count(text: str, counts: str) -> None:
    assert describe(kind_of(text)) == counts


@pytest.mark.parametrize(
    ("text", "on_tick"),
    [
        ("params.limit", True),
        ("-params.limit", True),
        ("189.25", True),
        ("189.255", False),
        ("0.1234", True),
        ("min(params.limit, steps.quote.ask)", True),
        ("params.limit if params.aggressive else 200", True),
        ("default(params.limit, 100.005)", False),
        ("params.limit + 1", False),
        ("params.limit * (1 - 2%)", False),
        ("1 + 1", False),
        ("steps.quote.mid", False),
        ("max(params.limit, steps.quote.mid)", False),
        ("floor(params.limit)", False),
        ("floor(189.25)", False),
        ("round_tick(steps.quote.mid * 99%)", True),
        ("round_tick(1.005)", True),
    ],
)
def test_only_prices_that_nothing_was_done_to_stay_on_the_grid(text: str, on_tick: bool) -> None:
    assert kind_of(text).on_tick is on_tick


@pytest.mark.parametrize(
    ("text", "code", "message", "remedy"),
    [
        ("params.qty + params.limit", "RB402", "mixes units", ""),
        (
            "params.limit - 3%",
            "RB402",
            "params.limit (a price) - 3% (a percentage) mixes units",
            "Write params.limit * (1 - 3%).",
        ),
        (
            "params.qty > params.budget",
            "RB402",
            "params.qty (a number of shares) cannot be compared with params.budget "
            "(an amount in dollars)",
            "",
        ),
        ("params.limit < 3%", "RB402", "cannot be compared", ""),
        ("params.symbol == 5", "RB402", "params.symbol (a symbol)", ""),
        ("params.qty == '10'", "RB402", "'10' (text)", ""),
        ("params.aggressive == 'true'", "RB402", "(true or false)", ""),
        ("params.patience > 90", "RB402", "90 (a number)", ""),
        ("params.last > run.at", "RB402", "a time of day", ""),
        ("params.note < 'z'", "RB402", "have no order", "Only == and !="),
        ("params.aggressive < true", "RB402", "have no order", ""),
        ("[1] == [1]", "RB402", "lists are only for in", ""),
        ("params.side == 'by'", "RB402", "'by' is not one of buy, sell", "Did you mean 'buy'?"),
        ("params.side != 'long'", "RB402", "'long' is not one of buy, sell", "Known here"),
        ("params.side in ['buy', 'short']", "RB402", "'short' is not one of", ""),
        ("params.symbol == 'aapl'", "RB402", "symbols are written in capitals: AAPL", ""),
        ("'{left}' == '{right}'", "RB402", "'{left}' is never '{right}'", ""),
        ("params.side == '{x}'", "RB402", "'{x}' is not one of buy, sell", ""),
        ("params.symbol in 'AAPL'", "RB402", "where a list is needed", "Write a list"),
        ("params.qty in steps.orders.symbols", "RB402", "cannot be compared", ""),
        ("params.qty * params.qty", "RB402", "has no meaning", ""),
        ("params.qty / params.limit", "RB402", "has no meaning", ""),
        ("params.note + 'x'", "RB402", "text cannot be added", "Write both inside text"),
        ("params.qty * params.note", "RB402", "has no meaning", ""),
        ("params.patience + 1", "RB402", "has no meaning", ""),
        ("-params.note", "RB402", "which has no sign", ""),
        ("params.qty if params.aggressive else 'x'", "RB402", "cannot stand for one another", ""),
        ("default(params.qty, 'x')", "RB402", "cannot stand for one another", ""),
        ("[1, 'x']", "RB402", "cannot stand for one another", ""),
        ("none", "RB402", "none stands only beside == or !=", ""),
        ("1 == none", "RB402", "none stands only beside == or !=", ""),
        ("not params.qty", "RB403", "where true or false is needed", "such as params.qty > 0"),
        ("params.qty and true", "RB403", "params.qty is a number of shares", ""),
        (
            "params.side == 'buy' or 'sell'",
            "RB403",
            "'sell' is text",
            "Write params.side in ['buy', 'sell'].",
        ),
        ("1 if params.qty else 2", "RB403", "where true or false is needed", ""),
        ("flor(1.5)", "RB405", "there is no function 'flor'", "Did you mean 'floor'?"),
        ("min(1)", "RB406", "min takes at least 2 values, not 1", "Write min(a, b, \u2026)."),
        ("abs()", "RB406", "abs takes 1 value, not 0", ""),
        ("floor(1, 2, 3)", "RB406", "floor takes 1 or 2 values, not 3", ""),
        ("abs(params.note)", "RB406", "abs takes a number or a duration", ""),
        ("floor(params.note)", "RB406", "only numbers are rounded", ""),
        ("floor(1.5, params.qty)", "RB406", "decimal places are a plain number", ""),
        ("round(params.budget, 10)", "RB406", "a whole number from 0 to 9", ""),
        ("round(params.budget, 0.5)", "RB406", "a whole number from 0 to 9", ""),
        ("min(params.qty, params.budget)", "RB406", "cannot be compared", ""),
        ("max('a', 'b')", "RB406", "has no order", ""),
        ("round_tick(params.qty)", "RB406", "round_tick takes a price", ""),
        ("round_tick(params.limit, 'upwards')", "RB406", "'up', 'down' or 'nearest'", ""),
        ("round_tick(params.limit, params.note)", "RB406", "'up', 'down' or 'nearest'", ""),
        ("round_lot(params.budget)", "RB406", "round_lot takes a number of shares", ""),
        ("round_lot(params.qty, 0)", "RB406", "a lot is more than zero", ""),
        ("ran('entry')", "RB406", "is not the id of a step", ""),
        ("ran(steps.entry.qty)", "RB406", "is not the id of a step", ""),
        ("ran(exit)", "RB301", "there is no step 'exit'", ""),
        ("params.quantity", "RB301", "there is no 'params.quantity'", "Look again."),
        ("steps.entry.qty", "RB303", SKIPPED, "or ask ran(entry) first."),
        ("steps.fill.average", "RB303", NOT_FILLED, "Write default(steps.fill.average, \u2026)."),
        ("1 / 0", "RB408", "division by zero", ""),
        ("params.qty / (1 - 1)", "RB408", "division by zero", ""),
        ("params.budget // 0", "RB408", "division by zero", ""),
        ("999999999999999999 * 10", "RB408", "larger than 10^18", ""),
        ("23:00 + 2h", "RB408", "past midnight", ""),
    ],
)
def test_what_cannot_work_is_found_before_the_run(
    text: str, code: str, message: str, remedy: str
) -> None:
    asked = ask(text)
    assert asked.kind is None
    (finding,) = asked.found
    assert (finding.code, message in finding.message, remedy in finding.help) == (code, True, True)


def test_all_errors_of_an_expression_are_reported_once_and_none_twice() -> None:
    asked = ask("params.a + params.b * flor(params.c) > 1 and not params.qty")
    assert [(one.code, one.span.column) for one in asked.found] == [
        ("RB301", 9),
        ("RB301", 20),
        ("RB405", 31),
        ("RB403", 58),
    ]


def test_a_finding_points_at_the_part_it_is_about() -> None:
    (finding,) = ask("params.qty > 1 and params.qty == params.budget").found
    assert (finding.span.column, finding.span.end_column) == (28, 55)


@pytest.mark.parametrize(
    "text",
    [
        "ran(entry) and steps.entry.qty > 1",
        "ran(steps.entry) and steps.entry.qty > 1",
        "not ran(entry) or steps.entry.qty > 1",
        "steps.entry.qty if ran(entry) else 0",
        "0 if not ran(entry) else steps.entry.qty",
        "params.qty > 1 and ran(entry) and steps.entry.qty > 1",
        "params.qty + steps.entry.qty if params.aggressive and ran(entry) else params.qty",
        "not (not ran(entry) or steps.entry.qty > 1)",
        "steps.entry.qty != none and steps.entry.qty > 1",
        "none != steps.entry.qty and steps.entry.qty > 1",
        "steps.entry.qty == none or steps.entry.qty > 1",
        "steps.entry.price != none and steps.entry.price > 1",
        "(ran(entry) and params.aggressive or ran(entry)) and steps.entry.qty > 1",
        "default(steps.entry.qty, 0) > 1",
        "default(steps.entry.qty * 2 + 1, 0) > 1",
        "default(steps.entry.price if ran(entry) else 1, 0) > 1",
        "default(steps.entry.qty, default(steps.fill.filled_qty, 0)) > 1",
    ],
)
def test_a_value_may_be_read_where_it_is_known_to_be_there(text: str) -> None:
    assert ask(text).codes == []


@pytest.mark.parametrize(
    "text",
    [
        "ran(entry) or steps.entry.qty > 1",
        "not ran(entry) and steps.entry.qty > 1",
        "ran(fill) and steps.entry.qty > 1",
        "steps.entry.qty > 1 and ran(entry)",
        "0 if ran(entry) else steps.entry.qty",
        "steps.entry.qty == none and steps.entry.qty > 1",
        "ran(entry) and steps.entry.price > 1",
        "(ran(entry) or params.aggressive) and steps.entry.qty > 1",
        "default(0, steps.entry.qty)",
        "[steps.entry.qty]",
        "params.qty in [steps.entry.qty]",
        "(ran(entry) and true) == true and steps.entry.qty > 1",
    ],
)
def test_a_value_that_may_be_absent_is_not_read(text: str) -> None:
    assert ask(text).codes == ["RB303"]


def test_a_condition_must_be_true_or_false() -> None:
    for text, codes in (("params.qty > 1", []), ("params.qty", ["RB403"]), ("params.x", ["RB301"])):
        expression, report = read(text)
        assert expression
        assert expect_boolean(expression, World(), report) is (codes == [])
        assert [one.code for one in report.sorted()] == codes


def test_a_result_has_a_family_that_fields_compare() -> None:
    assert kind_of("params.patience").family is Family.DURATION
    assert kind_of("params.symbol in steps.orders.symbols").family is Family.BOOLEAN
