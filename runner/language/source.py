"""A runbook's text and positions in it."""

from __future__ import annotations

from hashlib import sha256

from msgspec import Struct


class Span(Struct, frozen=True, order=True):
    """A stretch of text. Lines and columns count from 1, columns in characters; the end is
    exclusive, so an empty span has equal start and end."""

    line: int
    column: int
    end_line: int
    end_column: int

    def sub(self, start: int, end: int) -> Span:
        """The part from character `start` to `end` of a span that lies on one line."""
        return Span(self.line, self.column + start, self.line, self.column + end)


class Source(Struct, frozen=True):
    """A text and the name that it is called by in messages (a path as the user gave it)."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The digest of the text, by which runs, rehearsals and plans name it."""
        return sha256(self.text.encode()).hexdigest()

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its end; empty past the end of the text."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""
