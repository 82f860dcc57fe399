"""The kill switch's file: what is not certain halts, and a halt never becomes looser by itself."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.drive.halt import (
    FILE_NAME,
    LONGEST_REASON,
    Change,
    KillSwitch,
    Level,
    Place,
    Scope,
    halt,
    lift,
    read_switch,
    read_switches,
)
from runner.effects import Cancel, Effect, ReadClock, Reason, Replace, Submit

SINCE = "2026-11-23T15:00:00Z"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "state" / FILE_NAME, Scope.USER)


def set_to(place: Place, level: Level, reason: str = "", by: str = "ann") -> Change:
    return halt(place, level, by=by, since=SINCE, reason=reason)[1]


def test_no_file_is_not_halted(place: Place) -> None:
    assert read_switch(place) is None
    place.path.parent.mkdir()
    assert read_switch(place) is None


def test_a_halt_says_who_when_and_why_to_its_owner_only(place: Place) -> None:
    assert set_to(place, Level.OPENING, "prices look wrong") is Change.SET
    seen = read_switch(place)
    assert seen is not None
    assert seen.words == f"by ann at {SINCE}: prices look wrong"
    assert seen.level is Level.OPENING
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert place.path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in place.path.parent.iterdir()] == [FILE_NAME]


def test_halting_again_keeps_the_stricter_and_who_halted_first(place: Place) -> None:
    set_to(place, Level.OPENING, "first")
    assert set_to(place, Level.OPENING, "second", by="bob") is Change.KEPT
    assert read_switch(place) == halt(place, Level.OPENING, by="", since="", reason="")[0]
    seen = read_switch(place)
    assert seen is not None
    assert (seen.by, seen.reason) == ("ann", "first")
    assert set_to(place, Level.ALL, by="bob") is Change.STRICTER
    assert set_to(place, Level.OPENING, "third") is Change.KEPT
    seen = read_switch(place)
    assert seen is not None
    assert (seen.level, seen.by, seen.reason) == (Level.ALL, "bob", "first")


def test_of_many_that_halt_at_once_the_strictest_wins(place: Place) -> None:
    for _ in range(20):
        levels = [Level.OPENING, Level.ALL, Level.OPENING, Level.OPENING]
        begin = threading.Barrier(len(levels))

        def one(level: Level, begin: threading.Barrier = begin) -> None:
            begin.wait()
            set_to(place, level)

        threads = [threading.Thread(target=one, args=[level]) for level in levels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = lift(place)
        assert seen is not None
        assert seen.level is Level.ALL
        assert [*place.path.parent.iterdir()] == []


def whole(**other: object) -> bytes:
    return json.dumps(
        {"v": 1, "level": "all", "by": "ann", "since": SINCE, "reason": "", **other}
    ).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\x00" * 40, "is not what"),
        (b"halted", "is not what"),
        (b"[]", "is not what"),
        (whole()[:-4], "is not what"),
        (whole(level="none"), "is not what"),
        (whole(level=False), "is not what"),
        (whole(reason=None), "is not what"),
        (whole(by=7), "is not what"),
        (b"\xff" + whole(), "is not what"),
    ],
)
def test_a_damaged_file_halts_in_words(place: Place, content: bytes, why: str) -> None:
    place.path.parent.mkdir()
    place.path.write_bytes(content)
    seen = read_switch(place)
    assert seen is not None
    assert why in seen.words
    assert str(place.path) in seen.words
    assert seen.level is Level.OPENING, "what only reduces risk is not trapped by damage"
    assert set_to(place, Level.OPENING, "on purpose") is Change.SET
    mended = read_switch(place)
    assert mended is not None
    assert mended.damage == ""


def _folder(path: Path) -> None:
    path.mkdir(parents=True)


def _pipe(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)


def _nowhere(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path.name)


def _no_folder(path: Path) -> None:
    path.parent.write_text("a file where a directory should be")


@pytest.mark.parametrize("put", [_folder, _pipe, _nowhere, _loop, _no_folder])
def test_what_cannot_be_read_halts_and_never_waits(
    place: Place, put: Callable[[Path], None]
) -> None:
    put(place.path)
    seen = read_switch(place)
    assert seen is not None
    assert str(place.path) in seen.words


def test_lifting_takes_it_away_and_tells_what_it_was(place: Place) -> None:
    assert lift(place) is None
    set_to(place, Level.ALL, "enough")
    before = lift(place)
    assert before is not None
    assert before.reason == "enough"
    assert read_switch(place) is None
    place.path.write_bytes(b"")
    assert lift(place) is not None
    assert read_switch(place) is None


def test_what_cannot_be_taken_away_is_said_and_holds(place: Place) -> None:
    _folder(place.path)
    with pytest.raises(OSError, match=r"halt\.json"):
        lift(place)
    assert read_switch(place) is not None


def test_a_reason_is_kept_whatever_the_shell_hands_over(place: Place) -> None:
    set_to(place, Level.OPENING, "caf\udce9 " + "x" * 70_000)
    seen = read_switch(place)
    assert seen is not None
    assert seen.damage == ""
    assert seen.reason.startswith("caf? xxx")
    assert len(seen.reason) == LONGEST_REASON


OPENS = Submit("c-1", {"symbol": "AAPL"})
REDUCES = Submit("c-1", {"symbol": "AAPL"}, opens=False)
CHANGE = Replace("id-1", "c-2", {"qty": "2"})
SMALLER = Replace("id-1", "c-2", {"qty": "2"}, opens=False)


@pytest.mark.parametrize(
    ("level", "stopped"),
    [
        (None, ()),
        (Level.OPENING, (OPENS, CHANGE)),
        (Level.ALL, (OPENS, CHANGE, REDUCES, SMALLER)),
    ],
)
def test_orders_are_refused_by_level_and_cancels_and_readings_never(
    tmp_path: Path, level: Level | None, stopped: tuple[Effect, ...]
) -> None:
    environment = {"RUNBOOK_STATE_DIR": str(tmp_path)}
    if level is not None:
        set_to(Place.of_user(environment), level, "enough")
    switch = KillSwitch.of(tmp_path / "audit", environment)
    for effect in (OPENS, CHANGE, REDUCES, SMALLER, Cancel("id-1"), ReadClock()):
        problem = switch.refuses(effect)
        assert (problem is not None) == (effect in stopped), effect
        if problem is not None:
            assert problem.reason is Reason.HALTED
            assert f"halted by ann at {SINCE}: enough" in problem.message


def test_a_run_obeys_both_switches_and_the_stricter_one_counts(tmp_path: Path) -> None:
    environment = {"RUNBOOK_STATE_DIR": str(tmp_path / "state")}
    audit = tmp_path / "audit"
    switch = KillSwitch.of(audit, environment)
    assert switch.words() == ""
    set_to(Place.of_directory(audit), Level.ALL, "the directory's")
    assert switch.words() == f"by ann at {SINCE} for this audit directory: the directory's"
    set_to(Place.of_user(environment), Level.OPENING, "the user's")
    assert "the directory's" in switch.words()
    assert [one.reason for one in read_switches(audit, environment)] == [
        "the user's",
        "the directory's",
    ]
    assert [one.reason for one in read_switches(None, environment)] == ["the user's"]
    lift(Place.of_directory(audit))
    assert switch.words() == f"by ann at {SINCE}: the user's"
