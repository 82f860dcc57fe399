"""Faults: what can be made to go wrong, how it is asked for, and what is armed.

A fault is data: what it matches, when and how often, and one effect. It acts at one of four seams:
around a request (`faults_http`), in the life of an order (`faults_orders`), in what market data
shows (`market_view`), or on the stream (`stream`). The same faults, seed and requests go wrong in
the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from runner.sim.messages import Request
    from runner.sim.positions import Position

REQUEST, ORDER, MARKET, STREAM = "request", "order", "market", "stream"
YES, NO, LATE = "yes", "no", "late"


class Effect(NamedTuple):
    """One thing that can go wrong: where, in words, and which parameters it takes and needs."""

    seam: str
    sentence: str
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    commit: str = YES


# rule: faults.request
EFFECTS: dict[str, Effect] = {
    "delay": Effect(
        REQUEST,
        "The answer comes `time` later; with `commit: late` the request takes effect only then.",
        ("time", "commit"),
        ("time",),
    ),
    "hang": Effect(
        REQUEST,
        "There is no answer: the connection stays open until the client gives up, a minute at"
        " most; with `commit: late` the request takes effect after `time`.",
        ("commit", "time"),
    ),
    "drop": Effect(
        REQUEST,
        "The connection is closed without an answer; with `commit: late` the request takes effect"
        " after `time`.",
        ("commit", "time"),
    ),
    "answer": Effect(
        REQUEST,
        "Another answer than the exchange's: `status`, and a `body` that is json (as Alpaca"
        " words it), html or empty; `headers: no` leaves the rate limit's out.",
        ("status", "body", "headers", "commit"),
        ("status",),
        NO,
    ),
    "truncate": Effect(REQUEST, "The JSON of the answer ends in the middle."),
    "empty": Effect(REQUEST, "The answer has its status and no body."),
    "alter": Effect(
        REQUEST,
        "Fields of the answer are others (`set`), such as an unknown status, or missing (`omit`);"
        " of each row when the answer is a list. A name such as `quotes.*.ap` or `legs.status`"
        " reaches inside.",
        ("set", "omit"),
    ),
    # rule: faults.order
    "late_reject": Effect(
        ORDER, "An accepted order is rejected `time` later, before it is new.", ("time",)
    ),
    "fill_on_cancel": Effect(
        ORDER,
        "An order fills while its cancel is pending: wholly, or the `part` of it.",
        ("part",),
    ),
    "stuck_cancel": Effect(
        ORDER,
        "An order stays pending_cancel for `time`, or until it expires.",
        ("time",),
    ),
    "partial_fill": Effect(
        ORDER,
        "A fill is for a `part` of the rest; what remains is looked at `time` later, or never.",
        ("part", "time"),
        ("part",),
    ),
    "lag_positions": Effect(
        ORDER,
        "After a fill the positions are shown as they were before it for `time`.",
        ("time",),
        ("time",),
    ),
    "hide_client_id": Effect(
        ORDER,
        "An order is not found by its client order id until `time` after it was accepted.",
        ("time",),
        ("time",),
    ),
    # rule: faults.interrupt
    "interrupt": Effect(
        ORDER,
        "An order that becomes new is `to` suspended, done_for_day, stopped, calculated or"
        " accepted_for_bidding and does not trade for `time`; then it is new again (a stopped one"
        " fills).",
        ("to", "time"),
        ("to",),
    ),
    # rule: faults.market
    "stale_data": Effect(
        MARKET,
        "Market data of a symbol is as it was `time` ago, old stamps included; without `time` it"
        " has stopped when the fault was armed, or at `after`. Orders trade at the present price.",
        ("time",),
    ),
    # rule: faults.stream
    "stream_silence": Effect(
        STREAM, "The connection stays open and sends nothing more for `time`, or ever.", ("time",)
    ),
    "stream_lose": Effect(STREAM, "An update is not sent."),
    "stream_duplicate": Effect(STREAM, "An update is sent twice."),
    "stream_reorder": Effect(STREAM, "An update is sent after the one that follows it."),
    "stream_null": Effect(STREAM, "An update is sent with `data: null`."),
    "stream_drop": Effect(STREAM, "The connection is lost instead of an update being sent."),
    "stream_no_ack": Effect(STREAM, "A listen is not acknowledged and nothing is sent."),
    "stream_refuse": Effect(STREAM, "A connection is refused with 429."),
}


class Fault(Struct, frozen=True, kw_only=True):
    """One fault. What is None matches everything; `path`, `symbol`, `client_order_id` and `event`
    are patterns with `*` and `?`.

    It matches from `after` to `until`, counted from when it was armed. Of the matching requests,
    orders or updates, counted from 1, it acts on number `nth`, on the `first` so many, on `every`
    so many-th, and of those with `chance` (0 to 1); on all by default.
    """

    effect: str
    method: str | None = None
    path: str | None = None
    symbol: str | None = None
    client_order_id: str | None = None
    event: str | None = None
    after: timedelta | None = None
    until: timedelta | None = None
    nth: int | None = None
    first: int | None = None
    every: int | None = None
    chance: Decimal | None = None
    commit: str = YES
    time: timedelta | None = None
    status: int = 500
    body: str = "json"
    headers: bool = True
    set: Mapping[str, Any] = {}
    omit: frozenset[str] = frozenset()
    part: Decimal = Decimal(1)
    to: str = ""

    @property
    def seam(self) -> str:
        """Where it acts: around a request, in an order's life, in market data, on the stream."""
        return EFFECTS[self.effect].seam

    def concerns(self, subject: Subject, age: timedelta) -> bool:
        """Whether it matches, counts aside, so long after it was armed."""
        return (
            (self.after is None or age >= self.after)
            and (self.until is None or age < self.until)
            and (self.method is None or self.method == subject.method)
            and _like(subject.path, self.path)
            and _like(subject.symbol, self.symbol)
            and _like(subject.client_order_id, self.client_order_id)
            and _like(subject.event, self.event)
        )


