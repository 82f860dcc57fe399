"""YAML text as plain values whose scalars are text, and where in the text each of them stands."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from runner.sim.scenario_values import ScenarioError

LARGEST, DEEPEST, WIDEST = 8 << 20, 32, 160
LAST_PART = re.compile(r"(?:\[\d+\]|\.[^.\[\]]*)$")


class Mark(NamedTuple):
    """A stretch of one line; line and column count from 1."""

    line: int
    column: int
    width: int


class YamlText:
    """A text that was read, called `name` in messages.

    `data` has the values: mappings, lists and texts, so that `100.10` keeps its digits and `NO` is
    a ticker. Raises `ScenarioError` for text that is not YAML, or not plain.
    """

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name
        self._marks: dict[str, Mark] = {}
        self._twice: list[tuple[Mark, str]] = []
        self.data = self._read(text)
        if self._twice:
            raise self._errors(self._twice)

    def placed(self, error: ScenarioError) -> ScenarioError:
        """The error with its messages in the order of the text, each with its place and line."""
        return self._errors([(self._mark(m.partition(": ")[0]), m) for m in error.messages])

    def _errors(self, found: list[tuple[Mark, str]]) -> ScenarioError:
        return ScenarioError(*(self._told(mark, text) for mark, text in sorted(set(found))))

    def _told(self, mark: Mark, message: str) -> str:
        told = f"{self._name}:{mark.line}:{mark.column}: {message}"
        line = self._lines[mark.line - 1] if mark.line <= len(self._lines) else ""
        if not line.strip() or mark.column > WIDEST:
            return told
        carets = "^" * min(mark.width, max(min(len(line), WIDEST) - mark.column + 1, 1))
        bar, space = " " * len(str(mark.line)), " " * (mark.column - 1)
        excerpt = line[:WIDEST].replace("\t", " ")
        return f"{told}\n  {mark.line} | {excerpt}\n  {bar} | {space}{carets}"

    def _mark(self, where: str) -> Mark:
        """Where a place stands, or the nearest thing around it."""
        while where not in self._marks:
            shorter = LAST_PART.sub("", where)
            if shorter == where:
                return self._marks.get("", Mark(1, 1, 1))
            where = shorter
        return self._marks[where]

    # ------------------------------------------------------------------ reading

    def _read(self, text: str) -> Any:
        import yaml  # noqa: PLC0415 - only files need it

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            # The composer recurses, in C without a bound: look at the depth before.
            self._check(yaml, text, loader)
            node = yaml.compose(text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            message = f"is not valid YAML: {error.problem}"
            if mark is None:
                raise ScenarioError(f"{self._name}: {message}") from None
            place = Mark(mark.line + 1, mark.column + 1, 1)
            raise self._errors([(place, message)]) from None
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            raise ScenarioError(f"{self._name}: is not valid YAML: {error}") from None
        return {} if node is None else self._plain(yaml, node, "")

    def _check(self, yaml: Any, text: str, loader: Any) -> None:
        if len(text) > LARGEST:
            raise ScenarioError(f"{self._name}: is larger than {LARGEST >> 20} MiB")
        depth = 0
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                raise self._errors([(_mark_of(event), f"is nested more than {DEEPEST} deep")])
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                message = "anchors and aliases are not read; write the value out"
                raise self._errors([(_mark_of(event), message)])

    def _plain(self, yaml: Any, node: Any, where: str) -> Any:
        """The value of a node, its scalars as text; notes where each part stands."""
        self._marks.setdefault(where, _mark_of(node))
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(yaml, row, f"{where}[{n}]") for n, row in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, value in node.value:
            mark = _mark_of(key)
            if not isinstance(key, yaml.ScalarNode):
                raise self._errors([(mark, "a key is a plain word")])
            if key.value in found:
                self._twice.append((mark, f"the key {key.value!r} is given twice"))
                continue
            inner = f"{where}.{key.value}" if where else str(key.value)
            self._marks[inner] = mark
            found[key.value] = self._plain(yaml, value, inner)
        return found


def _mark_of(node: Any) -> Mark:
    start, end = node.start_mark, node.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(width, 1))
