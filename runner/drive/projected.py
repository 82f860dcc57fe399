"""The projected driver: performs a machine's readings, and assumes everything else.

1. Readings go to the target, each distinct one once; what the plan has changed is read from the
   overlay.
2. Writes go to the overlay, which takes or refuses them as the broker would. Nothing is sent.
3. Time does not pass by itself: what waits, jumps. A wait for orders assumes that they fill whole,
   a wait for a condition that it comes true, a question that it is approved.
4. Whatever is assumed, or cannot be told, is a choice. A line of choices is made again by a fresh
   machine over the same readings, with one of them made otherwise (`runner.drive.branches`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from runner.drive.line import LineRecorder
from runner.drive.looking import Looking, ProjectedTime
from runner.drive.overlay import Overlay
from runner.drive.projection import CONDITION, FILL, Assumption, Line, Note
from runner.drive.readings import Readings
from runner.drive.wording import fill_words, order_words, unfilled_words
from runner.effects import (
    Answer,
    AskPerson,
    AwaitChange,
    Bind,
    Cancel,
    Choose,
    Command,
    Event,
    Notify,
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
from runner.language.kinds import read_duration
from runner.language.runbook import Poll
from runner.language.values import Certainty
from runner.machine import Result, Run, Say, Steps
from runner.machine.decisions import UNTIL
from runner.world import fingerprint, moment

LOOSE = frozenset({"read_account", "read_position", "read_positions", "read_order", "read_quote",
                   "read_trade", "await_change", "ask_person"})  # fmt: skip
"""Effects whose answer may be another one when the plan is carried out."""

FOR_FILLS = frozenset({"await_fill", "close_all"})
"""Actions that wait for fills. Others wait for what the broker does by itself."""

OF_ORDERS = frozenset({"check_order", "check_position", "list_orders"})
"""Reading actions whose answer changes when an own order fills."""

PATIENT_SLEEPS = 8
"""Sleeps of one step after which each lets twice as much time pass as the one before."""


class ProjectedDriver:
    """Drives one machine along one line of choices. `choices` are made as given, then as likely.

    `broker_at` is the broker's time at the run's begin.
    """

    def __init__(
        self, readings: Readings, run: Run, broker_at: datetime, choices: Sequence[bool] = ()
    ) -> None:
        self._readings = readings
        self._run = run
        self.time = ProjectedTime(run.at, broker_at)
        self._choices = choices
        self.assumed: list[Assumption] = []
        self.notes: list[Note] = []
        self.overlay = Overlay(readings, broker_at)
        self._looking = Looking(readings, self.overlay, self.time)
        self._lines = LineRecorder(run, readings, self.overlay)
        self._decided: dict[tuple[str, str], bool] = {}  # of a step and an order, or a condition
        self._sleeps: dict[str, int] = {}
        self._verdict = False  # of the last decision

    def drive(self, machine: Steps[Result], name: str, parent: str, parted: int | None) -> Line:
        """Carry a line to its end. `parted` is the number of the choice that made it a branch."""
        self._lines.begin()
        answer: Outcome | None = None
        try:
            while True:
                answer = self._tell(machine.send(answer))
        except StopIteration as end:
            self._lines.settle()
            return self._lines.line(
                name,
                parent,
                self.assumed[parted] if parted is not None else None,
                tuple(self.assumed),
                end.value,
                self.time.broker_now,
            )

    def _tell(self, said: Say) -> Outcome | None:
        if isinstance(said, Event):
            if said.type == "decision":
                self._verdict = said.data.get("verdict") == "true"
            self._lines.event(said)
            return None
        self._lines.command(said)
        answer = self._perform(said)
        certainty = Certainty.ESTIMATED if said.effect.name in LOOSE else Certainty.READ
        self._lines.answered(said, answer)
        return Outcome(
            self.time.now, answer.status, answer.data, answer.problem, certainty=certainty
        )

    def _perform(self, command: Command) -> Answer:
        """The answer to an effect. A defect of ours ends no plan without a word."""
        try:
            answer = self._answer(command)
            self.overlay.advance(self.time.broker_now)
        except Exception as error:  # noqa: BLE001 - the plan says so
            words = f"internal error: {type(error).__name__}: {error}"
            self._note("PL015", f"{command.effect.name} could not be projected: {words}")
            status = Status.REFUSED if command.effect.writes else Status.UNAVAILABLE
            return Answer(status, problem=Problem(Reason.OTHER, words))
        return answer

    def _answer(self, command: Command) -> Answer:
        match command.effect:
            case Bind():
                return self._bind()
            case Submit() | Replace() | Cancel() as effect:
                return self._write(command, effect)
            case AwaitChange() as effect:
                return self._await(command, effect)
            case Sleep(until):
                self._sleep(command, until)
                return Answer(Status.OK)
            case Choose(about, expression):
                return Answer(Status.OK, {"verdict": self._condition(command, about, expression)})
            case AskPerson(question):
                self._note("PL005", f"a person is asked, and is assumed to approve: {question}")
                return Answer(Status.OK, {"approved": True, "by": "assumed", "why": "assumed"})
            case Notify():
                self._note("PL013", "the message is not sent by a plan")
                return Answer(Status.OK, {"delivered": True, "to": "nobody", "why": "assumed"})
            case Suspend():
                return Answer(Status.OK)
        return self._looking.read(command.effect)

    # ------------------------------------------------------------------ readings

    def _bind(self) -> Answer:
        answer = self._readings.ask(ReadAccount())
        if answer.status is Status.OK and not answer.data.get("id"):
            words = "the broker does not say which account it is"
            return Answer(Status.UNAVAILABLE, problem=Problem(Reason.UNREADABLE, words))
        return answer

    # ------------------------------------------------------------------ writes

    def _write(self, command: Command, effect: Submit | Replace | Cancel) -> Answer:
        answer = self.overlay.write(effect)
        if answer.status is Status.REFUSED and answer.problem is not None:
            code = "PL009" if answer.problem.reason is Reason.NOT_SENT else "PL012"
            self._note(code, answer.problem.message)
        return answer

    # ------------------------------------------------------------------ waiting

    def _sleep(self, command: Command, until: datetime) -> None:
        """Jump to a moment; a step that looks again and again looks less and less often."""
        count = self._sleeps[command.step] = self._sleeps.get(command.step, 0) + 1
        pause = until - self.time.now
        if count > PATIENT_SLEEPS and pause > timedelta(0):
            longer = self.time.now + pause * 2 ** min(count - PATIENT_SLEEPS, 20)
            until = max(until, min(longer, self._latest()))
        self.time.now = max(self.time.now, until)

    def _latest(self) -> datetime:
        """How far a patient step may jump: its own end, the run's, the next bell."""
        ends = [self._run.step_deadline, self._run.deadline, self._give_up()]
        clock = self._looking.clock().data
        for name in ("next_open", "next_close"):
            bell = moment(clock.get(name))
            ends.append(None if bell is None else self.time.now + (bell - self.time.broker_now))
        known = [end for end in ends if end is not None and end > self.time.now]
        return min(known, default=self.time.now)

    def _give_up(self) -> datetime | None:
        """When a polling `wait` gives up, where it says so."""
        began = self._lines.began(self._run.path)
        shown = self._lines.argument(self._run.path, "give_up_after")
        return began + read_duration(str(shown)) if began is not None and shown else None

    def _await(self, command: Command, effect: AwaitChange) -> Answer:
        """The orders once one of them has changed: by itself, or because it is assumed to fill."""
        while True:
            seen: dict[str, Any] = {}
            for order_id in effect.orders:
                answer = self.overlay.read(ReadOrder(order_id))
                if answer.status is not Status.OK:
                    self.time.now = effect.until
                    return Answer(Status.UNAVAILABLE, problem=answer.problem)
                seen[order_id] = dict(answer.data)
            changed = any(
                fingerprint(data) != effect.known.get(order_id) for order_id, data in seen.items()
            )
            if changed or self.time.now >= effect.until:
                return Answer(Status.OK, {"orders": seen, "polls": 1})
            self._assume(command, effect)
            limit = self.time.broker(effect.until)
            due = self.overlay.next_change(limit)
            self.time.now = self.time.run(limit if due is None else max(due, self.time.broker_now))
            self.overlay.advance(self.time.broker_now)

    def _assume(self, command: Command, effect: AwaitChange) -> None:
        """Choose of each order that may fill in time, once a step, whether it does."""
        if self._run.step is not None and self._run.step.action.name in FOR_FILLS and command.step:
            self._choose_fills(command.step, effect.orders, self.time.broker(effect.until))

    def _choose_fills(self, step: str, order_ids: Sequence[str], limit: datetime) -> bool | None:
        """Whether orders fill until a moment; None when there is nothing to choose."""
        candidates: dict[str, datetime] = {}
        for order_id in order_ids:
            order, at = self.overlay.order(order_id), self.overlay.fills_at(order_id)
            if order is None or at is None:
                continue
            key = (step, self.overlay.group_of(order))
            if key in self._decided:
                continue  # of the exits of one group one fills
            in_time = at < limit or (at == limit and order.ticket.time_in_force == "cls")
            self._decided[key] = in_time
            if in_time:
                candidates[order_id] = at
            else:
                words = f"{order_words(order)} cannot trade before the wait for it is over"
                self._note("PL003", words)
        if not candidates:
            return None
        orders = [one for one in map(self.overlay.order, candidates) if one is not None]
        likely = all(
            order.ticket.time_in_force not in ("ioc", "fok") or self.overlay.at_the_market(order.id)
            for order in orders
        )
        fills = self._choose(
            step,
            FILL,
            ", ".join(map(order_words, orders)),
            fill_words(orders, self.overlay),
            unfilled_words(orders, limit),
            likely=likely,
        )
        for order_id, at in candidates.items():
            self.overlay.assume(order_id, at if fills else None)
        return fills

    # ------------------------------------------------------------------ choices

    def _condition(self, command: Command, about: str, expression: str) -> bool:
        """How a condition goes that the estimates leave open."""
        if about != UNTIL:
            words = f"{expression} is true", f"{expression} is not true"
            return self._choose(command.step, CONDITION, expression, *words, likely=self._verdict)
        key = (command.step, expression)
        if key not in self._decided and self._polls_orders():
            live = [own.order_id for own in self._run.orders.live]
            fills = self._choose_fills(command.step, live, self.time.broker(self._latest()))
            if fills is not None:
                if not fills:
                    self._decided[key] = False
                return False  # it is looked at again
        if key not in self._decided:
            words = f"{expression} comes true", f"{expression} does not come true in time"
            self._decided[key] = self._choose(command.step, UNTIL, expression, *words, likely=True)
            if self._decided[key]:
                self._note("PL010", f"{expression} is assumed to come true")
        return self._decided[key]

    def _polls_orders(self) -> bool:
        """Whether the running step waits for what its own orders bring about."""
        argument = self._run.step.arguments.get("poll") if self._run.step is not None else None
        poll = argument.content if argument is not None else None
        return isinstance(poll, Poll) and poll.action.name in OF_ORDERS

    def _choose(self, step: str, kind: str, about: str, yes: str, no: str, *, likely: bool) -> bool:
        index = len(self.assumed)
        holds = self._choices[index] if index < len(self._choices) else likely
        words = yes if holds else no
        self.assumed.append(Assumption(step, kind, about, words, holds, holds is likely))
        return holds

    def _note(self, code: str, message: str) -> None:
        note = Note(code, message, self._run.path)
        if note not in self.notes:
            self.notes.append(note)
