"""The last look at the kill switch: after an order's intent is on disk, before its bytes leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.audit.journal import Journal
from runner.audit.log import read_log
from runner.audit.redact import Redactor
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive.clock import ExchangeClock
from runner.drive.connecting import locks_of, open_gateway
from runner.drive.halt import KillSwitch, Level, Place, halt
from runner.drive.live import LiveDriver
from runner.drive.observer import Nobody
from runner.drive.recorder import Recorder
from runner.drive.signals import Signals
from runner.effects import Command, Outcome, Reason, Status, Submit
from runner.sim import Exchange, VirtualClock, default_scenario, serve

RUN = "20261123T150000Z-abcdefghijklmnop"
SINCE = "2026-11-23T15:00:00Z"
BODY = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "market", "time_in_force": "day"}


@pytest.mark.parametrize(
    ("level", "opens", "sent"),
    [
        (Level.OPENING, True, False),
        (Level.OPENING, False, True),
        (Level.ALL, True, False),
        (Level.ALL, False, False),
    ],
)
def test_an_order_whose_intent_is_recorded_is_stopped_before_its_bytes_leave(
    tmp_path: Path, level: Level, opens: bool, sent: bool
) -> None:
    environment = {"RUNBOOK_STATE_DIR": str(tmp_path / "state")}
    wall = Wall(Place.of_user(environment), level)
    switch, signals = KillSwitch.of(tmp_path, environment), Signals()
    signals.watch(switch.words)
    scenario = default_scenario()
    with (
        serve(Exchange(scenario), VirtualClock(scenario.start)) as served,
        Journal.create(tmp_path, RUN, wall=wall) as journal,
    ):
        clock, target = ExchangeClock(served, signals), resolve("sim").with_base(served.url)
        recorder = Recorder(journal, Redactor([]), signals)
        keys = Credentials("PKTEST", "a-secret")
        gateway = open_gateway(
            target, keys, timeouts=Timeouts(), clock=clock, tap=recorder.tap, signals=signals
        )
        locks = locks_of(target, RUN, clock.now())
        driver = LiveDriver(
            gateway, clock, recorder, signals, observer=Nobody(), locks=locks, switch=switch
        )
        wall.due = True
        order = Submit("c-1", {**BODY, "client_order_id": "c-1"}, opens)
        outcome = driver.tell(Command("steps[0]", order))
        assert isinstance(outcome, Outcome)
        assert outcome.interrupt == f"halt: by ann at {SINCE}: just now"
        driver.close()
    records = read_log(tmp_path / f"{RUN}.jsonl").records
    assert records[0].type == "effect.intent"
    posts = [one for one in records if one.type == "wire.request" and one.data["method"] == "POST"]
    assert bool(posts) is sent
    if sent:
        assert outcome.status is Status.OK
    else:
        assert outcome.status is Status.REFUSED
        assert outcome.problem is not None
        assert outcome.problem.reason is Reason.HALTED


class Wall:
    """The wall's time; somebody halts at the moment at which the next record is written."""

    def __init__(self, place: Place, level: Level) -> None:
        self.place, self.level = place, level
        self.due = False

    def __call__(self) -> int:
        if self.due:
            self.due = False
            halt(self.place, self.level, by="ann", since=SINCE, reason="just now")
        return 1_795_446_000_000_000_000
