"""Whether a log can be believed, and if not, which record breaks what.

`verify` is what `runbook audit verify` runs: one log with its directory's ledger, or a directory.
Verification reads; it never writes, never repairs, and goes on after a finding, so that one report
holds everything.

What the ledger adds: a chain cannot show that its own end was cut. Where the ledger says that a
log was closed, its number of records and last hash must be those (`closings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from runner.audit.closings import NO_TRUST, Trust, against_ledger, signature_of
from runner.audit.findings import TORN_LEDGER, Finding, Report, State
from runner.audit.ids import is_run_id
from runner.audit.log import LEDGER_NAME, logs_in, scan
from runner.audit.proof import Proof
from runner.audit.reading import MOST_FINDINGS, Reading, finding, read
from runner.audit.records import Record, Rule
from runner.audit.shapes import LEDGER_NEEDS_RUN, LEDGER_SHAPES, misfits

BREAKING: Final = frozenset(
    {Rule.TORN, Rule.BYTES, Rule.HASH, Rule.CHAIN, Rule.LEDGER, Rule.SIGNATURE}
)
"""What says that a log is not, or not wholly, what was written and closed."""


def verify(path: Path, trust: Trust = NO_TRUST) -> list[Report]:
    """Reports of a log and its directory's ledger, or of everything in a directory.

    Raises `FileNotFoundError` when there is no such file or directory.
    """
    if path.is_dir():
        return verify_directory(path, trust)
    if not path.exists():
        raise FileNotFoundError(f"There is no log {path}.")
    report, ledger = verify_ledger(path.parent)
    if path.name == LEDGER_NAME:
        return [report] if report else []
    log = _verify_beside_runs(path, report, ledger, trust)
    return [report, log] if report and report.findings else [log]


def verify_directory(directory: Path, trust: Trust = NO_TRUST) -> list[Report]:
    """The ledger's report, where there is one, then one for each log, those removed included."""
    report, ledger = verify_ledger(directory)
    logs = [_verify_beside_runs(path, report, ledger, trust) for path in logs_in(directory)]
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
                findings.append(finding(line.broken, line.reason, line.number, line.record))
                if len(findings) >= MOST_FINDINGS:
                    break
            if line.record is None:
                continue
            wrong = misfits(line.record.type, line.record.data, LEDGER_SHAPES)
            if line.record.type in LEDGER_NEEDS_RUN and line.record.run is None:
                wrong.append("run is missing")
            findings += [finding(Rule.SHAPE, text, line.number, line.record) for text in wrong]
            if not wrong:
                records.append(line.record)
    except OSError as error:
        findings.append(_unreadable(error))
    report = Report(path, "ledger", records=len(records), findings=tuple(findings))
    return report, tuple(records)


def verify_log(
    path: Path,
    ledger: Sequence[Record] | None,
    *,
    trust: Trust = NO_TRUST,
    whole: bool | None = None,
) -> Report:
    """The report of one log against the ledger's records; `None` when there is no ledger.

    `whole`: nothing is wrong with the ledger, so that a log that it does not name was put there;
    None where it is not asked whether the file belongs where it is.
    """
    entries = [entry for entry in ledger or () if entry.data.get("log") == path.name]
    report, reading = _verify_entries(path, entries, trust)
    more: tuple[Finding, ...] = ()
    if whole is not None and reading is not None and not entries:
        more = tuple(_misplaced(path, reading, ledger, whole=whole))
    notes = () if more else tuple(_notes(report, bool(entries), ledger is not None))
    return _with(report, more, notes)


