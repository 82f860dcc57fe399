"""A name is known before the run to have a value where it is read, or it is an error there."""

from __future__ import annotations

import pytest
from unit.language.check_sample import HEAD, SEND, codes, findings, steps

PARAMS = HEAD.rstrip() + "\nparams: {go: {type: boolean, default: true}}\n"
LOOK = "id: held\nlook: {symbol: AAPL}"
MAYBE = "id: held\nwhen: params.go\nlook: {symbol: AAPL}"


def message(text: str) -> str:
    (found,) = findings(text)
    return f"{found.code}: {found.message} {found.help}".strip()


def test_an_output_of_an_earlier_step_may_be_read() -> None:
    assert codes(steps(LOOK, "claim: steps.held.qty > 1")) == []


def test_a_later_step_has_not_run_yet_and_neither_has_the_step_itself() -> None:
    assert "steps[1]" in message(steps("claim: steps.held.qty > 1", LOOK))
    own = message(steps("id: held\nlook: {symbol: AAPL, qty: =steps.held.qty}"))
    assert own.startswith("RB302: 'held' is this step itself")


def test_a_step_of_a_later_section_has_not_run_yet() -> None:
    text = steps("claim: steps.held.qty > 1") + "finally:\n  - id: held\n    look: {symbol: AAPL}\n"
    assert "finally[0]" in message(text)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("qty > 1", "RB301: 'qty' is not a name Known here: params, steps, run."),
        ("steps.hold.qty > 1", "RB301: no step has the id 'hold' Did you mean 'held'?"),
        ("steps.held.quty > 1", "RB305: steps.held has no output 'quty' Did you mean 'qty'?"),
        ("steps.held.x > 1", "RB305: steps.held has no output 'x' Known here: price, qty."),
        ("steps.held > 1", "RB305: steps.held is a step, not a value"),
        ("held.qty > 1", "RB301: 'held.qty' is not a name Write steps.held.qty."),
        ("steps > 1", "RB301: 'steps' is not a name Write steps.<id>.<output>."),
        ("params.x > 1", "RB301: there is no parameter 'x' Declare it under `params`."),
        ("run.nam == 'a'", "RB301: there is no run.nam Did you mean 'name'?"),
        ("run.cause == 'a'", "RB301: run.cause is known only after a failure"),
        ("polled.qty > 1", "RB301: polled is read only in the `until` beside a `poll`"),
        ("ran(hold)", "RB301: no step has the id 'hold'"),
    ],
)
def test_what_cannot_be_read_is_explained(claim: str, said: str) -> None:
    assert message(steps(LOOK, f"claim: {claim}")).startswith(said)


def test_a_parameter_is_found_without_its_prefix() -> None:
    assert message(steps("claim: go", head=PARAMS)).endswith("Write params.go.")


def test_a_step_with_a_condition_may_have_been_skipped() -> None:
    said = message(steps(MAYBE, "claim: steps.held.qty > 1", head=PARAMS))
    assert said.startswith("RB303: steps.held.qty may have no value: 'held' has a `when`")


@pytest.mark.parametrize(
    "step",
    [
        "claim: default(steps.held.qty, 0) >= 0",
        "claim: ran(held) and steps.held.qty > 1",
        "when: ran(held)\nclaim: steps.held.qty > 1",
        "when: params.go\nclaim: steps.held.qty > 1",
        "when: ran(held)\nclaim: {that: 1 < 2, message: 'held ${steps.held.qty}'}",
    ],
)
def test_a_guard_settles_that_a_step_ran(step: str) -> None:
    assert codes(steps(MAYBE, step, head=PARAMS)) == []


def test_another_condition_settles_nothing() -> None:
    assert codes(steps(MAYBE, "when: not params.go\nclaim: steps.held.qty > 1", head=PARAMS)) == [
        "RB303 10:12"
    ]


def test_a_step_that_may_fail_may_have_no_outputs() -> None:
    text = steps("id: held\non_error: continue\nlook: {symbol: AAPL}", "claim: steps.held.qty > 1")
    assert "`on_error: continue`" in message(text)


def test_an_output_that_may_be_absent_needs_a_default_even_when_its_step_ran() -> None:
    assert "if flat" in message(steps(LOOK, "claim: steps.held.price > 1"))
    assert codes(steps(LOOK, "claim: default(steps.held.price, 1.00) > 1")) == []
    assert codes(steps(LOOK, "when: steps.held.price != none\nclaim: steps.held.price > 1")) == []


@pytest.mark.parametrize("section", ["on_failure", "finally"])
def test_after_a_failure_any_main_step_may_not_have_run(section: str) -> None:
    text = steps(LOOK) + f"{section}:\n  - claim: steps.held.qty > 1\n"
    assert message(text).startswith("RB303: steps.held.qty may have no value")
    guarded = steps(LOOK) + f"{section}:\n  - claim: ran(held) and steps.held.qty > 1\n"
    assert codes(guarded) == []


def test_finally_goes_on_after_a_failed_step_of_its_own() -> None:
    held = "  - id: held\n    look: {symbol: AAPL}\n  - claim: steps.held.qty > 1\n"
    assert codes(steps("nothing:") + "on_failure:\n" + held) == []
    assert codes(steps("nothing:") + "finally:\n" + held) == ["RB303 9:12"]


