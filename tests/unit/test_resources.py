"""The schemas and the library are found in a checkout and in an installed package."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from runner import resources


def installed(package: Path) -> ModuleType:
    """The module as it would stand in another place."""
    package.mkdir()
    copy = shutil.copy(resources.__file__, package)
    spec = importlib.util.spec_from_file_location("installed_resources", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("place", ["runner/schemas", "schemas"])
def test_a_folder_is_found_inside_the_package_or_beside_it(tmp_path: Path, place: str) -> None:
    module = installed(tmp_path / "runner")
    (tmp_path / place).mkdir()
    assert module.folder("schemas") == tmp_path / place


def test_a_folder_in_neither_place_is_an_error(tmp_path: Path) -> None:
    module = installed(tmp_path / "runner")
    with pytest.raises(FileNotFoundError, match="no folder 'runbooks'"):
        module.folder("runbooks")
