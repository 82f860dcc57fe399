"""How often awaited orders are read, against the exchange's own limiter: time is jumped through."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from runner.audit.redact import Redactor
from runner.broker.rate import Pace, RateLimit
from runner.drive.observer import Nobody
from runner.drive.polling import NoUpdates, Polling, pause_after
from runner.drive.recorder import Unrecorded
from runner.drive.signals import Signals
from runner.effects import Answer, AwaitChange, Command, Effect, Json, ReadOrder, Status
from runner.sim.ratelimit import RateLimit as Limiter
from runner.world import fingerprint

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ROUND_TRIP = timedelta(milliseconds=30)


class Time:
    """A clock that jumps; what happens at certain moments happens on the way."""

    def __init__(self) -> None:
        self.at = START
        self.coming: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return (self.at - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.sleep_until(self.at + timedelta(seconds=seconds))

    def sleep_until(self, moment: datetime) -> None:
        self._pass(moment, threading.Event())

    def wait_for_change(self, pause: timedelta, until: datetime, news: threading.Event) -> None:
        self._pass(min(self.at + pause, until), news)

    def _pass(self, moment: datetime, news: threading.Event) -> None:
        while self.coming and self.coming[0][0] <= moment and not news.is_set():
            due, happen = self.coming.pop(0)
            self.at = max(self.at, due)
            happen()
        if not news.is_set():
            self.at = max(self.at, moment)


class Stream(NoUpdates):
    """News that a test gives."""

    listening = True

    def take(self) -> bool:
        was_set = self.changed.is_set()
        self.changed.clear()
        return was_set

    def missed(self) -> None:
        self.listening = False


class Broker:
    """An account behind the exchange's own limiter, and this side's pace in front of it."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.limiter = Limiter(200, START)
        self.pace = Pace(RateLimit(), time.sleep, time.seconds)
        self.reads: list[datetime] = []
        self.refused: list[datetime] = []
        self.filled: dict[str, int] = {}

    def order(self, order_id: str) -> dict[str, Json]:
        return {
            "id": order_id,
            "status": "partially_filled",
            "filled_qty": str(self.filled.get(order_id, 0)),
        }

    def ask(self, effect: Effect, n: int) -> Answer:
        assert isinstance(effect, ReadOrder)
        self.pace.before_read()
        self._take()
        self.reads.append(self.time.at)
        self.pace.heard(self.headers())
        self.time.at += ROUND_TRIP
        return Answer(Status.OK, self.order(effect.order_id))

    def write(self) -> None:
        self.pace.before_write()
        self._take()

    def _take(self) -> None:
        if not self.limiter.take(self.time.at):
            self.refused.append(self.time.at)

    def headers(self) -> dict[str, str]:
        return {name.lower(): text for name, text in self.limiter.headers(self.time.at).items()}

    @property
    def left(self) -> int:
        return int(self.headers()["x-ratelimit-remaining"])

    def awaited(
        self, orders: list[str], stream: NoUpdates, wait: timedelta, poll: Decimal | None = None
    ) -> Answer:
        polling = Polling(
            self.ask, self.pace.spacing, stream, clock=self.time,
            recorder=Unrecorded(None, Redactor([]), Signals()), signals=Signals(),
            observer=Nobody(),
        )  # fmt: skip
        known = {one: fingerprint(self.order(one)) for one in orders}
        effect = AwaitChange(tuple(orders), known, self.time.at + wait, poll)
        return polling.until_changed(Command("steps[0]", effect), effect, 1)

    def reads_between(self, start: timedelta, end: timedelta) -> int:
        return sum(START + start <= one < START + end for one in self.reads)


@pytest.fixture
def broker() -> Broker:
    return Broker(Time())


MINUTE = timedelta(minutes=1)


def test_a_fill_in_the_first_half_minute_is_seen_within_300_ms_on_average(broker: Broker) -> None:
    seconds = 0.0
    for tenth in range(300):
        seconds += pause_after(timedelta(seconds=tenth / 10)).total_seconds() / 2 / 300
    assert seconds < 0.3


