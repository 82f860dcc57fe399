"""Resuming a run from its log: verify, lock, replay the prefix, settle, go on or stop safely.

Order of operations, and what a failure at each point means:

1. The log is verified, and read whole. A failure here: nothing was written or sent.
2. The ledger says that a resume takes the log up; the log is reopened, which locks it.
3. `run.resumed` is on disk. The account must be the run's own, and its locks free.
4. The machine is taken through its log, then on live.
5. As every run ends: `run.finished`, and the ledger closes the log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.audit.commitment import commitment_in
from runner.audit.errors import AuditError, LogBusy
from runner.audit.journal import Journal
from runner.audit.ledger import Ledger
from runner.audit.lock import state_directory
from runner.audit.log import Log, read_log
from runner.audit.records import Record
from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import Target
from runner.broker.wire import Timeouts
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
from runner.drive.locks import Locks
from runner.drive.observer import Observer
from runner.drive.people import People
from runner.drive.rebuilding import NotRebuilt, Rebuilding, scenario_of
from runner.drive.recorded import Diverged, Tape, Untellable
from runner.drive.recorder import Recorder
from runner.drive.replaying import fresh_run
from runner.drive.resumed import Redo, ResumedDriver
from runner.drive.secrecy import redactor_of, said_in
from runner.drive.signals import LeaveNow, Signals
from runner.drive.stopping import run_without_steps
from runner.drive.unfinished import (
    NotResumed,
    Unfinished,
    last_heartbeat,
    last_moment,
    untold_signal,
)
from runner.effects import Command, Outcome, Problem, ReadAccount, Reason, Status
from runner.machine import Result, Run, carry_out, stop_only

if TYPE_CHECKING:
    from runner.sim import Served

WRITES = ("submit", "replace")
"""Effects of which nobody can tell, after a crash, whether they arrived."""


@dataclass(slots=True)
class Resumption:
    """A run that was taken up: its log is open again, and it can be brought to its end once.

    `behind` is an exchange in this process that the target's URL leads to, and `yes` answers every
    question of the runbook, `stream` listens to trade updates, as in `session.Plan`. `tightened`
    says what today's policy forbids that the run's own rules allow: its steps do not go on then.
    """

    unfinished: Unfinished
    target: Target
    credentials: Credentials
    journal: Journal
    ledger: Ledger
    timeouts: Timeouts = field(default_factory=Timeouts)
    behind: Served | None = None
    yes: bool = False
    stream: bool | None = None
    tightened: str = ""

    def carry_out(self, observer: Observer, signals: Signals, *, go_on: bool) -> Result:
        """Settle the run and carry it to its end. `go_on`: its steps go on in any case.

        Raises `NotResumed` when it cannot be taken up; `AuditError` when the log cannot be written.
        """
        log = self.unfinished.log
        run = fresh_run(log)
        mode = "continue" if go_on else "settle"
        with self._opened(mode, observer, signals, run) as at:
            redo = self._redo(at) if at.target.kind == "sim" else None
            driver = ResumedDriver(
                Tape(log.records),
                at.live,
                at.clock,
                at.recorder,
                observer,
                go_on=go_on,
                stop="" if go_on else self.tightened or _why_to_stop(log.records, at.clock),
                redo=redo,
                alive_until=last_heartbeat(log.records),
            )
            try:
                result = driver.drive(carry_out(run), signals)
            except LeaveNow:
                at.recorder.untold(at.clock.now())
                result = left(run, driver.unanswered)
            except NotRebuilt as error:
                raise NotResumed(10, f"{error}. Nothing was sent.") from None
            except Diverged as parted:
                raise NotResumed(10, _diverged(parted, log)) from None
            except Untellable as error:
                words = f"record {error.seq} of {log.path} cannot be believed: {error}"
                raise NotResumed(9, f"{words}. Nothing was sent.") from None
            return close(result, at.recorder, self.journal, self.ledger)

    def stop(self, observer: Observer, signals: Signals) -> Result:
        """Cancel this run's orders without the machine. Raises as `carry_out` does."""
        records = self.unfinished.log.records
        with self._opened("stop", observer, signals) as at:
            _answer_open_effect(records, at)
            # The exchange inside has died, and every order with it.
            known = records[:1] if at.target.kind == "sim" else records
            run = run_without_steps(known, at.clock.now())
            try:
                with signals.leaving():
                    result = at.live.drive(stop_only(run))
            except LeaveNow:
                result = left(run, at.live.unanswered)
            return close(result, at.recorder, self.journal, self.ledger)

    @contextmanager
    def _opened(
        self, mode: str, observer: Observer, signals: Signals, run: Run | None = None
    ) -> Iterator[_Opened]:
        """Everything that a run is driven with, after `run.resumed` is on disk."""
        signals.announce(observer.signal)
        with ExitStack() as stack:
            stack.callback(self.journal.close)
            served = stack.enter_context(self._exchange(mode))
            target = self.target
            if served is not None and target.kind == "sim":
                target = target.with_base(served.url)
            header = self.unfinished.log.header
            redactor = redactor_of(
                self.credentials, said_in(header), number=commitment_in(state_directory())
            )
            n = _last_number(self.unfinished.log.records)
            recorder = Recorder(self.journal, redactor, signals, n=n)
            last = last_moment(self.unfinished.log.records)
            clock: Clock = (
                ExchangeClock(served, signals) if served
                else WallClock(signals, not_before=last, alive=recorder.alive)
            )  # fmt: skip
            turn = {"target": described(target), "engine": engine(), "mode": mode}
            self.journal.append("run.resumed", turn, durable=True)
            gateway = open_gateway(
                target,
                self.credentials,
                timeouts=self.timeouts,
                clock=clock,
                tap=recorder.tap,
                signals=signals,
            )
            locks = locks_of(target, self.unfinished.run_id, clock.now())
            at = _Opened(target, clock, recorder, locks, stack)
            people = None
            if run is not None:
                people = People.of(
                    run, self.ledger, clock, signals, observer, redactor=redactor, yes=self.yes
                )
            at.live = LiveDriver(
                gateway, clock, recorder, signals, observer=observer, locks=locks, people=people,
                updates=open_updates(target, self.credentials, clock, self.stream),
                history=history_of(target, self.unfinished.audit_dir, self.unfinished.run_id),
                account_id=self.unfinished.account_id,
                switch=switch_of(self.unfinished.audit_dir, run.runbook if run else None, signals),
            )  # fmt: skip
            stack.callback(at.live.close)
            if target.kind != "sim":
                self._must_be_ours(gateway, at.live, lock=mode != "stop")
            yield at

    def _redo(self, at: _Opened) -> Redo:
        again = open_gateway(
            at.target,
            self.credentials,
            timeouts=self.timeouts,
            clock=at.clock,
            tap=lambda n, wire: None,
            signals=Signals(),
        )
        rebuilding = Rebuilding(again, at.clock, at.locks)
        at.stack.callback(rebuilding.close)
        return rebuilding.redo

    @contextmanager
    def _exchange(self, mode: str) -> Iterator[Served | None]:
        if self.target.kind != "sim":
            yield self.behind
            return
        from runner.sim import (  # noqa: PLC0415
            Exchange,
            ScenarioError,
            VirtualClock,
            default_scenario,
            serve,
        )

        try:
            header = self.unfinished.log.header
            scenario = default_scenario() if mode == "stop" else scenario_of(header)
        except (NotRebuilt, ScenarioError) as error:
            raise NotResumed(10, f"{error}. Nothing was sent.") from None
        with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
            yield served

    def _must_be_ours(self, gateway: Gateway, live: LiveDriver, *, lock: bool) -> None:
        """The account must be the one that the run was bound to, and nobody else may trade it."""
        account_id = self.unfinished.account_id
        if not account_id:
            return  # it died before it was bound: nothing was sent
        answer = gateway.perform(ReadAccount(), 0)
        if answer.status is not Status.OK:
            why = answer.problem.message if answer.problem else "it gave no reason"
            raise NotResumed(
                7, f"The broker could not be asked: {why}. Nothing was sent; resume again later."
            )
        if answer.data.get("id") != account_id:
            raise NotResumed(
                7,
                "These credentials are of another account than the run's. Nothing was sent; resume "
                "it with the credentials that it ran with.",
            )
        symbols, opens = self.unfinished.binding
        held = live.lock(account_id, symbols) if opens and lock else ""
        if held:
            raise NotResumed(4, f"{held} Nothing was sent.")


