"""What would have been different: a log's readings, told to a run of other text, values or limits.

1. A reading is answered by the log: by step path, canonical hash and occurrence. What it does not
   hold ends the comparison.
2. An order, a change or a cancel that the log's run made too has its recorded outcome.
3. From the first one that is another, new or gone, the account, its positions and its orders are a
   projection's (`runner.drive.supposed`), begun from what the run had been told until then; also
   what becomes of orders that are the same. Market data stay the log's.
4. The log's time goes on with its readings. A wait of which only the end is another is answered by
   the log as far as that says what happened until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any

from msgspec.structs import replace

from runner.audit.visits import Visit, Visits
from runner.drive.held import Entry, Held, NotHeld, NotProjected
from runner.drive.projection import Assumption
from runner.drive.supposed import Supposed
from runner.drive.told import Told, words
from runner.effects import (
    AskPerson,
    AwaitChange,
    Bind,
    Choose,
    Command,
    Effect,
    Event,
    Json,
    Notify,
    Outcome,
    ReadAccount,
    ReadActivities,
    ReadClock,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadPosition,
    ReadPositions,
    ReadQuote,
    ReadTrade,
    ReadWorld,
    Sleep,
    Status,
    Suspend,
    canonical,
)
from runner.machine import Result, Run, Steps, carry_out

OF_THE_ACCOUNT = (
    ReadAccount,
    ReadPosition,
    ReadPositions,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadActivities,
    ReadWorld,
    AwaitChange,
)
"""Effects whose answer depends on what was sent before."""

HOW_MUCH = frozenset({"qty", "notional", "client_order_id"})


@dataclass(frozen=True, slots=True)
class Supposition:
    """What a run would have done. `visits` are its steps, with what was said and asked in each.

    `ends` says in words what the log does not hold, where the run came to ask for that; `cut` is
    whether the log itself was over, having been cut short. `assumed` is what the projection took
    for granted, `notes` what a reader should know.
    """

    visits: tuple[Visit, ...]
    result: Result | None
    ends: str
    cut: bool
    projected_from: str
    assumed: tuple[Assumption, ...]
    notes: tuple[str, ...]


class LogOver(Exception):  # noqa: N818
    """The log was cut short here, and so is the run."""


def suppose(run: Run, held: Held, log: Mapping[str, Visit]) -> Supposition:
    """Carry a fresh run out over a log. `log` are the log's own visits, the first of each path."""
    return _Driver(run, held, log).drive(carry_out(run))


