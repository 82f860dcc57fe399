"""What each type of record holds: one declaration for the writer, the verifier and the schema.

A shape maps a key to what stands there; a key that ends in `?` may be absent. Shapes are closed
about what is required and open about the rest: a later version may add keys, never drop one.
`schemas/audit-record.schema.json` is written from these tables (`python -m runner.audit.schema`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from runner.audit.records import HEX_DIGEST
from runner.effects import Status

TEXT: Final = "text"
COUNT: Final = "an integer from 0"
OBJECT: Final = "an object"
LIST: Final = "a list"
DIGEST: Final = "64 hexadecimal digits"
TEXTS: Final = "an object of texts"
TEXT_OR_NULL: Final = "text or null"
ANY: Final = "any value"

Shape = Mapping[str, "str | tuple[str, ...] | Shape"]
"""Key → kind, closed set of texts, or nested shape."""

TARGET: Final[Shape] = {
    "kind": ("sim", "paper", "live", "url"),
    "base_url": TEXT,
    "data_url?": TEXT,
}

ENGINE: Final[Shape] = {"abi": COUNT, "version": TEXT, "alpaca_py": TEXT, "python": TEXT}

RUN_STATUSES: Final = (
    "completed",
    "refused",
    "failed",
    "timed_out",
    "interrupted",
    "halted",
    "unknown",
)
STEP_STATUSES: Final = ("done", "failed", "skipped", "refused", "unknown")

LOG_SHAPES: Final[Mapping[str, Shape]] = {
    "run.started": {
        "runbook": {"name": TEXT, "file": TEXT, "text": TEXT, "sha256": DIGEST},
        "params": TEXTS,
        "limits": OBJECT,
        "policy?": {"file": TEXT, "sha256": TEXT, "rules": OBJECT},
        "plan?": {"sha256": DIGEST, "approved_by": TEXT, "approved_how": TEXT},
        "target": TARGET,
        "engine": ENGINE,
        "started_at": TEXT,
    },
    "run.bound": {"account_id?": TEXT, "account_number?": TEXT},
    "run.resumed": {
        "target": TARGET,
        "engine?": ENGINE,
        "mode?": ("settle", "continue", "stop"),
    },
    "run.finished": {"status": RUN_STATUSES, "exit_code": COUNT, "result": OBJECT},
    "step.started": {"id?": TEXT_OR_NULL, "name?": TEXT_OR_NULL, "action": TEXT, "args": OBJECT},
    "step.finished": {"status": STEP_STATUSES, "outputs": OBJECT, "error?": ANY},
    "step.skipped": {"reason": TEXT},
    "decision": {"expression": TEXT, "verdict": ANY, "values": LIST},
    "guard": {"guard": TEXT, "verdict": ("pass", "refuse", "warn", "exempt", "off")},
    "effect.intent": {"n": COUNT, "effect": {"effect": TEXT}, "digest": DIGEST},
    "effect.outcome": {
        "n": COUNT,
        "at": TEXT,
        "status": tuple(status.value for status in Status),
        "data?": OBJECT,
        "problem?": {"reason": TEXT, "message": TEXT},
        "interrupt?": TEXT,
        "resumed?": ANY,
    },
    "effect.unknown": {"n": COUNT},
    "effect.reconciled": {"orders?": LIST, "problems?": LIST, "goes_on?": ANY},
    "wire.request": {
        "n": COUNT,
        "attempt": COUNT,
        "method": TEXT,
        "url": TEXT,
        "headers": TEXTS,
        "body": TEXT_OR_NULL,
    },
    "wire.response": {"n": COUNT, "attempt": COUNT},
    "signal": {"name": TEXT},
    "heartbeat": {"at": TEXT},
    "log.recovered": {"bytes": COUNT, "torn": TEXT},
}
"""The types of a run's log."""

# A wire.response holds either of these.
ANSWERED: Final[Shape] = {"status": COUNT, "headers": TEXTS, "body": TEXT}
FAILED: Final[Shape] = {"error": ANY}

