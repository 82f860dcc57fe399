"""Where a replay parted from its log: the step, its line, and both sides field by field."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from runner.audit.story import value_in_words, visible
from runner.drive.recorded import Divergence
from runner.language.source import Source, Span
from runner.report.run_text import cut, pad
from runner.report.source_lines import excerpt

_ABSENT = "(absent)"
_MOST_EQUAL = 12
"""Equal fields that are shown beside those that differ; more are counted."""
_WIDEST_NAME = 28


def divergence_lines(
    parted: Divergence, source: Source | None, span: Span | None, width: int
) -> Iterator[str]:
    """The divergence; `source` and `span` are where its step stands, where that is known. The line
    with the runbook's path is never broken, so that it can be copied.
    """
    where = visible(parted.step) if parted.step else "the run itself"
    yield f"The first difference: record {parted.seq}, {where}"
    if source and span:
        yield f"at {visible(source.name)}:{span.line}"
        yield from excerpt(source, span, width)
    yield from side_by_side(parted.expected, parted.actual, width)


def fields(value: Any, name: str = "") -> dict[str, Any]:
    """The plain values of nested objects and lists, each by its dotted name, in order."""
    if isinstance(value, Mapping) and value:
        inner = value.items()
    elif isinstance(value, list | tuple) and value:
        inner = {str(index): one for index, one in enumerate(value)}.items()
    else:
        return {name: value}
    found: dict[str, Any] = {}
    for key, one in inner:
        found |= fields(one, f"{name}.{key}" if name else str(key))
    return found


def side_by_side(recorded: Any, new: Any, width: int) -> Iterator[str]:
    """Each field of both, those that differ marked; all of them where there are few."""
    log, now = fields(recorded), fields(new)
    names = list(dict.fromkeys((*log, *now)))
    differing = [one for one in names if one not in log or one not in now or log[one] != now[one]]
    equal = len(names) - len(differing)
    shown = names if equal <= _MOST_EQUAL else differing
    room = min(max((len(visible(one)) for one in shown), default=5), _WIDEST_NAME)
    side = max((width - room - 6) // 2, 10)
    yield f"  {pad('FIELD', room)}  {pad('IN THE LOG', side)}  NOW"
    for name in shown:
        mark = "≠" if name in differing else " "
        cells = (_cell(log, name), _cell(now, name))
        yield from _row(mark, name, cells, room, side)
    if len(shown) < len(names):
        yield f"  and {equal} fields that are equal"


def _row(mark: str, name: str, cells: tuple[str, str], room: int, side: int) -> Iterator[str]:
    title = visible(name)
    if len(title) > room:
        yield f"{mark} {title}"
        mark, title = " ", ""
    left, right = (textwrap.wrap(one, side, break_on_hyphens=False) or [""] for one in cells)
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else ""
        other = right[index] if index < len(right) else ""
        head = f"{mark} {pad(title, room)}" if index == 0 else " " * (room + 2)
        yield f"{head}  {pad(one, side)}  {other}".rstrip()


def _cell(side: Mapping[str, Any], name: str) -> str:
    return cut(visible(value_in_words(side[name])), 400) if name in side else _ABSENT
