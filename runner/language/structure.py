"""What the JSON Schema finds, reported where it stands in the file.

`jsonschema` judges which keys stand where and what holds what; `wording` says it. Scalars were
read by their kinds before, with better sentences: the schema's opinion of a scalar that could not
be read is left out, and so is the lack of a key beside an unknown key that was meant for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema.validators import Draft202012Validator

from runner.language import tree
from runner.language.declare import Action
from runner.language.diagnostics import Report, likeliest
from runner.language.fields import Path
from runner.language.schema import runbook_schema
from runner.language.wording import Words

_built: dict[int, tuple[Mapping[str, Action], Any]] = {}


def _validator(actions: Mapping[str, Action]) -> Any:
    """The validator for these actions, built once; the mapping is kept so that its id stays its."""
    if id(actions) not in _built:
        _built[id(actions)] = (actions, Draft202012Validator(runbook_schema(actions)))
    return _built[id(actions)][1]


def judge(
    instance: Any,
    root: tree.Mapping,
    actions: Mapping[str, Action],
    faults: set[Path],
    report: Report,
) -> frozenset[Path]:
    """Report what the schema says of `instance`, which `shape` made of `root`.

    `faults` are the paths of scalars that were found wrong already. Returns the paths of all
    steps in which something was reported.
    """
    words = Words(root, actions, report)
    wrong: list[Path] = []
    missing: dict[Path, list[str]] = {}
    unknown: dict[Path, tuple[list[str], list[str]]] = {}
    for error in _validator(actions).iter_errors(instance):
        path: Path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            unknown[path] = ([key for key in error.instance if key not in known], known)
        elif error.validator == "required":
            wanted = [key for key in error.validator_value if key not in error.instance]
            missing[path] = list(dict.fromkeys([*missing.get(path, ()), *wanted]))
        elif "propertyNames" in error.absolute_schema_path:
            continue  # `parameters` names each such key
        elif not any(fault[: len(path)] == path for fault in faults):
            wrong.append(path)
    for path, (keys, known) in unknown.items():
        words.unknown(path, keys, known)
    for path, keys in missing.items():
        strange = unknown.get(path, ([], []))[0]
        words.missing(path, [key for key in keys if not likeliest(key, strange)])
    for path in dict.fromkeys(wrong):
        words.wrong(path)
    return frozenset(path[:2] for path in (*unknown, *missing, *wrong) if len(path) >= 2)