class _Driver:
    """Answers one machine."""

    def __init__(self, run: Run, held: Held, log: Mapping[str, Visit]) -> None:
        self._run = run
        self._held = held
        self._log = log
        self._told = Told()
        self._visits = Visits(run.at)
        self._made: set[int] = set()  # records of the writes that are the same
        self._projection: Supposed | None = None
        self._projected_from = ""
        self._projected = False  # whether the last answer was
        self._started: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
        self._written: dict[str, int] = {}  # writes asked for at each path
        self._notes: list[str] = []

    def drive(self, machine: Steps[Result]) -> Supposition:
        """Carry the machine to its end, or to that of the log."""
        answer: Outcome | None = None
        result, ends, cut = None, "", False
        try:
            while True:
                said = machine.send(answer)
                if isinstance(said, Event):
                    self._heard(said)
                    answer = None
                else:
                    answer = self._asked(said)
        except StopIteration as end:
            result = end.value
        except LogOver:
            cut = True
        except NotHeld as lacking:
            ends, cut = str(lacking), self._held.at_its_end and self._projection is None
        projection = self._projection
        return Supposition(
            tuple(self._visits.all),
            result,
            "" if cut else ends,
            cut,
            self._projected_from,
            tuple(projection.assumed) if projection is not None else (),
            tuple(dict.fromkeys([*self._notes, *self._of_the_projection()])),
        )

    def _of_the_projection(self) -> list[str]:
        return [note.message for note in self._projection.notes] if self._projection else []

    def _heard(self, event: Event) -> None:
        self._visits.say(event.type, event.step, dict(event.data))
        if event.type == "step.started":
            args = event.data.get("args")
            shown = args if isinstance(args, Mapping) else {}
            self._started[event.step] = (self._visits.now, shown)
        if self._projection is not None:
            self._projection.decided(event)

    def _asked(self, command: Command) -> Outcome:
        asked = self._visits.ask(command.step, canonical(command.effect))
        self._projected = False
        try:
            answer = self._answer(command)
        except NotProjected as untold:
            where = f" in {command.step}" if command.step else ""
            raise NotHeld(f"{untold}{where}; the comparison ends here") from None
        except NotHeld as lacking:
            where = f" that {command.step} asks for" if command.step else ""
            raise NotHeld(f"{lacking}{where}; the comparison ends here") from None
        self._visits.tell(asked, answer.to_data(), projected=self._projected)
        return answer

    # ------------------------------------------------------------------ answers

    def _answer(self, command: Command) -> Outcome:
        effect = command.effect
        if effect.writes:
            return self._write(command)
        if isinstance(effect, OF_THE_ACCOUNT):
            return self._of_the_account(command)
        if isinstance(effect, Choose):
            return self._project(command)
        entry = self._held.take(command.step, effect)
        if entry is None and isinstance(effect, Bind):
            entry = self._held.of_kind(effect.name)  # the same account, whatever is locked
        if entry is not None:
            return self._recorded(effect, entry)
        match effect:
            case Sleep(until):
                return Outcome(self._reach(until), Status.OK)
            case AskPerson():
                return self._approval(command)
            case Notify():
                return self._assumed({"delivered": False, "to": "nobody", "why": "not sent"})
            case Suspend():
                raise LogOver
        raise NotHeld(f"the log does not hold {words(effect)}")

    def _recorded(self, effect: Effect, entry: Entry) -> Outcome:
        """What the log says. Raises `LogOver` where it ends before that."""
        if entry.told is None:
            raise LogOver
        told = entry.told
        if told.status is Status.OK:
            self._told.learn(effect, told.data, told.at)
        at = self._reach(told.at)
        if self._projection is not None and told.status is Status.OK:
            if isinstance(effect, ReadQuote | ReadTrade):
                return replace(told, at=at, data=self._projection.market(effect).data)
            if isinstance(effect, ReadClock):
                return self._project(Command("", effect))
        return replace(told, at=at)

    def _reach(self, at: datetime) -> datetime:
        if self._projection is not None:
            return self._projection.reach(at)
        if self._visits.now > at:
            self._notes.append("steps wait otherwise than in the log; its readings are told later")
        return max(at, self._visits.now)

    def _approval(self, command: Command) -> Outcome:
        """Another question: answered as the one at this step was, else taken to be approved."""
        before = [
            one.told
            for one in self._held.entries
            if one.step == command.step and one.form["effect"] == "ask_person"
        ]
        self._notes.append("a person is taken to answer another question as the one in the log")
        if before and before[0] is not None:
            return replace(before[0], at=self._reach(before[0].at))
        return self._assumed({"approved": True, "by": "assumed", "why": "assumed"})

    def _assumed(self, data: dict[str, Json]) -> Outcome:
        self._projected = True
        return Outcome(self._reach(self._visits.now), Status.OK, data)

    # ------------------------------------------------------------------ writes

    def _write(self, command: Command) -> Outcome:
        entry = self._held.take(command.step, command.effect)
        counterpart = self._counterpart(command.step)
        if entry is not None and self._projection is None and not self._unmade_before(entry):
            self._made.add(entry.seq)
            return self._recorded(command.effect, entry)
        projection = self._depart(command.step)
        if entry is None and not _same_terms(command.effect, counterpart):
            projection.same_terms = False
        return self._project(command)

    def _counterpart(self, step: str) -> Entry | None:
        """What the log's run wrote at the same place of the same step."""
        place = self._written[step] = self._written.get(step, -1) + 1
        of_step = [one for one in self._held.writes if one.step == step]
        return of_step[place] if place < len(of_step) else None

    def _unmade_before(self, entry: Entry) -> bool:
        """Whether the log's run had changed something by then that this one has not."""
        return self._first_unmade() < entry.seq

    def _first_unmade(self) -> float:
        """The record of the first write that the log's run has made and this one has not."""
        left = (
            one.seq
            for one in self._held.writes
            if one.seq not in self._made and not _nothing_happened(one)
        )
        return min(left, default=inf)

    # ------------------------------------------------------------------ readings of the account

    def _of_the_account(self, command: Command) -> Outcome:
        effect = command.effect
        entry = self._held.take(command.step, effect)
        if self._projection is None:
            waited = None
            if entry is None and isinstance(effect, AwaitChange):
                entry = waited = self._held.take_wait(command.step, effect)
            # What a wait saw after a write that is not made here is nothing that was waited for.
            if entry is None or (waited is not None and self._unmade_before(waited)):
                raise NotHeld(f"the log does not hold {words(effect)}")
            if not self._unmade_before(entry):
                ended = self._ended_early(effect, entry) if waited is not None else None
                return ended or self._recorded(effect, entry)
            self._depart(command.step)
        if isinstance(effect, ReadWorld | ReadActivities):
            if entry is None or entry.told is None or entry.told.status is not Status.OK:
                raise NotHeld(f"the log does not hold {words(effect)}")
            self._reach(entry.told.at)
            self._told.learn(effect, entry.told.data, entry.told.at)
        return self._project(command)

    def _ended_early(self, effect: Effect, entry: Entry) -> Outcome | None:
        """The answer to a wait that is over before anything happened; None for any other."""
        told = entry.told
        if not isinstance(effect, AwaitChange) or told is None or told.status is not Status.OK:
            return None
        if told.at <= effect.until or told.interrupt is not None:
            return None
        rows = self._told.order_rows(effect.orders)
        self._notes.append(
            "a wait is over earlier than in the log; what is read after it is what the log's run "
            "read after its own"
        )
        return Outcome(self._reach(effect.until), Status.OK, {"orders": rows, "polls": 1})

    # ------------------------------------------------------------------ the projection

    def _depart(self, step: str) -> Supposed:
        """From here on the account is the projection's."""
        if self._projection is None:
            # All that the log's run had read before it changed anything else was so for this one.
            last = min(self._first_unmade(), self._held.last + 1)
            for entry in self._held.before(last):
                if entry.told is not None:
                    self._told.learn(entry.effect, entry.told.data, entry.told.at)
            self._projection = Supposed(self._told, self._run, self._log, self._started)
            self._projected_from = step or "the end of the run"
        return self._projection

    def _project(self, command: Command) -> Outcome:
        self._projected = True
        return self._depart(command.step).answer(command)


def _nothing_happened(entry: Entry) -> bool:
    told = entry.told
    return told is not None and told.status in (Status.REFUSED, Status.NOT_PERFORMED)


def _same_terms(effect: Effect, entry: Entry | None) -> bool:
    """Whether two writes differ by nothing but how much they trade."""
    form = canonical(effect)
    if entry is None or form["effect"] != entry.form["effect"]:
        return False
    return _terms(form) == _terms(entry.form)


def _terms(form: Mapping[str, Any]) -> dict[str, Any]:
    body = form.get("body")
    shown = body if isinstance(body, Mapping) else {}
    return {name: value for name, value in shown.items() if name not in HOW_MUCH}
