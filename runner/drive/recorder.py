"""Puts everything a run says and does into its log.

The intent of a write is on disk before this returns. When the log cannot be written any more, its
records go to stderr as the same JSON, so that a safe stop is still on record, and `broken` stays
set: no order that opens risk is sent after that.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.audit.canonical import canonical_bytes, digest
from runner.audit.errors import CanonicalError, JournalBroken
from runner.audit.journal import Journal
from runner.audit.redact import Redactor
from runner.broker.wire import Wire, WireError, WireRequest, WireResponse
from runner.drive.signals import Signals
from runner.effects import Command, Effect, Event, Outcome, canonical, instant

HEARTBEAT = timedelta(minutes=1)
"""How often a run that waits says that it is there: a few hundred records a session."""


@dataclass(slots=True)
class Recorder:
    """Numbers the effects of one run and records them. `n` is the number of the last one."""

    journal: Journal | None
    redactor: Redactor
    signals: Signals
    n: int = 0
    broken: str = ""
    _attempt: int = 0
    _held: list[tuple[str, dict[str, Any]]] | None = field(default=None)
    _heard_at: datetime | None = None

    def event(self, event: Event) -> None:
        """Something the machine decided."""
        self._append(event.type, dict(event.data), step=event.step)

    def intent(self, command: Command) -> int:
        """An effect about to be performed; a write's is on disk on return. Gives its number."""
        self.n += 1
        form = canonical(command.effect)
        data = {"n": self.n, "effect": form, "digest": digest(form)}
        self._append("effect.intent", data, step=command.step, durable=command.effect.writes)
        return self.n

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """What came of the last effect."""
        self._append("effect.outcome", {"n": self.n, **outcome.to_data()}, step=command.step)
        self._heard_at = outcome.at

    def alive(self, at: datetime) -> None:
        """The run waits, and is there: on record once a minute, so that a resume can tell how long
        nobody was."""
        if self._heard_at is None or at - self._heard_at >= HEARTBEAT:
            if self._heard_at is not None and not self.broken:
                self._append("heartbeat", {"at": instant(at)})
            self._heard_at = at

    def signal(self, name: str, at: datetime, *, before: Effect | None = None) -> None:
        """A signal told to the machine; `before` an effect that was then not performed."""
        data: dict[str, Any] = {"name": name, "at": instant(at)}
        if before is not None:
            data["not_performed"] = canonical(before)
        self._append("signal", data)

    def untold(self, at: datetime) -> None:
        """A signal that the machine has not been told of: a resume tells it."""
        name = self.signals.take()
        if name is not None:
            self.signal(name, at)

    def finished(self, status: str, exit_code: int, result: Mapping[str, Any]) -> None:
        """The last record of a run."""
        data = {"status": status, "exit_code": exit_code, "result": dict(result)}
        self._append("run.finished", data, durable=True)

    def tap(self, n: int, wire: Wire) -> None:
        """What travels: every request, answer and error, without credentials and account numbers.
        An account's number is learned here, before anybody is told of the answer."""
        kind, data = self._wire(n, wire)
        if self._held is not None:
            self._held.append((kind, data))
        else:
            self._append(kind, data)

    def hold(self) -> None:
        """Begin one poll: what travels is kept back until it is known whether it shows a change."""
        self._held = []

    def release(self, *, record: bool) -> None:
        """End the poll; `record` what travelled, or forget it because nothing had changed."""
        held, self._held = self._held or [], None
        if record:
            for kind, data in held:
                self._append(kind, data)

    def _wire(self, n: int, wire: Wire) -> tuple[str, dict[str, Any]]:
        redact = self.redactor
        if isinstance(wire, WireRequest):
            self._attempt = wire.attempt
            return "wire.request", {
                "n": n,
                "attempt": wire.attempt,
                "method": wire.method,
                "url": redact.text(wire.url),
                "headers": redact.headers(wire.headers),
                "body": redact.text(wire.body) if wire.body else None,
            }
        if isinstance(wire, WireResponse):
            return "wire.response", {
                "n": n,
                "attempt": self._attempt,
                "status": wire.status,
                "headers": redact.headers(wire.headers),
                "body": redact.text(wire.body),
            }
        assert isinstance(wire, WireError)
        error = {"kind": wire.kind.value, "message": redact.text(wire.message), "sent": wire.sent}
        return "wire.response", {"n": n, "attempt": self._attempt, "error": error}

    def _append(
        self, kind: str, data: dict[str, Any], *, step: str = "", durable: bool = False
    ) -> None:
        if not kind.startswith("wire."):  # those were redacted when they travelled
            data = self.redactor.data(data)
        if not self.broken and self.journal is not None:
            try:
                with self.signals.undisturbed():
                    self.journal.append(kind, data, step=step or None, durable=durable)
            except (JournalBroken, CanonicalError) as error:
                self.broken = str(error)
            else:
                return
        record = {"type": kind, "data": data, **({"step": step} if step else {})}
        # A stderr that is closed as well must not keep the safe stop from cancelling.
        with suppress(OSError, ValueError, AttributeError, TypeError):
            sys.stderr.write(canonical_bytes(record).decode() + "\n")


class Unrecorded(Recorder):
    """Records nothing: what an exchange is made to do again is on record already."""

    def _append(
        self, kind: str, data: dict[str, Any], *, step: str = "", durable: bool = False
    ) -> None:
        return
