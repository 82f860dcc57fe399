"""What a runbook would do to an account: the main line, and where it might go otherwise.

A fork of a run is a fresh machine that is told the same up to the fork: machines cannot be copied,
and the readings are the same for all lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from runner.drive.projected import ProjectedDriver
from runner.drive.projection import MAIN, Line, Note, Observed, Projection, QuoteSeen
from runner.drive.readings import History, Readings, Reads, clock_of, nothing_before
from runner.drive.wording import in_new_york
from runner.effects import (
    Json,
    ReadAccount,
    ReadAsset,
    ReadOpenOrders,
    ReadPositions,
    ReadQuote,
    Status,
)
from runner.guards import Rules
from runner.language.runbook import Runbook
from runner.machine import Run, carry_out
from runner.world import Account, Quote, moment, same_symbol

RUN_ID = "plan"
"""What stands for the id of the run that is planned."""

TOLERANCE = Decimal("0.01")
MOST_BRANCHES = 16


def project(
    runbook: Runbook,
    gateway: Reads,
    *,
    now: datetime,
    rules: Rules,
    history: History = nothing_before,
    tolerance: Decimal = TOLERANCE,
    most_branches: int = MOST_BRANCHES,
) -> Projection:
    """What carrying out `runbook` would do, as far as can be told by reading alone.

    `gateway` leads to the target; make it with `read_only`. `now` is the moment (UTC) at which the
    run would begin, by this machine's clock. `history` answers `ReadHistory`. `tolerance` is the
    part by which an estimate may be wrong. Equal readings and an equal `now` give an equal
    projection.
    """
    readings = Readings(gateway, history)
    broker_at = now
    if readings.ask(ReadAccount()).status is Status.OK:
        broker_at = moment(clock_of(readings).get("timestamp")) or now
        readings.ask(ReadPositions())
        readings.ask(ReadOpenOrders())
    lines: list[Line] = []
    notes: list[Note] = []
    waiting: deque[tuple[str, int, tuple[bool, ...]]] = deque([("", -1, ())])
    left = 0
    while waiting:
        parent, fork, choices = waiting.popleft()
        if len(lines) > most_branches:
            left += 1
            continue
        name = str(len(lines)) if lines else MAIN
        run = Run(runbook, RUN_ID, now, rules=rules, tolerance=tolerance)
        driver = ProjectedDriver(readings, run, broker_at, choices)
        line = driver.drive(carry_out(run), name, parent, fork if fork >= 0 else None)
        lines.append(line)
        notes += _notes(driver, line, notes)
        taken = [one.holds for one in driver.assumed]
        for index in range(fork + 1, len(taken)):
            waiting.append((name, index, (*taken[:index], not taken[index])))
    if left:
        notes.append(Note("PL004", f"{left} forks beyond the first {most_branches} are not shown"))
    observed = _observed(readings)
    return Projection(
        observed=observed,
        lines=tuple(lines),
        notes=(*_general(readings, observed, runbook), *notes),
        not_followed=left,
        tolerance=tolerance,
        requests=readings.count,
    )


def _notes(driver: ProjectedDriver, line: Line, known: Sequence[Note]) -> list[Note]:
    """What a line says that no line before it has said."""
    said = {(note.code, note.message, note.step) for note in known}
    found = [*driver.notes]
    for order in line.orders:
        if order.queued_until is not None:
            name = order.symbol or "several symbols"
            words = f"an order in {name} does not trade before {in_new_york(order.queued_until)}"
            found.append(Note("PL002", words, order.step))
    exchange = driver.overlay.exchange
    for order_id in exchange.unread if exchange is not None else ():
        found.append(Note("PL007", f"open order {order_id} could not be understood"))
    if line.end is not None and line.end.day_trades is None:
        found.append(Note("PL014", "the account's fills of today could not be read"))
    return [
        replace(note, line=line.name)
        for note in found
        if (note.code, note.message, note.step) not in said
    ]


def _general(readings: Readings, observed: Observed, runbook: Runbook) -> list[Note]:
    """What is to be said of all lines."""
    notes = []
    if observed.clock.get("is_open") is False:
        opens = observed.clock.get("next_open")
        notes.append(Note("PL001", f"the market is closed; it opens at {opens}"))
    if observed.account:
        account = Account.read(observed.account)
        needed = ("status", "cash", "equity", "buying_power", "maintenance_margin", "multiplier")
        missing = [name for name in needed if getattr(account, name) is None]
        if missing:
            words = f"the broker did not report the account's {', '.join(missing)}"
            notes.append(Note("PL006", words))
    for what, effect in (
        ("account", ReadAccount()),
        ("positions", ReadPositions()),
        ("open orders", ReadOpenOrders()),
    ):
        if not observed.account and what != "account":
            continue
        answer = readings.ask(effect)
        if answer.status is not Status.OK:
            why = f": {answer.problem.message}" if answer.problem is not None else ""
            notes.append(Note("PL011", f"the {what} could not be read{why}"))
    symbols = [str(row.get("symbol") or "") for row in observed.open_orders]
    mine = [one for one in dict.fromkeys(symbols) if _concerns(runbook, one)]
    if mine:
        words = f"open orders in {', '.join(mine)} are assumed to stay as they are"
        notes.append(Note("PL008", words))
    return notes


def _concerns(runbook: Runbook, symbol: str) -> bool:
    return bool(symbol) and (
        runbook.symbols is None or any(same_symbol(one, symbol) for one in runbook.symbols)
    )


def _observed(readings: Readings) -> Observed:
    account = readings.ask(ReadAccount())
    if account.status is not Status.OK:
        return Observed(None, {}, (), (), (), (), {})
    clock = clock_of(readings)
    quotes = []
    for _, data in readings.seen(ReadQuote):
        quote = Quote.read(data)
        quotes.append(QuoteSeen(quote.symbol, quote.feed or "", quote.bid, quote.ask, quote.at))
    return Observed(
        at=moment(clock.get("timestamp")),
        account=account.data,
        positions=_rows(readings, ReadPositions(), "positions"),
        open_orders=_rows(readings, ReadOpenOrders(), "orders"),
        quotes=tuple(quotes),
        assets=tuple(data for _, data in readings.seen(ReadAsset)),
        clock=clock,
    )


def _rows(
    readings: Readings, effect: ReadPositions | ReadOpenOrders, key: str
) -> tuple[dict[str, Json], ...]:
    answer = readings.ask(effect)
    rows = answer.data.get(key) if answer.status is Status.OK else None
    return tuple(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
