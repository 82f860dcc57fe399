"""Who watches a run: the terminal, or nobody. Observers are told; they never decide."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from runner.effects import Command, Event, Outcome


class Observer(Protocol):
    """All moments are the run's own time. An observer's failure must not touch the run."""

    def command(self, command: Command, at: datetime) -> None:
        """An effect is about to be performed."""

    def outcome(self, command: Command, outcome: Outcome) -> None:
        """An effect has come back."""

    def event(self, event: Event, at: datetime) -> None:
        """The machine decided or finished something."""

    def asks(self, command: Command, at: datetime) -> None:
        """A person is about to be asked: the terminal is left alone until the outcome."""

    def polled(self, command: Command, polls: int, at: datetime) -> None:
        """An awaited order was read once more and had not changed."""

    def notice(self, command: Command, text: str, at: datetime) -> None:
        """Something a person should know while an effect lasts; it changes nothing."""

    def signal(self, name: str) -> None:
        """A first signal arrived: the run stops safely. Called from a signal handler."""


class Nobody:
    """Watches nothing."""

    def command(self, command: Command, at: datetime) -> None: ...
    def outcome(self, command: Command, outcome: Outcome) -> None: ...
    def event(self, event: Event, at: datetime) -> None: ...
    def asks(self, command: Command, at: datetime) -> None: ...
    def polled(self, command: Command, polls: int, at: datetime) -> None: ...
    def notice(self, command: Command, text: str, at: datetime) -> None: ...
    def signal(self, name: str) -> None: ...
