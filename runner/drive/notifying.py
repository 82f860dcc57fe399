"""Hands a message to the command that the user configured in `RUNBOOK_NOTIFY`.

The command is started without a shell, gets the message on stdin and has ten seconds. It sees no
credentials: neither the variables that hold them nor any other variable with such a value.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from runner.audit.redact import Redactor

VARIABLE = "RUNBOOK_NOTIFY"
TIMEOUT = 10.0
"""Seconds that the command has; then it is killed, and what it started with it."""
GRACE = 1.0
"""Seconds that it still has once the run is asked to stop: orders may be live."""

LOOK_EVERY = 0.05
LONGEST_REASON = 200
CREDENTIALS = ("ALPACA_", "APCA_")
LONG_WORD = 8
"""Words of the command line from this length on may be secrets, such as a webhook's address."""


class Notifier:
    """Sends messages of one run. `environ` is where the command is configured, and what it gets."""

    def __init__(
        self, redactor: Redactor, environ: Mapping[str, str], *, run_id: str, name: str
    ) -> None:
        self._redactor = redactor
        self._configured = environ.get(VARIABLE, "")
        self._environ = {
            key: value
            for key, value in environ.items()
            if not key.upper().startswith(CREDENTIALS) and redactor.text(value) == value
        } | {"RUNBOOK_RUN_ID": run_id, "RUNBOOK_NAME": name}

    def send(self, message: str, *, stopped: Callable[[], bool]) -> tuple[bool, str, str]:
        """Whether the message arrived, where it went, and why it did not.

        Without a configured command the terminal is all there is, and it has the message already.
        `stopped` says that the run was asked to stop.
        """
        try:
            words = shlex.split(self._configured)
        except ValueError as error:
            return False, "terminal", f"{VARIABLE} is not a command line: {error}"
        if not words:
            return True, "terminal", ""
        why = self._run(words, self._redactor.text(message), stopped)
        return not why, f"terminal, {Path(words[0]).name}", self._hidden(words, why)

    def _run(self, words: Sequence[str], message: str, stopped: Callable[[], bool]) -> str:
        """Run the command to its end; what went wrong, or nothing."""
        with tempfile.TemporaryFile() as text:
            # A file, because a command that does not read must not hold up the run.
            text.write(f"{message}\n".encode("utf-8", "replace"))
            text.seek(0)
            try:
                process = subprocess.Popen(
                    words,
                    stdin=text,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=self._environ,
                    start_new_session=True,  # a Ctrl-C for the run is not one for the message
                )
            except OSError as error:
                return f"{words[0]} could not be started: {error.strerror or error}"
            except ValueError as error:
                return f"{words[0]} could not be started: {error}"
        return _follow(process, stopped)

    def _hidden(self, words: Sequence[str], why: str) -> str:
        secrets = Redactor(word for word in words[1:] if len(word) >= LONG_WORD)
        return secrets.text(self._redactor.text(why))


def _follow(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> str:
    """Wait for the command, kill it where it takes too long, and say what went wrong."""
    assert process.stderr is not None
    began, said, listening = time.monotonic(), b"", True
    over, late = began + TIMEOUT, f"it was killed: not done within {TIMEOUT:g} seconds"
    stopping = False
    try:
        while process.poll() is None and time.monotonic() < over:
            if stopped() and not stopping:
                stopping = True
                over = min(over, time.monotonic() + GRACE)
                late = "it was killed: the run was stopped before it was done"
            heard = _heard(process.stderr) if listening else None
            if not listening:
                time.sleep(LOOK_EVERY)
            listening = listening and heard != b""
            said = (said + (heard or b""))[-LONGEST_REASON:]
        if process.poll() is None:
            return late
        said += (_heard(process.stderr) or b"") if listening else b""
    finally:
        _end(process)
    return _in_words(process.returncode, said)


def _in_words(code: int, said: bytes) -> str:
    if code == 0:
        return ""
    ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    words = " ".join(said.decode("utf-8", "replace").split())[-LONGEST_REASON:]
    return f"{ended}: {words}" if words else ended


def _heard(stream: IO[bytes]) -> bytes | None:
    """What the command says on stderr; None when it says nothing, empty when it never will."""
    ready, _, _ = select.select([stream], [], [], LOOK_EVERY)
    return os.read(stream.fileno(), 65536) if ready else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the command, and what it started, where it has not ended; one that may not be killed,
    because it runs as another user, is left."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stderr is not None:
        process.stderr.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
