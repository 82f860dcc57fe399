"""One run as its steps see it: what is known so far, and how to ask for more.

Interruption, deadlines and the run's clock live in `ask`, the one place where effects leave the
machine. A flag on an outcome is raised in place of the next effect, never in place of the outcome
that carried it, so nothing the broker said is lost. What must not be torn apart (sending, cleaning
up) is shielded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from runner.effects import (
    Command,
    Effect,
    Event,
    Json,
    Outcome,
    Problem,
    ReadWorld,
    Reason,
    Sleep,
    Status,
)
from runner.guards import Rules, Tally
from runner.language.kinds import MOMENT, TEXT
from runner.language.runbook import OrderReference, Runbook, Step
from runner.language.values import Certainty, Value
from runner.machine.exits import exits_unseen
from runner.machine.failures import Cause, Failure, interrupted
from runner.machine.own_orders import OwnOrder, OwnOrders
from runner.world import World, moment

Say = Command | Event
Returned = TypeVar("Returned")
Steps = Generator[Say, Outcome | None, Returned]
"""What every part of the machine is: it says commands and events, is told outcomes, and returns."""


@dataclass(slots=True)
class StepResult:
    """What one step came to, for the log's `run.finished` and for people."""

    path: str
    id: str
    name: str
    action: str
    status: str
    outputs: Mapping[str, Json] = field(default_factory=dict)
    error: Mapping[str, Json] | None = None


