"""The data of a plan: what `--json` prints and a saved plan keeps, and its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from unit.report.plan_sample import (
    ACCOUNT,
    ACCOUNT_NUMBER,
    Place,
    line,
    order,
    projection,
    refused,
    runbook,
)

from runner.audit.canonical import canonical_bytes
from runner.drive.projection import Projection
from runner.drive.saved_plan import as_bytes, plan_to_save
from runner.guards.rules import BUILT_IN, Policy
from runner.report.plan_json import plan_data, refused_data
from runner.report.plan_schema import plan_schema
from runner.resources import schema_text

PLANS = Draft202012Validator({**plan_schema(), "anyOf": [{"$ref": "#/$defs/plan"}]})
EVERY = Draft202012Validator(plan_schema())


def data(found: Projection | None = None, kind: str = "paper", policy: Policy = BUILT_IN) -> Any:
    place = Place(kind, "https://paper-api.example")
    return plan_data(found or projection(), runbook(), place, policy)


def test_the_committed_schema_is_what_the_declarations_say() -> None:
    assert schema_text("plan.schema.json") == json.dumps(plan_schema(), indent=2) + "\n"
    Draft202012Validator.check_schema(plan_schema())


@pytest.mark.parametrize("found", [projection(), projection(refused())], ids=["runs", "refused"])
def test_a_plan_is_valid_under_the_schema(found: Projection) -> None:
    PLANS.validate(json.loads(json.dumps(data(found))))


def test_what_is_printed_where_there_is_no_plan_is_valid_too() -> None:
    nothing = refused_data(7, "nobody answers", "paper")
    EVERY.validate(nothing)
    assert nothing["plan"] is None
    assert not PLANS.is_valid(nothing)


def test_the_schema_is_closed() -> None:
    for where in ((), ("totals",), ("observed",), ("observed", "account"), ("account",)):
        plan = data()
        at = plan
        for key in where:
            at = at[key]
        at["more"] = "1"
        assert not PLANS.is_valid(plan), where


def test_a_saved_plan_is_valid_under_the_schema_too() -> None:
    saved = plan_to_save(data(), projection(), scenario={"seed": "0", "text": ""})
    PLANS.validate(json.loads(as_bytes(saved)))


def test_it_can_be_made_canonical_and_equal_projections_give_equal_bytes() -> None:
    assert canonical_bytes(data()) == canonical_bytes(data(projection()))


def test_the_account_is_named_by_its_id_and_never_by_its_number() -> None:
    plan = data()
    assert plan["account"] == {"id": ACCOUNT["id"]}
    assert ACCOUNT_NUMBER not in json.dumps(plan)


def test_the_policy_is_named_without_its_folder_or_its_accounts() -> None:
    owner = Policy(file="/home/me/policy.yaml", sha256="1" * 64, accounts=(ACCOUNT_NUMBER,))
    plan = data(policy=owner)
    assert plan["policy"]["file"] == "policy.yaml"
    assert plan["policy"]["rules"]["limits"]["max_order_notional"] == "5000"
    assert ACCOUNT_NUMBER not in json.dumps(plan)
    assert "/home/me" not in json.dumps(plan)


def test_the_exchange_inside_has_no_address_in_a_plan() -> None:
    target = data(kind="sim")["target"]
    assert target == {"kind": "sim", "base_url": "", "simulated": True}


def test_totals_say_how_many_how_much_and_whether() -> None:
    assert data()["totals"] == {
        "orders": 1, "changes": 0, "cancels": 0, "notional": "184.22",
        "opening_notional": "184.22", "unpriced": 0, "verdict": "runs", "reason": "",
        "exit_code": 0,
    }  # fmt: skip
    totals = data(projection(refused()))["totals"]
    assert (totals["verdict"], totals["exit_code"]) == ("refused", 4)
    assert totals["reason"] == "max_order_notional: $9,000.00 is more than $5,000.00"


def test_an_order_keeps_its_exact_body_its_estimates_and_every_guard() -> None:
    (sent,) = data()["lines"][0]["orders"]
    assert sent["body"] == dict(order().body)
    assert [one["verdict"] for one in sent["guards"]] == ["pass", "exempt", "off"]
    assert sent["filled_avg_price"] == {
        "value": "184.22", "certainty": "estimated", "basis": "ask at 09:31:02",
    }  # fmt: skip


def test_cleanup_points_at_its_orders() -> None:
    both = (order(), order(phase="finally", effect="cancel", body={}))
    assert data(projection(line(orders=both)))["lines"][0]["cleanup"] == [1]
