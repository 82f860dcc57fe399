"""The checks of what the owner has set up on this machine: keys, software and the policy."""

from __future__ import annotations

import platform
import re
import shlex
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from runner import __version__
from runner.broker.credentials import Credentials, CredentialsError, find_credentials
from runner.drive.doctor_checks import (
    Check,
    Subject,
    ok,
    problem,
    stand_alone,
    warning,
)
from runner.drive.policy import PolicyRefused, find_policy
from runner.guards.rules import LIMITS, Policy, limit_text

NEEDED_SDK = (0, 44)
"""The first alpaca-py that reads accounts without the retired day trading fields (facts page 0)."""

MOST_FINDINGS = 10
_PROXIES = ("https_proxy", "http_proxy", "all_proxy")


# ---------------------------------------------------------------------- keys and software


def credentials(subject: Subject) -> tuple[Credentials | None, Check]:
    """The key for the target, None when there is none that may be used, and what is said of it."""
    name, target = "credentials", subject.target
    try:
        found = find_credentials(target, subject.environment, subject.folders)
    except CredentialsError as error:
        todo = "Keys are found in the environment, or in a .env here or beside the runbook."
        return None, problem(name, str(error), todo, broker=True)
    if not found.where:
        server = "the embedded exchange" if target.kind == "sim" else "a server on this machine"
        return found, ok(name, f"none needed: {server} is sent a made-up key")
    kind = "a paper key" if found.key_id.startswith("PK") else "a key that is not a paper key's"
    kind = "a live key" if target.kind == "live" else kind
    words = f"{kind} ending in {found.key_id[-4:]}, from {found.where}"
    file = Path(found.where)
    with suppress(OSError):
        if file.name == ".env" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            command = f"chmod 600 {shlex.quote(str(file))}"
            return found, warning(name, words, "Others may read the file.", command)
    return found, ok(name, words)


def environment(subject: Subject) -> Sequence[Check]:
    """The software, and what of the environment changes how it works."""
    name, sdk = "environment", version("alpaca-py")
    zone = subject.environment.get("TZ") or time.tzname[0]
    words = (
        f"order-runbook {__version__}, Python {platform.python_version()}, alpaca-py {sdk}; "
        f"time zone {zone} (runbooks say New York time); {_proxies(subject.environment)}"
    )
    numbers = tuple(int(part) for part in re.findall(r"\d+", sdk)[:2])
    if numbers < NEEDED_SDK:
        needed = ".".join(map(str, NEEDED_SDK))
        return [problem(name, words, f"Install alpaca-py {needed} or newer.")]
    return [ok(name, words)]


def _proxies(environ: Mapping[str, str]) -> str:
    """The proxies by name and host; what else is in their addresses may be a password."""
    named = []
    for key in _PROXIES:
        value = environ.get(key) or environ.get(key.upper())
        if value:
            named.append(f"{key} {_host(value)}")
    return f"proxy: {', '.join(named)}" if named else "no proxy"


def _host(address: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(address if "//" in address else f"//{address}")
        if parts.hostname:
            return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    return "with an address that cannot be read"


# ---------------------------------------------------------------------------------- policy


def policy(subject: Subject) -> tuple[Policy | None, Sequence[Check]]:
    """The policy that holds, None when it cannot be used, and what is said of it."""
    try:
        found = find_policy(subject.policy_file, subject.environment)
    except PolicyRefused as error:
        return None, list(_mistakes(error))
    return found, stand_alone("policy", lambda: list(_policy(subject, found)))


def _mistakes(refused: PolicyRefused) -> Iterator[Check]:
    for one in refused.findings[:MOST_FINDINGS]:
        place = f"{refused.source.name}:{one.span.line}:{one.span.column}"
        todo = one.help or "Every run is refused until the file is right."
        yield problem("policy", f"{place}: {one.message} [{one.code}]", todo)
    more = len(refused.findings) - MOST_FINDINGS
    if more > 0:
        yield problem("policy", f"{more} more mistakes in it", "Correct these first.")


def _policy(subject: Subject, found: Policy) -> Iterator[Check]:
    name, live = "policy", subject.target.kind == "live"
    if found.file:
        count = len(found.accounts)
        listed = f"it lists {count} account{'' if count == 1 else 's'}" if count else (
            "it lists no account"
        )  # fmt: skip
        words = f"{found.file}; {listed}"
    else:
        words = "no policy file, so the built-in ceilings hold"
    if live and not found.accounts:
        place = found.file or found.looked_for or "the policy file"
        todo = f"Live trading needs its account's number under `accounts` in {place}."
        yield problem(name, words, todo)
    else:
        yield ok(name, words)
    ceilings = found.ceilings
    set_ = [(one, getattr(ceilings, one)) for one in LIMITS]
    said = [f"{one} {limit_text(one, value)}" for one, value in set_ if value is not None]
    narrowed = [] if found.symbols is None else [f"symbols {', '.join(found.symbols)}"]
    sides = [] if set(found.sides) == {"buy", "sell"} else [f"sides {', '.join(found.sides)}"]
    shorting = "shorting allowed" if found.allow_shorting else "no shorting"
    yield ok("ceilings", ", ".join([*said, *narrowed, *sides, shorting]))
    for guard, reason in found.off.items():
        todo = "Take it out of `guards_off` once the reason is gone."
        yield warning("guard off", f"{guard} is turned off: {reason}", todo)
