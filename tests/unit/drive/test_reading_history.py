"""The driver answers `ReadHistory` from the logs beside the run's own, for the account it bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from unit.audit.past_log import PastLog

from runner.audit.history import History
from runner.audit.redact import Redactor
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive.clock import ExchangeClock
from runner.drive.connecting import history_of, locks_of, open_gateway
from runner.drive.live import LiveDriver
from runner.drive.observer import Nobody
from runner.drive.recorder import Unrecorded
from runner.drive.signals import Signals
from runner.effects import Bind, Command, Effect, Outcome, ReadHistory, Reason, Status
from runner.sim import Exchange, VirtualClock, default_scenario, serve

RUN = "20261123T150000Z-abcdefghijklmnop"


class Driven:
    """A driver on a served exchange, whose logs are in a directory."""

    def __init__(self, driver: LiveDriver, url: str, now: ExchangeClock) -> None:
        self.driver, self.url, self.now = driver, url, now

    def ask(self, effect: Effect) -> Outcome:
        outcome = self.driver.tell(Command("steps[0]", effect))
        assert outcome is not None
        return outcome

    def bind(self) -> str:
        return str(self.ask(Bind(("AAPL",))).data["id"])

    def sent_by_another(self, directory: Path, account: str) -> PastLog:
        target = {"kind": "url", "base_url": self.url}
        log = PastLog(directory, at=self.now.now(), account=account, target=target)
        log.sends()
        return log


Make = Callable[..., "Driven"]


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path / "state"))
    with drive(tmp_path) as made:
        yield made


@contextmanager
def drive(directory: Path, *, account_id: str = "", alone: bool = False) -> Iterator[Driven]:
    signals, scenario = Signals(), default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        clock, target = ExchangeClock(served, signals), resolve(served.url)
        gateway = open_gateway(
            target, Credentials("PKTEST", "a-secret"), timeouts=Timeouts(), clock=clock,
            tap=lambda n, wire: None, signals=signals,
        )  # fmt: skip
        driver = LiveDriver(
            gateway, clock, Unrecorded(None, Redactor([]), signals), signals, observer=Nobody(),
            locks=locks_of(target, RUN, clock.now()), account_id=account_id,
            history=None if alone else history_of(target, directory, RUN),
        )  # fmt: skip
        try:
            yield Driven(driver, served.url, clock)
        finally:
            driver.close()


def test_it_tells_the_orders_of_the_account_that_it_bound(driven: Driven, tmp_path: Path) -> None:
    account = driven.bind()
    assert driven.ask(ReadHistory()).data == {"orders": []}
    log = driven.sent_by_another(tmp_path, account)
    outcome = driven.ask(ReadHistory())
    rows = outcome.data["orders"]
    assert outcome.status is Status.OK
    assert isinstance(rows, list)
    assert [(one["run"], one["worth"]) for one in rows if isinstance(one, dict)] == [
        (log.run, "300")
    ]


def test_a_run_that_was_bound_before_is_told_those_of_its_account(tmp_path: Path) -> None:
    with drive(tmp_path, account_id="account-1") as driven:
        driven.sent_by_another(tmp_path, "account-1")
        rows = driven.ask(ReadHistory()).data["orders"]
        assert isinstance(rows, list)
        assert len(rows) == 1


def test_a_history_that_cannot_be_told_is_unavailable_with_the_file(
    driven: Driven, tmp_path: Path
) -> None:
    account = driven.bind()
    log = driven.sent_by_another(tmp_path, account)
    with log.path.open("ab") as file:
        file.write(b"rubbish\n")
    outcome = driven.ask(ReadHistory())
    assert (outcome.status, dict(outcome.data)) == (Status.UNAVAILABLE, {})
    assert outcome.problem is not None
    assert outcome.problem.reason is Reason.UNREADABLE
    assert str(log.path) in outcome.problem.message


def test_before_it_is_bound_the_history_is_unavailable(driven: Driven) -> None:
    assert driven.ask(ReadHistory()).status is Status.UNAVAILABLE


def test_a_defect_in_reading_it_leaves_the_run_to_its_safe_stop(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(History, "orders", broken)
    outcome = driven.ask(ReadHistory())
    assert outcome.status is Status.UNAVAILABLE
    assert outcome.problem is not None
    assert "internal error: KeyError" in outcome.problem.message


def test_where_no_other_run_shares_the_account_there_is_none(tmp_path: Path) -> None:
    assert history_of(resolve("sim"), tmp_path, RUN) is None
    with drive(tmp_path, alone=True) as driven:
        assert driven.ask(ReadHistory()).data == {"orders": []}


def test_it_takes_no_time_of_the_broker(driven: Driven, tmp_path: Path) -> None:
    """Asked before every opening order, it makes no request and reads only what is new."""
    account = driven.bind()
    for seed in range(2, 42):
        PastLog(
            tmp_path, seed, at=driven.now.now(), account=account,
            target={"kind": "url", "base_url": driven.url},
        ).sends()  # fmt: skip
    driven.ask(ReadHistory())
    began = time.perf_counter()
    driven.ask(ReadHistory())
    assert time.perf_counter() - began < 0.05
