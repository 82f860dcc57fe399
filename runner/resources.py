"""Where the schemas and the runbook library are, in a checkout and in an installed package.

Both folders stand beside the package in the source tree, where editors and people find them, and
inside it in a wheel. An editable install has only the first.
"""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """The folder `schemas` or `runbooks`. Raises `FileNotFoundError` when neither place has it."""
    package = Path(__file__).parent
    for place in (package / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"this installation has no folder '{name}'")


def schema_text(name: str) -> str:
    """The text of one committed schema, such as `runbook.schema.json`."""
    return (folder("schemas") / name).read_text(encoding="utf-8")
