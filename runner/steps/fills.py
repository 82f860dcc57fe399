"""What was opened today and still stands, from the account's fills and this run's own orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal

from runner.machine import Run, Steps
from runner.machine.day_trades import fills_since, follow, read_held
from runner.machine.failures import refused
from runner.machine.sessions import NEW_YORK, at_new_york, read_clock
from runner.steps.exposure import Opened
from runner.steps.planned import PlannedOrder

ZERO = Decimal(0)


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
    fills = yield from fills_since(run, at_new_york(today, time(0)))
    held = yield from read_held(run)
    found = {}
    for symbol in {order.symbol for order in orders}:
        plain = symbol.replace("/", "")
        own = [fill for fill in fills if fill.symbol == plain]
        seen = follow(own, held.get(plain, ZERO))
        standing = Opened(seen.side, seen.opened, seen.closing) if seen.opened > 0 else None
        opened = standing or _own_opened(run, symbol, today)
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
