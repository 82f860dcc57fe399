"""What a plan reads of its target: each distinct thing once, so that all its lines see the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from runner.audit.canonical import digest
from runner.broker.shapes import the_one_of, touches
from runner.effects import (
    Answer,
    Effect,
    Json,
    Problem,
    ReadClock,
    ReadHistory,
    ReadOpenOrders,
    ReadOrder,
    ReadPosition,
    ReadPositions,
    Reason,
    Status,
    canonical,
)

History = Callable[[], Answer]


class Reads(Protocol):
    """A gateway, of which only readings are asked."""

    def perform(self, effect: Effect, n: int) -> Answer: ...


def nothing_before() -> Answer:
    """A history in which no other run has sent anything."""
    return Answer(Status.OK, {"orders": []})


class Readings:
    """The answers of one target. A reading that failed is not made again: it stays as it was."""

    def __init__(self, gateway: Reads, history: History = nothing_before) -> None:
        self._gateway = gateway
        self._history = history
        self._answers: dict[str, tuple[Effect, Answer]] = {}

    @property
    def count(self) -> int:
        """How many readings were made."""
        return len(self._answers)

    def ask(self, effect: Effect) -> Answer:
        """The answer to a reading. What one reading of all shows is not read apart."""
        match effect:
            case ReadPosition(symbol):
                return self._position(symbol)
            case ReadOpenOrders(symbols) if symbols:
                return self._of_symbols(symbols)
            case ReadOrder(order_id) if (found := self._open_order(order_id)) is not None:
                return Answer(Status.OK, found)
        key = digest(canonical(effect))
        if key not in self._answers:
            self._answers[key] = (effect, self._perform(effect))
        return self._answers[key][1]

    def seen(self, kind: type[Effect]) -> Iterator[tuple[Effect, Mapping[str, Any]]]:
        """The readings of one kind that succeeded, in the order in which they were made."""
        for effect, answer in self._answers.values():
            if isinstance(effect, kind) and answer.status is Status.OK:
                yield effect, answer.data

    def _perform(self, effect: Effect) -> Answer:
        if isinstance(effect, ReadHistory):
            return self._history()
        if effect.writes:
            raise TypeError(f"a plan does not perform {effect.name}")
        return self._gateway.perform(effect, self.count + 1)

    def _position(self, symbol: str) -> Answer:
        every = self.ask(ReadPositions())
        return position_in(every, symbol)

    def _open_order(self, order_id: str) -> dict[str, Json] | None:
        every = self.ask(ReadOpenOrders())
        rows = every.data.get("orders") if every.status is Status.OK else None
        return next((row for row in with_legs(rows) if row.get("id") == order_id), None)

    def _of_symbols(self, symbols: tuple[str, ...]) -> Answer:
        return orders_of(self.ask(ReadOpenOrders()), symbols)


def position_in(every: Answer, symbol: str) -> Answer:
    """One position out of a reading of all; absent when it is not among them."""
    if every.status is not Status.OK:
        return every
    found = the_one_of(symbol, every.data["positions"])
    if isinstance(found, dict):
        return Answer(Status.OK, found)
    problem = Problem(Reason.NOT_FOUND, "position does not exist", status=404)
    return Answer(Status.ABSENT, problem=problem)


def orders_of(every: Answer, symbols: tuple[str, ...]) -> Answer:
    """The orders of some symbols out of a reading of all; of all when none is named."""
    if every.status is not Status.OK or not symbols:
        return every
    names = {symbol.replace("/", "") for symbol in symbols}
    rows = every.data["orders"]
    assert isinstance(rows, list)
    return Answer(Status.OK, {"orders": [row for row in rows if touches(row, names)]})


def with_legs(rows: Json) -> Iterator[dict[str, Json]]:
    """Orders, each followed by its legs."""
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            yield row
            yield from with_legs(row.get("legs"))


def clock_of(readings: Readings) -> Mapping[str, Json]:
    """The broker's clock as it was read; empty when it could not be."""
    answer = readings.ask(ReadClock())
    return answer.data if answer.status is Status.OK else {}
