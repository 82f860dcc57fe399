"""One written value read along its declared field.

Every scalar of a runbook is read by the kind of its place, here and nowhere else. Each reading
gives two things: the typed argument that the machine gets, and the JSON data that an editor would
see in its place, for the schema to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from msgspec.structs import replace

from runner.language import tree
from runner.language.declare import Action, Field, Form
from runner.language.diagnostics import Note, Report
from runner.language.document import fields_of, takes
from runner.language.expressions import Expression, Template, Text, parse, parse_template
from runner.language.kinds import ID, Family
from runner.language.runbook import Argument, Literal, Nested, OrderReference, Poll

Path = tuple[str | int, ...]
Content = Literal | Expression | Template | OrderReference

_NULLS = frozenset({"null", "Null", "NULL", "~"})
"""Plain words that every YAML reader takes for an absent value, so an editor would refuse them."""


def plain(node: tree.Node) -> Any:
    """The node as JSON data, scalars as the text they are."""
    if isinstance(node, tree.Mapping):
        return {entry.key.text: plain(entry.value) for entry in node.entries}
    if isinstance(node, tree.Sequence):
        return [plain(item) for item in node.items]
    return None if absent(node) else node.text


def absent(scalar: tree.Scalar) -> bool:
    """Whether nothing was written, or a word that YAML reads as nothing."""
    return scalar.empty or (scalar.plain and scalar.text in _NULLS)


@cache
def _bounds(declared: Field) -> tuple[Any, Any, Any]:
    read = declared.kind.read
    return tuple(  # type: ignore[return-value]
        None if bound is None else read(bound)
        for bound in (declared.least, declared.most, declared.above)
    )


def out_of_bounds(declared: Field, value: Any) -> str:
    """The sentence that says which declared bound a value crosses; empty when it crosses none."""
    if declared.least is declared.most is declared.above is None:
        return ""
    least, most, above = _bounds(declared)
    if least is not None and value < least:
        return f"this must be {declared.least} or more"
    if most is not None and value > most:
        return f"this must be {declared.most} or less"
    if above is not None and value <= above:
        return f"this must be more than {declared.above}"
    return ""


def unreadable(
    report: Report,
    code: str,
    name: str,
    scalar: tree.Scalar,
    *,
    why: str,
    expected: str,
    help: str = "",  # noqa: A002 - the word users read
) -> None:
    """Report a scalar that its kind could not read."""
    text = scalar.text if len(scalar.text) <= 40 else scalar.text[:39] + "…"
    message = f"'{name}' cannot be '{text}': {why}"
    report.error(code, message, scalar.span, label=f"expected {expected}", help=help)


class FieldReader:
    """Reads nodes along fields. Each method fills `into` with arguments, and returns JSON data.

    Scalars that cannot be read are reported, and their paths added to `faults`.
    """

    def __init__(self, actions: Mapping[str, Action], report: Report, faults: set[Path]) -> None:
        self.actions = actions
        self.report = report
        self.faults = faults

    def keys(
        self,
        fields: Mapping[str, Field],
        node: tree.Node,
        path: Path,
        into: dict[str, Argument],
    ) -> Any:
        """Read the keys of a block; those that are not declared pass through."""
        if not isinstance(node, tree.Mapping):
            return plain(node)
        polled = any(
            entry.key.text in fields and fields[entry.key.text].form is Form.POLL
            for entry in node.entries
        )
        instance = {}
        for entry in node.entries:
            key = entry.key.text
            declared = fields.get(key)
            if declared is None:
                instance[key] = plain(entry.value)
                continue
            if declared.form is Form.UNTIL and not polled:
                declared = replace(declared, form=Form.VALUE)
            instance[key] = self.field(declared, entry.value, (*path, key), into)
        return instance

    def field(self, declared: Field, node: tree.Node, path: Path, into: dict[str, Argument]) -> Any:
        """Read one key's value, or each of several. A field that takes several always gets a
        tuple, whether or not a list was written."""
        if declared.form is Form.POLL:
            return self._poll(declared, node, path, into)
        if not declared.many:
            instance, argument = self.one(declared, node, path)
            if argument is not None:
                into[declared.name] = argument
            return instance
        if not isinstance(node, tree.Sequence):
            instance, argument = self.one(declared, node, path)
            if argument is not None:
                into[declared.name] = Argument(declared, node.span, (argument,))
            return instance
        pairs = [self.one(declared, item, (*path, at)) for at, item in enumerate(node.items)]
        found = tuple(argument for _, argument in pairs if argument is not None)
        if found and len(found) == len(pairs):
            into[declared.name] = Argument(declared, node.span, found)
        return [instance for instance, _ in pairs]

    def one(self, declared: Field, node: tree.Node, path: Path) -> tuple[Any, Argument | None]:
        """Read one scalar, or one mapping of a nested list; anything else, and an absent value, is
        left to the schema."""
        if declared.of is not None:
            if not isinstance(node, tree.Mapping):
                return plain(node), None
            inner: dict[str, Argument] = {}
            instance = self.keys(fields_of(declared.of), node, path, inner)
            return instance, Argument(declared, node.span, Nested(declared.of, inner))
        if not isinstance(node, tree.Scalar) or absent(node):
            return plain(node), None
        if node.plain and node.text.startswith("*"):
            self.faults.add(path)  # an alias of nothing, which the loader reported
            return node.text, None
        try:
            content, instance = self._content(declared, node)
        except ValueError as why:
            content, instance = None, node.text
            unreadable(
                self.report,
                "RB307" if declared.kind is ID else "RB203",
                declared.name,
                node,
                why=str(why),
                expected=takes(declared),
                help=_hint(declared, node.text),
            )
        if content is None:
            self.faults.add(path)
            return instance, None
        return instance, Argument(declared, node.span, content)

    def _content(self, declared: Field, node: tree.Scalar) -> tuple[Content | None, Any]:
        """What the text means in this field, None after an error that is reported; and what an
        editor sees. Raises `ValueError` when the kind cannot read it."""
        text, form = node.text, declared.form
        if form in (Form.CONDITION, Form.UNTIL):
            bare = node.plain and text in ("true", "false")
            return self._expression(
                node, int(text.startswith("="))
            ), text == "true" if bare else text
        if form is Form.ORDER:
            return _order(text), text
        if text.startswith("="):
            if declared.literal:
                raise ValueError("an expression is not allowed here")
            return self._expression(node, 1), text
        if form is Form.TEMPLATE:
            template = parse_template(node, self.report)
            return Literal(template.text) if isinstance(template, Text) else template, text
        return _literal(declared, node)

    def _expression(self, node: tree.Scalar, start: int) -> Expression | None:
        return parse(node.text[start:], node, start, self.report)

    def _poll(self, declared: Field, node: tree.Node, path: Path, into: dict[str, Argument]) -> Any:
        if not isinstance(node, tree.Mapping):
            return plain(node)
        instance: dict[str, Any] = {}
        readings = [entry for entry in node.entries if entry.key.text in self.actions]
        for extra in readings[1:]:
            if not self.actions[extra.key.text].polls:
                continue  # the schema has no such key here
            self.two_actions(
                readings[0].key, extra.key, "`poll` takes one action", "Keep one of the two."
            )
        for entry in node.entries:
            instance[entry.key.text] = plain(entry.value)
        if readings:
            key = readings[0].key
            action = self.actions[key.text]
            arguments: dict[str, Argument] = {}
            instance[key.text] = self.arguments(
                action, readings[0].value, (*path, key.text), arguments
            )
            into[declared.name] = Argument(declared, key.span, Poll(action, arguments))
        return instance

    def arguments(
        self, action: Action, node: tree.Node, path: Path, into: dict[str, Argument]
    ) -> Any:
        """The arguments of an action: keys, or the lone value of its bare field."""
        fields = fields_of(action.arguments)
        if action.bare is None or isinstance(node, tree.Mapping):
            return self.keys(fields, node, path, into)
        declared = fields[action.bare]
        if isinstance(node, tree.Sequence) and not declared.many:
            return plain(node)
        return self.field(declared, node, path, into)

    def two_actions(
        self,
        first: tree.Scalar,
        second: tree.Scalar,
        rule: str,
        help: str,  # noqa: A002 - the word users read
    ) -> None:
        """RB205: a second action where one is wanted."""
        self.report.error(
            "RB205",
            f"{rule}, and here are '{first.text}' and '{second.text}'",
            second.span,
            label="a second action",
            help=help,
            notes=(Note("the first action", first.span),),
        )


def _literal(declared: Field, node: tree.Scalar) -> tuple[Literal, Any]:
    """The value that a scalar's text writes, and what an editor sees there."""
    kind = declared.kind
    value = kind.read(node.text)
    if kind.family is Family.BOOLEAN:
        if not node.plain:
            raise ValueError(f"write {node.text} without quotes")
        return Literal(value), value
    if why := out_of_bounds(declared, value):
        raise ValueError(why)
    if not isinstance(value, Decimal) or node.text.endswith("%") or not node.plain:
        return Literal(value), node.text
    return Literal(value), int(value) if value == value.to_integral_value() else value


def _order(text: str) -> OrderReference:
    step_id, dot, leg = text.partition(".")
    try:
        if step_id == "steps" and leg:
            raise ValueError
        ID.read(step_id)
        ID.read(leg or step_id)
    except ValueError:
        raise ValueError("an order is named by the id of the step that sends it") from None
    return OrderReference(step_id, leg) if dot else OrderReference(step_id)


def _hint(declared: Field, text: str) -> str:
    """What was probably meant, when a name was written where a value or an id is wanted."""
    word, dot, rest = text.lstrip("= ").partition(".")
    if not dot or word not in ("params", "steps", "run", "polled", "item"):
        return ""
    if declared.form is Form.ORDER:
        return f"Write the id alone: {rest.partition('.')[0]}." if word == "steps" else ""
    return "" if declared.literal else f"For an expression, write `={text}`."
