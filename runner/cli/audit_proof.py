"""`runbook audit proof`: one small file that proves a log without its directory."""

from __future__ import annotations

from pathlib import Path

import click

from runner.audit.findings import DAMAGED
from runner.audit.proof import ProofError, proof_of, write_proof
from runner.audit.story import visible
from runner.audit.verify import verify, verify_ledger
from runner.cli import options
from runner.cli.audit_logs import find_log


@click.command("proof")
@click.argument("run")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The file to write; it must not be there yet.",
)
@options.audit_dir
@click.pass_context
def proof_command(context: click.Context, run: str, out: Path, audit_dir: Path) -> None:
    """Write what proves a closed log to one file: how many records, the last hash, the signature.

    RUN is a log, a run id, or any part of one that is unique. `audit verify LOG --proof FILE`
    checks it later, offline, wherever the log is then. Keep the file, or a copy of it, where who
    can write the log cannot. Exit code 9: the log is damaged, and nothing is written.
    """
    log = find_log(run, audit_dir)
    damaged = [report for report in verify(log) if report.findings]
    if damaged:
        name = visible(str(damaged[0].path))
        click.echo(f"{name} is damaged; `runbook audit verify` says how.", err=True)
        context.exit(DAMAGED)
    _, ledger = verify_ledger(log.parent)
    try:
        proof = proof_of(ledger or (), log.name)
        write_proof(proof, out)
    except ProofError as error:
        raise click.UsageError(visible(str(error))) from None
    signed = "signed" if proof.signed is not None else "not signed"
    count = proof.closing.data["records"]
    click.echo(f"{visible(str(out))} proves {log.stem}: {count} records, {signed}.", err=True)
