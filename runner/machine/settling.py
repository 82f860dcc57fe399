"""After a resume: what this run sent is read again before anything else happens.

Every own order is read by its id, legs and successors included; then the account's fills and
positions must agree with what the orders say. What was found is put on record. The steps go on only
in the same session, soon after the run died, and after a settlement without a contradiction;
otherwise the run stops safely. A person may overrule that, never for an order of unknown fate.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from runner.effects import Json, ReadActivities, ReadPosition, Status
from runner.language.values import written
from runner.machine.agreement import AGAIN, AGREE_WITHIN, shows_own_fills
from runner.machine.failures import Cause, Failure
from runner.machine.following import read_again
from runner.machine.own_orders import Sent
from runner.machine.run import Run, Steps
from runner.machine.sessions import read_clock, read_sessions
from runner.world import Position, decimal, no_position

RESUME_WITHIN = timedelta(minutes=10)
"""How long after a run died its steps may still go on: a plan is made for its market."""

EARLIER = timedelta(minutes=1)
"""How far before the run its fills are looked for: the two clocks may differ."""


def settle(run: Run, died_at: datetime) -> Steps[None]:
    """Read again what this run sent. Raises `Failure`, interrupted or halted, when the steps must
    not go on.

    `died_at` is the run's time of the last outcome or heartbeat before it died.
    """
    with run.shielded():
        problems = yield from _contradictions(run)
        if not run.in_cleanup:
            problems += yield from _too_late(run, died_at)
    halted = run.halted
    if halted is not None:
        problems.append(halted.message)
    goes_on = run.in_cleanup or (run.go_on and halted is None) or not problems
    yield from run.emit(
        "effect.reconciled",
        {
            "orders": [
                {
                    "client_order_id": own.client_order_id,
                    "status": own.order.status,
                    "filled_qty": f"{own.filled_qty:f}",
                }
                for own in run.orders.all
                if own.sent is Sent.ACCEPTED
            ],
            "problems": list[Json](problems),
            "goes_on": goes_on,
        },
    )
    if halted is not None:
        raise halted
    if not goes_on:
        raise Failure(
            Cause.INTERRUPTED,
            f"the run was resumed, and its steps do not go on: {'; '.join(problems)}",
            help="The run is over now. `runbook resume --continue`, in place of a plain resume, "
            "goes on all the same.",
        )


def _contradictions(run: Run) -> Steps[list[str]]:
    """What does not fit together, once orders, fills and positions had time to agree."""
    give_up = run.at + AGREE_WITHIN
    while True:
        problems = []
        for own in run.orders.sent:
            if own.sent is Sent.ACCEPTED and not (yield from read_again(run, own)):
                problems.append(f"order {own.client_order_id} could not be read")
        problems += yield from _fills(run)
        problems += yield from _positions(run)
        if not problems or run.at >= give_up:
            return problems
        yield from run.sleep(AGAIN)


def _fills(run: Run) -> Steps[list[str]]:
    """Where the account's fill activities and this run's orders tell different quantities."""
    orders = [own for own in run.orders.all if own.order_id and own.symbol]
    clocks = [own.before.clock for own in run.orders.sent if own.before and own.before.clock]
    if not orders:
        return []
    if not clocks:
        return ["since when the account's fills are this run's cannot be told"]
    outcome = yield from run.ask(ReadActivities("FILL", min(clocks) - EARLIER))
    rows = outcome.data.get("activities") if outcome.status is Status.OK else None
    if not isinstance(rows, list):
        return ["the account's fills could not be read"]
    filled: dict[str, Decimal] = {}
    for row in rows:
        qty = decimal(row.get("qty")) if isinstance(row, dict) else None
        if isinstance(row, dict) and qty is not None:
            order_id = str(row.get("order_id", ""))
            filled[order_id] = filled.get(order_id, Decimal(0)) + qty
    problems = []
    for own in orders:
        told = sum(filled.get(one, Decimal(0)) for one in (own.order_id, *own.replaced_ids))
        if told != own.filled_qty:
            problems.append(
                f"order {own.client_order_id} is filled by {own.filled_qty:f}, and the account's "
                f"activities show {told:f}"
            )
    return problems


def _positions(run: Run) -> Steps[list[str]]:
    """Where a position is not what it was before this run and this run's own fills since."""
    problems = []
    for symbol in run.orders.symbols:
        expected = run.expected_position(symbol)
        if expected is None:
            problems.append(f"what was held of {symbol} before this run is not known")
            continue
        outcome = yield from run.ask(ReadPosition(symbol))
        if outcome.status not in (Status.OK, Status.ABSENT):
            problems.append(f"the position in {symbol} could not be read")
            continue
        now = Position.read(outcome.data) if outcome.data else no_position(symbol)
        now = replace(now, symbol=symbol)  # positions say BTCUSD for BTC/USD
        if now.qty is None or not shows_own_fills(run, now):
            held = "unknown" if now.qty is None else f"{now.qty:f}"
            problems.append(f"the position in {symbol} is {held}, and should be {expected:f}")
    return problems


def _too_late(run: Run, died_at: datetime) -> Steps[list[str]]:
    """Why the market is no longer the one that the plan was in the middle of.

    The broker's clock says what time it is there; when the run died by it is told from how far it
    was ahead of the run's clock when it was last read.
    """
    try:
        now = (yield from read_clock(run)).timestamp
        assert now is not None  # read_clock refuses a clock without a time
        sessions = yield from read_sessions(run, now, days_before=1, days_after=1)
    except Failure:
        return ["whether this is still the same session cannot be told"]
    died = died_at + run.ahead
    gap = max(now - died, run.at - died_at)
    if gap > RESUME_WITHIN:
        minutes = gap.total_seconds() / 60
        return [f"{minutes:.0f} minutes have passed since its last record, more than 10"]
    valid_until = run.runbook.valid_until
    if valid_until is not None and now >= valid_until:
        return [f"the runbook was valid until {written(valid_until)}"]
    for session in sessions:
        moments = (session.premarket, session.opens, session.closes, session.afterhours_end)
        if any(died < moment <= now for moment in moments):
            return ["another session of the market has begun since"]
    return []