@dataclass(slots=True)
class Run:
    """The state of one run. `at` is the time of the last outcome: there is no other now."""

    runbook: Runbook
    id: str
    at: datetime
    rules: Rules
    started_at: datetime = field(init=False)
    outputs: dict[str, dict[str, Value]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)  # step id -> path of its last run
    ran: set[str] = field(default_factory=set)
    orders: OwnOrders = field(default_factory=OwnOrders)
    tally: Tally = field(default_factory=Tally)
    results: list[StepResult] = field(default_factory=list)
    failure: Failure | None = None  # what first went wrong
    path: str = ""  # of the step that is running
    step: Step | None = None
    remaining_steps: tuple[Step, ...] = ()  # of the innermost block, after the running one
    step_deadline: datetime | None = None
    certainty: Certainty = Certainty.READ  # of what the running step was told
    loosest: Certainty = Certainty.READ  # of what the whole run was told
    tolerance: Decimal = Decimal("0.01")  # by which an estimate may be wrong, as a part of it
    in_cleanup: bool = False
    baselines: dict[str, Decimal] = field(default_factory=dict)  # positions before this run
    stuck: list[OwnOrder] = field(default_factory=list)  # cancels that never completed
    resumptions: int = 0  # how often an outcome said that the run was resumed
    died_at: datetime | None = None  # the last time before that, until all is settled
    ahead: timedelta = timedelta(0)  # by how much the broker's clock was ahead of the run's
    go_on: bool = False  # a person said that the steps go on all the same
    resend_within: timedelta = timedelta(minutes=10)
    settle: Callable[[Run, datetime], Steps[None]] | None = None  # what a resume begins with
    _interrupt: str | None = None
    _shield: int = 0

    def __post_init__(self) -> None:
        self.started_at = self.at

    # ------------------------------------------------------------------ asking and saying

    def ask(self, effect: Effect) -> Steps[Outcome]:
        """Have an effect performed and return its outcome.

        Raises `Failure` in its place when an interruption or a deadline came first. An effect that
        was not performed, because the run was resumed or it is shielded, is asked for again.
        """
        while True:
            outcome = yield from self.ask_once(effect)
            if outcome.status is not Status.NOT_PERFORMED:
                return outcome

    def ask_once(self, effect: Effect) -> Steps[Outcome]:
        """As `ask`, but an effect that was not performed is the caller's to ask for again."""
        yield from self.settle_if_resumed()
        self.raise_what_is_due()
        outcome = yield Command(self.path, effect)
        if outcome is None:
            raise RuntimeError("a driver must answer every command")
        before, self.at = self.at, outcome.at
        self.certainty = max(self.certainty, outcome.certainty)
        self.loosest = max(self.loosest, outcome.certainty)
        if outcome.resumed:
            self.resumptions += 1
            alive = moment(outcome.data.get("alive_until")) or before
            self.died_at = self.died_at or max(before, alive)
            self.go_on = outcome.data.get("go_on") is True
            if self.in_cleanup and self.step_deadline is not None:
                # A clean-up is attempted: the time in which nobody was there does not count.
                self.step_deadline += outcome.at - before
        if outcome.interrupt is not None:
            self._interrupt = outcome.interrupt
        if outcome.status is Status.NOT_PERFORMED:
            self.raise_what_is_due()
        return outcome

    def settle_if_resumed(self) -> Steps[None]:
        """Begin with the settlement what follows a resume, unless something must end first."""
        if self.died_at is not None and self.settle is not None and not self._shield:
            died_at, self.died_at = self.died_at, None
            yield from self.settle(self, died_at)

    def emit(self, type: str, data: Mapping[str, Json]) -> Steps[None]:  # noqa: A002
        """Put an event on record."""
        yield Event(self.path, type, data)

    def read(self, effect: Effect) -> Steps[Mapping[str, Any] | None]:
        """Perform a read; None when the broker says there is no such thing.

        Raises `Failure`: unreachable when the broker could not be asked or refused the
        credentials, failed when it refused the reading for another reason.
        """
        outcome = yield from self.ask(effect)
        if outcome.status is Status.OK:
            return outcome.data
        if outcome.status is Status.ABSENT:
            return None
        problem = outcome.problem or Problem(Reason.OTHER, "the broker gave no reason")
        raise read_failure(effect, problem)

    def read_world(self, symbol: str) -> Steps[World]:
        """The composite reading that every write begins with."""
        data = yield from self.read(ReadWorld(symbol))
        whole = data is not None and all(
            isinstance(data.get(key), kind)
            for key, kind in (("account", Mapping), ("open_orders", list))
        )
        if data is None or not whole:
            raise Failure(Cause.UNREACHABLE, "the broker did not describe the account whole")
        world = World.read(symbol, data)
        if world.clock.timestamp is not None:
            self.ahead = world.clock.timestamp - self.at
        if world.position.qty is not None:
            baseline = world.position.qty - self.orders.net_fills(symbol)
            self.baselines.setdefault(symbol, baseline)
        return world

    def expected_position(self, symbol: str) -> Decimal | None:
        """Shares the account should hold: what it held before this run, and this run's fills.

        None before the first reading of the symbol.
        """
        baseline = self.baselines.get(symbol)
        return None if baseline is None else baseline + self.orders.net_fills(symbol)

    def sleep(self, duration: timedelta) -> Steps[None]:
        """Let time pass, ending early at the step's or run's deadline."""
        yield from self.ask(Sleep(self.until(duration)))

    # ------------------------------------------------------------------ time

    @property
    def deadline(self) -> datetime | None:
        """When the whole run must be over; None without a timeout, and once it is cleaning up."""
        if self.runbook.timeout is None or self.in_cleanup:
            return None
        return self.started_at + self.runbook.timeout

    def until(self, duration: timedelta) -> datetime:
        """The moment after a duration, or the step's or run's deadline where that is earlier.

        Deadlines do not count where they interrupt nothing: a pause cut to nothing would make a
        storm of requests out of a patient search.
        """
        if self._shield:
            return self.at + duration
        moments = [self.at + duration, self.step_deadline, self.deadline]
        return min(moment for moment in moments if moment is not None)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Nothing is interrupted inside: neither by a signal nor by a deadline."""
        self._shield += 1
        try:
            yield
        finally:
            self._shield -= 1

    def raise_what_is_due(self) -> None:
        """Raise the interruption or the deadline that has come, unless it is shielded."""
        if self._shield:
            return
        self.raise_interruption()
        if self.deadline is not None and self.at >= self.deadline:
            raise Failure(Cause.RUN_TIMED_OUT, "the run's timeout has passed")
        if self.step_deadline is not None and self.at >= self.step_deadline:
            raise Failure(Cause.TIMED_OUT, "the step's timeout has passed")

    def raise_interruption(self) -> None:
        """Raise the signal or the halt that has come, unless the run is cleaning up already."""
        if self._interrupt is not None and not self.in_cleanup:
            raise interrupted(self._interrupt)

    @property
    def halted(self) -> Failure | None:
        """The halt that has come; None where none has, and where the run cleans up already."""
        failure = interrupted(self._interrupt or "")
        return failure if failure.cause is Cause.HALTED and not self.in_cleanup else None

    # ------------------------------------------------------------------ what is known

    def order_named(self, reference: OrderReference) -> OwnOrder | None:
        """The order that a step sent, or the leg of it that is named; None when there is none."""
        path = self.paths.get(reference.step_id)
        own = self.orders.of_step(path) if path is not None else None
        if own is None or reference.output == "order_id":
            return own
        return own.leg_named(reference.output)

    def note_unknown(self, own: OwnOrder) -> None:
        """Remember an order whose cancel could not be confirmed: it may be live."""
        if own not in self.stuck:
            self.stuck.append(own)

    @property
    def in_doubt(self) -> list[OwnOrder]:
        """Orders that nobody can find, that may be live although the run meant otherwise, that may
        have been changed or not, or that ended without the broker saying how much was filled or
        showing the exits they brought."""
        stuck = [own for own in self.stuck if own.may_be_live]
        doubtful = [own for own in self.orders.all if own.replacing or own.changing]
        changed = [own for own in doubtful if own.may_be_live]
        untold = [own for own in self.orders.all if own.fill_untold or exits_unseen(own)]
        return list(dict.fromkeys([*self.orders.unknown, *untold, *stuck, *changed]))

    def lookup(self, path: tuple[str, ...]) -> Value | None:
        """The value of a dotted name in an expression; None when it is absent."""
        match path:
            case ("params", name):
                return self.runbook.params.get(name)
            case ("steps", step_id, output):
                return self.outputs.get(step_id, {}).get(output)
            case ("run", name):
                return self._own(name)
        return None

    def _own(self, name: str) -> Value | None:
        if name == "started_at":
            return Value(self.started_at, MOMENT, origin="run.started_at")
        values = {
            "id": self.id,
            "name": self.runbook.name,
            "cause": self.failure.cause.value if self.failure is not None else None,
        }
        value = values.get(name)
        return None if value is None else Value(value, TEXT, origin=f"run.{name}")


def read_failure(effect: Effect, problem: Problem) -> Failure:
    """The failure of a reading that did not come back."""
    what = "account" if effect.name == "bind" else effect.name.removeprefix("read_")
    what = what.replace("_", " ")
    if problem.reason is Reason.CREDENTIALS:
        return Failure(
            Cause.UNREACHABLE,
            f"the broker refused the credentials: {problem.message}",
            help="Check ALPACA_API_KEY and ALPACA_SECRET_KEY, and that they belong to this target.",
            problem=problem,
        )
    transport = problem.status is None or problem.status >= 500 or problem.status == 429
    unusable = transport or problem.reason is Reason.UNREADABLE or effect.name == "bind"
    cause = Cause.UNREACHABLE if unusable else Cause.FAILED
    return Failure(cause, f"the {what} could not be read: {problem.message}", problem=problem)
