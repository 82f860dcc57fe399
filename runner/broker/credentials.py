"""The key that goes with a target, and the rule that no key reaches a server it is not for.

Keys come from the environment or a `.env` file, never from the command line, a runbook or a log.
Alpaca's paper keys begin with PK; a key of the wrong environment is refused here, before any
request. A live key goes to the live host and nowhere else, a server on this machine included: that
server may pass requests on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.broker.confidential import Confidential, confidential, read_dotenv
from runner.broker.targets import Target, on_loopback

_PAIRS = (
    ("ALPACA_API_KEY", "ALPACA_SECRET_KEY"),
    ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY"),
)
_ISSUED = re.compile(r"(AK|CK).*|[A-Z0-9]{16,}")
"""What a key that Alpaca issued looks like: capitals and digits, 20 or 26 of them today."""


class CredentialsError(Exception):
    """No key can be used for the target; the message says what to do (exit 7)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key id and its secret. Neither shows in `repr`; the key id may be named, the secret not.

    `where` they were found: the environment, a `.env` file's path, or empty for made-up ones.
    `never_written` is what else of the environment and of every `.env` must stay out of a log.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    where: str = field(default="", compare=False)
    never_written: tuple[Confidential, ...] = field(default=(), repr=False, compare=False)

    @property
    def made_up(self) -> bool:
        """Whether these are the ones that are sent where nothing is configured: no secret."""
        return self == _UNUSED


_UNUSED = Credentials(key_id="PKSIMULATED", secret="simulated")
"""What a server on this machine is sent when nothing is configured: it asks for some key."""


def find_credentials(
    target: Target, environ: Mapping[str, str], dotenv_dirs: Sequence[Path]
) -> Credentials:
    """The credentials for `target`: from `environ`, else from the first `.env` that has any.

    `dotenv_dirs` are the folders to look in, the runbook's first. The embedded exchange is never
    given a real key; another server on this machine is given fixed ones when none are set.

    Raises CredentialsError when there are none, half of a pair, or ones of another environment.
    """
    kept = confidential(environ, dotenv_dirs)
    if target.kind == "sim":
        return replace(_UNUSED, never_written=kept)
    found = _configured(environ, dotenv_dirs)
    if found is None:
        if target.loopback:
            return replace(_UNUSED, never_written=kept)
        raise CredentialsError(
            f"No API key is set for {target.base_url}: set {_PAIRS[0][0]} and {_PAIRS[0][1]} in "
            "the environment or in a .env file beside the runbook."
        )
    _check_environment(found, target)
    return replace(found, never_written=kept)


def _configured(environ: Mapping[str, str], dotenv_dirs: Sequence[Path]) -> Credentials | None:
    found = _pair(environ, "the environment")
    for folder in dotenv_dirs:
        if found is not None:
            break
        path = folder / ".env"
        if path.is_file():
            found = _pair(_read_dotenv(path), str(path))
    return found


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        return read_dotenv(path)
    except (OSError, UnicodeError) as error:
        raise CredentialsError(f"{path} cannot be read: {error}.") from None


def _pair(values: Mapping[str, str], where: str) -> Credentials | None:
    for key_name, secret_name in _PAIRS:
        key_id, secret = (values.get(name, "").strip() for name in (key_name, secret_name))
        if not key_id and not secret:
            continue
        if not key_id or not secret:
            present, missing = (key_name, secret_name) if key_id else (secret_name, key_name)
            raise CredentialsError(
                f"{present} is set in {where} and {missing} is not: set both, or neither."
            )
        for name, value in ((key_name, key_id), (secret_name, secret)):
            if not value.isascii() or not value.isprintable():
                raise CredentialsError(
                    f"{name} in {where} holds a character that no key has: copy the key again."
                )
        return Credentials(key_id=key_id, secret=secret, where=where)
    return None


def _check_environment(found: Credentials, target: Target) -> None:
    paper = found.key_id.startswith("PK")
    if target.kind == "live":
        if paper:
            raise CredentialsError(
                "The key that is set is a paper key (it begins with PK) and the target is the live "
                "account: set the live account's key, or use --on paper."
            )
    elif target.kind == "paper":
        if not paper:
            raise CredentialsError(
                "The key that is set is not a paper key (those begin with PK) and the target is "
                "the paper account: set the paper account's key."
            )
    elif not paper and (not target.loopback or _ISSUED.fullmatch(found.key_id)):
        instead = "unset it, and a made-up one is sent" if target.loopback else "set a paper key"
        raise CredentialsError(
            "The key that is set is not a paper key (those begin with PK), a live key goes only to "
            f"Alpaca's live host, and the target is {target.base_url}: {instead}."
        )
    elif not paper and not on_loopback(target.data_url):
        raise CredentialsError(
            "The key that is set is not a paper key (those begin with PK) and would be sent to "
            f"{target.data_url} for market data: set a paper key, or leave --data-url out."
        )
