"""The live driver: performs the machine's effects against a broker and records all of it.

Order of operations for one effect:

1. A signal that arrived is told first, and the effect is not performed.
2. The intent goes into the log; for a write it is on disk. Without it no order that opens risk is
   sent.
3. The effect is performed.
4. The outcome goes into the log, and only then to the machine: what the machine knew is always a
   prefix of the log.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

from runner.broker.gateway import Gateway
from runner.drive.clock import Clock
from runner.drive.locks import Locks
from runner.drive.observer import Observer
from runner.drive.recorder import Recorder
from runner.drive.signals import Signals
from runner.effects import (
    Answer,
    AwaitChange,
    Bind,
    Command,
    Effect,
    Event,
    Json,
    Outcome,
    Problem,
    ReadAccount,
    ReadOrder,
    Reason,
    Replace,
    Sleep,
    Status,
    Submit,
    Suspend,
)
from runner.machine import Result, Steps
from runner.world import fingerprint

QUICK = timedelta(milliseconds=200)
STEADY = timedelta(seconds=1)
SLOW = timedelta(seconds=3)
LOG_BROKEN = "the log, which cannot be written any more"


def pause_after(waited: timedelta) -> timedelta:
    """How long to wait before an order is read again: most fills come at once, others late.

    Keeps one awaited order far below the broker's 200 requests a minute (facts page 2.3).
    """
    if waited < timedelta(seconds=5):
        return QUICK
    return STEADY if waited < timedelta(minutes=1) else SLOW


class LiveDriver:
    """Drives one machine to its end. `locks` are freed by `close`."""

    def __init__(
        self,
        gateway: Gateway,
        clock: Clock,
        recorder: Recorder,
        signals: Signals,
        *,
        observer: Observer,
        locks: Locks,
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._recorder = recorder
        self._signals = signals
        self._observer = observer
        self._locks = locks
        self._held = ExitStack()
        self.unanswered: Effect | None = None  # begun, and the machine does not know its outcome

    def close(self) -> None:
        """Free the locks and the connections."""
        self._held.close()
        self._gateway.close()

    def drive(self, machine: Steps[Result]) -> Result:
        """Perform what the machine asks for until it returns."""
        answer: Outcome | None = None
        try:
            while True:
                said = machine.send(answer)
                self.unanswered = None
                if isinstance(said, Event):
                    self._recorder.event(said)
                    self._observer.event(said, self._clock.now())
                    answer = None
                else:
                    answer = self._answer(said)
        except StopIteration as end:
            result: Result = end.value
            return result

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
                return self._await_change(command, effect, n)
            case Sleep(until):
                self._clock.sleep_until(until)
                return Answer(Status.OK)
            case Bind() as effect:
                return self._bind(effect, n)
            case Submit(opens=True) | Replace() if self._recorder.broken:
                return _not_sent(self._recorder.broken)
        return self._ask(command.effect, n)

    def _ask(self, effect: Effect, n: int) -> Answer:
        """Have the gateway perform an effect. A defect of ours in it leaves a write's fate open; it
        must not leave orders behind without a safe stop."""
        try:
            return self._gateway.perform(effect, n)
        except Exception as error:  # noqa: BLE001 - orders may be live
            status = Status.UNKNOWN if effect.writes else Status.UNAVAILABLE
            words = f"internal error: {type(error).__name__}: {error}"
            return Answer(status, problem=Problem(Reason.OTHER, words))

    def _bind(self, effect: Bind, n: int) -> Answer:
        answer = self._ask(ReadAccount(), n)
        if answer.status is not Status.OK or not effect.opens:
            return answer
        held = self._locks.take(self._held, str(answer.data.get("id", "")), effect.symbols)
        if held:
            return Answer(Status.REFUSED, problem=Problem(Reason.LOCKED, held))
        return answer

    def _await_change(self, command: Command, effect: AwaitChange, n: int) -> Answer:
        began, polls = self._clock.now(), 0
        while True:
            self._recorder.hold()
            seen, failed = self._read_orders(effect.orders, n)
            polls += 1
            now = self._clock.now()
            changed = failed is not None or any(
                _differs(data, effect.known.get(order_id)) for order_id, data in seen.items()
            )
            over = changed or now >= effect.until or self._signals.pending
            self._recorder.release(record=over)
            if failed is not None:
                return failed
            if over:
                return Answer(Status.OK, {"orders": dict(seen), "polls": polls})
            self._observer.polled(command, polls, now)
            self._clock.wait_for_change(self._pause(effect, now - began), effect.until)

    def _pause(self, effect: AwaitChange, waited: timedelta) -> timedelta:
        if effect.poll is not None:
            return timedelta(milliseconds=int(effect.poll * 1000))
        return pause_after(waited) * len(effect.orders)

    def _read_orders(
        self, order_ids: tuple[str, ...], n: int
    ) -> tuple[dict[str, Json], Answer | None]:
        seen: dict[str, Json] = {}
        for order_id in order_ids:
            answer = self._ask(ReadOrder(order_id), n)
            if answer.status is not Status.OK:
                problem = answer.problem or Problem(Reason.NOT_FOUND, f"no order {order_id}")
                return seen, Answer(Status.UNAVAILABLE, problem=problem)
            seen[order_id] = dict(answer.data)
        return seen, None


def _differs(data: Json, known: str | None) -> bool:
    return not isinstance(data, dict) or fingerprint(data) != known


def _not_sent(why: str) -> Answer:
    return Answer(
        Status.REFUSED,
        problem=Problem(Reason.NOT_SENT, f"an order that opens risk is not sent unrecorded: {why}"),
    )
