"""Before anything is sent: a fresh reading of the world, and every guard's verdict on it.

An order that may open risk is judged by more than the world: by the account's configuration, by
what else the house has sent, and, where the quote is no measure, by the last trade or the previous
close. What cannot be read is told to the guards as missing; it is theirs to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from runner.effects import (
    Effect,
    ReadConfiguration,
    ReadHistory,
    ReadPreviousClose,
    ReadTrade,
    Status,
)
from runner.guards import Bounds, Draft, Judged, PastOrder, Tally, day_trades, judge
from runner.guards.reference import wants_previous_close, wants_trade
from runner.machine.day_trades import count_day_trades
from runner.machine.failures import Cause, Failure, refused
from runner.machine.foreseeing import foreseen
from runner.machine.own_orders import Before, OwnOrder
from runner.machine.run import Run, Steps
from runner.world import Configuration, Trade, decimal


class Passed(Struct, frozen=True):
    """An order that every guard let pass, beside what they saw.

    `worth` is in dollars, zero when it cannot be told, which only an order that reduces may be.
    """

    parts: tuple[Judged, ...]

    @property
    def opens(self) -> bool:
        return not all(part.reduces for part in self.parts)

    @property
    def worth(self) -> Decimal:
        worths = (part.notional for part in self.parts)
        return sum((worth for worth in worths if worth is not None), Decimal(0))

    @property
    def clock(self) -> datetime | None:
        """The broker's time when the first part was read."""
        return self.parts[0].world.clock.timestamp

    @property
    def before(self) -> Before:
        held = {part.draft.symbol: part.world.position.qty for part in self.parts}
        return Before(self.clock, held)


def pass_guards(run: Run, draft: Draft, tally: Tally | None = None) -> Steps[Passed]:
    """Have every guard judge a draft over a fresh reading of the world.

    `tally` is what the run has sent, where that is not all of it. Raises `Failure` when a guard
    refuses.
    """
    parts = yield from read_for(run, draft, tally)
    for verdict in judge(draft, parts):
        yield from run.emit(
            "guard",
            {
                "guard": verdict.guard,
                "verdict": verdict.verdict,
                "message": verdict.message,
                "values": dict(verdict.values),
            },
        )
        if verdict.refused:
            end = "the order stays as it was" if draft.instead else "the order was not sent"
            failure = refused(f"{verdict.guard}: {verdict.message}; {end}")
            failure.guard = True
            raise failure
    return Passed(parts)


def read_for(run: Run, draft: Draft, tally: Tally | None = None) -> Steps[tuple[Judged, ...]]:
    """A draft, or each leg of it, beside a fresh reading of all that guards judge it by.

    A reading that began before the run was resumed is stale: all of it is done again. Raises
    `Failure` when the world cannot be read.
    """
    while True:
        resumptions = run.resumptions
        parts = []
        for part in draft.legs or (draft,):
            world = yield from run.read_world(part.symbol)
            parts.append(Judged(part, world, _bounds(run, part, tally)))
        if not all(part.reduces for part in parts):
            parts = yield from _informed(run, parts)
        if run.resumptions == resumptions:
            return tuple(parts)


def _bounds(run: Run, part: Draft, tally: Tally | None) -> Bounds:
    return Bounds(
        rules=run.rules,
        symbols=run.runbook.symbols,
        tally=tally or run.tally,
        at=run.at,
        read_at=run.at,
        expected=run.expected_position(part.symbol),
        sent=tuple(_as_past(run, own) for own in run.orders.sent if own.opens and own.reached),
        runbook=run.runbook.source.sha256,
    )


def _informed(run: Run, parts: Sequence[Judged]) -> Steps[list[Judged]]:
    """The same parts with everything that an order which opens risk is judged by."""
    configuration = yield from _read(run, ReadConfiguration())
    history = yield from _read(run, ReadHistory())
    past = history.get("orders") if history is not None else None
    later, untold = foreseen(run)
    counted = yield from _day_trades(run)
    informed = []
    for part in parts:
        seen = yield from read_market(run, part)
        bounds = replace(
            seen.bounds,
            at=run.at,
            configuration=Configuration.read(configuration) if configuration is not None else None,
            history=_history(past),
            later=later,
            untold=untold,
            day_trades=counted,
        )
        informed.append(replace(part, bounds=bounds))
    return informed


def read_to_price(run: Run, draft: Draft) -> Steps[Judged]:
    """An order whose price is still open, beside a fresh reading of all that guards price it by."""
    world = yield from run.read_world(draft.symbol)
    return (yield from read_market(run, Judged(draft, world, _bounds(run, draft, None))))


def read_market(run: Run, part: Judged) -> Steps[Judged]:
    """The same part with the last trade and the previous close, where its quote is no measure."""
    symbol, trade, close = part.draft.symbol, None, None
    if wants_trade(part):
        trade = yield from _read(run, ReadTrade(symbol))
    if wants_previous_close(part):
        close = yield from _read(run, ReadPreviousClose(symbol))
    bounds = replace(
        part.bounds,
        trade=Trade.read(trade) if trade is not None else None,
        previous_close=_closing_price(close),
    )
    return replace(part, bounds=bounds)


def _read(run: Run, effect: Effect) -> Steps[Mapping[str, Any] | None]:
    """What was read, None when it could not be: the guards decide what that means."""
    outcome = yield from run.ask(effect)
    return outcome.data if outcome.status is Status.OK else None


def _day_trades(run: Run) -> Steps[int | None]:
    """The account's day trades of five sessions where a limit asks for them; None when they could
    not be counted."""
    if run.rules.limits.max_day_trades is None or day_trades.CODE in run.rules.off:
        return None
    try:
        return (yield from count_day_trades(run))
    except Failure as failure:
        if failure.cause not in (Cause.REFUSED, Cause.FAILED):
            raise
        return None


def _history(past: object) -> tuple[PastOrder, ...] | None:
    if not isinstance(past, list) or not all(isinstance(one, Mapping) for one in past):
        return None
    return tuple(PastOrder.read(one) for one in past)


def _closing_price(data: Mapping[str, Any] | None) -> Decimal | None:
    bar = data.get("bar") if data is not None else None
    return decimal(bar.get("c")) if isinstance(bar, Mapping) else None


def _as_past(run: Run, own: OwnOrder) -> PastOrder:
    body = own.body
    return PastOrder(
        at=own.intended_at,
        run=run.id,
        runbook=run.runbook.source.sha256,
        symbol=own.symbol,
        side=own.side,
        type=str(body.get("type", "")),
        qty=decimal(body.get("qty")),
        notional=decimal(body.get("notional")),
        limit_price=decimal(body.get("limit_price")),
        stop_price=decimal(body.get("stop_price")),
        worth=own.worth,
    )


def without(tally: Tally, own: OwnOrder) -> Tally:
    """The tally without an order that another takes the place of; what it filled stays counted."""
    if not own.opens:
        return tally
    return Tally(tally.orders - 1, tally.notional - own.worth * _unfilled(own))


def _unfilled(own: OwnOrder) -> Decimal:
    """The part of an order, 0 to 1, that is not filled; 0 when that cannot be told."""
    order = own.order
    if order.qty and order.remaining is not None:
        return order.remaining / order.qty
    if order.notional and own.cost is not None and not own.fill_untold:
        return max(1 - own.cost / order.notional, Decimal(0))
    return Decimal(0)
