"""Every structural fault is found in one pass, once, at its place, with what belongs there."""

from __future__ import annotations

import pytest
from unit.language.check_sample import HEAD, SEND, codes, findings, steps


def test_all_faults_are_found_in_one_pass() -> None:
    text = (
        "runbook: 1\nname: sample\nsymbols: [aapl]\nlimits: {max_order: 4}\nsteps:\n"
        "  - lok: {symbol: AAPL}\n"
        "  - look: {symbl: AAPL}\n"
        "  - send: {symbol: AAPL, side: hold, qty: ten}\n"
        "  - claim: params.x > 1\n"
        "  - id: idle\n"
    )
    assert codes(text) == [
        "RB203 3:11",
        "RB201 4:10",
        "RB204 6:5",
        "RB201 7:12",
        "RB203 8:32",
        "RB203 8:43",
        "RB301 9:12",
        "RB205 10:5",
    ]


def test_an_unknown_key_is_shown_with_the_closest_known_one() -> None:
    (found,) = findings(steps("send: {symbol: AAPL, side: buy, qty: 1, limt_price: 5}"))
    assert (found.code, found.span.column) == ("RB201", 45)
    assert found.message == "'limt_price' is not a key of 'send'"
    assert found.help == "Did you mean 'limit_price'?"


def test_a_key_that_resembles_nothing_is_shown_with_all_that_may_stand_there() -> None:
    (found,) = findings(steps("look: {symbol: AAPL, zzz: 1}"))
    assert found.help == "Known here: symbol, qty, fresh."
    (found,) = findings(steps(f"zzz: 1\n{SEND}"))
    assert found.help == "Besides its action a step takes id, name, when, timeout, on_error."


def test_a_misspelt_required_key_is_not_also_called_missing() -> None:
    assert codes(steps("look: {symbl: AAPL}")) == ["RB201 5:12"]


def test_a_missing_key_stands_at_the_action_with_its_meaning_and_an_example() -> None:
    (found,) = findings(steps("id: a\nlook:"))
    assert (found.code, found.span.line, found.span.column) == ("RB202", 6, 5)
    assert found.message == "'look' needs the key 'symbol'"
    assert found.help == "Add `symbol: AAPL`. The symbol."


def test_of_a_group_exactly_one_key_is_given() -> None:
    (neither,) = findings(steps("send: {symbol: AAPL, side: buy}"))
    assert (neither.code, neither.message) == ("RB202", "send needs 'qty' or 'notional'")
    (both,) = findings(steps("send: {symbol: AAPL, side: buy, qty: 1, notional: 5}"))
    assert both.code == "RB208"
    assert both.notes[0].span < both.span


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("10 shares", "'qty' cannot be '10 shares': this is not a number"),
        ("1e3", "'qty' cannot be '1e3': write the number out, without an exponent"),
        ("$5", "'qty' cannot be '$5': write the number alone, without a currency sign"),
        ("-1", "'qty' cannot be '-1': this must be more than 0"),
    ],
)
def test_the_readers_own_sentence_is_the_message(value: str, why: str) -> None:
    (found,) = findings(steps(f"send: {{symbol: AAPL, side: buy, qty: {value}}}"))
    assert (found.code, found.message) == ("RB203", why)
    assert found.label == "expected a number of shares, such as 10 or 0.5"


@pytest.mark.parametrize("value", ["{shares: 1}", "[1]", "null", "~", '""', ""])
def test_a_value_of_the_wrong_shape_is_one_finding(value: str) -> None:
    (found,) = findings(steps(f"send:\n  symbol: AAPL\n  side: buy\n  qty: {value}"))
    assert found.code == "RB203"


@pytest.mark.parametrize("word", ["null", "Null", "NULL", "~", ""])
def test_a_word_that_yaml_reads_as_nothing_is_no_text(word: str) -> None:
    assert codes(steps("nothing:").replace("name: sample", f"name: {word}"))[0].startswith("RB203")
    assert codes(steps("nothing:").replace("name: sample", "name: 'null'")) == []


def test_a_boolean_is_not_quoted_because_an_editor_would_take_it_for_text() -> None:
    assert codes(steps("look: {symbol: AAPL, fresh: true}")) == []
    (found,) = findings(steps('look: {symbol: AAPL, fresh: "true"}'))
    assert found.message == "'fresh' cannot be 'true': write true without quotes"


