"""YAML text to a located tree, with findings in a trader's words.

Built from the parser's events, not from composed nodes: duplicates and aliases keep their place,
and reading stops at a depth before anything is built. Nothing is typed here: every scalar keeps
its text, and its declared kind reads it later.

Codes: RB101 unreadable file, RB102 characters, RB103 syntax, RB104 duplicate key, RB105 tags,
merge keys and misused anchors, RB106 several documents and directives, RB107 size, RB108 depth,
RB109 alias expansion, RB110 a comment that cuts a value, RB111 brackets, quotes and commas that
YAML reads otherwise than meant, RB112 not a mapping, RB113 keys that are not text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from runner.language.diagnostics import Note, Report
from runner.language.source import Source, Span
from runner.language.tree import Entry, Mapping, Node, Scalar, Sequence
from runner.language.yaml_file import MAX_BYTES, SIZE_HELP, UnreadableFile, read_source
from runner.language.yaml_flow import mend_entries, mend_items
from runner.language.yaml_syntax import explain
from runner.language.yaml_text import Text, check_characters, clip, odd_pattern, quoted

__all__ = ["UnreadableFile", "load", "read_source"]

MAX_DEPTH = 64
MAX_ALIAS_NODES = 10_000

# The pure parser reads the same language about 11 times slower; it is better than refusing.
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(source: Source, report: Report) -> Mapping | None:
    """The runbook's tree, or None when there is none to check; findings go to `report`.

    A tree can come with errors: what can be read is returned, so that one pass finds them all. A
    duplicate key keeps its first value. A node from an alias keeps the place where it was written.
    """
    if len(source.text) * 4 > MAX_BYTES and len(source.text.encode("utf-8", "replace")) > MAX_BYTES:
        report.error("RB107", "the file is larger than 1 MiB", Span(1, 1, 1, 1), help=SIZE_HELP)
        return None
    text = Text(source)
    if not check_characters(text, report):
        return None
    builder = _Builder(text, report)
    try:
        for event in yaml.parse(source.text, Loader=_PARSER):
            builder.take(event)
    except _Stop:
        if builder.root is None:
            return None
    except yaml.MarkedYAMLError as error:
        explain(error, text, builder.last, report)
        return None
    except (yaml.YAMLError, ValueError):
        # The pure parser lets `chr` raise on an escape such as "\U00110000".
        span = Span(1, 1, 1, 1) if builder.last is None else _span(builder.last)
        report.error("RB103", "YAML cannot be read after this place", span)
        return None
    return builder.finish()


class _Stop(Exception):  # noqa: N818 - not an error
    """Enough was read: what follows would not be used."""


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence whose end has not come yet."""

    mapping: bool
    flow: bool
    line: int
    column: int
    anchor: str | None
    end: tuple[int, int]
    key: Scalar | None = None
    has_key: bool = False
    nodes: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def _measure(node: Node) -> tuple[int, int]:
    """How many nodes a tree has, and how many levels of mappings and lists."""
    if isinstance(node, Scalar):
        return 1, 0
    inner = node.items if isinstance(node, Sequence) else [one.value for one in node.entries]
    sizes = [_measure(one) for one in inner]
    return 1 + sum(size for size, _ in sizes), 1 + max((height for _, height in sizes), default=0)


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+|#[^\n]*)*)+")
_CUT = re.compile(r"[ \t]+#(?=[\w$])[^\r\n]*")


