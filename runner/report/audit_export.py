"""Rows as CSV, JSON or JSON lines, one at a time.

CSV is made to be opened in a spreadsheet. A cell that a spreadsheet would take for a formula gets
an apostrophe in front, unless it is a plain number; control characters are written as escapes, and
line breaks stay, in quotes. JSON is exact.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from runner.audit.story import visible

_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\n")
"""How a formula begins: also the wide forms of the four signs, and behind a line break."""


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], to: TextIO) -> None:
    """A head line, then one line a row. An absent value is an empty cell."""
    lines = csv.writer(to, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([cell(row.get(column)) for column in columns] for row in rows)


def write_json(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], to: TextIO) -> None:
    """One list of objects, one a line."""
    to.write("[")
    between = "\n"
    for row in rows:
        to.write(between + _object(columns, row))
        between = ",\n"
    to.write("\n]\n")


def write_jsonl(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], to: TextIO) -> None:
    """One object a line."""
    for row in rows:
        to.write(_object(columns, row) + "\n")


FORMATS = {"csv": write_csv, "json": write_json, "jsonl": write_jsonl}


def cell(value: Any) -> str:
    """A value as a CSV cell: JSON for lists and objects, and never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        value = json.dumps(value, sort_keys=True)
    text = "\n".join(visible(line) for line in re.split(r"\r\n|\n", str(value)))
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _object(columns: Sequence[str], row: Mapping[str, Any]) -> str:
    return json.dumps({column: row.get(column) for column in columns})
