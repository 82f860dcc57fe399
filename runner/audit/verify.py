"""Whether a log can be believed, and if not, which record breaks what.

`verify` is what `runbook audit verify` runs: one log with its directory's ledger, or a directory.
Verification reads; it never writes, never repairs, and goes on after a finding, so that one report
holds everything. A log is read as a stream: a day of records needs no more memory than an hour.

What the ledger adds: a chain cannot show that its own end was cut. Where the ledger says that a
log was closed, its number of records and last hash must be those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.audit.findings import MEANINGS, TORN_LEDGER, Finding, Report, State
from runner.audit.log import LEDGER_NAME, logs_in, scan
from runner.audit.records import Record, Rule
from runner.audit.rules import rules
from runner.audit.shapes import LEDGER_NEEDS_RUN, LEDGER_SHAPES, LOG_SHAPES, misfits


@dataclass(slots=True)
class _Reading:
    """What one pass over a log gathers."""

    run: str | None = None
    last: Record | None = None
    records: int = 0
    hashes: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.last is not None and self.last.type == "run.finished"


def verify(path: Path) -> list[Report]:
    """Reports of a log and its directory's ledger, or of everything in a directory.

    Raises `FileNotFoundError` when there is no such file or directory.
    """
    if path.is_dir():
        return verify_directory(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no log {path}.")
    report, ledger = verify_ledger(path.parent)
    if path.name == LEDGER_NAME:
        return [report] if report else []
    log = verify_log(path, ledger)
    return [report, log] if report and report.findings else [log]


def verify_directory(directory: Path) -> list[Report]:
    """The ledger's report, where there is one, then one for each log, those removed included."""
    report, ledger = verify_ledger(directory)
    logs = [verify_log(path, ledger) for path in logs_in(directory)]
    present = {log.path.name for log in logs}
    removed = [
        _missing(directory / name, run)
        for name, run in _named(ledger or ()).items()
        if name not in present
    ]
    found = sorted([*logs, *removed], key=lambda each: each.path.name)
    return [report, *found] if report else found


def verify_ledger(directory: Path) -> tuple[Report | None, tuple[Record, ...] | None]:
    """The ledger's report, and the records of it that can be believed; None where there is none."""
    path = directory / LEDGER_NAME
    if not path.exists():
        return None, None
    records: list[Record] = []
    findings: list[Finding] = []
    try:
        for line in scan(path):
            if line.broken is Rule.TORN:
                findings.append(Finding(Rule.TORN, line.reason, TORN_LEDGER, line.number))
                continue
            if line.broken:
                findings.append(_finding(line.broken, line.reason, line.number, line.record))
            if line.record is None:
                continue
            wrong = misfits(line.record.type, line.record.data, LEDGER_SHAPES)
            if line.record.type in LEDGER_NEEDS_RUN and line.record.run is None:
                wrong.append("run is missing")
            findings += [_finding(Rule.SHAPE, text, line.number, line.record) for text in wrong]
            if not wrong:
                records.append(line.record)
    except OSError as error:
        findings.append(_unreadable(error))
    report = Report(path, "ledger", records=len(records), findings=tuple(findings))
    return report, tuple(records)


def verify_log(path: Path, ledger: Sequence[Record] | None) -> Report:
    """The report of one log against the ledger's records; `None` when there is no ledger."""
    entries = [entry for entry in ledger or () if entry.data.get("log") == path.name]
    closings = {entry.data["records"] for entry in entries if entry.type == "closed"}
    try:
        reading = _read(path, closings)
    except OSError as error:
        return Report(path, "unreadable", findings=(_unreadable(error),))
    findings = [*reading.findings, *_against_ledger(reading, entries)]
    tail_checked = bool(entries) and entries[-1].type == "closed"
    state: State = "finished" if reading.finished else "open" if reading.records else "empty"
    if reading.findings and not reading.records:
        state = "unreadable"
    return Report(
        path,
        state,
        run=reading.run,
        status=reading.last.data.get("status") if reading.finished and reading.last else None,
        records=reading.records,
        tail_checked=tail_checked,
        findings=tuple(findings),
        notes=tuple(_notes(state, tail_checked, bool(entries), ledger is not None)),
    )


