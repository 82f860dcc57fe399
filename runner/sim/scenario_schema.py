"""Writes `schemas/scenario.schema.json` from the declarations that the scenario reader uses.

python -m runner.sim.scenario_schema > schemas/scenario.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

from runner.sim.faults_reader import fault_schema
from runner.sim.scenario_reader import ASSET_FIELDS, HOLDING_FIELDS, READERS
from runner.sim.scenario_values import DURATION, MOMENT, PRICE, PRICES, Kind


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a scenario file."""
    market = {
        "start": dict(MOMENT.schema),
        "prices": dict(PRICES.schema),
        "assets": _by_symbol(_fields(ASSET_FIELDS)),
        "positions": _by_symbol(_fields(HOLDING_FIELDS) | {"required": list(HOLDING_FIELDS)}),
        "tape": _by_symbol(_tape()),
    }
    simple = {name: dict(kind.schema) for name, kind in READERS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of the embedded exchange",
        "description": "The account, the market and the faults that it begins with.",
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": market | simple,
        "$defs": {"fault": fault_schema()},
    }


def _fields(kinds: dict[str, Kind]) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {name: dict(kind.schema) for name, kind in kinds.items()},
    }


def _by_symbol(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": schema}


def _tape() -> dict[str, Any]:
    time, price = dict(DURATION.schema), dict(PRICE.schema)
    return {
        "description": "Points of [time from the start, price] or with bid and ask, or a CSV file.",
        "anyOf": [
            {"type": "string", "minLength": 1},
            {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 4,
                    "prefixItems": [time, price, price, price],
                },
            },
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(scenario_schema(), indent=2) + "\n")
