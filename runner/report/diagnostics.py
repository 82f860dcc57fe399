"""How findings are shown: text for people, JSON, GitHub annotations and SARIF for machines.

Everything that came from a file or a name is made visible and safe first: control characters,
look-alike spaces and formatting characters appear as `<U+001B>`, so that no runbook can speak to
the terminal. Columns count characters; ends are exclusive unless a format wants otherwise.
"""

from __future__ import annotations

import json
import posixpath
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner import __version__
from runner.language.diagnostics import Diagnostic
from runner.language.source import Source, Span

Files = Sequence[tuple[Source, Sequence[Diagnostic]]]
"""Sources with their findings, in the order in which they are shown."""

_WIDTH = 80
_LEAST_WIDTH = 40
_STYLES = {"error": "1;31", "warning": "1;33", "frame": "34", "help": "36", "bold": "1"}


# -- text ---------------------------------------------------------------------------------------


def render_text(
    source: Source, findings: Sequence[Diagnostic], *, color: bool, width: int | None
) -> str:
    """Each finding with its line and what to do, then a line that counts; empty without findings.

    The first line of each is `file:line:column: severity code: message`, whole on one line however
    long. Excerpts are clipped around the place to `width` columns (80 without a terminal); help
    and notes wrap at `width`, and not at all when it is None.
    """
    if not findings:
        return ""
    lines = source.text.split("\n") if source.text else []
    paint = _paint if color else _plain
    blocks = [_render(source.name, lines, one, width, paint) for one in findings]
    return "\n\n".join([*blocks, paint(summary(source.name, findings), "bold")]) + "\n"


