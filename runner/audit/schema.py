"""Writes `schemas/audit-record.schema.json` from the declared shapes.

    python -m runner.audit.schema > schemas/audit-record.schema.json

A test holds that the committed file is what this prints, and that it judges as `shapes` does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from runner.audit import shapes
from runner.audit.records import HEX_DIGEST, TIMESTAMP, VERSION
from runner.audit.shapes import LEDGER_NEEDS_RUN, LEDGER_SHAPES, LOG_SHAPES, Shape

_DIGEST: dict[str, Any] = {"type": "string", "pattern": f"^{HEX_DIGEST.pattern}$"}

_KINDS: Mapping[str, dict[str, Any]] = {
    shapes.TEXT: {"type": "string"},
    shapes.TEXT_OR_NULL: {"type": ["string", "null"]},
    shapes.COUNT: {"type": "integer", "minimum": 0},
    shapes.LIST: {"type": "array"},
    shapes.OBJECT: {"type": "object"},
    shapes.TEXTS: {"type": "object", "additionalProperties": {"type": "string"}},
    shapes.DIGEST: _DIGEST,
    shapes.ANY: {},
}


def record_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line: a record of a run's log, or of the ledger."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Audit record",
        "description": (
            "One line of a run's log (`#/$defs/log`) or of the ledger (`#/$defs/ledger`). "
            "The chain of hashes is described in docs/audit-format.md."
        ),
        "anyOf": [{"$ref": "#/$defs/log"}, {"$ref": "#/$defs/ledger"}],
        "$defs": {
            "envelope": _envelope(),
            "log": {
                "description": "A record of a run's log.",
                "$ref": "#/$defs/envelope",
                "required": ["run"],
                "properties": {"type": {"enum": sorted(LOG_SHAPES)}},
                "allOf": [_branch(name, shape) for name, shape in sorted(LOG_SHAPES.items())],
            },
            "ledger": {
                "description": "A record of the directory's ledger.",
                "$ref": "#/$defs/envelope",
                "properties": {"type": {"enum": sorted(LEDGER_SHAPES)}},
                "allOf": [_branch(name, shape) for name, shape in sorted(LEDGER_SHAPES.items())]
                + [
                    {
                        "if": {"properties": {"type": {"enum": sorted(LEDGER_NEEDS_RUN)}}},
                        "then": {"required": ["run"]},
                    }
                ],
            },
        },
    }


def _envelope() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["v", "seq", "ts", "type", "data", "prev", "hash"],
        "additionalProperties": False,
        "properties": {
            "v": {"const": VERSION, "description": "Version of the envelope."},
            "seq": {"type": "integer", "minimum": 1, "description": "Counts records from 1."},
            "ts": {
                "type": "string",
                "pattern": f"^{TIMESTAMP.pattern}$",
                "description": "Wall time, UTC, in nanoseconds.",
            },
            "run": {"type": "string", "description": "The run's id."},
            "type": {"type": "string"},
            "step": {"type": "string", "description": "The step's path, such as steps[3]."},
            "data": {"type": "object"},
            "prev": _DIGEST | {"description": "hash of the record before; 64 zeros at first."},
            "hash": _DIGEST | {"description": "SHA-256 of the canonical record without hash."},
        },
    }


def _branch(record_type: str, shape: Shape) -> dict[str, Any]:
    data = _object(shape)
    if record_type == "wire.response":
        data |= {
            "if": {"required": ["error"]},
            "then": _object(shapes.FAILED),
            "else": _object(shapes.ANSWERED),
        }
    return {
        "if": {"properties": {"type": {"const": record_type}}},
        "then": {"properties": {"data": data}},
    }


def _object(shape: Shape) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    required = sorted(key for key in shape if not key.endswith("?"))
    if required:
        schema["required"] = required
    if shape:
        schema["properties"] = {key.removesuffix("?"): _kind(shape[key]) for key in sorted(shape)}
    return schema


def _kind(expected: str | tuple[str, ...] | Shape) -> dict[str, Any]:
    if isinstance(expected, Mapping):
        return _object(expected)
    if isinstance(expected, tuple):
        return {"enum": list(expected)}
    return dict(_KINDS[expected])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(record_schema(), indent=2) + "\n")
