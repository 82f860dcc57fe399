"""`runbook audit`: whether the logs can be believed, which runs there are, and what one run did."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import orjson

from runner.audit.findings import DAMAGED, Report
from runner.audit.log import logs_in, scan
from runner.audit.records import Record
from runner.audit.story import Happening, Summary, summarize, tell, visible
from runner.audit.verify import verify
from runner.cli import options

_PIPED_WIDTH = 80
_FINDINGS_SHOWN = 20

_json = options.as_json("Print one JSON object.")


@click.group()
def audit() -> None:
    """Verify, list and read the logs of past runs."""


@audit.command("verify")
@click.argument("path", required=False)
@options.audit_dir
@_json
@click.pass_context
def verify_command(
    context: click.Context, path: str | None, audit_dir: Path, as_json: bool
) -> None:
    """Check a log, or every log of a directory, against its hashes, its rules and the ledger.

    PATH is a log, a run id or a directory; without it, the audit directory. Exit code 0: everything
    can be believed. 9: something is damaged. 2: there is no such file.
    """
    try:
        place = Path(path) if path else audit_dir
        known = place.exists() or not audit_dir.is_dir() or not _named(str(path), audit_dir)
        reports = verify(place if known else find_log(str(path), audit_dir))
    except FileNotFoundError as error:
        raise click.UsageError(visible(str(error))) from error
    exit_code = max((report.exit_code for report in reports), default=0)
    if as_json:
        _print_json({"exit_code": exit_code, "reports": [report.to_data() for report in reports]})
    else:
        for line in _verdicts(reports):
            click.echo(line)
    context.exit(exit_code)


@audit.command("list")
@options.audit_dir
@_json
def list_command(audit_dir: Path, as_json: bool) -> None:
    """List the runs, oldest first: when, which, where, how it ended, and how many orders it sent.

    RUN is the part of the run's id that `audit show` takes.
    """
    summaries = [summarize(path) for path in _logs(audit_dir)]
    if as_json:
        _print_json({"runs": [summary.to_data() for summary in summaries]})
        return
    if not summaries:
        click.echo(f"No runs in {visible(str(audit_dir))}.")
        return
    for line in _table(summaries):
        click.echo(line)


@audit.command("show")
@click.argument("run")
@click.option("--wire", is_flag=True, help="Also every request and answer.")
@options.audit_dir
@_json
@click.pass_context
def show_command(
    context: click.Context, run: str, wire: bool, audit_dir: Path, as_json: bool
) -> None:
    """Tell what one run did, in order. RUN is a log, a run id, or any part of one that is unique.

    TIME is the run's own clock in UTC. Exit code 9: the log is damaged or its end was cut off; what
    stands before the damage is shown.
    """
    path = find_log(run, audit_dir)
    records, damage = _read(path)
    if as_json:
        _print_json(
            {
                "run_id": path.stem,
                "audit_log": str(path),
                "records": [record.to_dict() for record in records],
                "damage": damage,
            }
        )
    else:
        for line in _story(records, wire):
            click.echo(line)
    if damage:
        click.echo(f"Damaged: {visible(damage)}", err=True)
        context.exit(DAMAGED)


def _verdicts(reports: Sequence[Report]) -> Iterator[str]:
    for report in reports:
        verdict = "damaged" if report.findings else "ok"
        status = f" ({report.status})" if report.status else ""
        state = "" if report.state == "ledger" else f"{report.state}{status}, "
        yield visible(f"{verdict:<8} {report.path.stem}  {state}{report.records} records")
        for note in report.notes:
            yield from _wrap(note, "         ")
        for finding in report.findings[:_FINDINGS_SHOWN]:
            place = f"line {finding.line}" if finding.line else "the whole file"
            record = f", record {finding.seq}" if finding.seq else ""
            yield from _wrap(f"{place}{record}: {finding.message} [{finding.rule}]", "         ")
        if len(report.findings) > _FINDINGS_SHOWN:
            yield f"         … and {len(report.findings) - _FINDINGS_SHOWN} more; --json has all"
        for meaning in dict.fromkeys(finding.meaning for finding in report.findings):
            yield from _wrap(meaning, "         ")
    damaged = sum(1 for report in reports if report.findings)
    yield f"{len(reports)} checked, {damaged} damaged." if reports else "There is nothing to check."


def _table(summaries: Sequence[Summary]) -> Iterator[str]:
    yield f"{'STARTED (UTC)':<16}  {'RUN':<8}  {'ON':<5}  {'STATUS':<11}  EXIT  ORDERS  NAME"
    for each in summaries:
        started = each.started_at[:16].replace("T", " ")
        tag = each.run.rpartition("-")[2][:8]
        exit_code = "" if each.exit_code is None else str(each.exit_code)
        yield (
            f"{started:<16}  {tag:<8}  {each.target:<5}  {each.status:<11}  "
            f"{exit_code:>4}  {each.orders:>6}  {each.name}"
        ).rstrip()


def _story(records: Sequence[Record], wire: bool) -> Iterator[str]:
    story = list(tell(records, wire=wire))
    steps = min(max((len(each.step) for each in story), default=0), 24)
    yield f"{'TIME':<12}  {'STEP':<{steps}}  WHAT HAPPENED"
    day = ""
    for each in story:
        if each.at[:10] != day:
            day = each.at[:10]
            yield day
        yield from _line(each, steps)


def _line(happening: Happening, steps: int) -> Iterator[str]:
    """One happening, wrapped under its own column; a longer step path overflows its column."""
    lead = f"{happening.at[11:23]:<12}  {happening.step:<{steps}}  "
    return _wrap(happening.text, lead, " " * (12 + 2 + steps + 2))


def _wrap(text: str, lead: str, under: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        visible(text),
        width=_width(),
        initial_indent=lead,
        subsequent_indent=lead if under is None else under,
        break_on_hyphens=False,
    ) or [lead.rstrip()]


def _width() -> int:
    """The terminal's width; 80 when the output goes elsewhere, so that it is always the same."""
    if not sys.stdout.isatty():
        return _PIPED_WIDTH
    return max(shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns, 60)


def find_log(run: str, audit_dir: Path) -> Path:
    """The log of a run: a file, a run id, or any part of one that is unique.

    Raises `click.UsageError` when none or several fit.
    """
    if Path(run).is_file():
        return Path(run)
    found = [path for path in _logs(audit_dir) if run in path.name]
    if len(found) == 1:
        return found[0]
    where = visible(str(audit_dir))
    if not found:
        raise click.UsageError(
            f"No run {visible(run)!r} in {where}; `runbook audit list` has them."
        )
    names = ", ".join(visible(path.stem) for path in found[:5])
    raise click.UsageError(f"{visible(run)!r} fits {len(found)} runs in {where}: {names}.")


def _named(run: str, audit_dir: Path) -> bool:
    return any(run in path.name for path in _logs(audit_dir))


def _logs(audit_dir: Path) -> list[Path]:
    if not audit_dir.is_dir():
        raise click.UsageError(f"There is no audit directory {visible(str(audit_dir))}.")
    return logs_in(audit_dir)


def _read(path: Path) -> tuple[list[Record], str | None]:
    """The records before the first damage, and what the damage is."""
    records: list[Record] = []
    try:
        for line in scan(path):
            if line.broken or line.record is None:
                return records, f"line {line.number} (byte {line.offset}): {line.reason}"
            records.append(line.record)
    except OSError as error:
        raise click.UsageError(f"{visible(str(path))} cannot be read: {error.strerror}.") from error
    return records, None


def _print_json(content: object) -> None:
    click.echo(orjson.dumps(content).decode())
