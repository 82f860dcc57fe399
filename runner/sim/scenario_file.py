"""Scenarios from YAML text and files; what is wrong is told with its line and column.

Scalars are read as text, so that `100.10` keeps its digits and `NO` is a ticker.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from runner.sim.scenario import Scenario
from runner.sim.scenario_reader import read_scenario
from runner.sim.scenario_values import ScenarioError

SHIPPED = Path(__file__).parent / "scenarios"
LARGEST, DEEPEST = 8 << 20, 32
LAST_PART = re.compile(r"(?:\[\d+\]|\.[^.\[\]]*)$")

Marks = dict[str, tuple[int, int]]


def load_scenario(path: str | Path) -> Scenario:
    """The scenario of a YAML file. Raises `ScenarioError` when it cannot be read or used."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_scenario(content, str(path), path.parent)


def shipped_scenarios() -> list[str]:
    """The names of the scenarios that come with the exchange."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def shipped_scenario(name: str) -> Scenario:
    """A scenario that comes with the exchange. Raises `ScenarioError`."""
    if name not in shipped_scenarios():
        raise ScenarioError(
            f"{name}: no such scenario comes with the exchange; there are"
            f" {', '.join(shipped_scenarios())}"
        )
    return load_scenario(SHIPPED / f"{name}.yaml")


def find_scenario(file: str) -> tuple[Scenario, str]:
    """The scenario of a file, or of a shipped one's name, and the text it was read from.

    Raises `ScenarioError` when there is none, or it cannot be used.
    """
    path = Path(file)
    if not path.exists() and path.name == file and path.suffix == "":
        shipped = shipped_scenario(file)
        return shipped, (SHIPPED / f"{file}.yaml").read_text(encoding="utf-8")
    scenario = load_scenario(path)
    return scenario, path.read_text(encoding="utf-8")


def parse_scenario(content: bytes, name: str, folder: Path | None) -> Scenario:
    """The scenario of YAML (or JSON) text, called `name` in messages.

    `folder` is where CSV tapes are looked for; None refuses them. Raises `ScenarioError`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError(f"{name}: is not UTF-8 text") from None
    marks: Marks = {}
    data = _read(text, name, marks)
    try:
        return read_scenario(data, folder)
    except ScenarioError as error:
        line, column = _place(str(error).partition(": ")[0], marks)
        raise ScenarioError(f"{name}:{line}:{column}: {error}") from None


def _place(where: str, marks: Marks) -> tuple[int, int]:
    """The line and column of a place, or of the nearest thing around it."""
    while where not in marks:
        shorter = LAST_PART.sub("", where)
        if shorter == where:
            return marks.get("", (1, 1))
        where = shorter
    return marks[where]


def _read(text: str, name: str, marks: Marks) -> Any:
    import yaml  # noqa: PLC0415 - only files need it

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The composer recurses, in C without a bound: look at the depth before.
        _check(yaml, text, name, loader)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ScenarioError(f"{place}: is not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ScenarioError(f"{name}: is not valid YAML: {error}") from None
    return {} if node is None else _plain(yaml, node, "", name, marks)


def _check(yaml: Any, text: str, name: str, loader: Any) -> None:
    if len(text) > LARGEST:
        raise ScenarioError(f"{name}: is larger than {LARGEST >> 20} MiB")
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        mark = event.start_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ScenarioError(f"{place}: is nested more than {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ScenarioError(f"{place}: anchors and aliases are not read; write the value out")


def _plain(yaml: Any, node: Any, where: str, name: str, marks: Marks) -> Any:
    """The value of a node, its scalars as text; notes where each part stands."""
    marks.setdefault(where, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(yaml, item, f"{where}[{n}]", name, marks) for n, item in enumerate(node.value)
        ]
    found: dict[str, Any] = {}
    for key, value in node.value:
        place = (key.start_mark.line + 1, key.start_mark.column + 1)
        position = f"{name}:{place[0]}:{place[1]}"
        if not isinstance(key, yaml.ScalarNode):
            raise ScenarioError(f"{position}: a key is a plain word")
        if key.value in found:
            raise ScenarioError(f"{position}: the key {key.value!r} is given twice")
        inner = f"{where}.{key.value}" if where else str(key.value)
        marks[inner] = place
        found[key.value] = _plain(yaml, value, inner, name, marks)
    return found
