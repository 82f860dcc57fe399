"""The committed schema is what the declarations give, and serves an editor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from unit.language.check_sample import ACTIONS as SAMPLE

from runner.language.schema import runbook_schema, schema_json
from runner.resources import schema_text
from runner.steps import ACTIONS

SCHEMA = runbook_schema(ACTIONS)


def objects(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema that names properties."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict) and "type" in node:
            yield path, node
        for key, value in node.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from objects(value, f"{path}/{at}")


def test_the_committed_schema_is_what_the_declarations_give() -> None:
    assert schema_text("runbook.schema.json") == schema_json(ACTIONS), (
        "write it anew with `runbook schema --write`"
    )


def test_the_schema_is_a_draft_2020_12_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_object_forbids_keys_it_does_not_name() -> None:
    found = dict(objects(SCHEMA))
    assert len(found) > len(ACTIONS)
    open_ones = [
        path for path, one in found.items() if one.get("additionalProperties") is not False
    ]
    assert open_ones == []


def test_exactly_one_action_is_not_asked_of_the_schema() -> None:
    assert '"oneOf"' not in json.dumps(SCHEMA)


def test_an_editor_can_explain_every_key() -> None:
    for path, one in objects(SCHEMA):
        for key, value in one["properties"].items():
            referred = SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert "description" in value or "description" in referred, f"{path}/{key}"


def test_every_action_is_a_definition_of_its_own() -> None:
    for name, action in ACTIONS.items():
        definition = SCHEMA["$defs"][name]
        assert set(definition["properties"]) == set(action.fields)
        assert SCHEMA["$defs"]["step"]["properties"][name] == {"$ref": f"#/$defs/{name}"}
        assert action.doc in definition["description"]


def test_only_reading_actions_can_be_polled() -> None:
    polled = {name for name, action in ACTIONS.items() if action.polls}
    assert set(SCHEMA["$defs"]["poll"]["properties"]) == polled


@pytest.mark.parametrize(
    ("action", "value", "fits"),
    [
        ("send", {"symbol": "AAPL", "side": "buy", "qty": 1}, True),
        ("send", {"symbol": "AAPL", "side": "buy", "qty": 0.5}, True),
        ("send", {"symbol": "AAPL", "side": "buy", "qty": "0.5"}, True),
        ("send", {"symbol": "AAPL", "side": "buy", "qty": "=params.x"}, True),
        ("send", {"symbol": "AAPL", "side": "=params.side", "qty": 1}, True),
        ("send", {"symbol": "AAPL", "side": "hold", "qty": 1}, False),
        ("send", {"symbol": "AAPL", "side": "buy", "qty": 0}, False),
        ("send", {"symbol": "AAPL", "side": "buy", "qty": "ten"}, False),
        ("send", {"symbol": "aapl", "side": "buy", "qty": 1}, False),
        ("look", {"symbol": True}, True),  # the ticker TRUE, as YAML reads it
        ("look", None, False),
        ("nothing", None, True),
        ("nothing", {}, True),
        ("nothing", "x", False),
        ("claim", "a > b", True),
        ("claim", True, True),
        ("claim", {"that": "a > b"}, True),
        ("claim", {}, False),
        ("claim", 5, False),
        ("await", {"order": "a"}, True),
        ("await", {"order": ["a", "b.stop"]}, True),
        ("await", {"order": []}, False),
        ("await", {"order": "=steps.a.order_id"}, False),
        ("await", {"order": "a", "timeout": 60}, False),
        ("pause", {"times": 2}, True),
        ("pause", {"times": 2.5}, False),
        ("pause", {"times": "=1 + 1"}, False),
        ("pause", {"poll": {"look": {"symbol": "AAPL"}}, "until": "x > 1"}, True),
        ("pause", {"poll": {"send": {}}, "until": "x > 1"}, False),
    ],
)
def test_an_editor_judges_the_values_it_sees(action: str, value: object, fits: bool) -> None:
    runbook = {"runbook": 1, "name": "x", "symbols": "any", "steps": [{action: value}]}
    assert Draft202012Validator(runbook_schema(SAMPLE)).is_valid(runbook) is fits
