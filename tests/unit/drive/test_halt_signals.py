"""The kill switch beside signals: it asks for the safe stop as they do, and is told once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from runner.drive.signals import LeaveNow, Signals

WORDS = "by ann at 2026-11-23T15:00:00Z: enough"


class Switch:
    """What the signals ask: words while it is set."""

    words = ""

    def __call__(self) -> str:
        return self.words


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def signals(said: list[str], switch: Switch) -> Iterator[Signals]:
    made = Signals(said.append)
    made.watch(switch)
    with made.installed():
        yield made


def test_a_halt_is_said_at_once_and_told_once(
    signals: Signals, said: list[str], switch: Switch
) -> None:
    assert signals.take() is None
    switch.words = WORDS
    assert signals.take() == f"halt: {WORDS}"
    assert said == [f"halt: {WORDS}"]
    assert signals.take() is None
    assert not signals.pending
    assert not signals.wait(0.001)


def test_a_halt_ends_a_wait_within_a_second(signals: Signals, switch: Switch) -> None:
    assert not signals.wait(0.01)
    setting = threading.Timer(0.1, lambda: setattr(switch, "words", WORDS))
    setting.start()
    began = time.monotonic()
    assert signals.wait(60)
    assert time.monotonic() - began < 1
    setting.join()


def test_a_halt_is_seen_right_before_the_next_effect_however_soon_that_is(
    signals: Signals, switch: Switch
) -> None:
    assert not signals.pending
    switch.words = WORDS
    assert signals.take() == f"halt: {WORDS}"


def test_whoever_asked_first_counts(signals: Signals, switch: Switch, said: list[str]) -> None:
    signal.raise_signal(signal.SIGINT)
    switch.words = WORDS
    assert signals.take() == "SIGINT"
    assert signals.take() is None
    assert said == ["SIGINT"]


def test_a_ctrl_c_after_a_halt_is_a_first_one(
    signals: Signals, switch: Switch, said: list[str]
) -> None:
    switch.words = WORDS
    assert signals.take() == f"halt: {WORDS}"
    os.kill(os.getpid(), signal.SIGINT)
    assert said[-1] == "SIGINT"
    with signals.leaving():
        assert signals.take() is None, "the machine knows already"
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(LeaveNow), signals.leaving():
        pytest.fail("it went on")


def test_a_halt_that_is_lifted_before_anybody_looked_asks_for_nothing(
    signals: Signals, switch: Switch
) -> None:
    switch.words = WORDS
    switch.words = ""
    assert signals.take() is None