def test_the_cause_is_certain_in_on_failure_and_uncertain_in_finally() -> None:
    claim = "  - claim: run.cause == 'refused'\n"
    assert codes(steps("nothing:") + "on_failure:\n" + claim) == []
    assert codes(steps("nothing:") + "finally:\n" + claim) == ["RB303 7:12"]


def test_an_id_is_given_once_in_the_whole_runbook() -> None:
    text = steps(LOOK, LOOK) + "finally:\n  - id: held\n    nothing:\n"
    assert codes(text) == ["RB304 7:9", "RB304 10:9"]
    assert findings(text)[0].notes[0].span.line == 5


@pytest.mark.parametrize("name", ["Held", "1st", "a-b", "none", "in"])
def test_an_id_is_a_name_that_expressions_can_say(name: str) -> None:
    assert codes(steps(f"id: {name}\nnothing:")) == ["RB307 5:9"]


# -- orders ---------------------------------------------------------------------------------------

ENTRY = f"id: entry\n{SEND}"


@pytest.mark.parametrize("order", ["entry", "entry.stop", "[entry, entry.stop]"])
def test_an_order_is_named_by_its_step_or_its_leg(order: str) -> None:
    assert codes(steps(ENTRY, f"await: {{order: {order}}}")) == []


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("entyr", "RB306: no step has the id 'entyr' Did you mean 'entry'?"),
        ("held", "RB306: 'held' is a step of look, which sends no order Known here: entry."),
        ("entry.stp", "RB306: send has no order 'stp' Did you mean 'stop'?"),
        ("entry.status", "RB306: send has no order 'status'"),
        ("later", "RB302: 'later' runs later: it is steps[3]"),
        ("=steps.entry.order_id", "RB203: 'order' cannot be '=steps.entry.order_id'"),
        ("steps.entry", "RB203: 'order' cannot be 'steps.entry'"),
    ],
)
def test_what_is_no_order_is_explained(order: str, said: str) -> None:
    text = steps(LOOK, ENTRY, f"await: {{order: {order}}}", f"id: later\n{SEND}")
    assert message(text).startswith(said)


def test_each_order_of_a_list_is_judged_where_it_stands() -> None:
    assert codes(steps(ENTRY, "await: {order: [entry, x, y]}")) == ["RB306 7:28", "RB306 7:31"]


def test_an_order_that_may_not_have_been_sent_needs_a_guard() -> None:
    entry = f"id: entry\nwhen: params.go\n{SEND}"
    said = message(steps(entry, "await: {order: entry}", head=PARAMS))
    assert said.startswith("RB303: 'entry' may have sent no order: 'entry' has a `when`")
    assert said.endswith("Give this step `when: ran(entry)`.")
    assert codes(steps(entry, "when: ran(entry)\nawait: {order: entry}", head=PARAMS)) == []
    assert codes(steps(entry, "when: params.go\nawait: {order: entry}", head=PARAMS)) == []


def test_in_cleanup_an_order_that_was_never_sent_is_nothing_to_do() -> None:
    assert codes(steps(ENTRY) + "finally:\n  - await: {order: entry}\n") == []


# -- one error at its source, not again wherever it is used ---------------------------------------


def test_what_uses_a_broken_parameter_is_not_an_error_too() -> None:
    head = HEAD + "params: {qty: {type: shares}}\n"
    text = steps("claim: params.qty > 1 and steps.x.y > 1", head=head)
    assert codes(text) == ["RB203 4:22", "RB301 6:31"]


def test_what_uses_a_step_without_a_known_action_is_not_an_error_too() -> None:
    text = steps("id: held\nlok: {symbol: AAPL}", "claim: steps.held.qty > 1")
    assert codes(text) == ["RB204 6:5"]
    text = steps("id: entry\nsned: {symbol: AAPL}", "await: {order: entry}")
    assert codes(text) == ["RB204 6:5"]


# -- symbols --------------------------------------------------------------------------------------


def test_an_order_for_a_symbol_that_is_not_listed_is_an_error() -> None:
    assert codes(steps(SEND.replace("AAPL", "MSFT"))) == ["RB308 5:20"]
    assert codes(steps(SEND.replace("AAPL", "MSFT"), head=HEAD.replace("[AAPL]", "any"))) == []


def test_reading_a_symbol_that_is_not_listed_is_pointed_out_only() -> None:
    (found,) = findings(steps("look: {symbol: AAPLE}"))
    assert (found.code, found.severity, found.help) == ("RB308", "warning", "Did you mean 'AAPL'?")


def test_a_symbol_that_a_parameter_decides_is_judged_when_it_is_known() -> None:
    head = HEAD + "params: {ticker: {type: symbol}}\n"
    text = steps("send: {symbol: =params.ticker, side: buy, qty: 1}", head=head)
    assert codes(text) == []
    assert codes(text, "ticker=MSFT") == ["RB308 6:20"]
    assert codes(text, "ticker=AAPL") == []


def test_listed_symbols_may_come_from_parameters() -> None:
    head = HEAD.replace("[AAPL]", "[=params.one]") + "params: {one: {type: symbol}}\n"
    text = steps(SEND, head=head)
    assert codes(text) == []
    assert codes(text, "one=AAPL") == []
    assert codes(text, "one=MSFT") == ["RB308 6:20"]
