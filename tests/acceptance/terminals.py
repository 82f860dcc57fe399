"""A run at a terminal of its own, a pseudo-terminal that its process owns, and who types there."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acceptance.leaks import shown
from acceptance.processes import PATIENCE, eventually

CTRL_C, CTRL_D = b"\x03", b"\x04"
_STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class AtTerminal:
    """A process and the terminal that controls it. `raw` is all that was written to it."""

    process: subprocess.Popen[bytes]
    master: int
    raw: bytearray = field(default_factory=bytearray)
    hung_up: bool = False
    reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if self.hung_up:
                os.close(self.master)
                return
            if ready:
                try:
                    self.raw += os.read(self.master, 65536)
                except OSError:  # nobody has the terminal open any more
                    os.close(self.master)
                    return

    @property
    def written(self) -> str:
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    @property
    def shown(self) -> str:
        """What was written, without the sequences that move, hide and style."""
        return _STYLES.sub("", self.written)

    def wait_for(self, words: str) -> None:
        """Wait until words are shown; the test fails when the process ends without them."""
        eventually(lambda: words in self.shown or not self.reader.is_alive(), f"{words!r}")
        assert words in self.shown, self.shown

    def hang_up(self) -> None:
        """Close the terminal, as one closes a window."""
        self.hung_up = True
        self.reader.join(PATIENCE)

    def types(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> int:
        """The exit code; negative for the signal that killed it."""
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


@contextmanager
def at_terminal(
    folder: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    through: Sequence[str] = (),
    **process: Any,
) -> Iterator[AtTerminal]:
    """Begin `runbook` with these arguments at a terminal of 80 columns.

    `through` is a command that starts it; further keyword arguments are those of `Popen`.
    """
    master, own = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    environ = {**kept, "TERM": "xterm-256color", "RUNBOOK_STATE_DIR": str(folder / "state")}

    def take() -> None:
        fcntl.ioctl(own, termios.TIOCSCTTY, 0)

    running = AtTerminal(
        subprocess.Popen(
            [*through, sys.executable, "-m", "runner", *arguments],
            cwd=folder,
            env={**environ, **(environment or {})},
            start_new_session=True,
            **{"stdin": own, "stdout": own, "stderr": own, "preexec_fn": take, **process},
        ),
        master,
    )
    os.close(own)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(PATIENCE)
        running.hang_up()
        shown(running.shown)
