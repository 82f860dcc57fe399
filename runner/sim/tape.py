"""Prices as a function of time: scripted, or a seeded walk on a one-second grid.

Prices are integers of a millionth of a dollar inside and Decimal dollars outside, on the penny
grid (a hundredth of a cent below one dollar). A tape has no state that time changes: any moment
can be asked for in any order, which is what lets a waiting run jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from runner.sim import calendar
from runner.sim.contracts import Package, Premium, parse
from runner.sim.sources import Pinned, Point, Script, Source
from runner.sim.walk import MICRO, Walk

SECOND = timedelta(seconds=1)

Test = Callable[[datetime], bool]


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask, in dollars, and their sizes in shares."""

    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, high, low and close of an interval that begins at `start`; volume in shares."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class Tape:
    """The market: last prices, quotes and bars of every symbol of a scenario."""

    def __init__(
        self,
        start: datetime,
        prices: Mapping[str, Decimal],
        scripts: Mapping[str, tuple[Point, ...]],
        previous_closes: Mapping[str, Decimal],
        seed: int,
    ) -> None:
        self._start = start
        self._seed = seed
        self._prices = prices
        self._scripts = scripts
        self._previous_closes = previous_closes
        self._first_day = calendar.last_close_before(start).day
        self._sources: dict[str, Source] = {}
        self._remember()

    def _remember(self) -> None:
        self.last = lru_cache(maxsize=4096)(self._last)
        self.quote = lru_cache(maxsize=4096)(self._quote)

    def knows(self, symbol: str) -> bool:
        """Whether the symbol has a price of its own, which does not follow from others."""
        given = symbol in self._scripts or symbol in self._prices
        return given or isinstance(self._sources.get(symbol), Pinned)

    def symbols(self) -> list[str]:
        """The symbols that have a price of their own."""
        pinned = {name for name, source in self._sources.items() if isinstance(source, Pinned)}
        return sorted({*self._scripts, *self._prices, *pinned})

    def changed(self, symbol: str, moment: datetime) -> datetime | None:
        """When the price that holds at a moment was given, by script or by hand; else None."""
        source = self._source(symbol)
        return source.changed(moment) if isinstance(source, Script | Pinned) else None

    def set_price(self, symbol: str, point: Point) -> None:
        """From the point's moment on the price is the point's, until another is set."""
        source = self._source(symbol)
        if not isinstance(source, Pinned):
            source = self._sources[symbol] = Pinned(source)
        source.pin(point)
        self._remember()

    def _source(self, symbol: str) -> Source:
        source = self._sources.get(symbol)
        if source is None:
            points = self._scripts.get(symbol)
            source = Script(points) if points else self._unscripted(symbol)
            self._sources[symbol] = source
        return source

    def _unscripted(self, symbol: str) -> Source:
        if ":" in symbol:
            return Package(symbol, self)
        contract = parse(symbol)
        if contract is not None:
            # rule: options.priced
            fixed = self._prices.get(symbol)
            return Script((Point(self._start, fixed),)) if fixed else Premium(contract, self)
        price = int(self._prices[symbol] * MICRO)
        return Walk(symbol, price, self._start, self._seed, never_stops="/" in symbol)

    def _last(self, symbol: str, moment: datetime) -> Decimal:
        """The last trade's price in dollars."""
        return _grid(self.micros(symbol, moment))

    def book(self, symbol: str, moment: datetime) -> tuple[Decimal, Decimal]:
        """The bid and the ask in dollars."""
        quote = self.quote(symbol, moment)
        return quote.bid, quote.ask

    def micros(self, symbol: str, moment: datetime) -> int:
        """The last trade's price in millionths of a dollar, before it is put on the penny grid."""
        return self._source(symbol).last(moment)

    def _quote(self, symbol: str, moment: datetime) -> Quote:
        """The best bid and ask at a moment."""
        source = self._source(symbol)
        book = source.book(moment)
        last = self.last(symbol, moment)
        if book is None:
            half = _half_spread(last)
            book = (last - half, last + half)
        size = int(last * 100)
        return Quote(book[0], book[1], 100 + size % 7 * 100, 100 + size % 11 * 100)

    def first(
        self,
        symbol: str,
        since: datetime,
        until: datetime,
        test: Test,
        *,
        low: Decimal | None = None,
        high: Decimal | None = None,
    ) -> datetime | None:
        """The first moment in [since, until) at which `test` holds, or None.

        `low` and `high` promise that the test can only hold while the last price is at or below
        `low`, or at or above `high`; stretches that cannot reach them are not looked at.
        """
        source = self._source(symbol)
        bounds = (_micros(low), _micros(high))
        return next((at for at in source.moments(since, until, *bounds) if test(at)), None)

    def changes(self, symbol: str, since: datetime, until: datetime) -> Iterator[datetime]:
        """Every moment in [since, until) at which the price may have changed, `since` included."""
        return self._source(symbol).moments(since, until, None, None)

    def previous_close(self, symbol: str, moment: datetime) -> Decimal:
        """The closing price of the last session that ended before the current one."""
        session = calendar.session_before(calendar.trading_day(moment).day)
        return self.closing_price(symbol, session)

    def closing_price(self, symbol: str, session: calendar.Session) -> Decimal:
        """The last price of a session's regular hours."""
        if session.day <= self._first_day and symbol in self._previous_closes:
            return self._previous_closes[symbol]
        return self.last(symbol, session.close)

    def daily_bar(self, symbol: str, session: calendar.Session, now: datetime) -> Bar | None:
        """The regular-hours bar of a session, as far as it has happened; None before its open."""
        if now < session.open:
            return None
        midnight = calendar.new_york(session.day, datetime.min.time())
        if session.day <= self._first_day and symbol in self._previous_closes:
            price = self._previous_closes[symbol]
            return Bar(midnight, price, price, price, price, _volume(symbol, session.day))
        bar = self.bar(symbol, session.open, min(now, session.close))
        return Bar(midnight, bar.open, bar.high, bar.low, bar.close, _volume(symbol, session.day))

    def bar(self, symbol: str, since: datetime, until: datetime) -> Bar:
        """The bar of an interval of trading time."""
        source = self._source(symbol)
        opening, closing = self.last(symbol, since), self.last(symbol, until)
        prices = [opening, closing, *(_grid(p) for p in source.samples(since, until))]
        volume = 1000 + int(opening * 100) % 9000
        return Bar(since, opening, max(prices), min(prices), closing, volume)


def _volume(symbol: str, day: date) -> int:
    return 1_000_000 + sum(symbol.encode()) * 10_007 % 900_000 + day.toordinal() * 7919 % 5_000_000


def _micros(price: Decimal | None) -> int | None:
    return None if price is None else int(price * MICRO)


@lru_cache(maxsize=16384)
def _grid(micros: int) -> Decimal:
    """Millionths of a dollar on the penny grid (SEC Rule 612), never below a tick."""
    # rule: market.penny-grid
    if micros >= MICRO:
        return Decimal((micros + 5_000) // 10_000).scaleb(-2)
    return Decimal(max((micros + 50) // 100, 1)).scaleb(-4)


@lru_cache(maxsize=16384)
def _half_spread(last: Decimal) -> Decimal:
    """Half a basis point of the price, at least one tick."""
    # rule: market.spread
    exponent = Decimal("0.01") if last >= 1 else Decimal("0.0001")
    half = (last * Decimal("0.00005")).quantize(exponent)
    return min(max(half, exponent), last - exponent) if last > exponent else Decimal(0)
