"""A runbook's text by index and by line, and the characters that may stand in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, islice

from runner.language.diagnostics import Report
from runner.language.source import Source, Span


class Text:
    """The source text by index, as the parser's marks count it, and by line."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        written = source.text.split("\n")
        self.lines = [line.rstrip("\r") for line in written]
        self._starts = [0, *accumulate(len(line) + 1 for line in written)]

    def index(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of a character; the end of the last written line past the end."""
        if index >= len(self.text):
            index = len(self.text.rstrip())
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def span(self, start: int, end: int | None = None) -> Span:
        """From `start` to `end`, or one character."""
        line, column = self.place(start)
        return Span(line, column, *(self.place(end) if end is not None else (line, column + 1)))

    def whole_line(self, index: int) -> Span:
        line = self.place(index)[0]
        return Span(line, 1, line, len(self.lines[line - 1]) + 1)

    def covered(self, span: Span) -> str:
        return self.text[
            self.index(span.line, span.column) : self.index(span.end_line, span.end_column)
        ]


def clip(text: str, most: int = 40) -> str:
    """Text for a sentence: one line, not long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def quoted(text: str) -> str:
    """The text as a YAML quoted value, for a hint."""
    line = clip(text, 72)
    if '"' in line or "\\" in line:
        return "'" + line.replace("'", "''") + "'"
    return f'"{line}"'


_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff"
_BREAKS = "\x85\u2028\u2029"
# Text that reads in another order than it runs, or that nobody sees (CVE-2021-42574).
_HIDDEN = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f"
)
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_ODD_ASCII = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_MAX_ODD = 20


@cache
def odd_pattern() -> re.Pattern[str]:
    # Compiled on need: such wide character sets cost 20 ms, and most runbooks are ASCII.
    return re.compile(f"[{_CONTROL}{_BREAKS}{_HIDDEN}]|\r(?!\n)")


def _false_spaces(text: str) -> Iterator[int]:
    """Look-alike spaces where they matter: in the indentation, beside a sign, at a line's end."""
    if text.isascii():
        return
    pattern = f"^[ \t]*([{_SPACES}])|(?<=[:\\-,])([{_SPACES}])|([{_SPACES}])(?=[ \t]*$|[:#])"
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield match.start(match.lastindex or 0)


def check_characters(text: Text, report: Report) -> bool:
    """Whether the text can be given to the parser, whose lines then are the excerpts' lines."""
    pattern = _ODD_ASCII if text.text.isascii() else odd_pattern()
    odd = [match.start() for match in pattern.finditer(text.text)]
    for index in odd[:_MAX_ODD]:
        char = text.text[index]
        report.error(
            "RB102",
            f"U+{ord(char):04X}, {_describe(char)}, cannot stand in a runbook",
            text.span(index),
            label="remove this character",
            help=f"{len(odd)} such characters are in this file" if len(odd) > _MAX_ODD else "",
        )
    for index in islice(_false_spaces(text.text), _MAX_ODD):
        report.warn(
            "RB102",
            f"U+{ord(text.text[index]):04X} looks like a space and is none",
            text.span(index),
            label="write an ordinary space",
        )
    return not odd


def _describe(char: str) -> str:
    if char == "\r":
        return "a bare carriage return (an old Mac line end)"
    if re.match(f"[{_BREAKS}]", char):
        return "a line break that editors do not show as one"
    if re.match(f"[{_HIDDEN}]", char):
        return "an invisible formatting character"
    return "a control character"
