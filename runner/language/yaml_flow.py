"""Commas, quotes and braces in flow style that YAML reads otherwise than meant (RB111)."""

from __future__ import annotations

import re

from runner.language.diagnostics import Report
from runner.language.source import Span
from runner.language.tree import Entry, Node, Scalar
from runner.language.yaml_text import Text, clip, quoted

_WORD = re.compile(r"[A-Za-z_]\w*\Z")
_LOOK_AHEAD = 16  # pieces of one cut value that are joined again; keeps the work linear


def mend_entries(entries: list[Entry], text: Text, report: Report) -> list[Entry]:
    """The entries with values that a comma cut joined again, each such cut reported.

    `{qty: =min(a, 5), side: buy}` arrives as qty `=min(a`, a key `5)` without value, and side.
    """
    if not any(map(_is_suspect, entries)):
        return entries
    mended: list[Entry] = []
    at = 0
    while at < len(entries):
        entry = entries[at]
        bare = _is_bare(entry)
        first = entry.key if bare else entry.value
        later = [
            one.key if _is_bare(one) else None for one in entries[at + 1 : at + 1 + _LOOK_AHEAD]
        ]
        joined, used = _join(first, later, text, report)
        at += 1 + used
        if used and not bare and joined is not None:
            mended.append(Entry(entry.key, joined))
        elif not bare or _WORD.match(entry.key.text):
            mended.append(entry)
        elif not used:
            at += _report_bare(entry.key, mended, entries[at : at + _LOOK_AHEAD], text, report)
    return mended


def mend_items(nodes: list[Node], text: Text, report: Report) -> list[Node]:
    """The items of a list with values that a comma cut joined again."""
    if not any(isinstance(node, Scalar) and "(" in node.text for node in nodes):
        return nodes
    mended: list[Node] = []
    at = 0
    while at < len(nodes):
        later = [
            one if isinstance(one, Scalar) else None for one in nodes[at + 1 : at + 1 + _LOOK_AHEAD]
        ]
        joined, used = _join(nodes[at], later, text, report)
        mended.append(nodes[at] if joined is None else joined)
        at += 1 + used
    return mended


def _is_suspect(entry: Entry) -> bool:
    value = entry.value
    return isinstance(value, Scalar) and ("(" in value.text or _is_bare(entry))


def _is_bare(entry: Entry) -> bool:
    """A key without even a colon."""
    key, value = entry.key.span, entry.value
    return (
        isinstance(value, Scalar)
        and value.empty
        and (value.span.line, value.span.column) == (key.end_line, key.end_column)
    )


def _join(
    first: Node, later: list[Scalar | None], text: Text, report: Report
) -> tuple[Scalar | None, int]:
    """`first` with the pieces that close its parenthesis or quote, and how many those are."""
    if not isinstance(first, Scalar) or not first.plain or "(" not in first.text:
        return None, 0
    depth, quote = balance(first.text)
    if not depth and not quote:
        return None, 0
    end = text.index(first.span.end_line, first.span.end_column)
    for count, piece in enumerate(later, 1):
        if piece is None:
            break
        start, end = end, text.index(piece.span.end_line, piece.span.end_column)
        depth, quote = balance(text.text[start:end], depth, quote)
        if depth <= 0 and not quote:
            span = _between(first.span, piece.span)
            whole = text.covered(span)
            _report_cut(whole, span, report)
            return Scalar(whole, span, columns_exact=span.line == span.end_line), count
    if first.text.startswith("=") and later:
        report.error(
            "RB111",
            "the comma ends the value here, before its parenthesis is closed",
            first.span,
            help="quote the whole expression, or write one key a line instead of { }",
        )
    return None, 0


def balance(text: str, depth: int = 0, quote: str = "") -> tuple[int, str]:
    """How many parentheses stay open after the text, and in which quote it ends."""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
    return depth, quote


def _between(first: Span, last: Span) -> Span:
    return Span(first.line, first.column, last.end_line, last.end_column)


def _only_comma(first: Span, second: Span, text: Text) -> bool:
    end = text.index(first.end_line, first.end_column)
    start = text.index(second.line, second.column)
    return start - end < 80 and text.text[end:start].strip() == ","


CUT = "inside { } and [ ] a comma ends a value, also within parentheses"
CUT_LABEL = "quote it, or use a block"


def cut_help(whole: str) -> str:
    """How to write a value that a comma cut."""
    return f"write {quoted(whole)}, or one key a line instead of {{ }}"


def _report_cut(whole: str, span: Span, report: Report) -> None:
    report.error("RB111", CUT, span, label=CUT_LABEL, help=cut_help(whole))


def _report_bare(
    key: Scalar, before: list[Entry], after: list[Entry], text: Text, report: Report
) -> int:
    """Report a key without a value that was meant otherwise; how many more pieces belong to it."""
    value = before[-1].value if before else None
    if isinstance(value, Scalar) and value.plain and _only_comma(value.span, key.span, text):
        used, last = 0, key
        if re.fullmatch(r"[-+$]?\d{1,3}", value.text) and re.match(r"\d{3}\b", key.text):
            while used < len(after) and re.match(r"\d{3}\b", after[used].key.text):
                last = after[used].key
                used += 1
            span = _between(value.span, last.span)
            number = re.sub(r"[,\s]", "", text.covered(span))
            report.error(
                "RB111",
                f"the comma ends the value: this is read as {value.text} and more keys",
                span,
                label="no thousands separators",
                help=f"write {number}",
            )
            return used
        if ":" not in key.text:
            span = _between(value.span, key.span)
            _report_cut(text.covered(span), span, report)
            return 0
    name, colon, rest = key.text.partition(":")
    if colon and _WORD.match(name):
        message, help_ = "there is no space after the colon", f"write {name}: {rest}"
    else:
        message = f"'{clip(key.text)}' is read as a key without a value"
        help_ = f"for an expression write ={key.text.lstrip('=')} without braces; quote a text"
    report.error("RB111", message, key.span, help=help_)
    return 0
