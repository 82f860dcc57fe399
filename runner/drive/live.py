"""The live driver: performs the machine's effects against a broker and records all of it.

Order of operations for one effect:

1. A signal or a halt that arrived is told first, and the effect is not performed.
2. The intent goes into the log; for a write it is on disk. Without it no order that opens risk is
   sent.
3. The effect is performed. Right before an order's bytes leave the kill switch is looked at once
   more.
4. Keys and account numbers are taken out of the answer. Whether the account may be traded is
   looked at before that.
5. The outcome goes into the log, and only then to the machine: what the machine knew is always a
   prefix of the log.
"""

from __future__ import annotations

from contextlib import ExitStack

from runner.audit.errors import HistoryUnknown
from runner.audit.history import History
from runner.broker.gateway import Gateway
from runner.drive.admission import ANY, Admission
from runner.drive.clock import Clock
from runner.drive.halt import KillSwitch
from runner.drive.locks import Locks
from runner.drive.observer import Observer
from runner.drive.people import People
from runner.drive.polling import NoUpdates, Polling, Updates
from runner.drive.recorder import Recorder
from runner.drive.secrecy import answer_without_secrets
from runner.drive.signals import Signals
from runner.effects import (
    Answer,
    AskPerson,
    AwaitChange,
    Bind,
    Command,
    Effect,
    Event,
    Notify,
    Outcome,
    Problem,
    ReadAccount,
    ReadHistory,
    Reason,
    Replace,
    Sleep,
    Status,
    Submit,
    Suspend,
)
from runner.machine import Result, Say, Steps

LOG_BROKEN = "the log, which cannot be written any more"


class LiveDriver:
    """Drives one machine to its end. `locks` are freed by `close`.

    `history` is None where no other run shares the account; `account_id` is that of a run which is
    bound already.
    """

    def __init__(
        self,
        gateway: Gateway,
        clock: Clock,
        recorder: Recorder,
        signals: Signals,
        *,
        observer: Observer,
        locks: Locks,
        people: People | None = None,
        updates: Updates | None = None,
        history: History | None = None,
        account_id: str = "",
        switch: KillSwitch | None = None,
        admission: Admission = ANY,
    ) -> None:
        self._gateway = gateway
        self._switch = switch
        self._clock = clock
        self._recorder = recorder
        self._signals = signals
        self._observer = observer
        self._locks = locks
        self._people = people
        self._history = history
        self._account_id = account_id
        self._updates = updates or NoUpdates()
        self._admission = admission
        self._polling = Polling(
            self._ask,
            gateway.spacing,
            self._updates,
            clock=clock,
            recorder=recorder,
            signals=signals,
            observer=observer,
        )
        self._held = ExitStack()
        self.unanswered: Effect | None = None  # begun, and the machine does not know its outcome

    def close(self) -> None:
        """Free the locks and the connections."""
        self._updates.stop()
        self._held.close()
        self._gateway.close()

    def drive(self, machine: Steps[Result]) -> Result:
        """Perform what the machine asks for until it returns."""
        answer: Outcome | None = None
        try:
            while True:
                answer = self.tell(machine.send(answer))
        except StopIteration as end:
            result: Result = end.value
            return result

    def tell(self, said: Say) -> Outcome | None:
        """Record what the machine says; perform it and give the outcome if it is a command."""
        self.unanswered = None
        if isinstance(said, Event):
            self._recorder.event(said)
            self._observer.event(said, self._clock.now())
            return None
        return self._answer(said)

    def perform(self, command: Command, n: int) -> Answer:
        """Perform an effect, which is number `n` of the run; nothing of it goes on record."""
        return self._perform(command, n)

    def lock(self, account_id: str, symbols: tuple[str, ...]) -> str:
        """Take the locks of a run that is bound already; returns why not, or nothing."""
        return self._locks.take(self._held, account_id, symbols)

    def _answer(self, command: Command) -> Outcome:
        effect = command.effect
        if self._recorder.broken:
            self._signals.raise_flag(LOG_BROKEN)
        name = self._signals.take()
        if name is not None:
            at = self._clock.now()
            self._recorder.signal(name, at, before=effect)
            return Outcome(at, Status.NOT_PERFORMED, interrupt=name)
        self._observer.command(command, self._clock.now())
        self.unanswered = effect
        n = self._recorder.intent(command)
        if isinstance(effect, Suspend):
            return Outcome(self._clock.now(), Status.OK)
        answer = self._perform(command, n)
        name = self._signals.take()
        outcome = Outcome(
            self._clock.now(), answer.status, answer.data, answer.problem, interrupt=name
        )
        if name is not None:
            self._recorder.signal(name, outcome.at)
        self._recorder.outcome(command, outcome)
        self._observer.outcome(command, outcome)
        return outcome

    def _perform(self, command: Command, n: int) -> Answer:
        match command.effect:
            case AwaitChange() as effect:
                return self._polling.until_changed(command, effect, n)
            case Sleep(until):
                self._clock.sleep_until(until)
                return Answer(Status.OK)
            case Bind() as effect:
                return self._bind(effect, n)
            case AskPerson() as effect if self._people is not None:
                return self._people.ask(command, effect)
            case Notify() as effect if self._people is not None:
                return self._people.tell(effect)
            case Submit(opens=True) | Replace(opens=True) if self._recorder.broken:
                return _not_sent(self._recorder.broken)
            case effect if self._switch and (stopped := self._switch.refuses(effect)):
                return Answer(Status.REFUSED, problem=stopped)
        return self._ask(command.effect, n)

    def _ask(self, effect: Effect, n: int) -> Answer:
        """Perform an effect; what is told of it is what may be recorded."""
        return answer_without_secrets(self._hear(effect, n), self._recorder.redactor)

    def _hear(self, effect: Effect, n: int) -> Answer:
        """Have the gateway perform an effect. A defect of ours in it leaves a write's fate open; it
        must not leave orders behind without a safe stop."""
        try:
            if isinstance(effect, ReadHistory):
                return self._read_history()
            return self._gateway.perform(effect, n)
        except Exception as error:  # noqa: BLE001 - orders may be live
            status = Status.UNKNOWN if effect.writes else Status.UNAVAILABLE
            words = f"internal error: {type(error).__name__}: {error}"
            return Answer(status, problem=Problem(Reason.OTHER, words))

    def _read_history(self) -> Answer:
        if self._history is None:
            return Answer(Status.OK, {"orders": []})
        try:
            orders = self._history.orders(self._account_id, self._clock.now())
        except HistoryUnknown as error:
            return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, str(error)))
        return Answer(Status.OK, {"orders": orders})

    def _bind(self, effect: Bind, n: int) -> Answer:
        heard = self._hear(ReadAccount(), n)
        answer = answer_without_secrets(heard, self._recorder.redactor)
        if answer.status is not Status.OK:
            return answer
        account_id = answer.data.get("id")
        if not isinstance(account_id, str) or not account_id:
            words = "the broker does not say which account it is"
            return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, words))
        self._account_id = account_id
        why_not = self._admission.refuses(heard.data)
        if why_not:
            return Answer(Status.REFUSED, problem=Problem(Reason.NOT_ADMITTED, why_not))
        if not effect.opens:
            return answer
        held = self._locks.take(self._held, account_id, effect.symbols)
        if held:
            return Answer(Status.REFUSED, problem=Problem(Reason.LOCKED, held))
        self._updates.start()  # it is to be there before the first order
        return answer


def _not_sent(why: str) -> Answer:
    return Answer(
        Status.REFUSED,
        problem=Problem(Reason.NOT_SENT, f"an order that opens risk is not sent unrecorded: {why}"),
    )
