"""Awaiting orders: the order read by its id is the truth, and it is read until it differs.

How soon it is read again:

- By itself at intervals that grow with the wait, shared by all the orders that are awaited.
- At once when the stream of trade updates says that there is news. While it can be relied on the
  intervals are longer; they never end, because a stream loses updates without saying so.
- Never faster than the broker's limit leaves room for (`runner.broker.rate`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from runner.drive.clock import Clock
from runner.drive.observer import Observer
from runner.drive.recorder import Recorder
from runner.drive.signals import Signals
from runner.effects import (
    Answer,
    AwaitChange,
    Command,
    Effect,
    Json,
    Problem,
    ReadOrder,
    Reason,
    Status,
)
from runner.world import Order, fingerprint, unfamiliar

PAUSES = (
    # waited less than, pause without and with a stream: all in seconds
    (5, 0.2, 1.0),
    (30, 0.5, 2.0),
    (60, 1.0, 2.0),
)
LATER = (3.0, 5.0)

SHARE = timedelta(milliseconds=600)
"""What one order takes of the time when several are awaited: 100 reads a minute for all of them."""


Orders = dict[str, dict[str, Json]]
"""Orders as read, by the broker's ids."""


class Updates(Protocol):
    """News of orders, such as `runner.broker.stream.TradeUpdates`: a hint, never the truth."""

    changed: threading.Event

    @property
    def listening(self) -> bool: ...
    def start(self) -> None: ...
    def watch(self, order_ids: Iterable[str]) -> None: ...
    def take(self) -> bool: ...
    def missed(self) -> None: ...
    def complaint(self) -> str: ...
    def stop(self) -> None: ...


class NoUpdates:
    """No stream: nothing is ever heard."""

    listening = False

    def __init__(self) -> None:
        self.changed = threading.Event()

    def start(self) -> None: ...
    def watch(self, order_ids: Iterable[str]) -> None: ...
    def take(self) -> bool:
        return False

    def missed(self) -> None: ...
    def complaint(self) -> str:
        return ""

    def stop(self) -> None: ...


def pause_after(waited: timedelta, orders: int = 1, *, listening: bool = False) -> timedelta:
    """How long to wait before `orders` are read again: most fills come at once, others late.

    Alone, an order is read about 105 times in its first minute and 20 times in each later one, of
    the 200 requests that the broker allows (facts page 2.3); with a stream that can be relied on,
    32 and 12 times.
    """
    seconds = (pauses for limit, *pauses in PAUSES if waited < timedelta(seconds=limit))
    quick, relaxed = next(seconds, LATER)
    pause = timedelta(seconds=relaxed if listening else quick)
    return max(pause, min(pause * orders, SHARE * orders))


class Spacing(Protocol):
    """Seconds that the broker's limit wants between two polls of so many reads each."""

    def __call__(self, reads: int, *, news: bool) -> float: ...


class Polling:
    """Awaits orders for one run. `ask` performs a read as the effect of a number."""

    def __init__(
        self,
        ask: Callable[[Effect, int], Answer],
        spacing: Spacing,
        updates: Updates,
        *,
        clock: Clock,
        recorder: Recorder,
        signals: Signals,
        observer: Observer,
    ) -> None:
        self._ask = ask
        self._spacing = spacing
        self._clock = clock
        self._recorder = recorder
        self._signals = signals
        self._observer = observer
        self._updates = updates
        self._polled_at: datetime | None = None

    def until_changed(self, command: Command, effect: AwaitChange, n: int) -> Answer:
        """The orders as soon as one differs from what is known of it, or when the wait is over.

        Only the reads that end the wait go on record.
        """
        updates = self._updates
        updates.start()
        updates.watch(effect.orders)
        began, polls, notices = self._clock.now(), 0, list[str]()
        while True:
            self._give_way(effect)
            woken = updates.take()
            self._recorder.hold()
            seen, failed = self._read(effect.orders, n)
            polls += 1
            now = self._polled_at = self._clock.now()
            changed = failed is not None or any(
                fingerprint(data) != effect.known.get(order_id) for order_id, data in seen.items()
            )
            over = changed or now >= effect.until or self._signals.pending
            self._recorder.release(record=over)
            notices += self._complaints(command, now)
            if failed is not None:
                return failed
            if changed and polls > 1 and not woken and not updates.changed.is_set():
                updates.missed()
            if over:
                return Answer(Status.OK, _found(seen, polls, notices))
            self._observer.polled(command, polls, now)
            updates.watch([*effect.orders, *_legs(seen)])
            pause = self._pause(effect, now - began)
            self._clock.wait_for_change(pause, effect.until, updates.changed)

    def _give_way(self, effect: AwaitChange) -> None:
        """Let as much time pass since the last poll as the broker's limit wants in any case."""
        spacing = timedelta(seconds=self._spacing(len(effect.orders), news=True))
        if spacing and self._polled_at is not None:
            due = min(self._polled_at + spacing, effect.until)
            if due > self._clock.now():
                self._clock.sleep_until(due)

    def _pause(self, effect: AwaitChange, waited: timedelta) -> timedelta:
        orders = len(effect.orders)
        if effect.poll is not None:
            pause = timedelta(milliseconds=int(effect.poll * 1000))
        else:
            pause = pause_after(waited, orders, listening=self._updates.listening)
        return max(pause, timedelta(seconds=self._spacing(orders, news=False)))

    def _complaints(self, command: Command, now: datetime) -> list[str]:
        """That the stream is not there, said once."""
        complaint = self._updates.complaint()
        if not complaint:
            return []
        self._observer.notice(command, complaint, now)
        return [complaint]

    def _read(self, order_ids: tuple[str, ...], n: int) -> tuple[Orders, Answer | None]:
        seen: Orders = {}
        for order_id in order_ids:
            answer = self._ask(ReadOrder(order_id), n)
            if answer.status is not Status.OK:
                problem = answer.problem or Problem(Reason.NOT_FOUND, f"no order {order_id}")
                return seen, Answer(Status.UNAVAILABLE, problem=problem)
            seen[order_id] = dict(answer.data)
        return seen, None


def _legs(seen: Orders) -> list[str]:
    return [leg.id for data in seen.values() for leg in Order.read(data).legs]


def _found(seen: Orders, polls: int, notices: list[str]) -> dict[str, Json]:
    said = [*notices, *(words for data in seen.values() for words in unfamiliar(data))]
    found: dict[str, Json] = {"orders": dict[str, Json](seen), "polls": polls}
    return {**found, "notices": list[Json](said)} if said else found
