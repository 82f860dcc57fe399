"""A run that waits says once a minute that it is there, and no more often."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from unit.audit.audit_sample import AT, intent, new_id, outcome, started, write

from runner.audit.journal import Journal
from runner.audit.log import read_log
from runner.audit.redact import Redactor
from runner.audit.story import tell
from runner.drive.clock import WallClock
from runner.drive.recorder import Recorder
from runner.drive.signals import Signals
from runner.drive.unfinished import last_heartbeat, last_moment
from runner.effects import Command, Outcome, ReadClock, Status

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RUN = new_id()


def recorder(directory: Path) -> Recorder:
    journal = Journal.create(directory, RUN, wall=time.time_ns)
    return Recorder(journal, Redactor([]), Signals())


def beats(directory: Path) -> list[str]:
    records = read_log(directory / f"{RUN}.jsonl").records
    return [str(one.data["at"])[11:19] for one in records if one.type == "heartbeat"]


def test_a_wait_is_on_record_once_a_minute_from_the_last_outcome_on(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.outcome(Command("steps[0]", ReadClock()), Outcome(NOON, Status.OK))
    for second in range(0, 190, 5):
        made.alive(NOON + second * SECOND)
    assert beats(tmp_path) == ["17:01:00", "17:02:00", "17:03:00"]


def test_short_waits_leave_nothing_on_record(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    for minute in range(10):
        at = NOON + timedelta(minutes=minute)
        made.outcome(Command("steps[0]", ReadClock()), Outcome(at, Status.OK))
        made.alive(at + 59 * SECOND)
    assert beats(tmp_path) == []


def test_a_resumed_run_does_not_begin_with_a_heartbeat(tmp_path: Path) -> None:
    made = recorder(tmp_path)
    made.alive(NOON)
    assert beats(tmp_path) == []


def test_the_walls_clock_tells_that_it_waits_in_every_kind_of_wait() -> None:
    heard: list[datetime] = []
    clock = WallClock(Signals(), alive=heard.append)
    clock.sleep_until(clock.now() + timedelta(milliseconds=5))
    slept = len(heard)
    assert slept > 0
    clock.wait_for_change(timedelta(milliseconds=5), clock.now() + SECOND, Event())
    assert len(heard) > slept


def test_only_a_heartbeat_after_the_last_outcome_says_until_when_the_run_was_there(
    tmp_path: Path,
) -> None:
    later = "2026-11-23T14:45:00.000000Z"
    script = [
        ("run.started", started()),
        ("effect.intent", intent(1, RUN)),
        ("heartbeat", {"at": "2026-11-23T14:30:01.500000Z"}),
        ("effect.outcome", outcome(1)),
    ]
    log = read_log(write(tmp_path / "a", script, RUN, close=None)).records
    assert last_heartbeat(log) == ""
    assert last_moment(log) == datetime.fromisoformat(AT)
    script += [("effect.intent", intent(3, RUN)), ("heartbeat", {"at": later})]
    log = read_log(write(tmp_path / "b", script, RUN, close=None)).records
    assert last_heartbeat(log) == later
    assert last_moment(log) == datetime.fromisoformat(later)
    assert not any("heartbeat" in one.text for one in tell(log))