def _read(path: Path, closings: set[int]) -> _Reading:
    """One pass over the log: its chain, its shapes, its rules.

    The rules look at records in their context, so they stop at the first record that is damaged:
    one damage is one finding, not a finding for each record that it leaves without its partner.
    """
    reading, watches = _Reading(), rules()
    for line in scan(path):
        if line.broken:
            reading.findings.append(_finding(line.broken, line.reason, line.number, line.record))
            if line.broken is not Rule.TORN:
                watches = []
        record = line.record
        if record is None:
            continue
        reading.run = reading.run or record.run
        reading.last = record
        reading.records += 1
        if record.seq in closings:
            reading.hashes[record.seq] = record.hash
        wrong = misfits(record.type, record.data, LOG_SHAPES)
        if wrong:
            watches = []
        reading.findings += [_finding(Rule.SHAPE, text, line.number, record) for text in wrong]
        reading.findings += [
            _finding(watch.rule, text, line.number, record)
            for watch in watches
            for text in watch.see(record)
        ]
    if reading.records:
        reading.findings += [
            _finding(watch.rule, text, None, None) for watch in watches for text in watch.end()
        ]
    return reading


def _against_ledger(reading: _Reading, entries: Sequence[Record]) -> Iterator[Finding]:
    for entry in entries:
        if reading.run is not None and entry.run != reading.run:
            text = f"the ledger opened this file for run {entry.run}, and it holds {reading.run}"
            yield _finding(Rule.LEDGER, text, None, None)
            return
    for entry in entries:
        if entry.type == "closed":
            yield from _against_closing(reading, entry)
    if not entries or entries[-1].type != "closed" or reading.last is None:
        return
    closing = entries[-1].data
    if reading.last.seq > closing["records"]:
        text = f"{reading.last.seq - closing['records']} records after the log was closed"
        yield _finding(Rule.LEDGER, text, None, reading.last)
    elif reading.finished and reading.last.data.get("exit_code") != closing["exit_code"]:
        text = f"the ledger says exit code {closing['exit_code']}, the log another"
        yield _finding(Rule.LEDGER, text, None, reading.last)


def _against_closing(reading: _Reading, entry: Record) -> Iterator[Finding]:
    count, head = entry.data["records"], entry.data["head"]
    last = reading.last.seq if reading.last else 0
    if last < count:
        text = f"the log was closed with {count} records and now ends at record {last}"
        yield _finding(Rule.LEDGER, text, None, reading.last)
    elif count and reading.hashes.get(count) != head:
        text = f"record {count} is not the one with which the log was closed"
        yield _finding(Rule.LEDGER, text, None, None)


def _notes(state: State, tail_checked: bool, listed: bool, ledger: bool) -> Iterator[str]:
    if state == "open":
        yield (
            "open: the run has not finished, and orders of it may be live: unless it is at work "
            "now, `runbook resume` settles it"
        )
    elif state == "empty":
        yield "empty: the run ended before its first record, and sent nothing"
    if tail_checked:
        return
    if not ledger:
        yield "tail not checked: there is no ledger beside the log"
    elif not listed:
        yield "tail not checked: the ledger does not name this log"
    elif state == "finished":
        yield "tail not checked: the ledger has no closing entry for this log"


def _named(ledger: Sequence[Record]) -> dict[str, str | None]:
    return {str(entry.data["log"]): entry.run for entry in ledger if "log" in entry.data}


def _missing(path: Path, run: str | None) -> Report:
    text = "the ledger names this log, and it is not there"
    return Report(path, "missing", run=run, findings=(_finding(Rule.LEDGER, text, None, None),))


def _finding(rule: Rule, text: str, line: int | None, record: Record | None) -> Finding:
    return Finding(rule, text, MEANINGS[rule], line, record.seq if record else None)


def _unreadable(error: OSError) -> Finding:
    text = f"the file cannot be read: {error.strerror or error}"
    return Finding(Rule.BYTES, text, "Nothing can be said about it until it can be read.")
