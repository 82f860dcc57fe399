"""What indentation and colons went wrong, in a trader's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from runner.language.diagnostics import Note
from runner.language.source import Span
from runner.language.yaml_text import Text, clip, quoted


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parser gave up, and what it had read."""

    text: Text
    problem: str
    context: str
    index: int
    opened: int
    last: Any

    @property
    def char(self) -> str:
        return self.text.text[self.index : self.index + 1]

    @property
    def line(self) -> str:
        number = self.text.place(self.index)[0]
        return self.text.lines[number - 1]

    @property
    def indent(self) -> str:
        """The line's leading white space, up to the place at most."""
        line = self.line
        return line[: len(line) - len(line.lstrip())]

    @property
    def last_start(self) -> int:
        return int(self.last.start_mark.index) if self.last is not None else 0

    @property
    def last_end(self) -> int:
        return int(self.last.end_mark.index) if self.last is not None else 0

    def follows(self, *kinds: type) -> bool:
        """Whether the last node, of one of the kinds, ends before this place on its line."""
        between = self.text.text[self.last_end : self.index]
        return isinstance(self.last, kinds) and not between.strip(" \t")


@dataclass(frozen=True, slots=True)
class Finding:
    message: str
    span: Span
    help: str
    code: str = "RB103"
    label: str = ""
    notes: tuple[Note, ...] = ()


def layout(at: Place) -> Finding | None:
    """Indentation and missing colons."""
    if "expected ':'" in at.problem:
        return _no_colon(at, at.opened)
    if at.problem.startswith("mapping values"):
        return _unexpected_colon(at)
    if "expected '-'" in at.problem or ("<block end>" in at.problem and "collection" in at.context):
        column = at.text.place(at.opened)[1]
        return Finding(
            "this line belongs to no list item",
            at.text.span(at.index),
            f"begin an item with '- ' at column {column}, or indent to the item's keys",
            notes=(Note("the list begins here", at.text.span(at.opened)),),
        )
    if "expected key" in at.problem or "<block end>" in at.problem:
        return _bad_indent(at)
    return None


def _no_colon(at: Place, index: int) -> Finding:
    line, column = at.text.place(index)
    written = re.split(r"\s#", at.text.lines[line - 1])[0].rstrip()
    span = Span(line, column, line, max(len(written), column) + 1)
    word = written[column - 1 :]
    name, colon, rest = word.partition(":")
    if colon and rest:
        return Finding("there is no space after the colon", span, f"write {name}: {rest.strip()}")
    first, _, value = word.partition(" ")
    return Finding(
        f"there is no colon after '{clip(first)}'", span, f"write {first}: {value}".rstrip()
    )


def _unexpected_colon(at: Place) -> Finding:
    line = at.text.place(at.index)[0]
    first = at.text.place(at.last_start)
    before = at.text.lines[first[0] - 1][: first[1] - 1]
    if first[0] == line:
        return second_colon(at)
    if not before.strip(" -\t"):
        return _no_colon(at, at.last_start)
    key = len(before) - len(before.lstrip(" -"))
    return Finding(
        "this line is indented deeper than the key above, so it continues that key's value",
        Span(line, 1, line, max(len(at.indent), 1) + 1),
        f"{_indent_by(key)} to go on with line {first[0]}; a key with keys under it has nothing "
        "after its colon",
        notes=(Note("the value that it would continue", at.text.span(at.last_start)),),
    )


def _bad_indent(at: Place) -> Finding:
    line, column = at.text.place(at.index)
    if at.char == ":":
        return no_key(at)
    if at.line[: column - 1].strip(" -"):
        return Finding(
            "nothing can follow here on this line",
            at.text.span(at.index),
            "quote the whole value, or begin a new line",
        )
    above = next((one for one in reversed(at.text.lines[: line - 1]) if one.strip()), "")
    ended = isinstance(at.last, yaml.ScalarEvent) and not at.last.style
    if ended and above.lstrip().startswith("#"):
        return Finding(
            "the comment above ended the value, so this line belongs to nothing",
            at.text.span(at.index),
            "move the comment, or indent this line like the keys of its block",
        )
    item = at.line.lstrip().startswith("- ")
    what = "list item" if item else "line"
    fits = [
        f"{_indent_by(indent)} to go on with line {number}"
        for number, indent in _blocks(at, item=item)
    ]
    return Finding(
        f"this {what}'s indentation fits no block above",
        Span(line, 1, line, max(column, 2)),
        ", or ".join(fits[:2]),
    )


def _blocks(at: Place, *, item: bool) -> Iterator[tuple[int, int]]:
    """The blocks above that an item or a key could go on with, nearest first: line and indent."""
    least = 1 << 30
    for number in range(at.text.place(at.index)[0] - 1, 0, -1):
        line = at.text.lines[number - 1]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        outer, inner = (len(line) - len(line.lstrip(signs)) for signs in (" ", " -"))
        if inner < least and not item:
            yield number, inner
        elif outer < min(least, inner) and item:
            yield number, outer
        least = min(least, outer)


def _indent_by(spaces: int) -> str:
    if spaces == 0:
        return "do not indent it"
    return f"indent it by {spaces} space{'s' * (spaces > 1)}"


def no_key(at: Place) -> Finding:
    return Finding(
        "there is no key before this colon", at.text.span(at.index), "write a key", "RB113"
    )


def second_colon(at: Place) -> Finding:
    """A second `key: value` where one is finished."""
    value = at.text.text[at.last_start : at.last_end]
    word = re.search(r"\s(\S+)\Z", value)
    if word and "flow" in at.context:
        return Finding(
            f"there is no comma before '{word.group(1)}'",
            at.text.span(at.last_start + word.start(1), at.last_end),
            "separate the keys with a comma",
        )
    line, column = at.text.place(at.last_start)
    rest = at.text.lines[line - 1][column - 1 :]
    return Finding(
        "the value holds a colon, which YAML reads as one more key",
        at.text.span(at.index),
        f"quote the value: {quoted(until_flow_end(rest, at))}",
    )


def until_flow_end(value: str, at: Place) -> str:
    if "flow" in at.context:
        return re.split(r"[,}\]]", value, maxsplit=1)[0].strip()
    return value.strip()
