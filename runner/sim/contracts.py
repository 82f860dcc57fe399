"""Option contracts: their symbols, a small chain for a few underlyings, and what one is worth.

A contract's price is a plain function of the underlying's last price, the strike and the time that
is left, taken once a minute: enough to rehearse orders, not to value options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isqrt
from typing import Protocol

from runner.sim import calendar
from runner.sim.walk import MICRO

SIZE = 100  # shares a contract
UNDERLYINGS = ("AAPL", "F", "NVDA", "QQQ", "SPY", "TSLA")
WEEKS, MONTHS, STRIKES = 4, 3, 6  # expirations, and strikes on each side of the price
VOLATILITY = 35  # percent a year
CENT = MICRO // 100
MINUTE = timedelta(minutes=1)
SYMBOL = re.compile(r"([A-Z]{1,6})(\d{2})(\d{2})(\d{2})([CP])(\d{8})")


@dataclass(frozen=True, slots=True)
class Contract:
    """One American option on 100 shares; `strike` in dollars a share."""

    underlying: str
    expires: date
    call: bool
    strike: Decimal

    @property
    def symbol(self) -> str:
        """The OCC symbol without blanks, such as AAPL261218C00270000."""
        kind = "C" if self.call else "P"
        return f"{self.underlying}{self.expires:%y%m%d}{kind}{int(self.strike * 1000):08d}"

    @property
    def kind(self) -> str:
        """`call` or `put`."""
        return "call" if self.call else "put"

    @property
    def name(self) -> str:
        """The name in words, as the API gives it."""
        strike = format(self.strike.normalize(), "f")
        return f"{self.underlying} {self.expires:%b %d %Y} {strike} {self.kind.title()}"

    @property
    def closes_at(self) -> datetime:
        """The close of its last session."""
        return calendar.session_from(self.expires).close

    def intrinsic(self, price: Decimal) -> Decimal:
        """Dollars a share that exercising is worth at a price of the underlying."""
        gain = price - self.strike if self.call else self.strike - price
        return max(gain, Decimal(0))


def parse(symbol: str) -> Contract | None:
    """The contract that a symbol names, listed or not; None when it is no option symbol."""
    found = SYMBOL.fullmatch(symbol)
    if found is None:
        return None
    underlying, year, month, day, kind, strike = found.groups()
    try:
        expires = date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    return Contract(underlying, expires, kind == "C", Decimal(int(strike)) / 1000)


def chain(underlying: str, price: Decimal, start: date) -> list[Contract]:
    """The contracts of an underlying that are listed from a day on, at its price then."""
    # rule: options.chain
    step = Decimal(5) if price >= 100 else Decimal("2.5") if price >= 25 else Decimal("0.5")
    middle = (price / step).to_integral_value() * step
    strikes = [middle + n * step for n in range(-STRIKES, STRIKES + 1) if middle + n * step > 0]
    return [
        Contract(underlying, expires, call, strike)
        for expires in expirations(start)
        for call in (True, False)
        for strike in strikes
    ]


def expirations(start: date) -> list[date]:
    """The next weekly Fridays and third Fridays after a day, or the session before a holiday."""
    friday = start + timedelta(days=(4 - start.weekday()) % 7 or 7)
    fridays = [friday + timedelta(weeks=n) for n in range(5 * (MONTHS + 1))]
    thirds = [day for day in fridays if 15 <= day.day <= 21][:MONTHS]
    wanted = sorted({*fridays[:WEEKS], *thirds})
    return [calendar.session_before(day + calendar.DAY).day for day in wanted]


# ------------------------------------------------------------------------- prices


class Market(Protocol):
    """What the price of an underlying is asked of."""

    def micros(self, symbol: str, moment: datetime) -> int:
        """The last price in millionths of a dollar."""


def minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    """The begin and each minute of regular hours in [since, until)."""
    if since < until:
        yield since
    for session in calendar.sessions(calendar.local_day(since), calendar.local_day(until)):
        at = session.open
        while at < min(session.close, until):
            if at > since:
                yield at
            at += MINUTE


class Premium:
    """The price of one contract, in millionths of a dollar a share, on whole cents."""

    def __init__(self, contract: Contract, market: Market) -> None:
        self._contract = contract
        self._market = market
        self._closes_at = contract.closes_at

    def last(self, moment: datetime) -> int:
        """The price in the minute of a moment; at and after the end what exercising is worth."""
        # rule: options.premium
        at = min(moment.replace(second=0, microsecond=0), self._closes_at)
        price = self._market.micros(self._contract.underlying, at)
        strike = int(self._contract.strike * MICRO)
        inside = max(price - strike if self._contract.call else strike - price, 0)
        if moment >= self._closes_at:
            return inside // CENT * CENT
        value = inside + self._time_value(price, abs(price - strike), at)
        return max((value + CENT // 2) // CENT, 1) * CENT

    def _time_value(self, price: int, distance: int, at: datetime) -> int:
        minutes = (self._closes_at - at) // MINUTE
        root = isqrt(minutes * MICRO * MICRO // 525_600)  # of the years left, in millionths
        deviation = price * VOLATILITY // 100 * root // MICRO
        reach = deviation * 5 // 2
        if distance >= reach:
            return 0
        near = (reach - distance) * MICRO // reach
        return deviation * 4 // 10 * near // MICRO * near // MICRO

    def book(self, moment: datetime) -> tuple[Decimal, Decimal]:
        """Bid and ask: a cent or a hundredth of the price off it, the bid never below a cent."""
        last = self.last(moment) // CENT
        half = max(last // 100, 1)
        return Decimal(max(last - half, 1)) / 100, Decimal(max(last + half, 2)) / 100

    def moments(
        self, since: datetime, until: datetime, _low: int | None, _high: int | None
    ) -> Iterator[datetime]:
        """Every minute: bounds are not looked at."""
        return minutes(since, until)

    def samples(self, since: datetime, until: datetime) -> list[int]:
        """A price every five minutes."""
        found, at = [], since
        while at < until:
            found.append(self.last(at))
            at += 5 * MINUTE
        return found or [self.last(since)]


class Quotes(Market, Protocol):
    """What the price of a combination is asked of."""

    def book(self, symbol: str, moment: datetime) -> tuple[Decimal, Decimal]:
        """The bid and the ask in dollars."""


class Package:
    """The price of a combination of options, bought as one: negative when it brings money in."""

    def __init__(self, symbol: str, market: Quotes) -> None:
        parts = (part.partition(":") for part in symbol.split("|"))
        self._legs = [(int(number), leg) for number, _, leg in parts]
        self._market = market

    def last(self, moment: datetime) -> int:
        """The sum of the legs' last prices."""
        return sum(number * self._market.micros(leg, moment) for number, leg in self._legs)

    def book(self, moment: datetime) -> tuple[Decimal, Decimal]:
        """What it could be sold and bought for, each leg at its own bid or ask."""
        bid = ask = Decimal(0)
        for number, leg in self._legs:
            low, high = self._market.book(leg, moment)
            bid += number * (low if number > 0 else high)
            ask += number * (high if number > 0 else low)
        return bid, ask

    def moments(
        self, since: datetime, until: datetime, _low: int | None, _high: int | None
    ) -> Iterator[datetime]:
        """Every minute: bounds are not looked at."""
        return minutes(since, until)

    def samples(self, since: datetime, _until: datetime) -> list[int]:
        """The price at the begin."""
        return [self.last(since)]
