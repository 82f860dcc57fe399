"""A policy file is read into the owner's words, and every mistake says what to write instead."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from jsonschema import Draft202012Validator

from runner.guards import GUARDS
from runner.guards.policy import policy_of
from runner.guards.rules import CEILINGS, LIMITS, Policy
from runner.language.diagnostics import Diagnostic, Report
from runner.language.policy_file import limit_fields
from runner.language.policy_schema import policy_json, policy_schema
from runner.language.source import Source
from runner.resources import schema_text

CODES = [guard.code for guard in GUARDS]


def policy(keys: str) -> Policy:
    report = Report(Source("policy.yaml", f"policy: 1\n{keys}\n"))
    found = policy_of(report.source, report)
    assert found is not None, report.sorted()
    return found


def mistake(keys: str) -> Diagnostic:
    """The only mistake of a policy with these keys."""
    report = Report(Source("policy.yaml", f"policy: 1\n{keys}\n"))
    assert policy_of(report.source, report) is None
    (found,) = report.sorted()
    return found


def test_the_committed_schema_is_what_the_declarations_give() -> None:
    assert schema_text("policy.schema.json") == policy_json(CODES), (
        "write it anew with `runbook schema --write`"
    )


def test_the_schema_is_a_draft_2020_12_schema_and_closed() -> None:
    schema = policy_schema(CODES)
    Draft202012Validator.check_schema(schema)
    entry = schema["properties"]["guards_off"]["items"]
    for closed in (schema, schema["properties"]["limits"], entry):
        assert closed["additionalProperties"] is False
    assert entry["properties"]["guard"]["enum"] == CODES


def test_an_editor_can_explain_every_key_of_a_policy() -> None:
    schema = policy_schema(CODES)
    for keys in (schema, schema["properties"]["limits"]):
        assert all("description" in one for one in keys["properties"].values())


def test_a_policy_knows_every_limit_of_a_runbook() -> None:
    assert tuple(limit_fields()) == LIMITS


def test_every_key_is_read_as_it_is_meant() -> None:
    found = policy(
        "accounts: [PA3ABCDEF, 012345678]\n"
        "symbols: [ON, AAPL, AAPL]\n"
        "sides: [buy, buy]\n"
        "allow_shorting: true\n"
        "allow_yes: false\n"
        "limits: {max_order_notional: 100.10, price_collar: 2.5%, duplicate_window: 1m30s}\n"
        "guards_off: [{guard: price_collar, reason: slow quotes}]"
    )
    assert found.accounts == ("PA3ABCDEF", "012345678")
    assert found.symbols == ("ON", "AAPL")
    assert found.sides == ("buy",)
    assert found.allow_shorting is True
    assert found.allow_yes is False
    assert found.limits.max_order_notional == Decimal("100.10")
    assert found.limits.price_collar == Decimal("0.025")
    assert found.limits.duplicate_window == timedelta(seconds=90)
    assert found.off == {"price_collar": "slow quotes"}
    assert len(found.sha256) == 64
    place = found.places["price_collar"]
    assert (place.line, place.column) == (7, 52)


def test_what_a_policy_does_not_say_stays_built_in() -> None:
    found = policy("limits: {max_order_notional: 500}")
    assert found.ceilings.max_order_notional == 500
    assert found.ceilings.max_run_notional == CEILINGS.max_run_notional == 25_000
    assert found.symbols is None
    assert found.sides == ("buy", "sell")
    assert (found.allow_shorting, found.allow_yes) == (False, None)
    assert found.accounts == ()


@pytest.mark.parametrize(
    ("keys", "code", "help_"),
    [
        ("acounts: [123456789]", "PO102", "Did you mean 'accounts'?"),
        ("limits: {max_notional: 5}", "PO102", "'max_order_notional' or"),
        ("guards_off: [{guard: price_colar, reason: slow}]", "PO105", "'price_collar'?"),
        ("guards_off: [{guard: price_collar}]", "PO103", "Add `reason: "),
        ("limits: {max_order_notional: 30000}", "PO107", "Write `max_run_notional: 30000` or more"),
        ("limits:", "PO104", "Write a value, or leave the key out."),
        ("guards_off: []", "PO104", "Write a value, or leave the key out."),
    ],
)
def test_a_mistake_says_what_to_write_instead(keys: str, code: str, help_: str) -> None:
    found = mistake(keys)
    assert found.code == code
    assert help_ in found.help


def test_a_key_that_is_misspelt_is_not_also_missing() -> None:
    assert mistake("guards_off: [{guard: price_collar, reasn: slow}]").code == "PO102"


def test_a_good_entry_is_still_judged_beside_a_bad_one() -> None:
    report = Report(Source("p", "policy: 1\nguards_off: [x, {guard: no_such, reason: because}]\n"))
    assert policy_of(report.source, report) is None
    assert [one.code for one in report.sorted()] == ["PO104", "PO105"]


@pytest.mark.parametrize("text", ["", "- 1", "x", "\x00", "policy: 1\n" * 3, "a: &a [*a]", "? {}"])
def test_no_text_makes_the_reader_fail(text: str) -> None:
    report = Report(Source("p", text))
    assert policy_of(report.source, report) is None
    assert report.failed
