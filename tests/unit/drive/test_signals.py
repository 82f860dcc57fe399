"""Signals: none is lost, none blocks, and only a second Ctrl-C leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runner.drive.signals import LeaveNow, Signals


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def signals(said: list[str]) -> Iterator[Signals]:
    made = Signals(said.append)
    with made.installed():
        yield made


def test_the_first_signal_is_said_at_once_and_told_once(signals: Signals, said: list[str]) -> None:
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    assert said == ["SIGTERM"]
    assert signals.pending
    assert signals.take() == "SIGTERM"
    assert signals.take() is None
    assert not signals.pending


def test_a_signal_ends_a_wait_and_one_that_was_told_does_not(signals: Signals) -> None:
    assert not signals.wait(0.001)
    signal.raise_signal(signal.SIGINT)
    assert signals.wait(60)
    signals.take()
    assert not signals.wait(0.001)


def test_whoever_listens_late_hears_of_it_then(signals: Signals) -> None:
    signal.raise_signal(signal.SIGINT)
    heard: list[str] = []
    signals.announce(heard.append)
    assert heard == ["SIGINT"]


def test_a_reason_of_our_own_counts_as_no_signal(signals: Signals, said: list[str]) -> None:
    signals.raise_flag("the log, which cannot be written")
    with signals.leaving():
        signal.raise_signal(signal.SIGINT)
    assert said == ["SIGINT"]
    assert signals.take() == "the log, which cannot be written"


def test_a_second_ctrl_c_leaves_whatever_came_first(signals: Signals) -> None:
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(LeaveNow), signals.leaving():
        signal.raise_signal(signal.SIGINT)
    assert signals.take() == "SIGHUP"


def test_a_second_ctrl_c_that_comes_too_early_leaves_as_soon_as_it_may(signals: Signals) -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(LeaveNow), signals.leaving():
        pytest.fail("it went on")


def test_a_second_ctrl_c_that_comes_too_late_changes_nothing(signals: Signals) -> None:
    with signals.leaving():
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_a_sighup_that_was_switched_off_stays_off() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals().installed():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_signal_never_waits_for_what_it_interrupted(signals: Signals) -> None:
    """A handler that took a lock could wait for the very thread that it interrupts."""
    storm = (
        "import os, time\n"
        f"for _ in range(3000): os.kill({os.getpid()}, {signal.SIGTERM:d}); time.sleep(0.00005)"
    )
    child = subprocess.Popen([sys.executable, "-c", storm])
    while child.poll() is None:
        for _ in range(50):
            signals.take()
            signals.wait(0.00001)
    assert child.returncode == 0


def test_a_second_ctrl_c_waits_until_a_record_is_whole(signals: Signals) -> None:
    written = []
    left = False
    try:
        with signals.leaving():
            os.kill(os.getpid(), signal.SIGINT)
            with signals.undisturbed():
                os.kill(os.getpid(), signal.SIGINT)
                written.append("the whole record")
            written.append("never")
    except LeaveNow:
        left = True
    assert left
    assert written == ["the whole record"]
