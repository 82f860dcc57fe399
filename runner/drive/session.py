"""One run from start to end: exchange or broker, log, locks, machine, driver.

Order of operations, and what a failure at each point means:

1. The ledger says that a run opens; the log is created. A failure here: nothing was sent.
2. `run.started` is on disk: from now on the log is the run.
3. The exchange starts or the broker's client is made; the machine is driven to its end.
4. `run.finished`, then the ledger closes the run with the log's last hash.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.audit.commitment import commitment_in
from runner.audit.errors import AuditError
from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.lock import state_directory
from runner.broker.credentials import Credentials
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
from runner.drive.admission import Admission
from runner.drive.clock import Clock, ExchangeClock, WallClock
from runner.drive.connecting import (
    described,
    engine,
    history_of,
    locks_of,
    open_gateway,
    open_updates,
    switch_of,
)
from runner.drive.ending import close, left
from runner.drive.live import LiveDriver
from runner.drive.observer import Observer
from runner.drive.people import People
from runner.drive.recorder import Recorder
from runner.drive.secrecy import known_here, redactor_of
from runner.drive.signals import LeaveNow, Signals
from runner.drive.timing import resend_within
from runner.effects import instant
from runner.guards.rules import BUILT_IN, Policy, Rules, limits_as_data
from runner.language.runbook import Runbook
from runner.language.values import as_given
from runner.machine import Result, Run, carry_out

if TYPE_CHECKING:
    from runner.sim import Scenario, Served


@dataclass(frozen=True, slots=True)
class Inside:
    """What the exchange inside this process starts with, and the text and file it was read from."""

    scenario: Scenario
    text: str = ""
    file: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """As a log or a saved plan keeps it."""
        whole = {"text": self.text, "seed": str(self.scenario.seed), "file": self.file}
        return {key: value for key, value in whole.items() if value or key != "file"}


@dataclass(frozen=True, slots=True)
class Approval:
    """The saved plan that is carried out: its digest, the account that it is for, and who approved
    it by which words (`typed`, `--approve`); both empty where nobody was asked."""

    digest: str
    account_id: str
    by: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and where. `inside` is given exactly when the target is the exchange inside.

    `behind` is an exchange that runs in this process already and that the target's URL leads to:
    the run then takes its time from it. `yes` answers every question of the runbook. `stream`
    listens to trade updates or does not; None leaves that to the target.
    """

    runbook: Runbook
    target: Target
    credentials: Credentials
    audit_dir: Path
    timeouts: Timeouts = field(default_factory=Timeouts)
    inside: Inside | None = None
    behind: Served | None = None
    yes: bool = False
    stream: bool | None = None
    policy: Policy = BUILT_IN
    approval: Approval | None = None

    @property
    def admission(self) -> Admission:
        """Which account may be traded: on live one that the policy lists."""
        listed = self.policy.accounts if self.target.kind == "live" else None
        return Admission(listed, self.approval.account_id if self.approval else "")

    @property
    def said(self) -> tuple[str, ...]:
        """The texts that the log holds from its first record, as they were given."""
        params = [as_given(one) for one in self.runbook.params.values()]
        scenario = self.inside.text if self.inside is not None else ""
        source = self.runbook.source
        target = self.target
        return source.text, source.name, target.base_url, target.data_url, scenario, *params

    @property
    def rules(self) -> Rules:
        """What the guards of the run measure against."""
        return Rules.of(self.policy, self.runbook.limits, self.target.kind)


