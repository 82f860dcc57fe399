"""Arguments are typed, bounded and, where only literals and parameters decide, judged in full."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from unit.language.check_sample import HEAD, SEND, codes, findings, runbook_of, steps

from runner.language.expressions import Expression, Template
from runner.language.runbook import Argument, Literal, OrderReference, Poll

PARAMS = HEAD + (
    "params:\n"
    "  qty: {type: quantity, default: 2}\n"
    "  cap: {type: money, default: 500}\n"
    "  limit: {type: price, default: 189.25}\n"
    "  side: {type: choice, values: [buy, sell], default: buy}\n"
    "  wait: {type: duration, default: 90s}\n"
)


def send(**more: str) -> str:
    keys = {"symbol": "AAPL", "side": "buy", "qty": "1"} | more
    return "send:\n" + "\n".join(f"  {key}: {value}" for key, value in keys.items())


def errors(step: str, *options: str) -> list[str]:
    text = steps(step, head=PARAMS)
    return [
        f"{one.code}: {one.message}"
        for one in findings(text, *options, run=True)
        if one.severity == "error"
    ]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (send(qty="=params.cap"), "RB402"),
        (send(qty="=params.side"), "RB402"),
        (send(type="limit", limit_price="=params.limit * 0.99"), "RB404"),
        (send(side="=params.wait"), "RB402"),
        ("claim: params.qty", "RB403"),
        ("claim: params.side == params.cap", "RB402"),
        ("when: params.cap\nnothing:", "RB403"),
        ("timeout: =params.qty\nnothing:", "RB402"),
        ("claim: {that: 1 < 2, message: '${params.qty + params.side}'}", "RB402"),
        ("claim: sqrt(4) > 1", "RB405"),
    ],
)
def test_an_expression_of_the_wrong_kind_is_found_before_the_run(step: str, code: str) -> None:
    (found,) = errors(step)
    assert found.startswith(code)


def test_an_expression_that_fits_has_no_finding() -> None:
    assert (
        errors(
            send(
                qty="=params.qty * 2", type="limit", limit_price="=round_tick(params.limit * 0.99)"
            )
        )
        == []
    )


def test_the_error_points_into_the_expression() -> None:
    assert codes(steps("claim: params.qty > 1 and params.side > 1", head=PARAMS)) == [
        "RB605 6:3", "RB605 7:3", "RB605 9:3", "RB402 11:31"
    ][3:]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "option", "said"),
    [
        (send(qty="=params.qty - 1"), "qty=1", "RB203: 'qty' comes to 0: this must be more than 0"),
        (send(qty="=4 / params.qty"), "qty=0", "RB408: division by zero"),
        (send(qty="=params.qty"), "qty=0.5", "RB505: no halves here"),
    ],
)
def test_what_only_parameters_decide_is_judged_with_their_values(
    step: str, option: str, said: str
) -> None:
    assert errors(step) == []
    assert errors(step, option) == [said]


def test_a_steps_own_rules_know_literals_defaults_and_what_parameters_decide() -> None:
    assert codes(steps(send(type="limit"))) == ["RB502 9:13"]
    assert codes(steps(send(type="limit", limit_price="5"))) == []
    assert codes(steps(send(type="market", limit_price="5"))) == ["RB503 10:20"]
    assert codes(steps(send(limit_price="5"))) == ["RB503 9:20"]


def test_the_runbooks_default_time_in_force_counts_where_a_step_says_none() -> None:
    text = steps(SEND, head=HEAD + "defaults: {time_in_force: ioc}\n")
    (found,) = findings(text)
    assert (found.code, found.span.line, found.span.column) == ("RB508", 6, 5)
    assert codes(text.replace("qty: 1", "qty: 1, time_in_force: day")) == []


def test_a_misspelt_or_unreadable_key_is_not_also_reported_as_missing() -> None:
    assert codes(steps("send: {symbol: AAPL, side: hold, qty: x}")) == ["RB203 5:32", "RB203 5:43"]
    assert codes(steps("send: {symbol: AAPL, side: buy, type: limit, x: 1}")) == ["RB201 5:50"]


# -- what the machine is given --------------------------------------------------------------------


def content(argument: Argument) -> object:
    return argument.content


def test_the_machine_is_given_read_values_and_parsed_expressions() -> None:
    runbook = runbook_of(
        steps(
            "id: entry\nname: Buy\ntimeout: 90s\n"
            + send(qty="=params.qty", type="limit", limit_price="100.10"),
            "when: ran(entry)\non_error: continue\nawait: {order: entry, timeout: 1m30s}",
            "claim: {that: params.cap > 1, message: 'cap ${params.cap}'}",
            "claim: {that: 1 < 2, message: no values}",
            "pause: {until: polled.qty > 1, poll: {look: {symbol: AAPL}}}",
            "pause: {until: 9:30}",
            "pause: {until: 9:30}",
            head=PARAMS.replace("  side: {type: choice, values: [buy, sell], default: buy}\n", "")
            .replace("  wait: {type: duration, default: 90s}\n", "")
            .replace("  limit: {type: price, default: 189.25}\n", ""),
        )
    )
    entry, wait, claim, plain, polling, clock, _ = runbook.body.steps
    assert (entry.place, entry.id, entry.name) == ("steps[0]", "entry", "Buy")
    assert entry.timeout is not None
    assert content(entry.timeout) == Literal(timedelta(seconds=90))
    assert isinstance(entry.arguments["qty"].content, Expression)
    assert str(entry.arguments["limit_price"].content) == "Literal(value=Decimal('100.10'))"
    assert (wait.on_error, wait.when is not None) == ("continue", True)
    (order,) = wait.arguments["order"].content  # type: ignore[misc]
    assert isinstance(order, Argument)
    assert order.content == OrderReference("entry")
    assert isinstance(claim.arguments["message"].content, Template)
    assert plain.arguments["message"].content == Literal("no values")
    poll = polling.arguments["poll"].content
    assert isinstance(poll, Poll)
    assert poll.action.name == "look"
    assert isinstance(polling.arguments["until"].content, Expression)
    assert isinstance(clock.arguments["until"].content, Literal)


def test_the_top_level_is_resolved_to_values() -> None:
    head = (
        "runbook: 1\nname: top\ndescription: All of it\nsymbols: [AAPL, =params.other, AAPL]\n"
        "params:\n  other: {type: symbol}\n  cap: {type: money, default: 500}\n"
        "limits: {max_orders: 4, max_order_notional: =params.cap * 2, price_collar: 3%}\n"
        "defaults: {time_in_force: gtc, timeout: 2m, poll: 500ms}\n"
        "timeout: 1h30m\nvalid_until: 2026-11-24 15:50\n"
    )
    runbook = runbook_of(steps("nothing:", head=head) + "finally:\n  - nothing:\n", "other=MSFT")
    assert (runbook.name, runbook.description) == ("top", "All of it")
    assert runbook.symbols == ("AAPL", "MSFT")
    assert runbook.limits.max_orders == 4
    assert runbook.limits.max_order_notional == 1000
    assert runbook.limits.price_collar == Decimal("0.03")
    assert runbook.defaults.time_in_force == "gtc"
    assert runbook.defaults.poll == timedelta(milliseconds=500)
    assert runbook.timeout == timedelta(minutes=90)
    assert runbook.valid_until == datetime(2026, 11, 24, 20, 50, tzinfo=UTC)
    assert runbook.params["cap"].value == 500
    assert runbook.params["cap"].origin == "params.cap"
    assert [step.place for step in runbook.body.always] == ["finally[0]"]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-24T15:50:00-05:00", datetime(2026, 11, 24, 20, 50, tzinfo=UTC)),
        ("2026-11-24T20:50:00Z", datetime(2026, 11, 24, 20, 50, tzinfo=UTC)),
        ("2026-07-24 15:50", datetime(2026, 7, 24, 19, 50, tzinfo=UTC)),
    ],
)
def test_valid_until_is_a_moment_or_a_time_in_new_york(written: str, moment: datetime) -> None:
    head = HEAD + f"valid_until: {written}\n"
    assert runbook_of(steps("nothing:", head=head)).valid_until == moment


@pytest.mark.parametrize("written", ["2026-11-24", "tomorrow", "2026-13-01 10:00", "=params.x"])
def test_valid_until_is_never_guessed(written: str) -> None:
    assert codes(steps("nothing:", head=HEAD + f"valid_until: {written}\n")) == ["RB203 4:14"]


def test_any_symbol_is_spelled_out() -> None:
    assert runbook_of(steps("nothing:", head=HEAD.replace("[AAPL]", "any"))).symbols is None


def test_above_the_steps_only_parameters_have_values() -> None:
    head = HEAD + "timeout: =steps.a.waited\n"
    assert codes(steps("id: a\nnothing:", head=head)) == ["RB302 4:11"]