LEDGER_SHAPES: Final[Mapping[str, Shape]] = {
    "opened": {"log": TEXT},
    "resumed": {"log": TEXT},
    "closed": {"log": TEXT, "head": DIGEST, "records": COUNT, "exit_code": COUNT},
    "signed": {"log": TEXT, "closing": DIGEST, "key": DIGEST, "signature": TEXT},
    "refused": {"exit_code": COUNT, "reason": TEXT},
    "planned": {},
    "confirmed": {
        "step": TEXT,
        "question": TEXT,
        "coming?": LIST,
        "verdict": ("approved", "refused"),
        "by": TEXT,
        "why": TEXT,
    },
    "halted": {"level?": ("opening", "all"), "reason?": TEXT, "by?": TEXT, "switches?": LIST},
    "unhalted": {"reason?": TEXT, "by?": TEXT, "switches?": LIST},
    "log.recovered": {"bytes": COUNT, "torn": TEXT},
}
"""The types of the ledger."""

LEDGER_NEEDS_RUN: Final = frozenset({"opened", "resumed", "closed", "signed", "confirmed"})


def misfits(record_type: str, data: Mapping[str, Any], shapes: Mapping[str, Shape]) -> list[str]:
    """What is wrong with a record's data, one sentence each; empty when it fits its type."""
    shape = shapes.get(record_type)
    if shape is None:
        return [f"{record_type!r} is not a type of record that this version knows"]
    try:
        # Compiled, this costs a quarter of reading the shape, which then says what is wrong.
        msgspec.convert(data, _compiled(record_type))
        if record_type == "wire.response":
            msgspec.convert(data, _compiled("failed" if "error" in data else "answered"))
    except msgspec.ValidationError:
        found = list(_misfits(data, shape, "data"))
        if record_type == "wire.response" and not found:
            found = list(_misfits(data, FAILED if "error" in data else ANSWERED, "data"))
        return found
    return []


_KINDS: Final[Mapping[str, Any]] = {
    TEXT: str,
    COUNT: Annotated[int, Meta(ge=0)],
    OBJECT: dict[str, Any],
    LIST: list[Any],
    DIGEST: Annotated[str, Meta(pattern=rf"^{HEX_DIGEST.pattern}\Z")],
    TEXTS: dict[str, str],
    TEXT_OR_NULL: str | None,
    ANY: Any,
}


@lru_cache
def _compiled(record_type: str) -> type[Struct]:
    """The shape of a type as `msgspec` checks it. No type of a log is one of the ledger, but for
    `log.recovered`, which is the same in both."""
    shape = {"answered": ANSWERED, "failed": FAILED, **LEDGER_SHAPES, **LOG_SHAPES}[record_type]
    return _struct(record_type, shape)


def _struct(name: str, shape: Shape) -> type[Struct]:
    fields: list[Any] = []
    for key, expected in shape.items():
        if isinstance(expected, Mapping):
            kind: Any = _struct(key, expected)
        elif isinstance(expected, tuple):
            kind = Literal[expected]
        else:
            kind = _KINDS[expected]
        optional = (key[:-1], kind | UnsetType, UNSET) if key.endswith("?") else (key, kind)
        fields.append(optional)
    return msgspec.defstruct(name, fields, kw_only=True)


def _misfits(value: Mapping[str, Any], shape: Shape, path: str) -> Iterator[str]:
    for key, expected in shape.items():
        name = key.removesuffix("?")
        where = f"{path}.{name}"
        if name not in value:
            if name == key:
                yield f"{where} is missing"
        elif isinstance(expected, Mapping):
            if isinstance(value[name], dict):
                yield from _misfits(value[name], expected, where)
            else:
                yield f"{where} is not an object"
        elif isinstance(expected, tuple):
            if value[name] not in expected:
                yield f"{where} is not one of {', '.join(expected)}"
        elif not _fits(value[name], expected):
            yield f"{where} is not {expected}"


def _fits(value: object, kind: str) -> bool:
    if kind == TEXT:
        return isinstance(value, str)
    if kind == TEXT_OR_NULL:
        return value is None or isinstance(value, str)
    if kind == COUNT:
        return type(value) is int and value >= 0
    if kind == LIST:
        return isinstance(value, list)
    if kind == OBJECT:
        return isinstance(value, dict)
    if kind == TEXTS:
        return isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())
    if kind == DIGEST:
        return isinstance(value, str) and HEX_DIGEST.fullmatch(value) is not None
    return kind == ANY
