"""Day trades counted from the account's fills: a house rule, not the broker's count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.effects import ReadActivities, ReadPositions
from runner.machine.failures import refused
from runner.machine.run import Run, Steps
from runner.machine.sessions import NEW_YORK, at_new_york, read_clock, read_sessions
from runner.world import Order, Position, decimal, moment

WINDOW = 5  # trading days, as the retired rule counted
ZERO = Decimal(0)
LOOK_BACK = timedelta(days=14)  # calendar days that hold five sessions in any week of the year


class Fill(Struct, frozen=True):
    """One fill: shares signed by side, and the New York day it happened on."""

    symbol: str
    order_id: str
    signed_qty: Decimal
    at: datetime

    @property
    def day(self) -> date:
        return self.at.astimezone(NEW_YORK).date()


def count_day_trades(run: Run) -> Steps[int]:
    """Day trades of the account in the last five trading days, today included.

    What this run's own orders have filled counts even where the account does not show it yet.
    Raises `Failure` when fills, positions or the calendar cannot be read.
    """
    clock = yield from read_clock(run)
    now = clock.timestamp
    if now is None:
        raise refused("the broker's clock does not say the time")
    sessions = yield from read_sessions(run, now, days_before=LOOK_BACK.days, days_after=0)
    days = [session.day for session in sessions][-WINDOW:]
    if len(days) < WINDOW:
        raise refused(f"the broker's calendar shows {len(days)} recent sessions, not {WINDOW}")
    since = at_new_york(days[0], time(0))
    fills = yield from fills_since(run, since)
    held = yield from read_held(run)
    missing = [fill for fill in _not_shown_yet(run, fills, now) if fill.at >= since]
    for fill in missing:
        expected = run.expected_position(fill.symbol)
        held[_plain(fill.symbol)] = expected if expected is not None else ZERO
    own = [Fill(_plain(one.symbol), one.order_id, one.signed_qty, one.at) for one in missing]
    return day_trades_in([*fills, *own], held)


def _not_shown_yet(run: Run, fills: Sequence[Fill], now: datetime) -> list[Fill]:
    """What this run's orders have filled and the account's fills do not show."""
    shown: dict[str, Decimal] = {}
    for fill in fills:
        shown[fill.order_id] = shown.get(fill.order_id, ZERO) + abs(fill.signed_qty)
    found = []
    for own in run.orders.all:
        for order in (own.order, *own.past.values()):
            rest = (order.filled_qty or ZERO) - shown.get(order.id, ZERO)
            if own.symbol and rest > 0:
                signed = rest if own.side == "buy" else -rest
                found.append(Fill(own.symbol, order.id, signed, _filled_at(order, now)))
    return found


def _filled_at(order: Order, now: datetime) -> datetime:
    return order.filled_at or now


def day_trades_in(fills: Sequence[Fill], held_now: Mapping[str, Decimal]) -> int:
    """How often something opened on a day was closed on that day, over all symbols.

    `held_now` is what the account holds after the fills.
    """
    symbols = {fill.symbol for fill in fills}
    by_symbol = {one: [fill for fill in fills if fill.symbol == one] for one in symbols}
    return sum(follow(own, held_now.get(one, ZERO)).count for one, own in by_symbol.items())


class Followed(Struct, frozen=True):
    """The day trades in one symbol's fills, and what was opened on the last day and stands.

    `opened` is in shares, zero where nothing stands, `side` the side that opened it. `closing`: a
    part of it was closed on that day already.
    """

    count: int
    side: str
    opened: Decimal
    closing: bool


def follow(fills: Sequence[Fill], held_now: Decimal) -> Followed:
    """Follow the fills of one symbol in the order of their time.

    A day trade ends when the direction of fills turns from closing back to opening; fills of the
    same order count once. What was held before the first fill is what is held now less all fills.
    """
    own = sorted(fills, key=lambda fill: fill.at)
    held = held_now - sum((fill.signed_qty for fill in own), ZERO)
    count, day, side = 0, None, ""
    opened, closing = ZERO, False
    for fill in own:
        if fill.day != day:
            day, opened, closing = fill.day, ZERO, False
        size = abs(fill.signed_qty)
        reducing = min(size, abs(held)) if held * fill.signed_qty < 0 else ZERO
        if reducing > 0 and opened > 0:
            count += not closing
            closing = True
            opened = max(opened - reducing, ZERO)
        if size > reducing:
            opened, closing = opened + size - reducing, False
            side = "buy" if fill.signed_qty > 0 else "sell"
        held += fill.signed_qty
    return Followed(count, side, opened, closing)


def fills_since(run: Run, after: datetime) -> Steps[list[Fill]]:
    """The account's fills after a moment. Raises `Failure` when they cannot be read."""
    data = yield from run.read(ReadActivities("FILL", after))
    rows = data.get("activities") if data is not None else None
    if not isinstance(rows, list):
        raise refused("the account's fills could not be read")
    return [_fill(row) for row in rows if isinstance(row, Mapping)]


def _fill(row: Mapping[str, Any]) -> Fill:
    qty, at = decimal(row.get("qty")), moment(row.get("transaction_time"))
    symbol, side = row.get("symbol"), str(row.get("side", ""))
    if qty is None or at is None or not isinstance(symbol, str) or not side:
        raise refused("the account's fills have an entry that cannot be read")
    signed = qty if side.startswith("buy") else -qty
    return Fill(_plain(symbol), str(row.get("order_id", "")), signed, at)


def read_held(run: Run) -> Steps[dict[str, Decimal]]:
    """Shares by symbol, without slashes. Raises `Failure` when they cannot be read."""
    data = yield from run.read(ReadPositions())
    rows = data.get("positions") if data is not None else None
    if not isinstance(rows, list):
        raise refused("the account's positions could not be read")
    positions = [Position.read(row) for row in rows if isinstance(row, Mapping)]
    if any(one.qty is None for one in positions):
        raise refused("the broker reports a position without its quantity")
    return {_plain(one.symbol): one.qty for one in positions if one.qty is not None}


def _plain(symbol: str) -> str:
    return symbol.replace("/", "")
