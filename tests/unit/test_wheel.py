"""What is installed is whole: the schemas and the runbooks travel with the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from runner import resources

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ("schemas/runbook.schema.json", "schemas/audit-record.schema.json",
           "runbooks/first-live-trade.yaml")  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.parametrize("name", CARRIED)
def test_the_wheel_carries_it_as_it_is_in_the_checkout(wheel: zipfile.ZipFile, name: str) -> None:
    assert wheel.read(f"runner/{name}") == (ROOT / name).read_bytes()


def test_the_wheel_carries_every_scenario_that_the_readme_speaks_of(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for scenario in (ROOT / "runner" / "sim" / "scenarios").glob("*.yaml"):
        assert f"runner/sim/scenarios/{scenario.name}" in names


def test_an_editable_install_finds_them_too() -> None:
    for name in CARRIED:
        folder, _, file = name.partition("/")
        assert (resources.folder(folder) / file).is_file()
