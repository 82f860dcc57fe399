"""The located tree: what was written, and where, before anything is read into it.

Every scalar keeps its source text. Nothing here decides that `ON` is true or `9:30` is 570: the
declared kind of the place reads the text later.
"""

from __future__ import annotations

from msgspec import Struct

from runner.language.source import Span


class Scalar(Struct, frozen=True):
    """A leaf. `text` is its content with YAML quoting undone; `plain` says it was not quoted.

    `empty` marks an absent value (`assert_no_pdt_risk:` with nothing after it), which is not the
    same as an empty quoted text.
    `columns_exact` says that character i of `text` stands i columns after the span's start (plain
    and simple quoted scalars on one line), so that an expression's columns can be pointed at.
    `offset` is where the content starts, counted from the span's start (1 when quoted).
    """

    text: str
    span: Span
    plain: bool = True
    empty: bool = False
    columns_exact: bool = True
    offset: int = 0

    def part(self, start: int, end: int) -> Span:
        """Where characters `start` to `end` of the text stand; the whole span if unknown."""
        if not self.columns_exact:
            return self.span
        return self.span.sub(self.offset + start, self.offset + end)


class Entry(Struct, frozen=True):
    key: Scalar
    value: Node


class Mapping(Struct, frozen=True):
    """Keys in source order, each once."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> Node | None:
        return next((entry.value for entry in self.entries if entry.key.text == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((entry.key for entry in self.entries if entry.key.text == key), None)


class Sequence(Struct, frozen=True):
    items: tuple[Node, ...]
    span: Span


Node = Scalar | Mapping | Sequence
