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
    NESTED = "nested"  # a list of mappings, each with the declared keys of `of`


class Field(Struct, frozen=True):
    """One declared key. `default` is written as a user would write it; `many` allows a list.

    `least` and `most` bound a literal or computed value of a numeric or duration kind, inclusive;
    `above` excludes its bound. `of` is the arguments class of each mapping of a nested list.
    `unless` is a key and a word: the field is required unless that word is written for that key.
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
    of: type | None = None
    unless: tuple[str, str] | None = None


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
    of: type | None = None,
    unless: tuple[str, str] | None = None,
) -> Any:
    """A dataclass field that declares one key of a runbook (`key` where it is a Python word)."""
    declared = Field(
        key or "", kind, doc, required, default, many, form, least, most, above, literal, example,
        of, unless,
    )  # fmt: skip
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
    """What a step leaves for later ones. `optional` says when it is absent.

    `given` names an argument: where that is written the output is there, and an output that is an
    order is there only then. Where `only_if` is given, an optional output can be absent only if one
    of these is so: `notional`, that key is written; `on_timeout=keep`, that word may be written for
    the key; `order.notional`, the key is written for an order that the step names; `unsent`, such
    an order may never have been sent, as outside of `steps`; `several_symbols`, the step names
    orders that may be in more than one symbol.

    `market`: it depends on the market, so that before the run it is an estimate at best.
    """

    kind: Kind
    doc: str
    optional: str = ""
    given: str = ""
    only_if: tuple[str, ...] = ()
    market: bool = False


class Finding(Struct, frozen=True):
    """Something a step's own check says of its arguments, before anything is sent.

    `field` is the key that it is about; `legs.1.side` is a key of the second entry of `legs`.
    """

    code: str
    field: str
    message: str
    help: str = ""


KnownValues = Mapping[str, Any]
GivenKeys = frozenset[str]


class SentBefore(Struct, frozen=True):
    """An order that an argument names, as the step that sends it was written.

    `leg` is its output that is named (`stop_loss`), empty for the order itself; `known` and `given`
    are what the sending step's own check was told.
    """

    step_id: str
    leg: str
    known: KnownValues
    given: GivenKeys


Check = Callable[[KnownValues, GivenKeys], Iterator[Finding]]
"""`check(known, given)`: `known` holds the values that are certain before the run (literals and
what only parameters decide), `given` the keys that were written at all. Both also have what stands
above the steps, as `limits.price_collar` or `defaults.time_in_force`, and `symbols` (or `any`). Of
a nested list `known` has a mapping for each entry, with the values of it that are certain; of an
order that is named, a `SentBefore`."""


class Action(Struct, frozen=True):
    """One verb of the language.

    `perform(args, run)` is a generator: it yields effects and events, receives outcomes, and
    returns the step's outputs. `bare` names the field that a lone scalar fills (`assert: x > 1`).
    `sends` marks actions whose step can be named wherever an order is wanted; `opens` those that
    may open risk; `polls` reading actions that `wait` may repeat; `asks` those that a person
    answers.

    `foresee(known)` tells from the values that are certain by now what a step will ask of the
    account's buying power when it runs (`Foreseen` of `runner.guards`): nothing without it.
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
    asks: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()  # of each group exactly one key must be given
    foresee: Callable[[KnownValues], Any] | None = None

    @property
    def fields(self) -> dict[str, Field]:
        return declared_fields(self.arguments)
