"""`runbook audit keygen`: a key that signs what the ledger vouches for."""

from __future__ import annotations

from pathlib import Path

import click

from runner.audit.signing import KEY_VARIABLE, SigningError, key_place, make_key
from runner.audit.story import visible


@click.command("keygen")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Where to put the private key. Without it, {KEY_VARIABLE}, then "
    "~/.config/order-runbook/signing-key.pem.",
)
def keygen_command(out: Path | None) -> None:
    """Make a signing key: every log that is closed from then on is signed with it.

    The private key is written for its owner only and never over another one; the public key is
    printed, 64 hexadecimal digits. Keep that where who can write the logs cannot: `audit verify
    --key FILE` compares with it.
    """
    place = out or key_place()
    try:
        public = make_key(place)
    except SigningError as error:
        raise click.UsageError(visible(str(error))) from None
    click.echo(public)
    where = visible(str(place))
    used = "Runs sign their logs with it from now on."
    if place != key_place():
        used = f"Runs use it when {KEY_VARIABLE} names it."
    click.echo(f"The private key is in {where}. {used}", err=True)
