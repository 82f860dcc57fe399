"""`runbook audit show`: one run as a table, a step of it in full, or why a step did what it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from runner.audit.findings import DAMAGED
from runner.audit.log import scan
from runner.audit.outline import Outline, StepRow, order_data, outline
from runner.audit.records import Record
from runner.audit.sent import mapping
from runner.audit.story import tell, visible
from runner.audit.why import Reasons, reasons
from runner.cli import options
from runner.cli.audit_logs import find_log, print_json, width
from runner.report.audit_show import overview, step_table, story
from runner.report.audit_why import why_lines


@click.command("show")
@click.argument("run")
@click.option("--step", metavar="PATH|ID", help="Everything that one step did.")
@click.option(
    "--why",
    metavar="PATH|ID",
    help="What a step decided, from which values, and how old they were.",
)
@click.option("--all", "everything", is_flag=True, help="Everything that happened, in order.")
@click.option("--wire", is_flag=True, help="The same, with every request and answer.")
@options.audit_dir
@options.as_json("Print one JSON object.")
@click.pass_context
def show_command(
    context: click.Context,
    run: str,
    *,
    step: str | None,
    why: str | None,
    everything: bool,
    wire: bool,
    audit_dir: Path,
    as_json: bool,
) -> None:
    """Show one run: its steps, what each gave, the orders that it sent, and what it left open.

    RUN is a log, a run id, or any part of one that is unique. A step is named by its id or by its
    path, such as steps[3]. Exit code 9: the log is damaged or its end was cut off; what stands
    before the damage is shown.
    """
    if step and why:
        raise click.UsageError("Give --step or --why: --why shows the reasons, --step everything.")
    path = find_log(run, audit_dir)
    records, damage = read_before_damage(path)
    found = outline(records)
    run_id = (records[0].run if records else None) or path.stem
    rows = _named(found, step or why, run_id, damage) if step or why else list(found.steps.values())
    paths = {row.path for row in rows}
    if why:
        given = reasons(records, paths)
        if as_json:
            steps = [one.to_data() for one in given]
            print_json({"run_id": run_id, "audit_log": str(path), "steps": steps, "damage": damage})
        else:
            _print(_why(given))
    elif as_json:
        only = paths if step else None
        data = _data(found, rows, _of(records, only), run_id)
        print_json({**data, "audit_log": str(path), "damage": damage})
    elif step:
        _print(step_table(found, rows, width()))
        click.echo()
        _print(story(tell(records, wire=wire, steps=paths), width()))
    elif wire or everything:
        _print(story(tell(records, wire=wire), width()))
    else:
        _print(overview(found, run_id, width()))
    if damage:
        click.echo(f"Damaged: {visible(damage)}", err=True)
        context.exit(DAMAGED)


def read_before_damage(path: Path) -> tuple[list[Record], str | None]:
    """The records before the first damage, and what the damage is.

    Raises `click.UsageError` when the file cannot be read.
    """
    records: list[Record] = []
    try:
        for line in scan(path):
            if line.broken or line.record is None:
                return records, f"line {line.number} (byte {line.offset}): {line.reason}"
            records.append(line.record)
    except OSError as error:
        raise click.UsageError(f"{visible(str(path))} cannot be read: {error.strerror}.") from error
    return records, None if records else "the log holds no record"


def _named(found: Outline, step: str | None, run_id: str, damage: str | None) -> list[StepRow]:
    rows = found.named(str(step))
    if not rows:
        known = ", ".join(row.id or row.path for row in found.steps.values()) or "none"
        cut = " before the damage" if damage else ""
        raise click.UsageError(
            f"Run {visible(run_id)} has no step {visible(str(step))!r}{cut}. "
            f"It has: {visible(known)}."
        )
    return rows


def _of(records: Sequence[Record], paths: set[str] | None) -> list[Record]:
    """The records of some steps, their requests and answers included; all when none are named."""
    if paths is None:
        return list(records)
    asked_by: str | None = None
    kept = []
    for record in records:
        if record.type == "effect.intent":
            asked_by = record.step
        step = asked_by if record.type.startswith("wire.") else record.step
        if step in paths:
            kept.append(record)
    return kept


def _data(
    found: Outline, rows: Sequence[StepRow], records: Sequence[Record], run_id: str
) -> dict[str, Any]:
    paths = {row.path for row in rows}
    return {
        "run_id": run_id,
        "name": mapping(found.header.get("runbook")).get("name"),
        "target": found.header.get("target"),
        "status": found.finished.get("status"),
        "exit_code": found.finished.get("exit_code"),
        "steps": [row.to_data() for row in rows],
        "orders": [order_data(one) for one in found.orders if one.step in paths],
        "records": [record.to_dict() for record in records],
    }


def _why(given: Sequence[Reasons]) -> Iterator[str]:
    for index, one in enumerate(given):
        if index:
            yield ""
        yield from why_lines(one, width())


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)
