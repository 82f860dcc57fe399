"""Scenarios from YAML text and files; all that is wrong is told, with line, column and excerpt."""

from __future__ import annotations

from pathlib import Path

from runner.sim.scenario import Scenario
from runner.sim.scenario_reader import read_scenario
from runner.sim.scenario_values import ScenarioError, suggest
from runner.sim.scenario_yaml import YamlText

SHIPPED = Path(__file__).parent / "scenarios"


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
        hint = suggest(name, shipped_scenarios())
        raise ScenarioError(f"{name}: no such scenario comes with the exchange; {hint}")
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
    read = YamlText(text, name)
    try:
        return read_scenario(read.data, folder)
    except ScenarioError as error:
        raise read.placed(error) from None
