"""One structural fault in a trader's words: what stands there, what belongs there, an example."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from runner.language import tree
from runner.language.declare import Action, Field, Form
from runner.language.diagnostics import Report, did_you_mean
from runner.language.document import (
    SECTIONS,
    STEP_LISTS,
    SYMBOLS_EXPECTED,
    ParameterKeys,
    fields_of,
    section_fields,
    step_fields,
    takes,
    top_fields,
)
from runner.language.fields import Path, absent
from runner.language.kinds import ID, SYMBOL
from runner.language.source import Span


class Words:
    """Reports structural faults; knows the tree, to point, and the declarations, to explain."""

    def __init__(self, root: tree.Mapping, actions: Mapping[str, Action], report: Report) -> None:
        self.root = root
        self.actions = actions
        self.report = report

    def unknown(self, path: Path, keys: list[str], known: list[str]) -> None:
        """RB201, or RB204 for a key that stands where a step's action is wanted."""
        if _is_step(path):
            keys = self._unknown_actions(path, keys)
        elif _is_poll(path):
            for key in keys:
                self._not_polled(path, key, known)
            return
        for key in keys:
            self.report.error(
                "RB201",
                f"'{key}' is not a key of {self._place(path)}",
                self._key(path, key),
                label="unknown key",
                help=_instead(path, key, known),
            )

    def _unknown_actions(self, path: Path, keys: list[str]) -> list[str]:
        """Report the unknown key that was meant as the action; the other unknown keys remain."""
        node, _ = self._at(path)
        written = (
            [entry.key.text for entry in node.entries] if isinstance(node, tree.Mapping) else []
        )
        if any(key in self.actions for key in written):
            return keys
        meant = [key for key in keys if not get_close_matches(key, step_fields(), 1, 0.7)]
        for key in meant:
            self.report.error(
                "RB204",
                f"there is no action '{key}'",
                self._key(path, key),
                label="unknown action",
                help=did_you_mean(key, list(self.actions)) or "`runbook schema` lists the actions.",
            )
        return [key for key in keys if key not in meant]

    def _not_polled(self, path: Path, key: str, known: list[str]) -> None:
        exists = key in self.actions
        self.report.error(
            "RB204",
            f"'{key}' cannot be polled" if exists else f"there is no action '{key}'",
            self._key(path, key),
            label="only actions that read can be polled" if exists else "unknown action",
            help="Can be polled: " + ", ".join(known) + "." if exists else did_you_mean(key, known),
        )

    def missing(self, path: Path, keys: list[str]) -> None:
        """RB202, at the key whose block lacks something."""
        _, span = self._at(path)
        for key in keys:
            field = self._field((*path, key))
            doc = field.doc if field else SECTIONS.get(key, "")
            self.report.error(
                "RB202",
                f"{self._place(path)} needs the key '{key}'",
                span,
                label=f"'{key}' is missing",
                help=f"Add `{key}: {_example(key, field)}`. {doc}".rstrip(),
            )

    def wrong(self, path: Path) -> None:
        """RB203: a value of the wrong shape, or one that the schema alone refuses."""
        node, span = self._at(path)
        if not isinstance(node, tree.Scalar):
            span = Span(node.span.line, node.span.column, node.span.line, node.span.column + 1)
        elif absent(node) and (needed := self._needed(path)):
            self.missing(path, needed)
            return
        elif not node.empty:
            span = node.span
        expected, help_ = self._expected(path, node)
        self.report.error(
            "RB203",
            f"{self._name(path)} takes {expected}",
            span,
            label=f"this is {shape_of(node)}",
            help=help_,
        )

    def _needed(self, path: Path) -> list[str]:
        """The keys that the action at this path cannot do without."""
        action = self._action(path)
        fields = action.fields.items() if action else ()
        return [name for name, field in fields if field.required or field.unless]

    def _expected(self, path: Path, node: tree.Node) -> tuple[str, str]:
        """What the place takes, and what to do."""
        field = self._field(path)
        if field is not None and field.of is not None and isinstance(path[-1], int):
            return "a block of keys", f"It knows: {', '.join(fields_of(field.of))}."
        if field is not None:
            nothing = isinstance(node, tree.Scalar) and absent(node)
            help_ = "Write a value, or leave the key out." if nothing else ""
            return takes(field), help_ or _value_alone(field, node)
        if action := self._action(path):
            names = ", ".join(action.fields)
            expected = f"{takes(action.fields[action.bare])}, or keys" if action.bare else "keys"
            if key := _key_for(action, node):
                return expected, key
            return expected, f"It knows: {names}." if names else "It takes none: leave this empty."
        match path:
            case ():
                return "keys with values", ""
            case ("symbols",):
                return SYMBOLS_EXPECTED, ""
            case ("symbols", _):
                return SYMBOL.expected, ""
            case ("params",):
                return "parameters by name", "Write for example `qty: {type: quantity}` under it."
            case ("params", _):
                return "a declaration", "Write for example `qty: {type: quantity, default: 1}`."
            case ("limits" | "defaults" as section,):
                return "keys with values", "It knows: " + ", ".join(section_fields(section)) + "."
            case (str(),):
                steps = "a list of at least one step" if path == ("steps",) else "a list of steps"
                return steps, "Begin each step with `- `."
        if isinstance(node, tree.Scalar) and node.text in self.actions:
            return "an action with a colon", f"Write `- {node.text}:`."
        return "an action, and the keys that every step may carry", ""

    def _at(self, path: Path) -> tuple[tree.Node, Span]:
        """The node, and the nearest key that can be pointed at for what it lacks."""
        node: tree.Node = self.root
        key = self.root.entries[0].key.span if self.root.entries else self.root.span
        for part in path:
            if isinstance(node, tree.Mapping):
                entry = next(one for one in node.entries if one.key.text == part)
                node, key = entry.value, entry.key.span
            elif isinstance(node, tree.Sequence) and isinstance(part, int):
                node = node.items[part]
                entries = node.entries if isinstance(node, tree.Mapping) else ()
                key = entries[0].key.span if entries else node.span
        return node, key

    def _key(self, path: Path, key: str) -> Span:
        node, span = self._at(path)
        found = node.key(key) if isinstance(node, tree.Mapping) else None
        return found.span if found else span

    def _action(self, path: Path) -> Action | None:
        """The action whose value stands at the path."""
        holder = path[:-1]
        if (len(path) == 3 and _is_step(holder)) or (holder and holder[-1] == "poll"):
            return self.actions.get(str(path[-1]))
        return None

    def _field(self, path: Path) -> Field | None:
        match path:
            case (str(key),):
                return top_fields().get(key)
            case ("params", _, str(key), *_):
                return fields_of(ParameterKeys).get(key)
            case (("limits" | "defaults") as section, str(key)):
                return section_fields(section).get(key)
            case (_, int(), str(key)):
                return step_fields().get(key)
            case (_, int(), str(action), *rest) if action in self.actions:
                return self._argument(self.actions[action], tuple(rest))
        return None

    def _argument(self, action: Action, rest: Path) -> Field | None:
        match rest:
            case (int(),):
                return action.fields[action.bare] if action.bare else None
            case ("poll", str(reading), *inner) if inner and reading in self.actions:
                return self._argument(self.actions[reading], tuple(inner))
            case (str(key), int(), str(inner)) if key in action.fields:
                nested = action.fields[key].of
                return fields_of(nested).get(inner) if nested is not None else None
            case (str(key), *indexes) if all(isinstance(one, int) for one in indexes):
                return action.fields.get(key)
        return None

    def _place(self, path: Path) -> str:
        match path:
            case ():
                return "a runbook"
            case ("params", str(name)):
                return f"the parameter '{name}'"
            case (_, int()):
                return "a step"
            case (*_, str(name), int()):
                return f"an entry of '{name}'"
        return f"'{path[-1]}'"

    def _name(self, path: Path) -> str:
        return f"'{path[-1]}'" if path and isinstance(path[-1], str) else self._place_of_item(path)

    def _place_of_item(self, path: Path) -> str:
        if _is_step(path):
            return "a step"
        return f"each entry of '{path[-2]}'" if len(path) > 1 else "a runbook"


