"""`runbook schema`: prints a JSON Schema, for editors and for other tools."""

from __future__ import annotations

import click

from runner.resources import folder, schema_text

NAMES = ("runbook", "policy", "plan", "audit-record", "scenario")


@click.command(short_help="Print a schema.")
@click.argument("name", type=click.Choice(NAMES), default="runbook")
@click.option(
    "--write", is_flag=True, hidden=True, help="Write the schemas of runbooks and policies anew."
)
def schema(name: str, write: bool) -> None:
    """Print the schema of runbooks, or of another file that this program reads or writes.

    To have an editor complete and explain a runbook, save the schema and name it in the first
    line: # yaml-language-server: $schema=runbook.schema.json; so for a policy.
    """
    if write:
        from runner.guards import GUARDS  # noqa: PLC0415 - for developers only
        from runner.language.policy_schema import policy_json  # noqa: PLC0415
        from runner.language.schema import schema_json  # noqa: PLC0415
        from runner.steps import ACTIONS  # noqa: PLC0415

        for written, text in (
            ("runbook", schema_json(ACTIONS)),
            ("policy", policy_json([guard.code for guard in GUARDS])),
        ):
            target = folder("schemas") / f"{written}.schema.json"
            target.write_text(text, encoding="utf-8")
            click.echo(f"wrote {target}")
        return
    click.echo(schema_text(f"{name}.schema.json"), nl=False)