@pytest.mark.parametrize("count", [1, 2, 7, 40, 150])
@pytest.mark.parametrize("poll", [None, Decimal("0.1")], ids=["as it likes", "ten times a second"])
def test_however_many_orders_are_awaited_cancels_find_room(
    broker: Broker, count: int, poll: Decimal | None
) -> None:
    left: list[int] = []
    broker.time.coming = [
        (START + n * SECOND, lambda: left.append(broker.left)) for n in range(1, 600)
    ]
    broker.awaited([f"order-{n}" for n in range(count)], NoUpdates(), 10 * MINUTE, poll)
    assert broker.refused == []
    assert min(left) >= 30
    for minute in range(9):
        assert broker.reads_between(minute * MINUTE, (minute + 1) * MINUTE) <= 170


@pytest.mark.parametrize("count", [1, 5, 12])
def test_polls_leave_room_for_the_reads_before_an_order(broker: Broker, count: int) -> None:
    """Of 200 in any minute 30 are for writes and 40 for other reads."""
    orders = [f"order-{n}" for n in range(count)]
    broker.awaited(orders, NoUpdates(), 10 * MINUTE, Decimal("0.1"))
    for second in range(500):
        start = second * SECOND
        assert broker.reads_between(start, start + MINUTE) <= 130 + count


def test_an_order_that_fills_in_a_thousand_parts_does_not_use_up_the_limit(
    broker: Broker,
) -> None:
    """Every part is a change, and every change begins a new wait with a read at once."""
    stream, over = Stream(), START + 3 * MINUTE

    def fill() -> None:
        broker.filled["order"] = broker.filled.get("order", 0) + 1
        stream.changed.set()

    broker.time.coming = [(START + n * SECOND / 5, fill) for n in range(1000)]
    longest = timedelta()
    while broker.time.at < over:
        before = broker.time.at
        broker.awaited(["order"], stream, MINUTE)
        longest = max(longest, broker.time.at - before)
    assert broker.refused == []
    assert broker.left >= 30
    assert longest < 6 * SECOND


def test_another_user_of_the_account_is_given_way(broker: Broker) -> None:
    """Somebody else's bot uses 150 requests a minute; it is told nothing of ours."""
    draw = random.Random(1)
    moments = sorted(START + draw.uniform(0, 600) * SECOND for _ in range(1500))
    broker.time.coming = [(moment, broker._take) for moment in moments]
    broker.awaited([f"order-{n}" for n in range(5)], NoUpdates(), 10 * MINUTE)
    assert broker.refused == []
    assert broker.left >= 30


def test_a_stream_makes_polls_rare_and_never_ends_them(broker: Broker) -> None:
    broker.awaited(["order"], Stream(), 10 * MINUTE)
    assert 20 <= broker.reads_between(timedelta(), MINUTE) <= 35
    for minute in range(1, 9):
        assert 11 <= broker.reads_between(minute * MINUTE, (minute + 1) * MINUTE) <= 13


def test_news_are_read_at_once(broker: Broker) -> None:
    stream, told = Stream(), START + timedelta(seconds=7, milliseconds=654)

    def fill() -> None:
        broker.filled["order"] = 1
        stream.changed.set()

    broker.time.coming = [(told, fill)]
    broker.awaited(["order"], stream, MINUTE)
    assert broker.reads[-1] == told
    assert stream.listening


def test_a_change_that_the_stream_did_not_tell_makes_polls_quick_again(broker: Broker) -> None:
    stream = Stream()

    def fill() -> None:
        broker.filled["order"] = 1

    broker.time.coming = [(START + 7 * SECOND, fill)]
    broker.awaited(["order"], stream, MINUTE)
    assert not stream.listening


def test_a_poll_that_is_a_moment_earlier_than_the_news_missed_nothing(broker: Broker) -> None:
    stream = Stream()

    def ask(effect: Effect, n: int) -> Answer:
        if broker.time.at > START + SECOND:
            broker.filled["order"] = 1
            stream.changed.set()
        return Broker.ask(broker, effect, n)

    broker.ask = ask  # type: ignore[method-assign]
    broker.awaited(["order"], stream, MINUTE)
    assert stream.listening