def _instead(path: Path, key: str, known: list[str]) -> str:
    """What was probably meant by an unknown key, or what may stand there."""
    if _is_step(path) and not get_close_matches(key, known, 1):
        return f"Besides its action a step takes {', '.join(step_fields())}."
    return did_you_mean(key, known) or "`runbook schema` lists the keys."


def _value_alone(field: Field, node: tree.Node) -> str:
    """For `take_profit: {limit_price: 300}`, as Alpaca writes it, where one value is wanted."""
    if not isinstance(node, tree.Mapping) or field.form is not Form.VALUE or not node.entries:
        return ""
    value = node.entries[0].value
    if not isinstance(value, tree.Scalar) or not _reads(field, value):
        return ""
    return f"Write the value alone: `{field.name}: {value.text}`."


def _key_for(action: Action, node: tree.Node) -> str:
    """For a lone value, the key that it was most likely meant for: the first that cannot be left
    out, or else the first that takes it."""
    if not isinstance(node, tree.Scalar) or absent(node):
        return ""
    needed = [field for field in action.fields.values() if field.required or field.unless]
    others = [field for field in action.fields.values() if field.kind.name != "text"]
    for field in needed[:1] or others:
        if _reads(field, node):
            more = ", …" if len(needed) > 1 else ""
            return f"Write `{{{field.name}: {node.text}{more}}}`."
    return ""


def _reads(field: Field, scalar: tree.Scalar) -> bool:
    """Whether the text is, or could be, a value of the field."""
    if scalar.text.startswith("="):
        return not field.literal
    try:
        if field.form is Form.ORDER:
            ID.read(scalar.text.partition(".")[0])
        else:
            field.kind.read(scalar.text)
    except ValueError:
        return False
    return True


def _is_poll(path: Path) -> bool:
    return len(path) > 2 and path[0] in STEP_LISTS and path[-1] == "poll"


def _is_step(path: Path) -> bool:
    return len(path) == 2 and path[0] in STEP_LISTS and isinstance(path[1], int)


def _example(key: str, field: Field | None) -> str:
    if field is None:
        return {"symbols": "[AAPL]", "steps": "…"}.get(key, "…")
    if field.example:
        return field.example
    if field.form is Form.ORDER:
        return "entry"
    return field.kind.values[0] if field.kind.values else _EXAMPLES.get(field.kind.name, "…")


_EXAMPLES = {
    "symbol": "AAPL",
    "quantity": "1",
    "money": "5000",
    "price": "189.25",
    "percent": "3%",
    "integer": "1",
    "boolean": "true",
    "duration": "60s",
    "time": "15:50",
}


def shape_of(node: tree.Node) -> str:
    """What stands there, in words."""
    if isinstance(node, tree.Mapping):
        return "a block of keys"
    if isinstance(node, tree.Sequence):
        return "a list" if node.items else "an empty list"
    return "an empty value" if absent(node) else "a lone value"
