"""What a run must keep to itself: the redactor of a run, and a runbook that holds a key.

A log keeps the runbook's text whole, under its digest. So a key in it cannot be removed; such a
runbook is refused before anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from runner.audit.commitment import last_four
from runner.audit.redact import REDACTED, Redactor
from runner.broker.confidential import SHORTEST, Confidential, confidential
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.effects import Answer, Effect


def redactor_of(
    credentials: Credentials,
    said: Iterable[str] = (),
    *,
    number: Callable[[str], str] = last_four,
    accounts: Iterable[str] = (),
) -> Redactor:
    """The redactor of a run or a look.

    `said` are texts that are written down in any case, such as the runbook's: a word of a `.env`
    that they hold, and that is not named like a key, is no secret. `number` gives what stands for
    an account number, and `accounts` are those known before the broker is asked.
    """
    told = "\n".join(said)
    keys = [one.value for one in credentials.never_written if one.key]
    if not credentials.made_up:
        keys += [credentials.key_id, credentials.secret]
    words = [
        one.value for one in credentials.never_written if not one.key and one.value not in told
    ]
    return Redactor(
        (key for key in keys if len(key) >= SHORTEST), words=words, number=number, accounts=accounts
    )


def said_in(header: Mapping[str, Any]) -> Iterator[str]:
    """What the first record of a log holds as it was given: every text of it."""
    for value in header.values():
        if isinstance(value, Mapping):
            yield from said_in(value)
        else:
            yield str(value)


def known_here(*folders: Path) -> Redactor:
    """Removes what the environment and the `.env` of these folders and of the working directory
    keep, for text that is put on record before a run has begun. Never fails."""
    with suppress(OSError):  # the working directory may be gone
        folders = (*folders, Path.cwd())
    found = confidential(os.environ, folders)
    return Redactor(
        (one.value for one in found if one.key),
        words=(one.value for one in found if not one.key),
        number=lambda number: REDACTED,
    )


def answer_without_secrets(answer: Answer, redactor: Redactor) -> Answer:
    """An answer as it may be told and recorded: the machine knows what the log holds."""
    problem = answer.problem
    if problem is not None:
        words, more = redactor.text(problem.message), redactor.data(problem.extra)
        problem = replace(problem, message=words, extra=more)
    return replace(answer, data=redactor.data(answer.data), problem=problem)


class WithoutSecrets:
    """Asks a gateway, and tells what may be told."""

    def __init__(self, gateway: Gateway, redactor: Redactor) -> None:
        self._gateway = gateway
        self._redactor = redactor

    def perform(self, effect: Effect, n: int) -> Answer:
        """What the gateway says of an effect, without keys and account numbers."""
        return answer_without_secrets(self._gateway.perform(effect, n), self._redactor)


def key_in(texts: Mapping[str, str], credentials: Credentials) -> str:
    """Which key stands in which of these texts, as a sentence; empty when none does.

    `texts` are named as a person would name them. The key itself is not repeated.
    """
    pair = []
    if not credentials.made_up:
        pair = [
            Confidential("the API key", credentials.key_id, key=True),
            Confidential("the API secret", credentials.secret, key=True),
        ]
    for what, text in texts.items():
        for one in (*credentials.never_written, *pair):
            if one.key and len(one.value) >= SHORTEST and one.value in text:
                line = text[: text.index(one.value)].count("\n") + 1
                return (
                    f"{what} holds the value of {one.name} (line {line}). It would be copied into "
                    "the log: take it out, and consider the key known to whoever read the file."
                )
    return ""
