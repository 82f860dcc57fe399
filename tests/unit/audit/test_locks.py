"""One run per broker, account and symbol, whoever asks, and free when its holder dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from runner.audit.lock import Held, Holder, LockError, acquire, state_directory

PAPER = "https://paper-api.alpaca.markets"
ONE = Holder("run-one", 101, "desk", "2026-11-23T14:30:01Z")
TWO = Holder("run-two", 102, "desk", "2026-11-23T14:31:00Z")

Symbols = list[str] | Literal["any"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_state_directory_is_the_users_own_unless_named() -> None:
    assert state_directory({}).name == "order-runbook"
    assert state_directory({"RUNBOOK_STATE_DIR": "elsewhere"}) == Path("elsewhere")


def test_a_held_symbol_names_its_holder() -> None:
    with (
        acquire(PAPER, "a1", ["AAPL", "MSFT"], ONE),
        pytest.raises(Held) as refusal,
        acquire(PAPER, "a1", ["TSLA", "MSFT"], TWO),
    ):
        pass
    assert refusal.value.symbol == "MSFT"
    assert refusal.value.holder == ONE
    assert "run-one (process 101 on desk, since 2026-11-23T14:30:01Z)" in str(refusal.value)


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (["AAPL"], ["AAPL"], "AAPL"),
        (["AAPL"], ["aapl"], "AAPL"),
        (["BTC/USD"], ["BTC/USD"], "BTC/USD"),
        ("any", ["AAPL"], "any"),
        (["AAPL"], "any", "AAPL"),
        ("any", "any", "any"),
    ],
)
def test_runs_that_could_meet_exclude_each_other(
    first: Symbols, second: Symbols, names: str
) -> None:
    with (
        acquire(PAPER, "a1", first, ONE),
        pytest.raises(Held) as refusal,
        acquire(PAPER, "a1", second, TWO),
    ):
        pass
    assert (refusal.value.symbol, refusal.value.holder) == (names, ONE)


@pytest.mark.parametrize(
    ("base_url", "account", "symbols"),
    [
        (PAPER, "a1", ["MSFT"]),
        (PAPER, "a2", ["AAPL"]),
        ("https://api.alpaca.markets", "a1", ["AAPL"]),
        (PAPER, "a2", "any"),
    ],
)
def test_runs_that_cannot_meet_do_not(base_url: str, account: str, symbols: Symbols) -> None:
    with acquire(PAPER, "a1", ["AAPL"], ONE), acquire(base_url, account, symbols, TWO):
        pass


def test_the_way_a_url_is_written_does_not_make_another_broker() -> None:
    with (
        acquire(PAPER, "a1", ["AAPL"], ONE),
        pytest.raises(Held),
        acquire(PAPER.upper() + "/", "a1", ["AAPL"], TWO),
    ):
        pass


@pytest.mark.parametrize("symbols", [["AAPL"], "any"])
def test_a_released_lock_is_free_and_names_nobody(state: Path, symbols: Symbols) -> None:
    for holder in (ONE, TWO):
        with acquire(PAPER, "a1", symbols, holder):
            pass
    assert all(path.read_bytes() == b"" for path in state.rglob("*.lock"))


def test_a_refused_run_keeps_nothing() -> None:
    with acquire(PAPER, "a1", ["MSFT"], ONE):
        with pytest.raises(Held), acquire(PAPER, "a1", ["AAPL", "MSFT"], TWO):
            pass
        with acquire(PAPER, "a1", ["AAPL"], TWO):
            pass


def test_lock_files_are_for_their_owner_only(state: Path) -> None:
    with acquire(PAPER, "a1", ["AAPL"], ONE):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in state.rglob("*.lock")}
    assert modes == {0o600}


def test_a_state_directory_that_cannot_be_used_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(LockError, match="RUNBOOK_STATE_DIR"), acquire(PAPER, "a1", ["AAPL"], ONE):
        pass


def test_an_error_of_the_run_itself_passes_through() -> None:
    with pytest.raises(FileNotFoundError, match="a runbook"), acquire(PAPER, "a1", ["AAPL"], ONE):
        raise FileNotFoundError("a runbook")


HOLD = """
import os, sys
from runner.audit.lock import Holder, acquire
symbols = sys.argv[1] if sys.argv[1] == "any" else sys.argv[1].split(",")
with acquire(sys.argv[2], "a1", symbols, Holder("run-one", os.getpid(), "desk", "now")):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(symbols: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLD, symbols, PAPER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process


def refused(symbols: Iterable[str] | Literal["any"]) -> Held:
    with pytest.raises(Held) as refusal, acquire(PAPER, "a1", symbols, TWO):
        pass
    return refusal.value


def test_a_symbol_held_by_another_process_is_free_when_that_is_killed() -> None:
    with another_process("AAPL") as process:
        for symbols in (["AAPL"], "any"):
            held = refused(symbols)
            assert held.holder is not None
            assert held.holder.pid == process.pid
        with acquire(PAPER, "a1", ["MSFT"], TWO):
            pass
        os.kill(process.pid, signal.SIGKILL)
    with (
        acquire(PAPER, "a1", "any", TWO),
        pytest.raises(Held) as refusal,
        acquire(PAPER, "a1", ["AAPL"], ONE),
    ):
        pass
    assert refusal.value.holder == TWO


def test_a_dead_holder_of_the_account_is_not_named_again() -> None:
    with another_process("any") as process:
        assert refused(["AAPL"]).holder is not None
        os.kill(process.pid, signal.SIGKILL)
    with acquire(PAPER, "a1", ["AAPL"], ONE):
        assert refused("any").holder == ONE
    with another_process("any") as process:
        os.kill(process.pid, signal.SIGKILL)
    with acquire(PAPER, "a1", [], ONE):
        assert refused("any").holder is None
