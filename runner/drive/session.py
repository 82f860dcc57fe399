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
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.audit.errors import AuditError
from runner.audit.ids import RANDOM_BYTES, run_id
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.redact import Redactor
from runner.broker.credentials import Credentials
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
from runner.drive.clock import Clock, ExchangeClock, WallClock
from runner.drive.connecting import described, engine, locks_of, open_gateway, open_updates
from runner.drive.ending import close, left
from runner.drive.live import LiveDriver
from runner.drive.observer import Observer
from runner.drive.people import People
from runner.drive.recorder import Recorder
from runner.drive.signals import LeaveNow, Signals
from runner.drive.timing import resend_within
from runner.effects import instant
from runner.language.declare import declared_fields
from runner.language.runbook import Runbook
from runner.language.values import as_given, written
from runner.machine import Result, Run, carry_out

if TYPE_CHECKING:
    from runner.sim import Scenario, Served


@dataclass(frozen=True, slots=True)
class Inside:
    """What the exchange inside this process starts with, and the text and file it was read from."""

    scenario: Scenario
    text: str = ""
    file: str = ""


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
            clock: Clock = ExchangeClock(served, signals) if served else WallClock(signals)
            credentials = self.plan.credentials
            redactor = Redactor([credentials.key_id, credentials.secret])
            recorder = Recorder(self.journal, redactor, signals)
            started_at = clock.now()
            target = self.plan.target
            if served is not None and target.kind == "sim":
                target = target.with_base(served.url)
            self.journal.append("run.started", self._header(target, started_at), durable=True)
            within = resend_within(target.kind)
            run = Run(self.plan.runbook, self.run_id, started_at, resend_within=within)
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
                "sha256": sha256(source.text.encode()).hexdigest(),
            },
            "params": {name: as_given(one) for name, one in plan.runbook.params.items()},
            "limits": _limits(plan.runbook),
            "target": described(target),
            "engine": engine(),
            "started_at": instant(started_at),
        }
        if plan.inside is not None:
            seed = str(plan.inside.scenario.seed)
            kept = {"text": plan.inside.text, "seed": seed, "file": plan.inside.file}
            header["scenario"] = {
                key: value for key, value in kept.items() if value or key != "file"
            }
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
        Ledger(audit_dir, wall=time.time_ns).append("refused", data)
    except AuditError as error:
        sys.stderr.write(f"The refusal could not be put on record: {error}\n")


def _limits(runbook: Runbook) -> dict[str, str]:
    names = declared_fields(type(runbook.limits))
    values = {name: getattr(runbook.limits, name) for name in names}
    return {name: written(value) for name, value in values.items() if value is not None}
