"""`runbook run` against a bare alpaca-py script with the same calls, on a running `runbook sim`.

    python benchmarks/run.py

Two figures: the time from the start of the process to the first order on the wire (the script does
not sleep), and the whole process (the script sleeps one second between looks, as tutorials do).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from pairs import paired, process_seconds

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = ROOT / "runbooks" / "first-live-trade.yaml"
SCRIPT = ROOT / "benchmarks" / "bare_trade.py"
PAIRS = 11
AT_MOST = 0.85


@contextmanager
def exchange(folder: str) -> Iterator[str]:
    """A running `runbook sim` on a free port; yields its URL.

    Without the limit of 200 requests a minute, which so many runs in a row would meet.
    """
    scenario = Path(folder) / "scenario.yaml"
    scenario.write_text("rate_limit: off\n", encoding="utf-8")
    command = [str(Path(sys.executable).parent / "runbook"), "sim", "--port", "0"]
    command += ["--scenario", str(scenario)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()


class Tap:
    """Passes bytes on to the exchange and notes when the first order goes by."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.first_order: float | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._target)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, watch: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if watch and self.first_order is None and data.startswith(b"POST /v2/orders"):
                    self.first_order = time.perf_counter()
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def seconds_to_first_order(self, command: list[str], state: str) -> float:
        self.first_order = None
        began = time.perf_counter()
        process_seconds(command, RUNBOOK_STATE_DIR=state)
        seen: float | None = self.first_order
        if seen is None:
            raise SystemExit("no order went by")
        return seen - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, exchange(folder) as url:
        tap, turns = Tap(url), count()

        def ours(at: str) -> list[str]:
            runbook = str(Path(sys.executable).parent / "runbook")
            audit = f"{folder}/audit-{next(turns)}"  # what other runs sent counts with the guards
            return [runbook, "run", str(RUNBOOK), "--on", at, "--audit-dir", audit]

        def theirs(at: str, sleep: str) -> list[str]:
            return [sys.executable, str(SCRIPT), at, sleep]

        first = paired(
            lambda: tap.seconds_to_first_order(ours(tap.url), folder),
            lambda: tap.seconds_to_first_order(theirs(tap.url, "0"), folder),
            PAIRS,
        )
        print(first.line("run, to the first order", AT_MOST))
        whole = paired(
            lambda: process_seconds(ours(url), RUNBOOK_STATE_DIR=folder),
            lambda: process_seconds(theirs(url, "1")),
            PAIRS,
        )
        print(whole.line("run, whole process", AT_MOST))


if __name__ == "__main__":
    main()
