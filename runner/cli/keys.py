"""Single keys from a terminal, none lost that was pressed before it was asked for."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_PAUSE = 0.05
"""Seconds within which what belongs to one key arrives: an arrow is an escape and two more."""


class Keys:
    """The keyboard of standard input, which must be a terminal; as it was before on leaving."""

    def __init__(self) -> None:
        self._own = sys.stdin.fileno()
        self._usual = termios.tcgetattr(self._own)
        self._pressed = ""

    def __enter__(self) -> Keys:
        tty.setcbreak(self._own, termios.TCSADRAIN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        termios.tcsetattr(self._own, termios.TCSADRAIN, self._usual)

    def next(self) -> str:
        """The next key: a character, or the escape sequence of an arrow. Empty when the terminal
        is gone. Raises `KeyboardInterrupt` at Ctrl-C."""
        if not self._pressed and not self._more(None):
            return ""
        if self._pressed == "\x1b":
            self._more(_PAUSE)
        length = 3 if self._pressed[:2] in ("\x1b[", "\x1bO") else 1
        key, self._pressed = self._pressed[:length], self._pressed[length:]
        return key

    def line(self, question: str) -> str:
        """A whole line that a person types, as usual; what was pressed before is forgotten."""
        self._pressed = ""
        with self._as_usual():
            sys.stdout.write(question)
            sys.stdout.flush()
            return sys.stdin.readline().strip()

    def _more(self, seconds: float | None) -> bool:
        ready, _, _ = select.select([self._own], [], [], seconds)
        if not ready:
            return False
        try:
            pressed = os.read(self._own, 64)
        except OSError:
            return False
        self._pressed += pressed.decode(errors="replace")
        return bool(pressed)

    @contextmanager
    def _as_usual(self) -> Iterator[None]:
        termios.tcsetattr(self._own, termios.TCSADRAIN, self._usual)
        try:
            yield
        finally:
            tty.setcbreak(self._own, termios.TCSADRAIN)
