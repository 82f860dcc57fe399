"""`runbook audit verify`: whether logs can be believed, and if not, which record breaks what."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from runner.audit.closings import Trust
from runner.audit.findings import DAMAGED, Report
from runner.audit.log import logs_in
from runner.audit.proof import ProofError, read_proof
from runner.audit.signing import SigningError, is_configured, key_place, read_public_key
from runner.audit.story import visible
from runner.audit.verify import verify, verify_proof
from runner.cli import options
from runner.cli.audit_logs import find_log, print_json, width

_FINDINGS_SHOWN = 20
_INDENT = "         "


@click.command("verify")
@click.argument("path", required=False)
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A public key that `audit keygen` printed, in a file; may be repeated. Closed logs must "
    "then be signed with one of them.",
)
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Check one log against what `audit proof` wrote, instead of a ledger.",
)
@options.audit_dir
@options.as_json("Print one JSON object.")
@click.pass_context
def verify_command(
    context: click.Context,
    *,
    path: str | None,
    keys: Sequence[Path],
    proof: Path | None,
    audit_dir: Path,
    as_json: bool,
) -> None:
    """Check a log, or every log of a directory, against its hashes, its rules and the ledger.

    PATH is a log, a run id or a directory; without it, the audit directory. The rules are in
    docs/audit-format.md. Exit code 0: everything can be believed. 9: something is damaged. 2: there
    is no such file.
    """
    try:
        reports = _reports(path, proof, audit_dir, _trust(keys))
    except (FileNotFoundError, SigningError) as error:
        raise click.UsageError(visible(str(error))) from error
    except ProofError as error:
        if as_json:
            print_json({"exit_code": DAMAGED, "reports": [], "error": str(error)})
        click.echo(visible(str(error)), err=True)
        context.exit(DAMAGED)
    exit_code = max((report.exit_code for report in reports), default=0)
    if as_json:
        print_json({"exit_code": exit_code, "reports": [report.to_data() for report in reports]})
    else:
        for line in _verdicts(reports):
            click.echo(line)
    context.exit(exit_code)


def _reports(path: str | None, proof: Path | None, audit_dir: Path, trust: Trust) -> list[Report]:
    place = Path(path) if path else audit_dir
    if not place.exists() and path and audit_dir.is_dir():
        named = any(path in log.name for log in logs_in(audit_dir))
        place = find_log(path, audit_dir) if named else place
    if proof is None:
        return verify(place, trust)
    if not path or place.is_dir():
        raise click.UsageError("--proof is about one log: name it.")
    return [verify_proof(place, read_proof(proof), trust)]


def _trust(keys: Sequence[Path]) -> Trust:
    """The keys that were named, else the one that this user signs with. Raises `SigningError` when
    a key that was named cannot be read."""
    if keys:
        return Trust(frozenset(read_public_key(key) for key in keys), demanded=True)
    if not is_configured():
        return Trust()
    try:
        return Trust(frozenset({read_public_key(key_place())}))
    except SigningError as error:
        click.echo(
            f"Signatures are not compared with your own key: {visible(str(error))}", err=True
        )
        return Trust()


def _verdicts(reports: Sequence[Report]) -> Iterator[str]:
    for report in reports:
        verdict = "damaged" if report.findings else "ok"
        status = f" ({report.status})" if report.status else ""
        state = "" if report.state == "ledger" else f"{report.state}{status}, "
        signed = ", signed" if report.signature == "signed" else ""
        yield visible(f"{verdict:<8} {report.path.stem}  {state}{report.records} records{signed}")
        for note in report.notes:
            yield from _wrapped(note)
        for finding in report.findings[:_FINDINGS_SHOWN]:
            place = f"line {finding.line}" if finding.line else "the whole file"
            record = f", record {finding.seq}" if finding.seq else ""
            yield from _wrapped(f"{place}{record}: {finding.message} [{finding.rule}]")
        if len(report.findings) > _FINDINGS_SHOWN:
            yield f"{_INDENT}… and {len(report.findings) - _FINDINGS_SHOWN} more; --json has all"
        for meaning in dict.fromkeys(finding.meaning for finding in report.findings):
            yield from _wrapped(meaning)
    damaged = sum(1 for report in reports if report.findings)
    yield f"{len(reports)} checked, {damaged} damaged." if reports else "There is nothing to check."


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        visible(text),
        width=width(),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
    )
