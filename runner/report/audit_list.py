"""The runs of a directory as lines: one a run, and below it what the run left open.

Everything comes from logs, so everything is made visible here. Lines are at most `width` columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from urllib.parse import urlsplit

from runner.audit.story import visible
from runner.audit.summary import Summary, left_open
from runner.report.run_text import columns, cut, money, pad, wrap

_HEAD = ("TIME", "RUN", "ON", "STATUS", "EXIT", "ORD", "BOUGHT", "SOLD")
_NUMBERS = frozenset({"EXIT", "ORD", "BOUGHT", "SOLD"})
_LONGEST_SERVER = 21
"""Columns. A longer one stands below its run."""
_SHORTEST_NAME = 8
_UNKNOWN = "?"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-", re.ASCII)


def table(summaries: Sequence[Summary], width: int) -> Iterator[str]:
    """A heading for each day, UTC, and the runs below it; BOUGHT and SOLD are dollars.

    A server stands in its column where all of them leave room for it, else below its run.
    """
    servers = all(columns(_on(each)) <= _LONGEST_SERVER for each in summaries)
    rows = [_cells(each, servers=servers) for each in summaries]
    if servers and sum(_widths(rows)) + len(_HEAD) + _SHORTEST_NAME > width:
        servers = False
        rows = [_cells(each, servers=False) for each in summaries]
    widths = _widths(rows)
    yield _row(_HEAD, "NAME", widths, width)
    day = None
    for summary, cells in zip(summaries, rows, strict=True):
        began = _began(summary)[:10]
        if began != day:
            day = began
            yield visible(day) or "(the day is not known)"
        yield _row(cells, visible(summary.name), widths, width)
        if summary.target == "url" and not servers:
            yield from wrap(visible(f"on {summary.server}"), width, " " * (widths[0] + 2))
        for note in _notes(summary):
            yield from wrap(visible(note), width, " " * (widths[0] + 2))


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(columns(cell) for cell in column) for column in zip(_HEAD, *rows, strict=True)]


def server(base_url: str) -> str:
    """A server's host and port, as they stand in its URL."""
    try:
        return urlsplit(base_url).netloc or base_url
    except ValueError:
        return base_url


def _on(summary: Summary) -> str:
    """The kind of target; of a URL, its server."""
    return visible(server(summary.server) if summary.target == "url" else summary.target)


def _cells(summary: Summary, *, servers: bool) -> tuple[str, ...]:
    return tuple(
        visible(cell)
        for cell in (
            _began(summary)[11:16],
            summary.run.rpartition("-")[2][:8],
            _on(summary) if servers else summary.target,
            summary.status,
            "" if summary.exit_code is None else str(summary.exit_code),
            str(summary.orders) if summary.name else "",
            _dollars(summary.bought) if summary.name else "",
            _dollars(summary.sold) if summary.name else "",
        )
    )


def _began(summary: Summary) -> str:
    """When a run began: as its log says, else as the id says that its file is named by."""
    if summary.started_at or not _RUN_ID.match(summary.run):
        return summary.started_at
    day, at = summary.run[:8], summary.run[9:13]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{at[:2]}:{at[2:]}"


def _row(cells: Sequence[str], name: str, widths: Sequence[int], width: int) -> str:
    shown = [
        f"{' ' * (room - columns(cell))}{cell}" if title in _NUMBERS else pad(cell, room)
        for title, cell, room in zip(_HEAD, cells, widths, strict=True)
    ]
    line = "  ".join(shown)
    room = width - columns(line) - 2
    if room < _SHORTEST_NAME:
        line = " ".join(shown)
        room = width - columns(line) - 1
    return f"{line}{' ' * (width - columns(line) - room)}{cut(name, max(room, 1))}".rstrip()


def _notes(summary: Summary) -> Iterator[str]:
    if summary.damage:
        yield f"{summary.status}: {summary.damage}"
    phrases = list(left_open(summary))
    if phrases:
        so_far = "" if summary.exit_code is not None else " so far"
        yield f"left open{so_far}: {'; '.join(phrases)}"


def _dollars(amount: Decimal | None) -> str:
    return _UNKNOWN if amount is None else money(f"{amount:.2f}")
