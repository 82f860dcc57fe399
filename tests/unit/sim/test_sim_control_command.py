"""`runbook sim` as a program: what it prints, refuses and serves."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.cli.sim import sim


@contextmanager
def running(*options: str) -> Iterator[tuple[str, list[str]]]:
    """The program, its address, and the lines it printed when it was ready."""
    command = [sys.executable, "-m", "runner", "sim", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip() for _ in range(5)]
        try:
            yield lines[0].split(" ")[3], lines
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0


def ask(url: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    keys = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}
    request = urllib.request.Request(url + path, data, keys)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        return json.loads(answer.read())


def test_it_serves_a_scenario_at_a_time_and_speed_and_ends_with_control_c() -> None:
    options = ("--scenario", "partial-fills", "--seed", "5", "--speed", "1000")
    with running(*options, "--start", "2026-11-24 10:00") as (url, lines):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert "not Alpaca: no real orders" in lines[0]
        assert lines[1] == "Its time is 2026-11-24 15:00:00 UTC, 1000x the wall."
        found = ask(url, "/sim")
        assert (found["simulated"], found["seed"], found["clock"]["speed"]) == (True, 5, "1000")
        assert ask(url, "/v2/account")["cash"] == "100000"
        jumped = ask(url, "/sim/clock", {"to": "2026-11-24 18:00"})
        assert jumped["session"] == "afterhours"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "on loopback only"),
        (["--host", "192.168.1.5"], "on loopback only"),
        (["--scenario", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--start", "noon"], "start: expected a New York time"),
        (["--speed", "0"], "is not in the range"),
        (["--port", "99999"], "is not in the range"),
    ],
)
def test_what_cannot_be_served_is_a_usage_error(options: list[str], message: str) -> None:
    result = CliRunner().invoke(sim, ["--port", "0", *options])
    assert result.exit_code == 2
    assert message in result.output


def test_a_wrong_scenario_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("cash: 100\nfaults:\n  - fault: hang\n    nth: 0\n")
    result = CliRunner().invoke(sim, ["--scenario", str(path)])
    assert result.exit_code == 2
    assert "wrong.yaml:4:5: faults[0].nth: counting begins with 1" in result.output