@dataclass(slots=True)
class _Opened:
    """What one resumption is driven with, while it lasts."""

    target: Target
    clock: Clock
    recorder: Recorder
    locks: Locks
    stack: ExitStack
    live: LiveDriver = field(init=False)


def take_up(
    unfinished: Unfinished,
    target: Target,
    credentials: Credentials,
    *,
    timeouts: Timeouts | None = None,
    behind: Served | None = None,
    yes: bool = False,
    stream: bool | None = None,
    tightened: str = "",
) -> Resumption:
    """Open the log of a run again, for the only process that may write it.

    Raises `NotResumed`: 4 when another process holds the run or has just ended it, 9 when the log
    cannot be written.
    """
    path = unfinished.log.path
    ledger = Ledger(unfinished.audit_dir, wall=time.time_ns)
    journal = reopened(path, unfinished.run_id, ledger)
    # Another process may have written more before the log was ours.
    log = read_log(path)
    if log.records[-1].type == "run.finished":
        journal.close()
        raise NotResumed(4, f"Run {unfinished.run_id} has just ended. Nothing was sent.")
    return Resumption(
        replace(unfinished, log=log),
        target,
        credentials,
        journal,
        ledger,
        timeouts=timeouts or Timeouts(),
        behind=behind,
        yes=yes,
        stream=stream,
        tightened=tightened,
    )


