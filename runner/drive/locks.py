"""The locks of a run: one run per base URL, account and symbol."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from runner.audit.lock import Held, Holder, LockError, acquire, state_directory


@dataclass(frozen=True, slots=True)
class Locks:
    """Takes the locks of one run; `base_url` is empty for the exchange inside: it has no rival."""

    base_url: str
    holder: Holder
    directory: Path

    @classmethod
    def of(cls, base_url: str, holder: Holder, environment: Mapping[str, str]) -> Locks:
        # Two spellings of one server on this machine are one server.
        server = base_url.replace("//localhost", "//127.0.0.1", 1)
        return cls(server, holder, state_directory(environment))

    def take(self, stack: ExitStack, account_id: str, symbols: tuple[str, ...]) -> str:
        """Take them until `stack` closes; returns why not, or nothing."""
        if not self.base_url:
            return ""
        try:
            stack.enter_context(
                acquire(
                    self.base_url,
                    account_id,
                    symbols or "any",
                    self.holder,
                    directory=self.directory,
                )
            )
        except (Held, LockError) as error:
            return str(error)
        return ""
