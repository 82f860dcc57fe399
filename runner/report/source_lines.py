"""A part of a runbook as it is written, with its line numbers."""

from __future__ import annotations

from collections.abc import Iterator

from runner.audit.story import visible
from runner.language.source import Source, Span
from runner.report.run_text import cut

MOST_LINES = 6


def excerpt(source: Source, span: Span, width: int) -> Iterator[str]:
    """The lines that a span stands on, its first line marked, each cut to the width."""
    lines = range(span.line, max(span.end_line, span.line) + 1)
    room = len(str(lines[-1]))
    for number in lines[:MOST_LINES]:
        mark = ">" if number == span.line else " "
        yield cut(f"{mark} {number:>{room}} | {visible(source.line(number))}", width).rstrip()
    if len(lines) > MOST_LINES:
        yield f"  {'':>{room}} | …"
