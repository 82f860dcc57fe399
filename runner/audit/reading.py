"""One pass over a log: its chain, its shapes, its rules.

A log is read as a stream, and what the rules remember is bounded: a day of records needs no more
memory than an hour. Reading ends early in a file that is no log, and where damage has no end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runner.audit.findings import MEANINGS, NO_LOG, Finding
from runner.audit.log import Line, scan
from runner.audit.records import Record, Rule
from runner.audit.rules import REMEMBERED, Watch, orders_in, secrets_in, watches
from runner.audit.rules.watch import Orders
from runner.audit.shapes import LOG_SHAPES, misfits

FOREIGN_LINES: Final = 20
"""After so many lines without one record, a file is not searched for one any further."""

MOST_FINDINGS: Final = 1000
"""Findings after which a file is not read any further: nobody reads more."""

See = Callable[[Record, Orders], Iterator[str]]


@dataclass(slots=True)
class Reading:
    """What one pass over a log gathers. `hashes` are those of the records that were asked for."""

    run: str | None = None
    last: Record | None = None
    records: int = 0
    stopped: bool = False  # before the end of the file
    hashes: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.last is not None and self.last.type == "run.finished"


def read(path: Path, wanted: set[int]) -> Reading:
    """Read a log to its end. `wanted` are the numbers of the records whose hashes are kept.

    The rules look at records in their context, so they stop at the first record that is damaged:
    one damage is one finding, not a finding for each record that it leaves without its partner.
    Raises `OSError` when the file cannot be read.
    """
    reading, rules = Reading(), watches()
    asked = _asked(rules)
    for line in scan(path):
        if reading.findings and _is_hopeless(reading, line):
            break
        record = line.record
        if line.broken is not None:
            reading.findings.append(finding(line.broken, line.reason, line.number, record))
            if line.broken is not Rule.TORN:
                rules, asked = [], {}
        if record is None:
            continue
        reading.run = reading.run or record.run
        reading.last = record
        reading.records += 1
        if record.seq in wanted:
            reading.hashes[record.seq] = record.hash
        if wrong := misfits(record.type, record.data, LOG_SHAPES):
            rules, asked = [], {}
            reading.findings += [finding(Rule.SHAPE, text, line.number, record) for text in wrong]
        for text in secrets_in(line.raw, record):
            reading.findings.append(finding(Rule.SECRET, text, line.number, record))
        if looking := asked.get(record.type):
            orders = orders_in(record) if record.type == "effect.outcome" else ()
            for rule, see in looking:
                for text in see(record, orders):
                    reading.findings.append(finding(rule, text, line.number, record))
    if reading.records and not reading.stopped:
        reading.findings += [
            finding(rule.rule, text, None, None) for rule in rules for text in rule.end()
        ]
    if any(rule.forgot for rule in rules):
        reading.notes.append(
            f"more than {REMEMBERED} orders: what came of one was compared with what was said of "
            "it lately, not with all of it"
        )
    return _judged(reading)


def _asked(rules: list[Watch]) -> dict[str, list[tuple[Rule, See]]]:
    """For each type of record the rules that look at it."""
    asked: dict[str, list[tuple[Rule, See]]] = defaultdict(list)
    for rule in rules:
        for kind in rule.types or LOG_SHAPES:
            asked[kind].append((rule.rule, rule.see))
    return dict(asked)


def _is_hopeless(reading: Reading, line: Line) -> bool:
    """Whether a file is not worth reading from this line on; if so, that is said."""
    if reading.records == 0:
        reading.stopped = line.number > FOREIGN_LINES
    elif len(reading.findings) >= MOST_FINDINGS:
        text = f"after {MOST_FINDINGS} findings the file is not read any further"
        reading.findings.append(finding(reading.findings[-1].rule, text, line.number, line.record))
        reading.stopped = True
    return reading.stopped


def _judged(reading: Reading) -> Reading:
    """The reading; where no line is a record, and it is not that one was cut off, one finding."""
    first = reading.findings[0] if reading.findings else None
    if reading.records or first is None or first.rule is not Rule.BYTES:
        return reading
    lines = f"none of its first {FOREIGN_LINES} lines" if reading.stopped else "no line of it"
    text = f"this is no audit log: {lines} is a record of a run. Line 1: {first.message}"
    reading.findings = [Finding(Rule.BYTES, text, NO_LOG, 1)]
    return reading


def finding(rule: Rule, text: str, line: int | None, record: Record | None) -> Finding:
    """A finding with what its rule means."""
    return Finding(rule, text, MEANINGS[rule], line, record.seq if record else None)