def verify_proof(path: Path, proof: Proof, trust: Trust = NO_TRUST) -> Report:
    """The report of one log, wherever it is, against the proof that was exported of it.

    Raises `FileNotFoundError` when there is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no log {path}.")
    report, _ = _verify_entries(path, proof.entries, trust)
    return _with(report, (), tuple(_notes(report, True, True)))


def _verify_beside_runs(
    path: Path, report: Report | None, ledger: Sequence[Record] | None, trust: Trust
) -> Report:
    """The report of a log in a directory in which runs may be at work: where it and the ledger
    disagree, both are read once more, because the ledger was read first."""
    whole = report is not None and not report.findings
    log = verify_log(path, ledger, trust=trust, whole=whole)
    if any(one.rule is Rule.LEDGER for one in log.findings):
        report, later = verify_ledger(path.parent)
        if len(later or ()) != len(ledger or ()):
            whole = report is not None and not report.findings
            return verify_log(path, later, trust=trust, whole=whole)
    return log


def _verify_entries(
    path: Path, entries: Sequence[Record], trust: Trust
) -> tuple[Report, Reading | None]:
    """One log against what was written of it when it was opened and closed."""
    closings = {entry.data["records"] for entry in entries if entry.type == "closed"}
    try:
        reading = read(path, closings)
    except OSError as error:
        return Report(path, "unreadable", findings=(_unreadable(error),)), None
    turns = [entry for entry in entries if entry.type in ("opened", "resumed", "closed")]
    signature, signed_by, forged, signing = signature_of(entries, trust)
    findings = [*reading.findings, *against_ledger(reading, turns), *forged]
    state: State = "finished" if reading.finished else "open" if reading.records else "empty"
    if reading.findings and not reading.records:
        state = "unreadable"
    report = Report(
        path,
        state,
        run=reading.run,
        status=reading.last.data.get("status") if reading.finished and reading.last else None,
        records=reading.records,
        tail_checked=bool(turns) and turns[-1].type == "closed",
        findings=tuple(findings),
        notes=(*reading.notes, *signing),
        signature="" if _is_broken(findings) else signature,
        signed_by=signed_by,
    )
    return report, reading


def _misplaced(
    path: Path, reading: Reading, ledger: Sequence[Record] | None, *, whole: bool
) -> Iterator[Finding]:
    """Why a file that the ledger does not name cannot be from a run of this directory.

    A run makes its log, then tells the ledger, then writes its first record: a killed one can leave
    an empty log that the ledger does not name, and never one with a record.
    """
    if reading.last is not None and whole:
        text = "the ledger does not name this log: it was put here, or the ledger's end was cut off"
        yield finding(Rule.LEDGER, text, None, None)
    elif reading.records == 0 and not reading.findings and not (ledger and is_run_id(path.stem)):
        text = "the file is empty, and no ledger vouches for it: it proves nothing. A run that had"
        yield finding(Rule.LEDGER, f"{text} just made it sent nothing", None, None)


def _with(report: Report, findings: Sequence[Finding], notes: Sequence[str]) -> Report:
    return replace(report, findings=(*report.findings, *findings), notes=(*report.notes, *notes))


def _notes(report: Report, listed: bool, ledger: bool) -> Iterator[str]:
    """What is no damage, but worth a sentence. `listed`: the ledger, where there is one, names the
    log."""
    if report.state == "unreadable":
        return
    if report.state == "open" and not _is_broken(report.findings):
        yield (
            "open: the run has not finished, and orders of it may be live: unless it is at work "
            "now, `runbook resume` settles it"
        )
    elif report.state == "empty":
        yield "empty: the run ended before its first record, and sent nothing"
    if report.tail_checked:
        return
    if not ledger:
        yield "tail not checked: there is no ledger beside the log"
    elif not listed:
        yield "tail not checked: the ledger does not name this log"
    elif report.state == "finished":
        yield "tail not checked: the ledger has no closing entry for this log"


def _is_broken(findings: Sequence[Finding]) -> bool:
    """Whether the log is not the one that was written, or cannot be told to be."""
    return any(one.rule in BREAKING for one in findings)


def _named(ledger: Sequence[Record]) -> dict[str, str | None]:
    return {str(entry.data["log"]): entry.run for entry in ledger if "log" in entry.data}


def _missing(path: Path, run: str | None) -> Report:
    text = "the ledger names this log, and it is not there"
    return Report(path, "missing", run=run, findings=(finding(Rule.LEDGER, text, None, None),))


def _unreadable(error: OSError) -> Finding:
    text = f"the file cannot be read: {error.strerror or error}"
    return Finding(Rule.BYTES, text, "Nothing can be said about it until it can be read.")
