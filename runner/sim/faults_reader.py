"""Reading a fault from a scenario or the control API, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from runner.sim.faults import (
    EFFECTS,
    LATE,
    MARKET,
    NO,
    ORDER,
    REQUEST,
    STREAM,
    YES,
    Armed,
    Fault,
)
from runner.sim.orders import INTERRUPTIONS
from runner.sim.scenario_values import (
    CHANCE,
    COUNT,
    DURATION,
    FLAG,
    INTEGER,
    NAMES,
    TEXT,
    Kind,
    Problems,
    ScenarioError,
    as_mapping,
    choice,
    unknown,
)
from runner.sim.wire import decimal_text


def _commit(value: object, where: str) -> str:
    word = {"true": YES, "false": NO}.get(str(value).lower(), str(value))
    return str(choice(YES, NO, LATE)(word, where))


def _fields(value: object, where: str) -> dict[str, Any]:
    """Field by field; the words null, true and false of a YAML file are JSON's."""
    words: dict[object, object] = {"null": None, "true": True, "false": False}
    given = as_mapping(value, where)
    return {
        name: words.get(field, field) if isinstance(field, str) else field
        for name, field in given.items()
    }


def _status(value: object, where: str) -> int:
    status = int(INTEGER(value, where))
    if not 200 <= status <= 599:
        raise ScenarioError(f"{where}: expected an HTTP status from 200 to 599, not {value!r}")
    return status


STATUS = Kind(_status, {"type": ["integer", "string"], "minimum": 200, "maximum": 599})
COMMIT = Kind(_commit, {"enum": [YES, NO, LATE, True, False]})
FIELDS = Kind(_fields, {"type": "object"})

MATCHERS: dict[str, dict[str, Kind]] = {
    REQUEST: {"method": TEXT, "path": TEXT, "symbol": TEXT, "client_order_id": TEXT},
    ORDER: {"symbol": TEXT, "client_order_id": TEXT},
    MARKET: {"path": TEXT, "symbol": TEXT},
    STREAM: {"symbol": TEXT, "client_order_id": TEXT, "event": TEXT},
}
COUNTS: dict[str, Kind] = {
    "after": DURATION,
    "until": DURATION,
    "nth": COUNT,
    "first": COUNT,
    "every": COUNT,
    "chance": CHANCE,
}
PARAMETERS: dict[str, Kind] = {
    "commit": COMMIT,
    "time": DURATION,
    "status": STATUS,
    "body": choice("json", "html", "empty"),
    "headers": FLAG,
    "set": FIELDS,
    "omit": NAMES,
    "part": CHANCE,
    "to": choice(*INTERRUPTIONS),
}


def keys_of(effect: str) -> dict[str, Kind]:
    """What may stand beside `fault: <effect>`."""
    declared = EFFECTS[effect]
    parameters = {name: PARAMETERS[name] for name in declared.takes}
    return {**MATCHERS[declared.seam], **COUNTS, **parameters}


def read_faults(value: object, where: str) -> tuple[Fault, ...]:
    """The faults of a list of mappings. Raises `ScenarioError`."""
    if value in (None, ""):
        return ()
    if not isinstance(value, list | tuple):
        raise ScenarioError(f"{where}: expected a list of faults, not {value!r}")
    problems, found = Problems(), []
    for number, fault in enumerate(value):
        with problems:
            found.append(read_fault(fault, f"{where}[{number}]"))
    problems.end()
    return tuple(found)


def read_fault(value: object, where: str = "the fault") -> Fault:
    """The fault of a mapping such as `{fault: drop, path: /v2/orders, nth: 1}`.

    Raises `ScenarioError`.
    """
    given = as_mapping(value, where)
    effect = str(choice(*EFFECTS)(given.get("fault", ""), f"{where}.fault"))
    known, problems, values = keys_of(effect), Problems(), {}
    for name in given:
        with problems:
            if name in known:
                values[name] = known[name](given[name], f"{where}.{name}")
            elif name != "fault":
                raise unknown(where, name, f"a key of {effect}", known)
    for name in EFFECTS[effect].needs:
        with problems:
            if name not in given:
                raise ScenarioError(f"{where}: {effect} needs `{name}`")
    problems.end()
    fault = Fault(effect=effect, **{"commit": EFFECTS[effect].commit, **values})
    if fault.commit == LATE and fault.time is None:
        raise ScenarioError(f"{where}: `commit: late` needs `time`")
    if effect == "alter" and not (fault.set or fault.omit):
        raise ScenarioError(f"{where}: alter needs `set` or `omit`")
    if fault.until is not None and fault.until <= (fault.after or timedelta()):
        raise ScenarioError(f"{where}.until: is after `after`")
    if "part" in values and not fault.part:
        raise ScenarioError(f"{where}.part: a fill is for more than 0%")
    return fault


FAULTS = Kind(read_faults, {"type": ["array", "null"], "items": {"$ref": "#/$defs/fault"}})


def fault_schema() -> dict[str, Any]:
    """The JSON Schema of one fault."""
    return {
        "type": "object",
        "required": ["fault"],
        "properties": {"fault": {"enum": list(EFFECTS)}},
        "allOf": [_branch(effect) for effect in EFFECTS],
    }


def _branch(effect: str) -> dict[str, Any]:
    declared = EFFECTS[effect]
    properties = {name: dict(kind.schema) for name, kind in keys_of(effect).items()}
    return {
        "if": {"properties": {"fault": {"const": effect}}, "required": ["fault"]},
        "then": {
            "description": declared.sentence,
            "additionalProperties": False,
            "required": ["fault", *declared.needs],
            "properties": {"fault": {"const": effect}, **properties},
        },
    }


def fault_body(armed: Armed) -> dict[str, Any]:
    """An armed fault as the control API gives it: what was asked for, and its counts."""
    fault = armed.fault
    body: dict[str, Any] = {"id": armed.number, "fault": fault.effect}
    for name in keys_of(fault.effect):
        value = getattr(fault, name)
        if value not in (None, {}, frozenset(), ""):
            body[name] = _plain(name, value)
    return body | {"matched": armed.matched, "acted": armed.acted}


def _plain(name: str, value: Any) -> Any:
    if name in ("time", "after", "until"):
        return f"{value.total_seconds():g}s"
    if name in ("chance", "part"):
        return decimal_text(value)
    if name == "omit":
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else value