class _Builder:
    def __init__(self, text: Text, report: Report) -> None:
        self.text = text
        self.report = report
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Node] = {}
        self.expanded = 0
        self.documents = 0
        self.root: Node | None = None
        self.last: Any = None

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, kind is yaml.MappingStartEvent)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._document(event)
        self.last = event

    def finish(self) -> Mapping | None:
        """The root, when it is the mapping that a runbook is."""
        root = self.root
        if isinstance(root, Mapping):
            return root
        expected = "begin with `runbook: 1`"
        if isinstance(root, Sequence):
            span = Span(root.span.line, root.span.column, root.span.line, root.span.column + 1)
            self.report.error(
                "RB112", "a runbook is keys and values, not a list", span, help=expected
            )
        elif root is None or root.empty:
            self.report.error("RB112", "the file is empty", Span(1, 1, 1, 1), help=expected)
        else:
            help_ = "put a space after the colon" if re.search(r"\w:\S", root.text) else expected
            self.report.error(
                "RB112", "a runbook is keys and values, not a text", root.span, help=help_
            )
        return None

    # ---- places

    def _start(self, event: Any) -> tuple[int, int]:
        """Where the node itself begins, after an anchor or tag."""
        mark, end = event.start_mark, event.end_mark
        if event.anchor is None and event.tag is None:
            return mark.line + 1, mark.column + 1
        match = _PROPERTIES.match(self.text.text, mark.index)
        index = match.end() if match else mark.index
        if isinstance(event, yaml.ScalarEvent):
            index = min(index, end.index)
        line = mark.line + self.text.text.count("\n", mark.index, index) + 1
        return line, index - self.text.index(line, 1) + 1

    def _check_properties(self, event: Any, *, key: bool) -> None:
        if event.tag is not None:
            match = re.compile(r"(?:&\S*\s+)?(![^\s,\[\]{}]*)").match(
                self.text.text, event.start_mark.index
            )
            span = self.text.span(*match.span(1)) if match else _span(event)
            self.report.error(
                "RB105",
                "YAML tags are not part of the language",
                span,
                label="remove this",
                help="a text that begins with ! needs quotes; in an expression write `not`",
            )
        if event.anchor is None:
            return
        index = self.text.text.find("&" + event.anchor, event.start_mark.index)
        span = self.text.span(index, index + 1 + len(event.anchor))
        if key:
            self.report.error(
                "RB105", "an anchor stands before a value, not before a key", span,
                help="put it after the colon",
            )  # fmt: skip
        elif event.anchor in self.anchors:
            self.report.error(
                "RB105", f"the anchor &{event.anchor} is given twice", span,
                help="give each anchor its own name",
                notes=(Note("first given here", self.anchors[event.anchor].span),),
            )  # fmt: skip

    # ---- nodes

    def _awaits_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].mapping and not self.stack[-1].has_key

    def _scalar(self, event: Any) -> None:
        key = self._awaits_key()
        start, end = event.start_mark, event.end_mark
        value: str = event.value
        if event.anchor is not None or event.tag is not None:
            self._check_properties(event, key=key)
            line, column = self._start(event)
        else:
            line, column = start.line + 1, start.column + 1
        span = Span(line, column, end.line + 1, end.column + 1)
        if not value and not event.style and end.index >= len(self.text.text):
            # The parser's mark at the end of the file can stand on a line that is not there.
            span = Span(*self.text.place(end.index), *self.text.place(end.index))
        if event.style:
            scalar = self._read_styled(value, event.style, span, end.index)
        else:
            exact = line == span.end_line
            scalar = Scalar(value, span, empty=not value, columns_exact=exact)
            if self.text.text[end.index : end.index + 1] in (" ", "\t"):
                self._check_comment(scalar, end.index)
        if event.anchor is not None and not key:
            self.anchors.setdefault(event.anchor, scalar)
        self._put(scalar, (span.end_line, span.end_column))

    def _read_styled(self, value: str, style: str, span: Span, end: int) -> Scalar:
        """A quoted or block scalar. Columns are exact where the source shows the very text."""
        if style in "|>":
            return self._read_block(value, span, end)
        inner = self.text.text[self.text.index(span.line, span.column) + 1 : end - 1]
        exact = inner == value and span.line == span.end_line
        if not value.isprintable() and (match := odd_pattern().search(value)):
            self.report.error(
                "RB102",
                f"the escape for U+{ord(match.group()):04X} writes a character that cannot stand "
                "in a runbook",
                span,
            )
        return Scalar(value, span, plain=False, columns_exact=exact, offset=1)

    def _read_block(self, value: str, span: Span, end: int) -> Scalar:
        """A `|` or `>` text. One line of content is pointed at; of several, the whole."""
        start = self.text.index(span.line, span.column)
        body = self.text.text[start:end].rstrip()
        span = Span(span.line, span.column, *self.text.place(start + len(body)))
        content = value.rstrip("\n")
        if content and "\n" not in content and span.end_line == span.line + 1:
            line = self.text.lines[span.line]
            column = line.find(content)
            if column >= 0 and not line[:column].strip():
                inner = Span(span.end_line, column + 1, span.end_line, column + 1 + len(content))
                return Scalar(value, inner, plain=False)
        return Scalar(value, span, plain=False, columns_exact=False)

    def _check_comment(self, scalar: Scalar, end: int) -> None:
        """Warn of a ` #` that cuts a value short.

        YAML begins a comment at every ` #`. One that is meant has a space after it (`1  # share`);
        a letter, digit or `$` right after the `#` (`Buy #1 pick`) was meant as text.
        """
        match = _CUT.match(self.text.text, end)
        if not match:
            return
        comment = match.group().strip()
        if self.stack and self.stack[-1].flow:
            comment = re.split(r"[,}\]]", comment)[0]
        whole = f"{self.text.covered(scalar.span)} {comment}".strip()
        self.report.warn(
            "RB110",
            f"the value ends before {clip(comment)}, which YAML reads as a comment",
            self.text.span(match.end() - len(match.group().lstrip()), match.end()),
            label="not part of the value",
            help=f"quote the value: {quoted(whole)}; for a comment, put a space after the #",
        )

    def _open(self, event: Any, mapping: bool) -> None:
        key = self._awaits_key()
        if event.anchor is not None or event.tag is not None:
            self._check_properties(event, key=key)
        line, column = self._start(event)
        if len(self.stack) >= MAX_DEPTH:
            self._too_deep(Span(line, column, line, column + 1))
        frame = _Frame(mapping, bool(event.flow_style), line, column, event.anchor, (line, column))
        self.stack.append(frame)

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        if frame.flow and event.end_mark.index > event.start_mark.index:
            frame.end = event.end_mark.line + 1, event.end_mark.column + 1
        span = Span(frame.line, frame.column, *frame.end)
        node: Node
        if frame.mapping:
            entries = frame.entries
            if frame.flow:
                entries = mend_entries(entries, self.text, self.report)
            node = Mapping(tuple(self._unique(entries)), span)
        else:
            nodes = frame.nodes
            if frame.flow:
                nodes = mend_items(nodes, self.text, self.report)
            node = Sequence(tuple(nodes), span)
        if frame.anchor is not None:
            self.anchors.setdefault(frame.anchor, node)
        self._put(node, frame.end)

    def _unique(self, entries: list[Entry]) -> Iterator[Entry]:
        """Each key once, the first of equals."""
        seen: dict[str, Scalar] = {}
        for entry in entries:
            key = entry.key
            if key.text in seen:
                first = seen[key.text]
                self.report.error(
                    "RB104",
                    f"the key '{clip(key.text)}' is given twice, on line {first.span.line} and "
                    f"on line {key.span.line}",
                    key.span,
                    label="given again here",
                    help="remove one of the two",
                    notes=(Note("first given here", first.span),),
                )
                continue
            seen[key.text] = key
            yield entry

    def _alias(self, event: Any) -> None:
        name, span = event.anchor, _span(event)
        end = span.end_line, span.end_column
        if self._awaits_key():
            self.report.error("RB113", "an alias cannot be a key", span, help="write the key out")
            self.stack[-1].has_key = True
            return
        anchored = self.anchors.get(name)
        if any(frame.anchor == name for frame in self.stack):
            self.report.error("RB105", f"*{name} stands inside its own anchor &{name}", span)
            anchored = None
        elif anchored is None:
            self.report.error(
                "RB105", f"there is no anchor &{name} before this alias", span,
                help=f"define it with &{name} above, or quote a text that begins with *",
            )  # fmt: skip
        if anchored is None:
            self._put(Scalar(f"*{name}", span), end)
            return
        size, height = _measure(anchored)
        self.expanded += size
        if self.expanded > MAX_ALIAS_NODES:
            self.report.error(
                "RB109",
                f"the aliases of this file write out more than {MAX_ALIAS_NODES:,} values",
                span,
                help="use fewer aliases, or `for_each`",
            )
            raise _Stop
        if len(self.stack) + height > MAX_DEPTH:
            self._too_deep(span)
        self._put(anchored, end)

    def _too_deep(self, span: Span) -> None:
        self.report.error("RB108", f"the nesting is deeper than {MAX_DEPTH} levels", span)
        raise _Stop

    def _put(self, node: Node, end: tuple[int, int]) -> None:
        """Give a finished node to what it stands in."""
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.end = end
        if not frame.mapping:
            frame.nodes.append(node)
        elif not frame.has_key:
            frame.has_key = True
            frame.key = self._checked_key(node, frame)
        else:
            if frame.key is not None:
                frame.entries.append(Entry(frame.key, node))
            frame.has_key, frame.key = False, None

    def _checked_key(self, node: Node, frame: _Frame) -> Scalar | None:
        """The key, or None (its value is then dropped) when it cannot be one."""
        if not isinstance(node, Scalar):
            self._refuse_complex_key(node, frame)
            return None
        if node.empty:
            self.report.error(
                "RB113",
                "there is no key before this colon",
                node.span,
                help="write a key, or remove",
            )
            return None
        if node.plain and node.text == "<<":
            self.report.error(
                "RB105", "merge keys (<<) are not part of the language", node.span,
                help="write the keys out, or put common values in `defaults` or `params`",
            )  # fmt: skip
            return None
        return node

    def _refuse_complex_key(self, node: Mapping | Sequence, frame: _Frame) -> None:
        written = self.text.covered(node.span)
        if frame.flow and written.startswith("{") and isinstance(node, Mapping):
            inner = written.strip("{} ")
            self.report.error(
                "RB111", "{{ }} is not a template here", node.span,
                help=f"write the expression: ={inner}",
            )  # fmt: skip
            return
        what = "mapping" if isinstance(node, Mapping) else "list"
        self.report.error("RB113", f"a {what} cannot be a key", node.span, help="a key is a word")

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            index = event.start_mark.index
            self.report.error(
                "RB106", "a file holds one runbook", self.text.span(index, index + 3),
                label="a second document begins here", help="put each runbook in its own file",
            )  # fmt: skip
            raise _Stop
        if event.version or event.tags:
            self.report.error(
                "RB106", "YAML directives are not part of the language",
                self.text.whole_line(event.start_mark.index), help="remove this line",
            )  # fmt: skip
