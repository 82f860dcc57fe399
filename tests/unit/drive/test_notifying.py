"""Messages to the user's own command: real little commands, and what they are not to see."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runner.audit.redact import Redactor
from runner.drive import notifying
from runner.drive.notifying import Notifier

SECRET = "s3cret-of-the-account"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "ALPACA_API_KEY": "PKTEST",
    "ALPACA_SECRET_KEY": SECRET,
    "APCA_API_KEY_ID": "PKTEST",
    "APCA_API_SECRET_KEY": SECRET,
    "alpaca_other": "x",
    "MY_COPY": f"key={SECRET}",
    "HARMLESS": "1",
}


def send(command: str, message: str = "hello", *, stopped: bool = False) -> tuple[bool, str, str]:
    environ = {**ENVIRONMENT, "RUNBOOK_NOTIFY": command}
    notifier = Notifier(Redactor([SECRET]), environ, run_id="run-1", name="a-plan")
    return notifier.send(message, stopped=lambda: stopped)


def script(folder: Path, text: str) -> str:
    path = folder / "tell me.sh"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return f"'{path}'"


def test_the_message_is_on_stdin_and_the_run_in_the_environment(tmp_path: Path) -> None:
    command = script(tmp_path, f"cat > '{tmp_path}/got'; env > '{tmp_path}/env'; echo \"$@\"")
    delivered, to, why = send(f"{command} --to '#desk one'", "bought 1 AAPL\nat 190 · £")
    assert (delivered, to, why) == (True, "terminal, tell me.sh", "")
    assert (tmp_path / "got").read_text(encoding="utf-8") == "bought 1 AAPL\nat 190 · £\n"
    seen = (tmp_path / "env").read_text(encoding="utf-8").splitlines()
    assert {"RUNBOOK_RUN_ID=run-1", "RUNBOOK_NAME=a-plan", "HARMLESS=1"} <= set(seen)


def test_it_never_sees_credentials(tmp_path: Path) -> None:
    command = script(tmp_path, f"env > '{tmp_path}/env'; cat > '{tmp_path}/got'")
    assert send(command, f"my secret is {SECRET}")[0]
    seen = (tmp_path / "env").read_text(encoding="utf-8")
    assert SECRET not in seen
    assert "ALPACA" not in seen.upper()
    assert "APCA" not in seen
    assert (tmp_path / "got").read_text(encoding="utf-8") == "my secret is [redacted]\n"


def test_it_is_not_a_shell(tmp_path: Path) -> None:
    assert send(f"true > {tmp_path}/made ; touch {tmp_path}/made")[0]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo no such channel >&2; exit 3", "exit code 3: no such channel"),
        ("exit 4", "exit code 4"),
        ("kill -9 $$", "ended by SIGKILL"),
    ],
)
def test_its_failure_is_told_in_its_own_words(tmp_path: Path, text: str, why: str) -> None:
    assert send(script(tmp_path, text)) == (False, "terminal, tell me.sh", why)


def test_what_it_says_is_cut_and_its_secrets_are_hidden(tmp_path: Path) -> None:
    command = script(
        tmp_path, f'head -c 300000 /dev/zero | tr "\\0" x >&2; echo "$1 {SECRET}" >&2; exit 1'
    )
    delivered, to, why = send(f"{command} https://hooks.example/T0/B0/token")
    assert not delivered
    assert "token" not in why + to
    assert SECRET not in why
    assert len(why) < 300


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("'unbalanced", "RUNBOOK_NOTIFY is not a command line: No closing quotation"),
        ("/no/such/command", "/no/such/command could not be started: No such file or directory"),
    ],
)
def test_a_command_that_cannot_be_started_is_told(command: str, why: str) -> None:
    delivered, _, told = send(command)
    assert (delivered, told) == (False, why)


def test_nothing_configured_is_no_failure() -> None:
    assert send("  ") == (True, "terminal", "")


def test_one_that_hangs_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "TIMEOUT", 0.4)
    command = script(tmp_path, f"sleep 60 & echo $! > '{tmp_path}/pid'; exec 2>&-; wait")
    began = time.monotonic()
    delivered, _, why = send(command)
    assert time.monotonic() < began + 3
    assert (delivered, why) == (False, "it was killed: not done within 0.4 seconds")
    child = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{child}/stat")
    for _ in range(100):
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("what it started still runs")


def test_a_stop_leaves_it_a_moment_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "GRACE", 0.2)
    assert send(script(tmp_path, "sleep 0.1"), stopped=True)[0]
    delivered, _, why = send(script(tmp_path, "exec sleep 60"), stopped=True)
    assert (delivered, why) == (False, "it was killed: the run was stopped before it was done")


def test_a_message_larger_than_a_pipe_to_one_that_does_not_read(tmp_path: Path) -> None:
    assert send("true", "x" * 1_000_000)[0]


def test_what_it_leaves_in_the_background_holds_nothing_up(tmp_path: Path) -> None:
    began = time.monotonic()
    assert send(script(tmp_path, "sleep 3 & exit 0"))[0]
    assert time.monotonic() < began + 2
