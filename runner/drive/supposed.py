"""A run's account once its orders are not those of the log: the projection that plans use.

Its exchange goes on from what the log's run had been told. What is awaited is assumed to fill as in
a plan, unless the log tells better: where only quantities were changed, an order fills in time
where the log's order did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from runner.audit.visits import Visit
from runner.drive.held import NotHeld, NotProjected
from runner.drive.looking import Looking, ProjectedTime
from runner.drive.overlay import Overlay
from runner.drive.projected import LOOSE, ProjectedDriver
from runner.drive.projection import FILL
from runner.drive.told import Told
from runner.effects import (
    Answer,
    AwaitChange,
    Command,
    Event,
    Outcome,
    ReadAsset,
    ReadQuote,
    ReadTrade,
    Status,
    instant,
)
from runner.language.kinds import read_duration
from runner.language.values import Certainty
from runner.machine import Run
from runner.world import moment


class Supposed(ProjectedDriver):
    """Answers what the log cannot know. Begins at the run's present moment.

    `log` are the log's visits by path; `started` says when the run's steps began, and their
    arguments. `same_terms` is whether every changed order has the price terms of the log's.
    """

    def __init__(
        self,
        told: Told,
        run: Run,
        log: Mapping[str, Visit],
        started: Mapping[str, tuple[datetime, Mapping[str, Any]]],
    ) -> None:
        super().__init__(told, run, run.at + run.ahead)
        told.frozen = True
        self.same_terms = True
        self._log = log
        self._started = started
        self._looking = Renewed(told, self.overlay, self.time)

    def decided(self, event: Event) -> None:
        """The machine evaluated a condition: a choice that follows is about it."""
        if event.type == "decision":
            self._verdict = event.data.get("verdict") == "true"

    def reach(self, at: datetime) -> datetime:
        """Let time pass until a moment of the log, if that is not over; the time that it is."""
        if at > self.time.now:
            self.time.now = at
            self.overlay.advance(self.time.broker_now)
        return self.time.now

    def answer(self, command: Command) -> Outcome:
        """What the machine is told. Raises `NotHeld` where the log lacks what that rests on."""
        try:
            answer = self._answer(command)
            self.overlay.advance(self.time.broker_now)
        except NotHeld:
            raise
        except Exception as error:
            name = command.effect.name.replace("_", " ")
            words = f"what {name} would come to cannot be projected: {type(error).__name__}"
            raise NotProjected(f"{words}: {error}") from error
        certainty = Certainty.ESTIMATED if command.effect.name in LOOSE else Certainty.READ
        return Outcome(
            self.time.now, answer.status, answer.data, answer.problem, certainty=certainty
        )

    def _answer(self, command: Command) -> Answer:
        if isinstance(command.effect, AwaitChange):
            self._learn_prices(command.effect.orders)
        return super()._answer(command)

    def _learn_prices(self, order_ids: Sequence[str]) -> None:
        """What the log's open orders trade, so that the exchange can fill them too."""
        exchange = self.overlay.exchange
        for order_id in order_ids if exchange is not None else ():
            order = self.overlay.order(order_id)
            members = [] if order is None else order.legs if order.ticket.legs else [order]
            for symbol in (one.asset.symbol for one in members):
                if exchange is not None and exchange.price_or_none(symbol) is None:
                    asset = self._readings.ask(ReadAsset(symbol)).data
                    quote: Any = self._readings.ask(ReadQuote(symbol)).data
                    exchange.learn(symbol, asset or None, quote.get("quote"), None)

    def market(self, effect: ReadQuote | ReadTrade) -> Answer:
        """A quote or trade of the log, as old as it was when the log's run read it."""
        return self._looking.read(effect)

    def _give_up(self) -> datetime | None:
        began, args = self._started.get(self._run.path, (None, {}))
        shown = args.get("give_up_after")
        return began + read_duration(str(shown)) if began is not None and shown else None

    def _choose(self, step: str, kind: str, about: str, yes: str, no: str, *, likely: bool) -> bool:
        if kind == FILL and self.same_terms:
            filled = _filled_in(self._log.get(step))
            likely = likely if filled is None else filled
        return super()._choose(step, kind, about, yes, no, likely=likely)


class Renewed(Looking):
    """Market data go on from when each was told, not from when the projection began."""

    def __init__(self, told: Told, overlay: Overlay, time: ProjectedTime) -> None:
        super().__init__(told, overlay, time)
        self._told = told

    def _market(self, effect: ReadQuote | ReadTrade) -> Answer:
        answer = self._told.ask(effect)
        kind = "quote" if isinstance(effect, ReadQuote) else "trade"
        shown = answer.data.get(kind)
        late = self._time.now - self._told.told_at[effect]
        at = moment(shown.get("t")) if isinstance(shown, Mapping) else None
        if at is None or late <= timedelta(0) or not isinstance(shown, Mapping):
            return answer
        return Answer(Status.OK, {**answer.data, kind: {**shown, "t": instant(at + late)}})


def _filled_in(visit: Visit | None) -> bool | None:
    """Whether what a step of the log awaited first had filled whole; None where it awaited
    nothing."""
    verdict: bool | None = None
    for one in visit.effects if visit is not None else ():
        if one.writes:
            break
        rows = one.data.get("orders")
        if one.name == "await_change" and isinstance(rows, Mapping):
            verdict = all(row.get("status") == "filled" for row in rows.values())
    return verdict
