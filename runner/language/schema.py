"""The JSON Schema of a runbook, written from the declarations.

It serves two readers: editors, which complete and explain from its titles, descriptions, defaults
and examples, and `structure`, which judges with it. What JSON Schema can only say slowly or badly
("exactly one action", groups of which one key is wanted) is left to `check`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from runner.language.declare import Action, Field, Form
from runner.language.document import (
    FORMAT_VERSION,
    REQUIRED,
    SECTIONS,
    STEP_LISTS,
    ParameterKeys,
    fields_of,
    section_fields,
    step_fields,
    takes,
    top_fields,
)
from runner.language.kinds import ID, SYMBOL, Family, Kind

Json = dict[str, Any]

URI = "https://json-schema.org/draft/2020-12/schema"
_ORDER_PATTERN = ID.schema["pattern"].removesuffix("$") + r"(\.[a-z][a-z0-9_]*)?$"


def runbook_schema(actions: Mapping[str, Action]) -> Json:
    """The schema as JSON data, draft 2020-12. Every object forbids keys it does not name."""
    steps = {"type": "array", "items": {"$ref": "#/$defs/step"}}
    properties = properties_of(top_fields().values())
    properties |= {name: {"description": doc} for name, doc in SECTIONS.items()}
    properties["symbols"] |= symbols_schema()
    properties["params"] |= {
        "type": "object",
        "propertyNames": ID.schema,
        "additionalProperties": {"$ref": "#/$defs/parameter"},
    }
    for section in ("limits", "defaults"):
        properties[section] |= {"$ref": f"#/$defs/{section}"}
    for section in STEP_LISTS:
        properties[section] |= steps
    properties["steps"]["minItems"] = 1
    return {
        "$schema": URI,
        "title": "runbook",
        "description": "A trade plan: steps that check, order, await and clean up.",
        **object_schema(properties, REQUIRED),
        "$defs": {
            "step": _step(actions.values()),
            "poll": _poll(actions.values()),
            "parameter": _parameter(),
            "limits": keys_schema(section_fields("limits").values()),
            "defaults": keys_schema(section_fields("defaults").values()),
            **{action.name: _action(action) for action in actions.values()},
        },
    }


def schema_json(actions: Mapping[str, Action]) -> str:
    """The text of `schemas/runbook.schema.json`."""
    return json.dumps(runbook_schema(actions), indent=2, ensure_ascii=False) + "\n"


def object_schema(properties: Json, required: Iterable[str]) -> Json:
    """An object that forbids keys it does not name."""
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    if needed := list(required):
        schema["required"] = needed
    return schema


def keys_schema(fields: Iterable[Field]) -> Json:
    """An object of declared keys."""
    fields = list(fields)
    schema = object_schema(
        properties_of(fields), [field.name for field in fields if field.required]
    )
    conditions: dict[tuple[str, str], list[str]] = {}
    for field in fields:
        if field.unless is not None:
            conditions.setdefault(field.unless, []).append(field.name)
    for (key, word), names in conditions.items():
        written = {"properties": {key: {"const": word}}, "required": [key]}
        schema |= {"if": written, "else": {"required": names}}
    return schema


def properties_of(fields: Iterable[Field]) -> Json:
    """Each declared key's schema, with what an editor says of it."""
    return {field.name: _field(field) for field in fields}


def symbols_schema() -> Json:
    """A list of symbols, or the word any."""
    return {
        "type": ["array", "string"],
        "pattern": "^any$",
        "items": SYMBOL.schema,
        "minItems": 1,
        "examples": [["AAPL"], "any"],
    }


def _step(actions: Iterable[Action]) -> Json:
    properties = properties_of(step_fields().values())
    properties |= {action.name: {"$ref": f"#/$defs/{action.name}"} for action in actions}
    return {
        "description": "One step: exactly one action, and the keys that every step may carry.",
        **object_schema(properties, ()),
        "minProperties": 1,
    }