def reopened(path: Path, run_id: str, ledger: Ledger) -> Journal:
    """The log, locked and ready for more records. Raises `NotResumed`."""
    try:
        ledger.resumed(path, run_id)
        return Journal.reopen(path, wall=time.time_ns)
    except LogBusy:
        raise NotResumed(
            4, f"Run {run_id} is still being carried out by another process. Nothing was sent."
        ) from None
    except AuditError as error:
        raise NotResumed(9, f"{error} Nothing was sent.") from None


def _why_to_stop(records: Sequence[Record], clock: Clock) -> str:
    """What interrupts the steps of a resumed run at once; empty when nothing does."""
    told_late = untold_signal(records)
    if told_late:
        return told_late
    set_back = isinstance(clock, WallClock) and clock.set_back
    return "a clock that was set back: how long ago the run died cannot be told" if set_back else ""


def _last_number(records: Sequence[Record]) -> int:
    numbers = [record.data["n"] for record in records if record.type == "effect.intent"]
    return int(numbers[-1]) if numbers else 0


def _answer_open_effect(records: Sequence[Record], at: _Opened) -> None:
    """Give the last intent an outcome on record, where it has none: nobody will ask for it."""
    last = [one for one in records if one.type in ("effect.intent", "effect.outcome")][-1:]
    if not last or last[0].type == "effect.outcome":
        return
    lost = last[0].data["effect"]["effect"] in WRITES
    crash = Problem(Reason.CRASH, "the process died before an answer was recorded")
    status = Status.UNKNOWN if lost else Status.NOT_PERFORMED
    outcome = Outcome(at.clock.now(), status, problem=crash, resumed=True)
    at.recorder.outcome(Command(last[0].step or "", ReadAccount()), outcome)


def _diverged(parted: Diverged, log: Log) -> str:
    where = parted.divergence.step or "the run"
    return (
        f"This version would not have done what the log says, at record {parted.divergence.seq} "
        f"({where}): it cannot go on from there. Nothing was sent. `runbook resume --stop "
        f"{log.path}` cancels this run's orders without it."
    )