def test_bounds_of_literals_are_held() -> None:
    send = steps(f"id: a\n{SEND}", "await: {order: a, timeout: 11m}")
    (found,) = findings(send)
    assert found.message == "'timeout' cannot be '11m': this must be 10m or less"
    assert codes(steps("pause: {times: 0}")) == ["RB203 5:20"]
    assert codes(steps("pause: {times: 2.5}")) == ["RB203 5:20"]


def test_where_only_a_literal_is_read_an_expression_is_refused() -> None:
    (found,) = findings(steps("pause: {times: =1 + 1}"))
    assert found.message == "'times' cannot be '=1 + 1': an expression is not allowed here"


def test_a_name_without_its_equals_sign_is_recognised() -> None:
    head = HEAD + "params: {qty: {type: quantity, default: 1}}\n"
    text = steps("send: {symbol: AAPL, side: buy, qty: params.qty}", "claim: params.qty > 0",
                 head=head)  # fmt: skip
    (found,) = findings(text)
    assert found.help == "For an expression, write `=params.qty`."


def test_two_actions_in_a_step_are_most_likely_two_steps() -> None:
    (found,) = findings(steps("look: {symbol: AAPL}\nnothing:"))
    assert (found.code, found.span.line) == ("RB205", 6)
    assert found.help == "Begin a step of its own with `- nothing:`."
    assert found.notes[0].span.line == 5


def test_an_action_without_its_colon_is_recognised() -> None:
    (found,) = findings(steps("nothing"))
    assert (found.code, found.help) == ("RB203", "Write `- nothing:`.")


def test_an_action_without_arguments_may_be_empty_and_a_lone_value_fills_the_bare_field() -> None:
    assert codes(steps("nothing:", "nothing: {}", "claim: 1 < 2", "claim: {that: 1 < 2}")) == []
    assert codes(steps("nothing: 5")) == ["RB203 5:14"]
    assert codes(steps("claim: [1]")) == ["RB203 5:12"]


@pytest.mark.parametrize("missing", ["runbook: 1\n", "name: sample\n", "symbols: [AAPL]\n"])
def test_every_runbook_says_its_format_its_name_and_what_it_may_trade(missing: str) -> None:
    (found,) = findings(steps("nothing:").replace(missing, ""))
    assert found.code == "RB202"
    assert missing.split(":", maxsplit=1)[0] in found.message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD, "RB202 1:1"),
        (HEAD + "steps:\n", "RB203 4:1"),
        (HEAD + "steps: []\n", "RB203 4:8"),
        (HEAD + "steps: {nothing: }\n", "RB203 4:8"),
        (HEAD + "steps: [5]\n", "RB203 4:9"),
        (HEAD + "steps: [nothing: , {}]\n", "RB205 4:20"),
        (HEAD + "steps: [nothing: ]\nfinally: 5\n", "RB203 5:10"),
        (HEAD + "limits: 5\nsteps: [nothing: ]\n", "RB203 4:9"),
        (HEAD + "params: [a]\nsteps: [nothing: ]\n", "RB203 4:9"),
        (HEAD + "params: {a: 5}\nsteps: [nothing: ]\n", "RB203 4:13"),
        (HEAD.replace("[AAPL]", "AAPL") + "steps: [nothing: ]\n", "RB203 3:10"),
        (HEAD.replace("[AAPL]", "[]") + "steps: [nothing: ]\n", "RB203 3:10"),
        (HEAD.replace("[AAPL]", "[{a: 1}]") + "steps: [nothing: ]\n", "RB203 3:11"),
    ],
)
def test_every_wrong_shape_of_the_document_is_one_finding(text: str, place: str) -> None:
    assert codes(text) == [place]


def test_polled_is_one_reading_action() -> None:
    (found,) = findings(steps(f"pause: {{until: polled.x > 1, poll: {{{SEND}}}}}"))
    assert (found.code, found.message) == ("RB204", "'send' cannot be polled")
    assert found.help == "Can be polled: look."
    assert codes(
        steps("pause:\n  until: polled.qty > 1\n  poll:\n    look: {symbol: AAPL}\n    nothing:")
    ) == ["RB204 9:9"]
    assert codes(steps("pause: {until: polled.qty > 1, poll: 5}")) == ["RB203 5:42"]
    assert codes(steps("pause: {until: polled.qty > 1, poll: {look: }}")) == ["RB202 5:43"]


def test_an_undefined_alias_is_reported_once() -> None:
    assert codes(steps("look: {symbol: *ticker}")) == ["RB105 5:20"]