def summary(name: str, findings: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning in plan.yaml`."""
    counts = []
    for severity in ("error", "warning"):
        count = sum(one.severity == severity for one in findings)
        if count:
            counts.append(f"{count} {severity}{'s' * (count > 1)}")
    return f"{', '.join(counts) or 'no findings'} in {visible(name)}"


def visible(text: str) -> str:
    """The text on one line, with every character that is not plainly itself spelled out."""
    if text.isascii() and text.isprintable():
        return text
    line = text.replace("\r\n", " ").replace("\n", " ")
    return "".join(shown for shown, _ in _cells(line))


def _plain(text: str, style: str) -> str:
    return text


def _paint(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def _render(
    name: str, lines: Sequence[str], finding: Diagnostic, width: int | None, paint: Any
) -> str:
    span = finding.span
    place = f"{visible(name)}:{span.line}:{span.column}"
    severity = paint(f"{finding.severity} {finding.code}", finding.severity)
    out = [f"{paint(place, 'bold')}: {severity}: {visible(finding.message)}"]
    digits = len(str(span.line))
    label = visible(finding.label)
    if span.line <= len(lines):
        room = max(width or _WIDTH, _LEAST_WIDTH) - digits - 3
        excerpt, carets, start = _excerpt(lines[span.line - 1].rstrip("\r"), span, room)
        bar = paint(f"{'':{digits}} |", "frame")
        marked = paint(carets, finding.severity)
        out += [bar, f"{paint(f'{span.line} |', 'frame')} {excerpt}".rstrip()]
        out += [f"{bar} {line}" for line in _labelled(marked, start, len(carets), label, room)]
    elif label:
        out += _remark("label", label, digits, width, paint)
    if finding.help:
        out += _remark("help", visible(finding.help), digits, width, paint)
    for note in finding.notes:
        where = f"{visible(name)}:{note.span.line}:{note.span.column}: {visible(note.message)}"
        out += _remark("note", where, digits, width, paint)
    return "\n".join(out)


def _remark(kind: str, text: str, digits: int, width: int | None, paint: Any) -> list[str]:
    """A `= help: …` line, continued under its text."""
    head = f"{'':{digits}} = {kind}: "
    parts = [text]
    if width is not None:
        room = max(width, _LEAST_WIDTH) - len(head)
        parts = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    first = f"{'':{digits}} {paint('=', 'frame')} {paint(kind + ':', 'help')} {parts[0]}"
    return [first, *(" " * len(head) + part for part in parts[1:])]


def _labelled(marked: str, start: int, length: int, label: str, room: int) -> Iterator[str]:
    """The carets with their label, which moves to lines of its own when it does not fit."""
    if not label:
        yield " " * start + marked
    elif start + length + 1 + _columns(label) <= room:
        yield f"{' ' * start}{marked} {label}"
    else:
        yield " " * start + marked
        indent = max(0, min(start, room - _columns(label)))
        yield from (" " * indent + part for part in textwrap.wrap(label, room - indent))


def _excerpt(line: str, span: Span, room: int) -> tuple[str, str, int]:
    """The line as shown, the carets, and how many columns stand before them."""
    first = min(span.column - 1, len(line))
    last = span.end_column - 1 if span.end_line == span.line else len(line)
    last = max(first + 1, last)
    skipped = 0
    if len(line) > 4 * room:  # look only at what can be shown
        skipped = max(0, first - room)
        line = line[skipped : first + 2 * room] + " " * (len(line) > first + 2 * room)
    cells = list(_cells(line))
    first, last = first - skipped, min(last - skipped, max(len(cells), first - skipped + 1))
    low, high = _window([width for _, width in cells], first, room, cut=skipped > 0)
    before = "…" * (low > 0 or skipped > 0)
    after = "…" * (high < len(cells))
    shown = before + "".join(text for text, _ in cells[low:high]) + after
    start = len(before) + sum(width for _, width in cells[low:first])
    length = sum(width for _, width in cells[first : min(last, high)]) or 1
    return shown, "^" * length, start


def _window(widths: Sequence[int], caret: int, room: int, *, cut: bool) -> tuple[int, int]:
    """Which cells fit the room: all, or those around the caret with a third of it to the left."""
    if sum(widths) <= room and not cut:
        return 0, len(widths)
    room -= 2  # the two ellipses
    low, used = caret, 0
    while low > 0 and used + widths[low - 1] <= room // 3:
        low -= 1
        used += widths[low]
    high = caret
    while high < len(widths) and used + widths[high] <= room:
        used += widths[high]
        high += 1
    while low > 0 and used + widths[low - 1] <= room:
        low -= 1
        used += widths[low]
    return low, high


_SPELLED = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def _cells(text: str) -> Iterator[tuple[str, int]]:
    """Each character as shown, and how many columns of a terminal that takes."""
    for char in text:
        if " " <= char <= "~":
            yield char, 1
        elif char == "\t":
            yield "→", 1
        elif (category := unicodedata.category(char)) in _SPELLED or category == "Zs":
            spelled = f"<U+{ord(char):04X}>"
            yield spelled, len(spelled)
        elif category in ("Mn", "Me"):
            yield char, 0
        else:
            yield char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _columns(text: str) -> int:
    return sum(width for _, width in _cells(text))


# -- for machines -------------------------------------------------------------------------------


def records(files: Files) -> list[dict[str, Any]]:
    """One plain record a finding, for `--format json` and for the log."""
    return [_record(source.name, finding) for source, findings in files for finding in findings]


def _record(name: str, finding: Diagnostic) -> dict[str, Any]:
    return {
        "file": name,
        **_positions(finding.span),
        "severity": finding.severity,
        "code": finding.code,
        "message": finding.message,
        "label": finding.label,
        "help": finding.help,
        "notes": [{"message": note.message, **_positions(note.span)} for note in finding.notes],
    }


def _positions(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def render_json(files: Files) -> str:
    """`records` as a JSON list, in ASCII so that any terminal and any reader takes it."""
    return json.dumps(records(files), indent=2) + "\n"


def render_github(files: Files) -> str:
    """Workflow commands, which GitHub shows as annotations on the lines of a change.

    GitHub counts the end column inclusively and takes columns only within one line.
    (docs.github.com, "Workflow commands for GitHub Actions"; actions/toolkit, `core`.)
    """
    return "".join(
        _annotation(source.name, finding) for source, findings in files for finding in findings
    )


def _annotation(name: str, finding: Diagnostic) -> str:
    span = finding.span
    place = f"file={_property(name)},line={span.line}"
    if span.line == span.end_line:
        last = max(span.column, span.end_column - 1)
        place += f",col={span.column},endLine={span.end_line},endColumn={last}"
    else:
        place += f",endLine={span.end_line}"
    text = "\n".join(visible(part) for part in (finding.message, finding.help) if part)
    return f"::{finding.severity} {place},title={_property(finding.code)}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")


_FAMILIES = {
    "RB1": "Reading the file",
    "RB2": "Structure of the runbook",
    "RB3": "Names and references",
    "RB4": "Expressions",
    "RB5": "Orders that Alpaca forbids",
    "RB6": "Parameters",
}


def render_sarif(files: Files) -> str:
    """A SARIF 2.1.0 document (OASIS, 2020-03-27) with one run over all sources.

    Locations are relative URIs as the files were named; columns count Unicode code points.
    """
    codes = sorted({finding.code for _, findings in files for finding in findings})
    rules = [
        {"id": code, "shortDescription": {"text": _FAMILIES.get(code[:3], "Runbook")}}
        for code in codes
    ]
    results = [
        _result(_uri(source.name), finding, codes.index(finding.code))
        for source, findings in files
        for finding in findings
    ]
    driver = {"name": "runbook", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2) + "\n"


def _result(uri: str, finding: Diagnostic, rule: int) -> dict[str, Any]:
    text = ". ".join(visible(part) for part in (finding.message, finding.help) if part)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [_location(uri, finding.span)],
    }
    if finding.notes:
        result["relatedLocations"] = [
            {"id": number, **_location(uri, note.span), "message": {"text": visible(note.message)}}
            for number, note in enumerate(finding.notes, 1)
        ]
    return result


def _location(uri: str, span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _uri(name: str) -> str:
    """The name as a URI, relative to the working directory where it is below it."""
    path = Path(name)
    if path.is_absolute() and not path.is_relative_to(Path.cwd()):
        return path.as_uri()
    relative = path.relative_to(Path.cwd()) if path.is_absolute() else path
    return quote(posixpath.normpath(relative.as_posix()), errors="replace")