@dataclass(slots=True)
class Session:
    """A run that has its id and its log, and can be carried out once."""

    plan: Plan
    run_id: str
    journal: Journal
    ledger: Ledger

    @property
    def log(self) -> Path:
        """The run's log."""
        return self.journal.path

    def carry_out(self, observer: Observer, signals: Signals) -> Result:
        """Carry the run out and close its log. Raises `AuditError` when it cannot be begun."""
        signals.announce(observer.signal)
        with ExitStack() as stack:
            stack.callback(self.journal.close)
            served = stack.enter_context(self._exchange())
            credentials = self.plan.credentials
            redactor = redactor_of(
                credentials,
                self.plan.said,
                number=commitment_in(state_directory()),
                accounts=self.plan.policy.accounts,
            )
            recorder = Recorder(self.journal, redactor, signals)
            clock: Clock = (
                ExchangeClock(served, signals) if served
                else WallClock(signals, alive=recorder.alive)
            )  # fmt: skip
            started_at = clock.now()
            target = self.plan.target
            if served is not None and target.kind == "sim":
                target = target.with_base(served.url)
            header = self._header(target, started_at)
            self.journal.append("run.started", header, durable=True)
            within = resend_within(target.kind)
            rules = self.plan.rules
            run = Run(self.plan.runbook, self.run_id, started_at, rules, resend_within=within)
            driver = LiveDriver(
                open_gateway(
                    target,
                    credentials,
                    timeouts=self.plan.timeouts,
                    clock=clock,
                    tap=recorder.tap,
                    signals=signals,
                ),
                clock,
                recorder,
                signals,
                observer=observer,
                locks=locks_of(target, self.run_id, started_at),
                people=People.of(
                    run, self.ledger, clock, signals, observer, redactor=redactor, yes=self.plan.yes
                ),
                updates=open_updates(target, credentials, clock, self.plan.stream),
                history=history_of(target, self.plan.audit_dir, self.run_id),
                switch=switch_of(self.plan.audit_dir, self.plan.runbook, signals),
                admission=self.plan.admission,
            )
            stack.callback(driver.close)
            try:
                with signals.leaving():
                    result = driver.drive(carry_out(run))
            except LeaveNow:
                recorder.untold(clock.now())
                result = left(run, driver.unanswered)
            return close(result, recorder, self.journal, self.ledger)

    @contextmanager
    def _exchange(self) -> Iterator[Served | None]:
        inside = self.plan.inside
        if inside is None:
            yield self.plan.behind
            return
        # Imported here: a run on a real broker does not need the exchange.
        from runner.sim import Exchange, VirtualClock, serve  # noqa: PLC0415

        scenario = inside.scenario
        with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
            yield served

    def _header(self, target: Target, started_at: datetime) -> dict[str, Any]:
        plan = self.plan
        source = plan.runbook.source
        header: dict[str, Any] = {
            "runbook": {
                "name": plan.runbook.name,
                "file": source.name,
                "text": source.text,
                "sha256": source.sha256,
            },
            "params": {name: as_given(one) for name, one in plan.runbook.params.items()},
            "limits": limits_as_data(plan.runbook.limits),
            "policy": {
                "file": Path(plan.policy.file).name,
                "sha256": plan.policy.sha256,
                "rules": plan.rules.to_data(),
            },
            "target": described(target),
            "engine": engine(),
            "started_at": instant(started_at),
        }
        if plan.approval is not None:
            one = plan.approval
            header["plan"] = {"sha256": one.digest, "approved_by": one.by, "approved_how": one.how}
        if plan.inside is not None:
            header["scenario"] = plan.inside.kept
        return header


def begin(plan: Plan) -> Session:
    """Open the log of a new run. Raises `AuditError` when that cannot be done: nothing was sent."""
    name = run_id(datetime.now(UTC), os.urandom(RANDOM_BYTES))
    ledger = Ledger(plan.audit_dir, wall=time.time_ns)
    journal = Journal.create(plan.audit_dir, name, wall=time.time_ns)
    try:
        ledger.opened(journal)
    except AuditError:
        journal.close()
        raise
    return Session(plan, name, journal, ledger)


def refuse(audit_dir: Path, exit_code: int, reason: str, details: Mapping[str, str]) -> None:
    """Put a run that was refused before it had a log on record; never fails the refusal itself."""
    try:
        data = {"exit_code": exit_code, "reason": reason, **details}
        beside = Path(details.get("file", "")).parent
        Ledger(audit_dir, wall=time.time_ns).append("refused", known_here(beside).data(data))
    except AuditError as error:
        sys.stderr.write(f"The refusal could not be put on record: {error}\n")
