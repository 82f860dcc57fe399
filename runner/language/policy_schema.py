"""The JSON Schema of an owner's policy file, written from the declarations."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.language.document import fields_of
from runner.language.policy_file import SECTIONS, GuardOff, PolicyKeys, limit_fields
from runner.language.schema import (
    URI,
    Json,
    keys_schema,
    object_schema,
    properties_of,
    symbols_schema,
)


def policy_schema(guards: Sequence[str]) -> Json:
    """The schema as JSON data, draft 2020-12; `guards` are the codes that exist."""
    entry = keys_schema(fields_of(GuardOff).values())
    entry["properties"]["guard"] |= {"enum": list(guards)}
    properties = properties_of(fields_of(PolicyKeys).values())
    properties["guards_off"] |= {"items": entry}
    properties |= {name: {"description": doc} for name, doc in SECTIONS.items()}
    properties["symbols"] |= symbols_schema()
    properties["limits"] |= keys_schema(limit_fields().values())
    return {
        "$schema": URI,
        "title": "policy",
        "description": "What the owner of an account allows, whoever wrote the runbook.",
        **object_schema(properties, ["policy"]),
    }


def policy_json(guards: Sequence[str]) -> str:
    """The text of `schemas/policy.schema.json`."""
    return json.dumps(policy_schema(guards), indent=2, ensure_ascii=False) + "\n"
