"""Market data on the best feed that the account may use, and the close of the last session.

Which feed that is shows only when one is refused, so it is learnt once and remembered for as long
as the gateway lives.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from runner.broker import market_data
from runner.broker.connection import ATTEMPTS, Connection
from runner.broker.market_data import CRYPTO, Latest, Market, Query
from runner.broker.reading import Unreadable
from runner.broker.shapes import Shape, a_clock, moment, objects
from runner.broker.targets import Target
from runner.effects import Answer, Problem, Reason, Status

_Ask = Callable[[str | None], tuple[Query, Shape]]


class Feeds:
    """Reads of market data, and of the calendar that says which close was the last."""

    def __init__(self, target: Target, connection: Connection) -> None:
        self._target = target
        self._connection = connection
        self._client = connection.client
        self._refused: set[tuple[Market, str]] = set()

    def latest(self, n: int, what: Latest, symbol: str, attempts: int = ATTEMPTS) -> Answer:
        """The latest quote or trade: `{"symbol", "feed", "quote" or "trade"}`, or absent."""
        own_choice = "simulated" if self._target.kind == "sim" else "default"

        def ask(feed: str | None) -> tuple[Query, Shape]:
            shape = market_data.latest_shape(what, symbol, feed or own_choice)
            return market_data.latest(what, symbol, feed), shape

        return self._on_best_feed(n, symbol, ask, attempts)

    def calendar(self, n: int, start: date, end: date) -> Answer:
        """Trading sessions from `start` to `end` inclusive: `{"days": [...]}`."""
        from alpaca.trading.requests import GetCalendarRequest  # noqa: PLC0415 - slow

        wanted = GetCalendarRequest(start=start, end=end)
        call = lambda: self._client.get_calendar(wanted)  # noqa: E731
        return self._connection.read(n, call, objects("days"))

    def previous_close(self, n: int, symbol: str) -> Answer:
        """The daily bar of the last completed session: `{"symbol", "bar"}`, or absent.

        The broker's clock and calendar say which session that is. While one is under way its bar
        exists already, and its `c` is the latest price: that bar is never taken. A symbol that did
        not trade in that session gives the bar of the last one in which it did.
        """
        clock = self._connection.read(n, self._client.get_clock, a_clock)
        if clock.status is not Status.OK:
            return clock
        until = moment(clock.data["timestamp"])
        if market_data.market_of(symbol) is not CRYPTO:
            days = self.calendar(n, *market_data.calendar_days(until))
            if days.status is not Status.OK:
                return days
            try:
                until = market_data.last_close(days.data["days"], until)
            except Unreadable as error:
                problem = Problem(Reason.UNREADABLE, str(error))
                return Answer(Status.UNAVAILABLE, problem=problem)

        def ask(feed: str | None) -> tuple[Query, Shape]:
            query = market_data.daily_bars(symbol, until, feed)
            return query, market_data.last_bar_shape(symbol, until)

        return self._on_best_feed(n, symbol, ask, ATTEMPTS)

    def _on_best_feed(self, n: int, symbol: str, ask: _Ask, attempts: int) -> Answer:
        market = market_data.market_of(symbol)
        if self._target.kind not in ("paper", "live"):
            return self._query(n, *ask(None), attempts)
        *better, last = market.feeds
        for feed in better:
            if (market, feed) not in self._refused:
                answer = self._query(n, *ask(feed), attempts)
                if answer.problem is None or answer.problem.reason is not Reason.FORBIDDEN:
                    return answer
                self._refused.add((market, feed))
        return self._query(n, *ask(last), attempts)

    def _query(self, n: int, query: Query, shape: Shape, attempts: int) -> Answer:
        base = self._target.data_url

        def call() -> object:
            parameters = dict(query.params)
            return self._client.get(
                query.path, parameters, base_url=base, api_version=query.api_version
            )

        return self._connection.read(n, call, shape, attempts=attempts, base=base)
