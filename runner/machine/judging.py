"""Before anything is sent: a fresh reading of the world, and every guard's verdict on it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from runner.guards import Bounds, Draft, Judged, Tally, judge
from runner.machine.failures import refused
from runner.machine.own_orders import Before, OwnOrder
from runner.machine.run import Run, Steps


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
        worths = (part.draft.notional(part.world) for part in self.parts)
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

    A reading that began before the run was resumed is stale: all of it is done again. `tally` is
    what the run has sent, where that is not all of it. Raises `Failure` when a guard refuses.
    """
    while True:
        resumptions = run.resumptions
        parts = []
        for part in draft.legs or (draft,):
            world = yield from run.read_world(part.symbol)
            bounds = Bounds(
                run.runbook.limits,
                run.runbook.symbols,
                tally or run.tally,
                run.at,
                run.expected_position(part.symbol),
            )
            parts.append(Judged(part, world, bounds))
        if run.resumptions == resumptions:
            break
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
    return Passed(tuple(parts))


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
