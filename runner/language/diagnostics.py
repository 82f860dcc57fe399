"""What is wrong with a runbook, where, and what would be right.

A diagnostic's message stands alone; its label is the short remark under the excerpt; its help is
an action. Codes are stable: RB1 reading the file, RB2 structure, RB3 names and references, RB4
expressions, RB5 orders that Alpaca forbids whatever the market does, RB6 parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from msgspec import Struct

from runner.language.source import Source, Span


class Note(Struct, frozen=True):
    """A second place that explains the first, such as where a key was given before."""

    message: str
    span: Span


class Diagnostic(Struct, frozen=True):
    """One finding. `severity` is `error` or `warning`; only errors stop a run."""

    code: str
    message: str
    span: Span
    label: str = ""
    help: str = ""
    notes: tuple[Note, ...] = ()
    severity: str = "error"


class Report:
    """Collects the findings of one source, so that one pass shows them all."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        help: str = "",  # noqa: A002 - the word users read
        notes: tuple[Note, ...] = (),
    ) -> None:
        self.found.append(Diagnostic(code, message, span, label, help, notes))

    def warn(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> None:  # noqa: A002
        self.found.append(Diagnostic(code, message, span, label, help, severity="warning"))

    @property
    def failed(self) -> bool:
        return any(found.severity == "error" for found in self.found)

    def sorted(self) -> list[Diagnostic]:
        """The findings in reading order, each once."""
        return sorted(set(self.found), key=lambda one: (one.span, one.code, one.message))


def did_you_mean(word: str, known: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    """`Did you mean 'x'?` for the likeliest known words, else the list of all when it is short."""
    options = list(known)
    close = likeliest(word, options)
    if close:
        return "Did you mean " + " or ".join(f"'{one}'" for one in close) + "?"
    if options and len(options) <= 24:
        return "Known here: " + ", ".join(options) + "."
    return ""


def likeliest(word: str, options: list[str]) -> list[str]:
    """What a word was probably meant for: all that say the same and more (`max_notional`), or the
    closest, or one that it is short for or that is short for it."""
    parts = set(word.split("_"))
    longer = [one for one in options if len(parts) > 1 and parts < set(one.split("_"))]
    close = longer or get_close_matches(word, options, n=1, cutoff=0.6)
    return close or [one for one in options if _shortens(one, word) or _shortens(word, one)][:1]


def _shortens(short: str, word: str) -> bool:
    """Whether one is short for the other: `qty` for quantity, `tif` for time_in_force."""
    if not 3 <= len(short) < len(word):
        return False
    if short == "".join(part[:1] for part in word.split("_")):
        return True
    left = iter(word)
    return short[0] + short[-1] == word[0] + word[-1] and all(char in left for char in short)
