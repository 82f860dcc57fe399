"""The schema of scenarios and the reader: two sides of the same declarations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from runner.resources import schema_text
from runner.sim import ScenarioError
from runner.sim.faults import EFFECTS
from runner.sim.faults_reader import keys_of
from runner.sim.scenario_file import SHIPPED, parse_scenario
from runner.sim.scenario_reader import READERS
from runner.sim.scenario_schema import scenario_schema

FILES = sorted(SHIPPED.glob("*.yaml"))
VALIDATOR = Draft202012Validator(scenario_schema())


def typed(text: str) -> Any:
    """YAML as an editor reads it, dates left as text."""
    loader: Any = type("Typed", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith("timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(text, Loader=loader)


def test_the_committed_schema_is_the_declared_one() -> None:
    assert json.loads(schema_text("scenario.schema.json")) == scenario_schema()


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(scenario_schema())


def test_every_key_that_is_read_is_in_the_schema() -> None:
    known = {*READERS, "start", "positions", "assets", "prices", "tape"}
    assert set(scenario_schema()["properties"]) == known


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_scenarios_satisfy_the_schema(path: Path) -> None:
    VALIDATOR.validate(typed(path.read_text(encoding="utf-8")))


EXAMPLES = {"commit": "yes", "time": "5s", "status": 504, "body": "html", "headers": "no"}
EXAMPLES |= {"method": "POST", "path": "/v2/*", "symbol": "F", "client_order_id": "rb-*"}
EXAMPLES |= {"event": "fill", "nth": 1, "first": 2, "every": 3, "chance": "10%", "part": "50%"}
EXAMPLES |= {"after": "1m", "until": "2m", "to": "suspended"}
VALUES: dict[str, Any] = {**EXAMPLES, "set": {"status": "odd"}, "omit": ["id"]}


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_fault_with_every_key_passes_both(effect: str) -> None:
    fault = {"fault": effect, **{name: VALUES[name] for name in keys_of(effect)}}
    scenario = {"faults": [fault]}
    VALIDATOR.validate(scenario)
    parse_scenario(json.dumps(scenario).encode(), "scenario", None)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("cash: 5\nsede: 7\n", "2:1: sede: is not a field"),
        ("cash: 5\nmultiplier: 3\n", "2:1: multiplier: expected one of 1, 2, 4"),
        (
            "cash: 5\nassets:\n  F: {price: 5}\n  AAPL:\n    colour: red\n",
            "5:5: assets.AAPL.colour",
        ),
        ("faults:\n  - {fault: drop}\n  - fault: delay\n", "3:5: faults[1]: delay needs `time`"),
        ("faults:\n  - fault: hang\n    nth: soon\n", "3:5: faults[0].nth: expected a number"),
        (
            "faults:\n  - fault: hang\n    stauts: 5\n",
            "3:5: faults[0].stauts: is not a key of hang",
        ),
        ("tape:\n  F:\n    - [0, 13]\n    - [0, 14]\n", "4:7: tape.F[1]: times go forward"),
        ("positions:\n  F: {qty: 1}\n", "2:3: positions.F: expected {qty"),
        ("keys: {key: a}\n", "1:1: keys: expected"),
        ("cash: 1\ncash: 2\n", "2:1: the key 'cash' is given twice"),
        ("[cash]: 1\n", "1:1: a key is a plain word"),
        ("cash: [\n", "2:1: is not valid YAML"),
        ("- cash\n", "1:1: the scenario: expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(text.encode(), "my.yaml", None)
    assert str(error.value).startswith(f"my.yaml:{place}")


@pytest.mark.parametrize(
    "scenario",
    [
        {"sede": 7},
        {"multiplier": 3},
        {"keys": {"key": "a"}},
        {"assets": {"F": {"colour": "red"}}},
        {"positions": {"F": {"qty": 1}}},
        {"tape": {"F": []}},
        {"faults": [{"fault": "explode"}]},
        {"faults": [{"fault": "delay"}]},
        {"faults": [{"fault": "drop", "status": 5}]},
        {"faults": [{"fault": "drop", "commit": "maybe"}]},
        {"faults": [{}]},
        {"faults": {"fault": "drop"}},
        {"cash": None, "seed": -1},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(scenario: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(scenario)
    with pytest.raises(ScenarioError):
        parse_scenario(json.dumps(scenario).encode(), "scenario", None)
