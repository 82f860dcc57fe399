"""How actions, their arguments and their outputs are declared: once, typed and documented.

An action's arguments are a frozen keyword-only dataclass whose fields are made with `arg`. The
loader reads text by these declarations, `schema` writes the JSON Schema from them, the checker
types expressions against them, and the interpreter builds the dataclass itself and hands it to
the step, so a step never meets an unread or undeclared value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from runner.language.kinds import Kind


class Form(StrEnum):
    """How the text of a field is to be understood."""

    VALUE = "value"  # a literal of the kind, or `=expression`
    CONDITION = "condition"  # always an expression that must be boolean
    TEMPLATE = "template"  # text with `${expression}` in it
    ORDER = "order"  # the id of a step that sends an order, or `id.output`
    POLL = "poll"  # a mapping with one reading action, performed again and again
    UNTIL = "until"  # a time or market event, or a condition when `poll` stands beside it


class Field(Struct, frozen=True):
    """One declared key. `default` is written as a user would write it; `many` allows a list.

    `least` and `most` bound a literal or computed value of a numeric or duration kind, inclusive;
    `above` excludes its bound.
    """

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: str | None = None
    many: bool = False
    form: Form = Form.VALUE
    least: str | None = None
    most: str | None = None
    above: str | None = None
    literal: bool = False  # an expression is not allowed here
    example: str = ""


def arg(
    kind: Kind,
    doc: str,
    *,
    required: bool = False,
    default: str | None = None,
    many: bool = False,
    form: Form = Form.VALUE,
    least: str | None = None,
    most: str | None = None,
    above: str | None = None,
    literal: bool = False,
    key: str | None = None,
    example: str = "",
) -> Any:
    """A dataclass field that declares one key of a runbook (`key` where it is a Python word)."""
    declared = Field(
        key or "", kind, doc, required, default, many, form, least, most, above, literal, example
    )
    if required:
        return dataclasses.field(metadata={"declared": declared})
    value = None if default is None else kind.read(default)
    return dataclasses.field(default=value, metadata={"declared": declared})


def declared_fields(arguments: type) -> dict[str, Field]:
    """The declared fields of an arguments class, by the key users write."""
    found = {}
    for spec in dataclasses.fields(arguments):
        declared: Field = spec.metadata["declared"]
        name = declared.name or spec.name
        found[name] = replace(declared, name=name)
    return found


def attribute_of(arguments: type, key: str) -> str:
    """The dataclass attribute that holds a key (they differ where the key is a Python word)."""
    for spec in dataclasses.fields(arguments):
        if (spec.metadata["declared"].name or spec.name) == key:
            return spec.name
    raise KeyError(key)


class Output(Struct, frozen=True):
    """What a step leaves for later ones. `optional` says when it is absent."""

    kind: Kind
    doc: str
    optional: str = ""


class Finding(Struct, frozen=True):
    """Something a step's own check says of its arguments, before anything is sent."""

    code: str
    field: str
    message: str
    help: str = ""


Check = Callable[[Mapping[str, Any], frozenset[str]], Iterator[Finding]]
"""`check(known, given)`: `known` holds the values that are certain before the run (literals and
what only parameters decide), `given` the keys that were written at all."""


class Action(Struct, frozen=True):
    """One verb of the language.

    `perform(args, run)` is a generator: it yields effects and events, receives outcomes, and
    returns the step's outputs. `bare` names the field that a lone scalar fills (`assert: x > 1`).
    `sends` marks actions whose step can be named wherever an order is wanted; `opens` those that
    may open risk; `polls` reading actions that `wait` may repeat.
    """

    name: str
    doc: str
    arguments: type
    outputs: Mapping[str, Output]
    perform: Callable[[Any, Any], Any]
    bare: str | None = None
    check: Check | None = None
    sends: bool = False
    opens: bool = False
    polls: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()  # of each group exactly one key must be given

    @property
    def fields(self) -> dict[str, Field]:
        return declared_fields(self.arguments)
