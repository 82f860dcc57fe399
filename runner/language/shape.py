"""The located tree as the document it is: sections and steps, read as far as they go.

Keys that are missing, unknown or hold the wrong shape pass through into the JSON data, where the
schema finds them (`structure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from runner.language import tree
from runner.language.declare import Action, Field
from runner.language.diagnostics import Report
from runner.language.document import (
    LISTED_SYMBOL,
    STEP_LISTS,
    section_fields,
    step_fields,
    top_fields,
)
from runner.language.expressions import Expression
from runner.language.fields import FieldReader, Path, plain
from runner.language.runbook import Argument, Literal, Step
from runner.language.source import Span


class WrittenStep(Struct, frozen=True):
    """A step as it was written. `step` is None when it has no known action.

    `keys` are those written for its action, unreadable ones included; empty for a lone value.
    """

    section: str
    index: int
    id: str
    id_span: Span
    step: Step | None
    keys: frozenset[str]

    @property
    def place(self) -> str:
        return place_of(self.section, self.index)


class Shape(Struct):
    """Everything that was written.

    `instance` is the whole as JSON data, `faults` the paths in it of scalars that could not be
    read. `symbols` is None unless they are a list of which all could be read.
    """

    instance: dict[str, Any] = field(default_factory=dict)
    faults: set[Path] = field(default_factory=set)
    top: dict[str, Argument] = field(default_factory=dict)
    sections: dict[str, dict[str, Argument]] = field(default_factory=dict)
    symbols: tuple[Argument, ...] | None = None
    params: tree.Mapping | None = None
    steps: dict[str, list[WrittenStep]] = field(default_factory=dict)


def place_of(section: str, index: int) -> str:
    """A step's address within the runbook: `steps[3]`, `finally[0]`."""
    return f"{section}[{index}]"


def read_shape(root: tree.Mapping, actions: Mapping[str, Action], report: Report) -> Shape:
    """Read the whole tree. Findings go to `report`; the structure itself is not judged yet."""
    shape = Shape()
    reader = FieldReader(actions, report, shape.faults)
    for entry in root.entries:
        key, node = entry.key.text, entry.value
        if key in top_fields():
            shape.instance[key] = reader.field(top_fields()[key], node, (key,), shape.top)
        elif key in ("limits", "defaults"):
            arguments = shape.sections.setdefault(key, {})
            shape.instance[key] = reader.keys(section_fields(key), node, (key,), arguments)
        elif key in STEP_LISTS and isinstance(node, tree.Sequence):
            found = [_read_step(reader, item, key, at) for at, item in enumerate(node.items)]
            shape.instance[key] = [instance for instance, _ in found]
            shape.steps[key] = [step for _, step in found if step is not None]
        elif key == "symbols" and isinstance(node, tree.Sequence):
            shape.instance[key], shape.symbols = _read_symbols(reader, node)
        else:
            shape.instance[key] = plain(node)
            if key == "params" and isinstance(node, tree.Mapping):
                shape.params = node
    return shape


def _read_symbols(
    reader: FieldReader, node: tree.Sequence
) -> tuple[Any, tuple[Argument, ...] | None]:
    declared = Field("symbols", LISTED_SYMBOL, "")
    pairs = [
        reader.one(declared, item, ("symbols", index)) for index, item in enumerate(node.items)
    ]
    found = tuple(argument for _, argument in pairs if argument is not None)
    return [instance for instance, _ in pairs], found if len(found) == len(pairs) else None


def _read_step(
    reader: FieldReader, node: tree.Node, section: str, index: int
) -> tuple[Any, WrittenStep | None]:
    """The step as JSON data and as arguments; None for the latter when it is no mapping."""
    if not isinstance(node, tree.Mapping):
        return plain(node), None
    own, common, arguments = step_fields(), dict[str, Argument](), dict[str, Argument]()
    instance: dict[str, Any] = {}
    found: tree.Scalar | None = None
    for entry in node.entries:
        key, path = entry.key, (section, index, entry.key.text)
        if key.text in own:
            instance[key.text] = reader.field(own[key.text], entry.value, path, common)
        elif key.text not in reader.actions:
            instance[key.text] = plain(entry.value)
        else:
            if found is not None:
                help_ = f"Begin a step of its own with `- {key.text}:`."
                reader.two_actions(found, key, "a step has one action", help_)
            action = reader.actions[key.text]
            into = arguments if found is None else {}
            instance[key.text] = reader.arguments(action, entry.value, path, into)
            found = found or key
    if instance.keys() <= own.keys():
        _no_action(node, reader.report)
        reader.faults.add((section, index))
    step = None
    if found is not None:
        step = _step(
            place_of(section, index), reader.actions[found.text], found.span, common, arguments
        )
    id_node = node.get("id")
    return instance, WrittenStep(
        section=section,
        index=index,
        id=_literal(common, "id", ""),
        id_span=id_node.span if id_node else node.span,
        step=step,
        keys=_keys(instance.get(found.text)) if found is not None else frozenset(),
    )


def _keys(written: Any) -> frozenset[str]:
    return frozenset(written) if isinstance(written, dict) else frozenset()


def _step(
    place: str,
    action: Action,
    span: Span,
    common: Mapping[str, Argument],
    arguments: Mapping[str, Argument],
) -> Step:
    condition = common["when"].content if "when" in common else None
    return Step(
        place=place,
        action=action,
        arguments=arguments,
        span=span,
        id=_literal(common, "id", ""),
        name=_literal(common, "name", ""),
        when=condition if isinstance(condition, Expression) else None,
        timeout=common.get("timeout"),
        on_error=_literal(common, "on_error", "fail"),
    )


def _no_action(node: tree.Mapping, report: Report) -> None:
    span = node.entries[0].key.span if node.entries else node.span
    report.error(
        "RB205",
        "this step has no action",
        span,
        label="what is to be done?",
        help="Add an action, such as `check_account: {status: ACTIVE}`.",
    )


def _literal(arguments: Mapping[str, Argument], key: str, default: str) -> str:
    content = arguments[key].content if key in arguments else None
    return str(content.value) if isinstance(content, Literal) else default
