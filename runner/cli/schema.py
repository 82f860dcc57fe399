"""`runbook schema`: prints a JSON Schema, for editors and for other tools."""

from __future__ import annotations

import click

from runner.resources import folder, schema_text

NAMES = ("runbook", "audit-record", "scenario")


@click.command(short_help="Print a schema.")
@click.argument("name", type=click.Choice(NAMES), default="runbook")
@click.option("--write", is_flag=True, hidden=True, help="Write runbook.schema.json anew.")
def schema(name: str, write: bool) -> None:
    """Print the schema of runbooks, or of another file that this program reads or writes.

    To have an editor complete and explain a runbook, save the schema and name it in the first
    line: # yaml-language-server: $schema=runbook.schema.json
    """
    if write:
        from runner.language.schema import schema_json  # noqa: PLC0415 - for developers only
        from runner.steps import ACTIONS  # noqa: PLC0415

        target = folder("schemas") / "runbook.schema.json"
        target.write_text(schema_json(ACTIONS), encoding="utf-8")
        click.echo(f"wrote {target}")
        return
    click.echo(schema_text(f"{name}.schema.json"), nl=False)
