"""The page about the simulator says what is true: its commands work, its tables are complete."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.sim import Exchange, FlowingClock, Served, default_scenario, serve
from runner.sim.control import ROUTES
from runner.sim.faults import EFFECTS
from runner.sim.scenario_file import parse_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
BASE = "http://127.0.0.1:8787"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("curl ")
]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    scenario = default_scenario()
    with serve(Exchange(scenario), FlowingClock(scenario.start)) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_work_in_their_order(served: Served, command: str) -> None:
    words = shlex.split(command.replace(BASE, served.url))
    flags = ["-sS", "--fail-with-body", "--noproxy", "*", "--max-time", "5"]
    done = subprocess.run([words[0], *flags, *words[1:]], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if done.stdout:
        json.loads(done.stdout)


def test_every_route_of_the_control_api_is_shown() -> None:
    shown = set()
    for command in COMMANDS:
        words = shlex.split(command)
        method = "GET"
        if "-d" in words or "--data-binary" in words:
            method = "POST"
        if "-X" in words:
            method = words[words.index("-X") + 1]
        path = words[-1].removeprefix(f"{BASE}/sim").partition("?")[0].strip("/")
        shown.add((method, path))
    for method, pattern in ROUTES:
        form = re.compile(pattern.replace("*", "[^/]+"))
        assert any(method == m and form.fullmatch(path) for m, path in shown), (method, pattern)


@pytest.mark.parametrize("name", EFFECTS)
def test_every_fault_is_described_as_it_is_declared(name: str) -> None:
    effect = EFFECTS[name]
    keys = [f"`{key}`" + (" (needed)" if key in effect.needs else "") for key in effect.takes]
    assert f"| `{name}` | {effect.sentence} | {', '.join(keys) or 'none'} |" in PAGE


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_scenarios(text: str) -> None:
    Exchange(parse_scenario(text.encode(), "example", None))
