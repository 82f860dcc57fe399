"""A stream that may go away: a closed terminal or pipe must not stop a run.

Writing never raises. After the first failure nothing is written any more, and the descriptor leads
nowhere, so that the interpreter's own flush at exit cannot fail and change the exit code.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TextIO

_ASCII = str.maketrans({"·": "-", "…": "...", "—": "-", "✓": "+", "✗": "x"})


class Outlet:
    """Text goes out whole and at once, or nowhere. `gone` is the error that closed it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._late: list[str] = []
        self.gone: Exception | None = None
        self._fd: int | None = None
        with suppress(OSError, ValueError, AttributeError):
            self._fd = stream.fileno()

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except (OSError, ValueError, AttributeError):
            return False

    def fileno(self) -> int:
        """The descriptor. Raises `OSError` for a stream without one."""
        if self._fd is None:
            raise OSError("this stream has no descriptor")
        return self._fd

    def write(self, text: str) -> int:
        """Write and flush. Characters that the stream cannot carry are replaced."""
        while self._late:
            text = self._late.pop(0) + text
        if self.gone is None:
            try:
                self._stream.write(self._carried(text))
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._close(error)
        return len(text)

    def flush(self) -> None:
        """Nothing is ever kept back."""

    def at_once(self, text: str) -> None:
        """Write from a signal handler, past every buffer and lock."""
        if self._fd is None:
            self._late.append(text)
        elif self.gone is None:
            with suppress(OSError):
                os.write(self._fd, self._carried(text).encode(self.encoding, "replace"))

    def _carried(self, text: str) -> str:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            plain = text.translate(_ASCII)
            return plain.encode(self.encoding, "replace").decode(self.encoding)
        return text

    def _close(self, error: Exception) -> None:
        self.gone = error
        if self._fd is None or getattr(error, "errno", errno.EBADF) == errno.EBADF:
            return
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._fd)
            os.close(nowhere)