def _poll(actions: Iterable[Action]) -> Json:
    readings = {one.name: {"$ref": f"#/$defs/{one.name}"} for one in actions if one.polls}
    return {"description": "One reading action.", **object_schema(readings, ()), "minProperties": 1}


def _parameter() -> Json:
    schema = keys_schema(fields_of(ParameterKeys).values())
    schema["if"] = {"properties": {"type": {"const": "choice"}}, "required": ["type"]}
    schema["then"] = {"required": ["values"]}
    return schema


def _action(action: Action) -> Json:
    fields = action.fields
    schema = keys_schema(fields.values())
    if action.bare is not None:
        schema |= _scalar_keywords(fields[action.bare])
        accepted = {**_as_types(schema.get("type", "string")), "object": None}
        if fields[action.bare].many:
            accepted["array"] = None
        schema["type"] = list(accepted)
    elif "required" not in schema and "else" not in schema:
        schema["type"] = ["object", "null"]
    outputs = ", ".join(action.outputs)
    doc = f"{action.doc}\n\nOutputs: {outputs}." if outputs else action.doc
    return {"title": action.name, "description": doc, **schema}


def _scalar_keywords(field: Field) -> Json:
    """The keywords that judge a lone scalar; none of them says anything about an object."""
    schema = _one(field)
    if "anyOf" in schema:
        words = "|".join(field.kind.values) or "true|false"
        return {"type": ["string", "boolean"], "pattern": f"^(=.*|{words})$"}
    if field.many:
        return {**schema, "items": _one(field), "minItems": 1}
    return schema


def _field(field: Field) -> Json:
    one = _one(field)
    if field.of is not None:
        schema = {"type": "array", "items": one, "minItems": 1}
    elif not field.many:
        schema = one
    elif "type" in one:
        types = list({**_as_types(one["type"]), "array": None})
        schema = {**one, "type": types, "items": one, "minItems": 1}
    else:
        schema = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    words: Json = {"title": field.name, "description": f"{field.doc} Takes {takes(field)}."}
    if field.default is not None:
        words["default"] = _json_value(field.kind, field.default)
    if field.example:
        words["examples"] = [_json_value(field.kind, field.example)]
    return {**words, **schema}


def _one(field: Field) -> Json:
    """What judges one value of a field, by how its text is to be understood."""
    match field.form:
        case Form.CONDITION:
            return {"type": ["string", "boolean"]}
        case Form.UNTIL:
            return {"type": ["string", "boolean"]}
        case Form.ORDER:
            return {"type": "string", "pattern": _ORDER_PATTERN}
        case Form.POLL:
            return {"$ref": "#/$defs/poll"}
        case Form.TEMPLATE:
            return {"type": ["string", "number", "boolean"]}
        case Form.NESTED:
            return keys_schema(fields_of(field.of).values()) if field.of is not None else {}
        case Form.VALUE:
            schema = _bounded(field)
            if not field.literal:
                return schema
            if field.kind.values:
                return {"enum": list(field.kind.values)}
            if field.kind in (ID, FORMAT_VERSION):
                return schema  # no expression can look like one of these
            return {**schema, "not": {"type": "string", "pattern": "^="}}


def _bounded(field: Field) -> Json:
    schema = dict(field.kind.schema)
    if not {"number", "integer"} & _as_types(schema.get("type", ())).keys():
        return schema
    for keyword, bound in (
        ("minimum", field.least),
        ("maximum", field.most),
        ("exclusiveMinimum", field.above),
    ):
        if bound is not None:
            schema[keyword] = _json_value(field.kind, bound)
    return schema


def _as_types(types: str | Iterable[str]) -> dict[str, None]:
    return dict.fromkeys([types] if isinstance(types, str) else types)


def _json_value(kind: Kind, text: str) -> Any:
    """A declared default, bound or example as JSON: a number where an editor sees a number."""
    if kind.family is Family.BOOLEAN:
        return text == "true"
    if kind.family is Family.NUMBER and not text.endswith("%"):
        try:
            number = Decimal(text)
        except ArithmeticError:
            return text
        return int(number) if number == number.to_integral_value() else float(number)
    return text
