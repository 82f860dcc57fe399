"""The checks of what runs keep on this machine: logs, ledger, kill switch, state and locks."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from runner.audit.findings import Report
from runner.audit.journal import being_written, sync_directory, write_all
from runner.audit.lock import STATE_DIR_VARIABLE, Holder, holders, state_directory
from runner.audit.log import LEDGER_NAME, logs_in
from runner.audit.records import Record, Rule
from runner.audit.verify import verify_ledger
from runner.drive.doctor_checks import (
    Check,
    Subject,
    ok,
    problem,
    stand_alone,
    unknown,
    warning,
)
from runner.drive.halt import Level, Scope, Switch, read_switches
from runner.drive.orphans import unfinished_logs
from runner.drive.unfinished import NotResumed, Unfinished, look_at

LITTLE, TOO_LITTLE = 500 * 10**6, 20 * 10**6
"""Bytes of free space. A day of a busy runbook is a few megabytes of log."""

SLOW = 0.25
"""Seconds to put a record on disk, which every order waits for twice."""

MOST_LOOKED_AT = 20
"""Unfinished logs that are read, the newest: each costs as much as verifying it."""


def examine(subject: Subject) -> Sequence[Check]:
    """The log directory and what is in it, the kill switch, the state directory and its locks."""
    audit_dir, environ = subject.audit_dir, subject.environment
    report: Report | None = None
    records: tuple[Record, ...] = ()

    def ledger() -> Sequence[Check]:
        nonlocal report, records
        if not audit_dir.is_dir():
            return []
        report, found = verify_ledger(audit_dir)
        records = found or ()
        return [_ledger(audit_dir, report, records)]

    def runs() -> Sequence[Check]:
        return list(_unfinished(audit_dir, report)) if audit_dir.is_dir() else []

    return [
        *stand_alone("log directory", lambda: [_log_directory(audit_dir)]),
        *stand_alone("ledger", ledger),
        *stand_alone("unfinished runs", runs),
        *stand_alone("kill switch", lambda: list(_halted(audit_dir, environ))),
        *stand_alone("state directory", lambda: [_state_directory(environ)]),
        *stand_alone("locks", lambda: [_locks(environ)]),
    ]


def _log_directory(audit_dir: Path) -> Check:
    name = "log directory"
    elsewhere = "Make it writable, or name another one: --audit-dir, RUNBOOK_AUDIT_DIR."
    if not audit_dir.exists():
        return _not_there(name, audit_dir, elsewhere)
    try:
        count = len(logs_in(audit_dir))
        seconds = _probe(audit_dir)
        free = shutil.disk_usage(audit_dir).free
    except OSError as error:
        why = error.strerror or str(error)
        return problem(name, f"{audit_dir} cannot be written: {why}", elsewhere)
    logs = f"{count} log{'' if count == 1 else 's'}"
    words = (
        f"{audit_dir}: {logs}, {_size(free)} free, a record is on disk in {seconds * 1000:.1f} ms"
    )
    if free < TOO_LITTLE:
        return problem(name, words, "Make room: nothing that opens risk is sent unrecorded.")
    if free < LITTLE:
        return warning(name, words, "Make room: nothing that opens risk is sent unrecorded.")
    if seconds > SLOW:
        return warning(name, words, "Every order waits for the disk: use a faster one.")
    return ok(name, words)


def _not_there(name: str, directory: Path, elsewhere: str) -> Check:
    """A directory that the first run makes, if it can."""
    above = next(one for one in directory.absolute().parents if one.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return ok(name, f"{directory} is not there yet; the first run makes it")
    return problem(name, f"{directory} is not there and cannot be made in {above}", elsewhere)


def _probe(directory: Path) -> float:
    """Write a file, put it on disk and remove it; the seconds that it took to be on disk.

    Raises `OSError`. Its name is not a log's.
    """
    path = directory / f".doctor-{os.getpid()}-{secrets.token_hex(4)}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        began = time.monotonic()
        write_all(fd, b"probe\n")
        os.fdatasync(fd)
        sync_directory(directory)
        return time.monotonic() - began
    finally:
        os.close(fd)
        path.unlink(missing_ok=True)


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count / 10**6:.0f} MB"


def _ledger(audit_dir: Path, report: Report | None, records: Sequence[Record]) -> Check:
    """Whether it can be believed, and every log that it names is there; logs are not read."""
    name, verify = "ledger", f"runbook audit verify {shlex.quote(str(audit_dir))}"
    present = {path.name for path in logs_in(audit_dir)}
    if report is None:
        if not present:
            return ok(name, "no run yet")
        words = f"there is no {LEDGER_NAME} beside the logs: nothing vouches for their ends"
        return problem(name, words, "Put it back; a run that goes on begins a new one.")
    damage = [one for one in report.findings if one.rule is not Rule.TORN]
    if damage:
        where = f"line {damage[0].line}: " if damage[0].line else ""
        return problem(name, f"damaged: {where}{damage[0].message}", "Find out more.", verify)
    named = {str(one.data["log"]) for one in records if "log" in one.data}
    gone = sorted(named - present)
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        return problem(
            name, f"it names {gone[0]}{more}, which is not there", "Find out more.", verify
        )
    if report.findings:
        words = "its last line was cut off: a process stopped in the middle of writing"
        return warning(name, words, "The next run sets the line aside and keeps its bytes.")
    return ok(name, f"whole, {report.records} record{'' if report.records == 1 else 's'}")


def _unfinished(audit_dir: Path, report: Report | None) -> Iterator[Check]:
    """Runs that nobody brought to an end, and what of them may be live."""
    name = "unfinished runs"
    if report is not None and any(one.rule is not Rule.TORN for one in report.findings):
        yield unknown(name, "which ones there are cannot be told by a damaged ledger")
        return
    logs = [path for path in unfinished_logs(audit_dir) if path.exists()]
    looked_at = [stand_alone(name, partial(_left, name, path)) for path in logs[-MOST_LOOKED_AT:]]
    checks = [one for found in looked_at for one in found]
    if len(logs) > MOST_LOOKED_AT:
        words = f"{len(logs) - MOST_LOOKED_AT} older ones were not looked at"
        command = f"runbook audit list --audit-dir {shlex.quote(str(audit_dir))}"
        checks.append(warning(name, words, "Settle the newest first.", command))
    yield from checks or [ok(name, "none")]


def _left(name: str, path: Path) -> Sequence[Check]:
    """What there is to say of one log; nothing where its run has ended, or never began."""
    if being_written(path):
        return [ok(name, f"{path.stem} is under way")]
    with path.open("rb") as file:
        if not file.readline().endswith(b"\n"):
            return []  # not one record: nothing was sent
    try:
        found = look_at(path)
    except NotResumed as error:
        verify = f"runbook audit verify {shlex.quote(str(path))}"
        return [problem(name, str(error), "Find out more.", verify)]
    if not isinstance(found, Unfinished):
        return []
    resume = f"runbook resume {shlex.quote(str(path))}"
    cut_short = f"{found.run_id} ({found.runbook_name}) was cut short"
    if found.target.kind == "sim":
        words = f"{cut_short}; it was simulated, and nothing of it is live"
        return [warning(name, words, "Close its log.", resume)]
    if found.open_orders:
        words = f"{cut_short}; {', '.join(found.open_orders)} may be live"
        return [problem(name, words, "Settle it.", resume)]
    return [warning(name, f"{cut_short}; no order of it is live", "Close its log.", resume)]


def _halted(audit_dir: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    name = "kill switch"
    switches = read_switches(audit_dir, environ)
    for switch in switches:
        through = "only cancels go through" if switch.level is Level.ALL else "nothing opens risk"
        yield problem(
            name, f"HALTED {switch.words}; {through}", "Lift it when it may go on.", _unhalt(switch)
        )
    if not switches:
        yield ok(name, "not halted")


def _unhalt(switch: Switch) -> str:
    lift = "runbook unhalt --reason TEXT"
    if switch.place.scope is Scope.DIRECTORY:
        lift += f" --audit-dir {shlex.quote(str(switch.place.path.parent))}"
    return lift


def _state_directory(environ: Mapping[str, str]) -> Check:
    name, directory = "state directory", state_directory(environ)
    elsewhere = f"Make it writable, or name another one with {STATE_DIR_VARIABLE}."
    if not directory.exists():
        return _not_there(name, directory, elsewhere)
    try:
        _probe(directory)
    except OSError as error:
        why = error.strerror or str(error)
        words = f"{directory} cannot be written: {why}; locks and the kill switch are kept there"
        return problem(name, words, elsewhere)
    return ok(name, f"{directory} can be written")


def _locks(environ: Mapping[str, str]) -> Check:
    """Who holds locks; those that a killed process left behind are free, and not told."""
    name = "locks"
    try:
        held: dict[Holder, list[str]] = {}
        for symbol, holder in holders(state_directory(environ)):
            if holder.host != socket.gethostname() or _alive(holder.pid):
                held.setdefault(holder, []).append(symbol)
    except OSError as error:
        todo = f"Make the state directory readable, or name another one: {STATE_DIR_VARIABLE}."
        return problem(name, f"the locks cannot be read: {error.strerror or error}", todo)
    if not held:
        return ok(name, "no run holds one")
    runs = [
        f"{one.run} holds {', '.join(symbols)} (process {one.pid} on {one.host}, since {one.since})"
        for one, symbols in held.items()
    ]
    return ok(name, "; ".join(runs))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's, or nobody can tell
    return True
