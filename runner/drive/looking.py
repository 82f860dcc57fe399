"""What a projected run is told when it reads: the target's own words, or the overlay's.

Quotes and the clock go on with projected time: a price is assumed to stay, and to be quoted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.drive.overlay import Overlay
from runner.drive.readings import Readings, clock_of
from runner.effects import (
    Answer,
    Effect,
    ReadAccount,
    ReadAsset,
    ReadClock,
    ReadOpenOrders,
    ReadPosition,
    ReadPositions,
    ReadQuote,
    ReadTrade,
    ReadWorld,
    Status,
)
from runner.world import moment


@dataclass(slots=True)
class ProjectedTime:
    """The time of a line, by the run's clock (`now`) and by the broker's."""

    began: datetime
    broker_began: datetime
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.began

    @property
    def passed(self) -> timedelta:
        """How much time has passed since the begin."""
        return self.now - self.began

    @property
    def broker_now(self) -> datetime:
        """The broker's time."""
        return self.broker(self.now)

    def broker(self, run_time: datetime) -> datetime:
        """A moment of the run's clock by the broker's."""
        return self.broker_began + (run_time - self.began)

    def run(self, broker_time: datetime) -> datetime:
        """A moment of the broker's clock by the run's."""
        return self.began + (broker_time - self.broker_began)


class Looking:
    """Answers the readings of one line."""

    def __init__(self, readings: Readings, overlay: Overlay, time: ProjectedTime) -> None:
        self._readings = readings
        self._overlay = overlay
        self._time = time

    def read(self, effect: Effect) -> Answer:
        match effect:
            case ReadWorld(symbol):
                return self._world(symbol)
            case ReadClock():
                return self.clock()
            case ReadQuote() | ReadTrade():
                return self._market(effect)
        return self._overlay.read(effect)

    def _world(self, symbol: str) -> Answer:
        """The composite reading, put together from the single ones."""
        world: dict[str, Any] = {}
        needed: tuple[tuple[str, Effect], ...] = (
            ("account", ReadAccount()),
            ("positions", ReadPositions()),
            ("open_orders", ReadOpenOrders()),
        )
        for name, effect in needed:
            answer = self.read(effect)
            if answer.status is Status.REFUSED:
                return answer
            if answer.status is not Status.OK:
                return Answer(Status.UNAVAILABLE, problem=answer.problem)
            listed = {"open_orders": "orders", "positions": "positions"}.get(name)
            world[name] = answer.data[listed] if listed is not None else dict(answer.data)
        wanted: tuple[tuple[str, Effect], ...] = (
            ("position", ReadPosition(symbol)),
            ("asset", ReadAsset(symbol)),
            ("quote", ReadQuote(symbol)),
            ("clock", ReadClock()),
        )
        for name, effect in wanted:
            answer = self.read(effect)
            world[name] = dict(answer.data) if answer.status is Status.OK else None
        return Answer(Status.OK, world)

    def clock(self) -> Answer:
        """The broker's clock as it would be: its boundaries hold until one of them has passed."""
        answer = self._readings.ask(ReadClock())
        if answer.status is not Status.OK or not self._time.passed:
            return answer
        told, now = answer.data, self._time.broker_now
        boundaries = [moment(told.get(name)) for name in ("next_open", "next_close")]
        if any(one is not None and one <= now for one in boundaries):
            from runner.sim.account_routes import clock_body  # noqa: PLC0415 - seldom needed

            return Answer(Status.OK, clock_body(now))
        return Answer(Status.OK, {**told, "timestamp": now.isoformat()})

    def _market(self, effect: ReadQuote | ReadTrade) -> Answer:
        """A quote or a trade as it was read, assumed to be renewed while its market is open."""
        answer = self._readings.ask(effect)
        kind = "quote" if isinstance(effect, ReadQuote) else "trade"
        shown = answer.data.get(kind)
        passed = self._time.passed
        if answer.status is not Status.OK or not passed or not isinstance(shown, Mapping):
            return answer
        at = moment(shown.get("t"))
        is_open = self.clock().data.get("is_open") is True or "/" in effect.symbol
        if at is None or not is_open:
            return answer
        was_open = clock_of(self._readings).get("is_open") is True or "/" in effect.symbol
        renewed = at + passed if was_open else self._time.broker_now
        text = renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return Answer(Status.OK, {**answer.data, kind: {**shown, "t": text}})