class Subject(NamedTuple):
    """What a fault is matched against: a request, an order or an update; None where unknown."""

    symbol: str | None = None
    client_order_id: str | None = None
    method: str | None = None
    path: str | None = None
    event: str | None = None


def _like(value: str | None, pattern: str | None) -> bool:
    return pattern is None or (value is not None and fnmatchcase(value, pattern))


class Armed(Struct):
    """A fault in force: its number, since when, and how often it matched and acted so far."""

    number: int
    fault: Fault
    since: datetime
    matched: int = 0
    acted: int = 0


class Late(NamedTuple):
    """A request that reaches the exchange only at a later moment."""

    at: datetime
    number: int
    request: Request


class Stale(NamedTuple):
    """A position as it is still shown until a moment; None when there was none."""

    until: datetime
    symbol: str
    position: Position | None


class Faults:
    """The faults in force, their counts, and what they have set in motion."""

    def __init__(self, faults: Iterable[Fault], seed: int, start: datetime) -> None:
        self._seed = seed
        self._armed: list[Armed] = []
        self._last = 0
        self.late: list[Late] = []  # by moment
        self.stale: list[Stale] = []  # by the fill that made them
        self.hidden_until: dict[str, datetime] = {}  # by order id
        self.due: dict[str, Fault] = {}  # by order id: what happens at its fault step
        for fault in faults:
            self.arm(fault, start)

    def __iter__(self) -> Iterator[Armed]:
        return iter(self._armed)

    def __bool__(self) -> bool:
        """Whether any fault is in force."""
        return bool(self._armed)

    def arm(self, fault: Fault, at: datetime) -> Armed:
        """Puts a fault in force at a moment; it counts from then on."""
        self._last += 1
        armed = Armed(self._last, fault, at)
        self._armed.append(armed)
        return armed

    def clear(self, number: int | None = None) -> int:
        """Ends one fault, or all; says how many. What is already under way stays under way."""
        kept = [] if number is None else [one for one in self._armed if one.number != number]
        ended = len(self._armed) - len(kept)
        self._armed = kept
        return ended

    def at_seam(self, seam: str) -> bool:
        """Whether any fault acts at this seam."""
        return any(one.fault.seam == seam for one in self._armed)

    def strike(self, subject: Subject, at: datetime, *effects: str) -> Fault | None:
        """The fault that acts on a subject at a moment with one of the effects: of several, the one
        that was armed first. Each that matches counts the subject.
        """
        found = self.find(subject, at, *effects)
        return None if found is None else found.fault

    def find(self, subject: Subject, at: datetime, *effects: str) -> Armed | None:
        """`strike`, with what is known about the fault since it was armed."""
        found = None
        for one in self._armed:
            if one.fault.effect in effects and one.fault.concerns(subject, at - one.since):
                one.matched += 1
                if found is None and self._acts(one):
                    one.acted += 1
                    found = one
        return found

    def _acts(self, one: Armed) -> bool:
        fault, count = one.fault, one.matched
        return (
            (fault.nth is None or count == fault.nth)
            and (fault.first is None or count <= fault.first)
            and (fault.every is None or count % fault.every == 0)
            and (fault.chance is None or self._drawn(one) < fault.chance * 2**32)
        )

    def _drawn(self, one: Armed) -> int:
        # rule: faults.chance
        key = f"{self._seed}/fault/{one.number}/{one.matched}"
        return int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big")
