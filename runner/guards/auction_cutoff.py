"""Orders for the opening and the closing auction must come before the exchange's cut-off."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.world import Clock

CODE = "auction_cutoff"
NEW_YORK = ZoneInfo("America/New_York")
BEFORE_OPEN = timedelta(minutes=2)
BEFORE_CLOSE = timedelta(minutes=10)
REOPENS = time(19)
MARGIN = timedelta(seconds=10)
"""How long before a cut-off nothing is sent any more: the request takes time. A house rule."""

EARLIEST_CLOSE = time(13)
"""When the market closes on its short days (Alpaca's calendar)."""

SATURDAY = 5
AUCTIONS = {"opg": "opening", "cls": "closing"}


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that comes between its auction's cut-off and 19:00, by the broker's clock.

    Says nothing of other orders.
    """
    in_force = str(one.draft.body.get("time_in_force") or "")
    if in_force not in AUCTIONS:
        return None
    clock, auction = one.world.clock, AUCTIONS[in_force]
    now = clock.timestamp
    values = {"time_in_force": in_force, "now": _written(now)}
    if now is None or clock.is_open is None or clock.next_open is None or clock.next_close is None:
        words = f"the broker's clock does not say when orders for the {auction} auction are taken"
        return refuse(CODE, words, **values)
    local = now.astimezone(NEW_YORK)
    cutoff = _cutoff(in_force, local, clock)
    if cutoff is not None:
        values["cutoff"] = _written(cutoff)
        if now >= cutoff - MARGIN and local.time() < REOPENS:
            words = (
                f"orders for the {auction} auction are not taken from {cutoff:%H:%M} to 19:00 New "
                f"York time, and it is {local:%H:%M:%S}"
            )
            return refuse(CODE, words, **values)
    return let_pass(CODE, f"orders for the {auction} auction are taken now", **values)


def _cutoff(in_force: str, local: datetime, clock: Clock) -> datetime | None:
    """Today's cut-off in New York; None on a day without a session, for all that the clock tells.

    A market that is closed may have been open today once the time of the short days' close is
    past: the cut-off is then taken to be past too.
    """
    assert clock.next_open is not None
    assert clock.next_close is not None
    opening, closing = (
        moment.astimezone(NEW_YORK) for moment in (clock.next_open, clock.next_close)
    )
    if clock.is_open or opening.date() == local.date():
        regular = local.replace(hour=9, minute=30, second=0, microsecond=0)
        return (
            closing - BEFORE_CLOSE
            if in_force == "cls"
            else (regular if clock.is_open else opening) - BEFORE_OPEN
        )
    if local.weekday() >= SATURDAY or local.time() < EARLIEST_CLOSE:
        return None
    at = time(9, 28) if in_force == "opg" else time(12, 50)
    return datetime.combine(local.date(), at, NEW_YORK)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def known_bad(one: Judged) -> Judged:
    """An order for the opening auction when the market is open already."""
    now = datetime(2026, 11, 23, 10, tzinfo=NEW_YORK)
    clock = Clock(now, True, now + timedelta(hours=23, minutes=30), now + timedelta(hours=6))
    body = {"symbol": one.draft.symbol, "side": "buy", "type": "market", "time_in_force": "opg",
            "qty": "1"}  # fmt: skip
    order = Draft(one.draft.symbol, "buy", body)
    return replace(one, draft=order, world=replace(one.world, clock=clock))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="an opg order from 9:28 to 19:00 New York time, or a cls order from 15:50 (ten minutes "
    "before an early close), with ten seconds to spare, or when the clock does not say",
    default="always",
    reason="The exchange takes no orders for an auction that is about to be held.",
    source="Alpaca Trading API description, 2026-08 (facts page 2.4)",
    scope=Scope.SINGLE,
)
