"""Day trades counted from the account's fills: a house rule, not the broker's count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.effects import ReadActivities, ReadPositions
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.sessions import NEW_YORK, at_new_york, read_clock, read_sessions
from runner.steps.exposure import Opened
from runner.steps.planned import PlannedOrder
from runner.world import Position, decimal, moment

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


def opened_today(run: Run, orders: Sequence[PlannedOrder]) -> Steps[dict[str, Opened]]:
    """What was opened today in the symbols of planned orders and still stands: closing it is a day
    trade. This run's own orders count even where the account does not show them yet.

    Raises `Failure` when fills, positions or the clock cannot be read.
    """
    if not orders:
        return {}
    clock = yield from read_clock(run)
    if clock.timestamp is None:
        raise refused("the broker's clock does not say the time")
    today = clock.timestamp.astimezone(NEW_YORK).date()
    fills = yield from _fills_since(run, at_new_york(today, time(0)))
    held = yield from _held(run)
    found = {}
    for symbol in {order.symbol for order in orders}:
        plain = symbol.replace("/", "")
        own = [fill for fill in fills if fill.symbol == plain]
        opened = follow(own, held.get(plain, ZERO)).standing or _own_opened(run, symbol, today)
        if opened is not None:
            found[symbol] = opened
    return found


def _own_opened(run: Run, symbol: str, today: date) -> Opened | None:
    """What this run itself has opened, or may yet open with an order that is live."""
    held = run.orders.held(symbol)
    for own in run.orders.all:
        filled_at = own.order.filled_at
        earlier = filled_at is not None and filled_at.astimezone(NEW_YORK).date() < today
        stands = held > 0 if own.side == "buy" else held < 0
        if own.symbol == symbol and own.opens and not earlier and (own.may_be_live or stands):
            return Opened(own.side)
    return None


def count_day_trades(run: Run) -> Steps[int]:
    """Day trades of the account in the last five trading days, today included.

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
    fills = yield from _fills_since(run, at_new_york(days[0], time(0)))
    held = yield from _held(run)
    return day_trades_in(fills, held)


def day_trades_in(fills: Sequence[Fill], held_now: Mapping[str, Decimal]) -> int:
    """How often something opened on a day was closed on that day, over all symbols.

    `held_now` is what the account holds after the fills.
    """
    symbols = {fill.symbol for fill in fills}
    by_symbol = {one: [fill for fill in fills if fill.symbol == one] for one in symbols}
    return sum(follow(own, held_now.get(one, ZERO)).count for one, own in by_symbol.items())


class Followed(Struct, frozen=True):
    """The day trades in one symbol's fills, and what was opened on the last day and stands."""

    count: int
    standing: Opened | None


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
    return Followed(count, Opened(side, opened, closing) if opened > 0 else None)


def _fills_since(run: Run, after: datetime) -> Steps[list[Fill]]:
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
    return Fill(symbol.replace("/", ""), str(row.get("order_id", "")), signed, at)


def _held(run: Run) -> Steps[dict[str, Decimal]]:
    data = yield from run.read(ReadPositions())
    rows = data.get("positions") if data is not None else None
    if not isinstance(rows, list):
        raise refused("the account's positions could not be read")
    positions = [Position.read(row) for row in rows if isinstance(row, Mapping)]
    if any(one.qty is None for one in positions):
        raise refused("the broker reports a position without its quantity")
    return {one.symbol.replace("/", ""): one.qty for one in positions if one.qty is not None}
