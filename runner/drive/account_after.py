"""The account as a line leaves it: its money, what it holds, the day trades made so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from typing import Any

from runner.drive.overlay import Overlay
from runner.drive.projection import AccountAfter, Holding
from runner.drive.readings import Readings, clock_of
from runner.effects import ReadAccount, ReadActivities, ReadPositions, Status
from runner.machine.day_trades import Fill, day_trades_in
from runner.machine.sessions import NEW_YORK, at_new_york
from runner.world import Account, Position, decimal, moment


def account_after(readings: Readings, overlay: Overlay) -> AccountAfter | None:
    """The account as it is now on a line; None where it cannot be read."""
    answer = overlay.read(ReadAccount())
    if answer.status is not Status.OK:
        return None
    account = Account.read(answer.data)
    rows = overlay.read(ReadPositions())
    held = rows.data["positions"] if rows.status is Status.OK else []
    assert isinstance(held, list)
    excess = None
    if account.equity is not None and account.maintenance_margin is not None:
        excess = account.equity - account.maintenance_margin
    positions = [Position.read(row) for row in held if isinstance(row, dict)]
    return AccountAfter(
        cash=account.cash,
        buying_power=account.buying_power,
        equity=account.equity,
        margin_excess=excess,
        positions=tuple(
            Holding(one.symbol, one.qty, one.market_value)
            for one in positions
            if one.qty is not None
        ),
        day_trades=_day_trades(readings, overlay, positions),
    )


def _day_trades(readings: Readings, overlay: Overlay, positions: Sequence[Position]) -> int | None:
    """Day trades that the line has made, with what was traded today before it."""
    exchange = overlay.exchange
    own = [one.body() for one in exchange.activities if one.kind == "FILL"] if exchange else []
    if not own:
        return 0
    now = moment(clock_of(readings).get("timestamp")) or overlay.at
    midnight = at_new_york(now.astimezone(NEW_YORK).date(), time(0))
    answer = readings.ask(ReadActivities("FILL", midnight))
    if answer.status is not Status.OK:
        return None
    told: Any = answer.data["activities"]
    before, mine = _fills(told), _fills(own)
    if before is None or mine is None:
        return None
    held = {one.symbol.replace("/", ""): one.qty or Decimal(0) for one in positions}
    earlier = dict(held)
    for fill in mine:
        earlier[fill.symbol] = earlier.get(fill.symbol, Decimal(0)) - fill.signed_qty
    return day_trades_in([*before, *mine], held) - day_trades_in(before, earlier)


def _fills(rows: Sequence[Mapping[str, Any]]) -> list[Fill] | None:
    """The fills of activities; None when one cannot be read."""
    found = []
    for row in rows:
        qty, at = decimal(row.get("qty")), moment(row.get("transaction_time"))
        symbol, side = row.get("symbol"), str(row.get("side", ""))
        if qty is None or at is None or not isinstance(symbol, str) or not side:
            return None
        signed = qty if side.startswith("buy") else -qty
        found.append(Fill(symbol.replace("/", ""), str(row.get("order_id", "")), signed, at))
    return found
