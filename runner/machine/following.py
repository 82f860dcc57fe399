"""Following orders at the broker: waiting for a change, and cancelling until it is certain.

The order as read by its id is the truth. A cancel that was accepted has cancelled nothing yet:
shares stay held, and a fill can still win (facts page 0.10), so both are awaited together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from runner.effects import AwaitChange, Cancel, ReadOrder, Reason, Status
from runner.machine.exits import exits_unseen, leaving
from runner.machine.own_order import BEING_REPLACED, OwnOrder, Sent
from runner.machine.run import Run, Steps

CONFIRM_WITHIN = timedelta(seconds=60)
"""How long a cancel may take before it counts as stuck (facts page 4: minutes have been seen)."""

ASK_AGAIN = timedelta(seconds=5)
"""How long a cancel without a clear answer may take before it is asked for again."""

AFTER_OUTAGE = timedelta(seconds=2)


def await_orders(
    run: Run,
    orders: Sequence[OwnOrder],
    satisfied: Callable[[], bool],
    until: datetime,
    poll: Decimal | None = None,
) -> Steps[bool]:
    """Wait until `satisfied` or until nothing can change any more; True when satisfied.

    Of an order that has ended its legs are followed. A broker that cannot be read meanwhile does
    not end the wait: `until` does.
    """
    while not satisfied():
        for own in _with_legs(orders):
            yield from _follow(run, own)
        working = [own for one in orders for own in _working(one)]
        if satisfied() or not working or run.at >= until:
            break
        soon = min(AFTER_OUTAGE, until - run.at)
        followed = [own for own in working if not own.order.terminal]
        if not followed:
            yield from run.sleep(soon)
            continue
        wait = soon if any(_hangs(own) for own in followed) else until - run.at
        known = {own.order_id: own.fingerprint for own in followed}
        effect = AwaitChange(tuple(known), known, min(until, run.until(wait)), poll)
        outcome = yield from run.ask(effect)
        if outcome.status is Status.OK:
            _fold(followed, outcome.data.get("orders"))
        else:
            yield from run.sleep(min(AFTER_OUTAGE, until - run.at))
    return satisfied()


def _with_legs(orders: Sequence[OwnOrder]) -> list[OwnOrder]:
    return [one for own in orders for one in (own, *own.legs.values())]


def _working(own: OwnOrder) -> list[OwnOrder]:
    """The order while it may change; after that its legs."""
    if own.may_be_live or exits_unseen(own):
        return [own]
    return [leg for leg in own.legs.values() if leg.may_be_live]


def _hangs(own: OwnOrder) -> bool:
    """Whether it is at work, and what it replaced is not known to have ended."""
    return own.order.status not in BEING_REPLACED and bool(own.unread)


def _fold(orders: Sequence[OwnOrder], seen: object) -> None:
    if not isinstance(seen, dict):
        return
    for own in orders:
        data = seen.get(own.order_id)
        if isinstance(data, dict):
            own.fold(data)


def _follow(run: Run, own: OwnOrder) -> Steps[None]:
    """Take up what an order was replaced by, whoever did it, and how what it replaced has ended.

    Until both are read it counts as live: either may fill.
    """
    if own.sent is not Sent.ACCEPTED:
        return
    if exits_unseen(own) or (own.replaced and not own.order.replaced_by):
        own.fold((yield from _reading(run, own.order_id)) or own.data)
    while own.replaced and own.order.replaced_by not in (None, *own.replaced_ids):
        data = yield from _reading(run, str(own.order.replaced_by))
        if data is None:
            return
        own.succeed(data)
    if own.order.status not in BEING_REPLACED:
        for order_id in own.unread:
            own.learn((yield from _reading(run, order_id)) or {})


def _reading(run: Run, order_id: str) -> Steps[Mapping[str, Any] | None]:
    outcome = yield from run.ask(ReadOrder(order_id))
    return outcome.data if outcome.status is Status.OK else None


def read_again(run: Run, own: OwnOrder) -> Steps[bool]:
    """One more reading of an order, its legs included. Whether the broker showed it; a reading
    that fails changes nothing."""
    data = yield from _reading(run, own.order_id)
    if data is not None:
        own.fold(data)
        for one in _with_legs([own]):
            yield from _follow(run, one)
    return data is not None


def cancel_and_confirm(run: Run, orders: Sequence[OwnOrder]) -> Steps[list[OwnOrder]]:
    """Cancel live orders and wait until the broker says what became of each.

    Returns those that are still not terminal after `CONFIRM_WITHIN`: they may be live. Fills that
    won the race are folded into the orders.

    The broker cancels the exits of a cancelled entry with it, and the other exits of a group with
    one of them: they are awaited, and the exits of an entry are cancelled if they stay. Those of an
    entry whose fill won stand: they protect what it opened.
    """
    give_up = run.at + CONFIRM_WITHIN
    working = [own for own in orders if own.sent is Sent.ACCEPTED]
    groups = [
        own
        for own in working
        if own.may_be_live and (own.parent is not None or own.order_class != "simple")
    ]
    yield from _cancel(run, working, give_up)
    ended = [own.parent or own for own in groups if not own.may_be_live]
    for own in dict.fromkeys(ended):
        yield from read_again(run, own)
    yield from await_settled(run, groups)
    left = [leg for own in groups if own.parent is None for leg in leaving(own)]
    yield from _cancel(run, left, give_up)
    return [own for own in dict.fromkeys((*orders, *left)) if own.may_be_live]


def await_settled(run: Run, orders: Sequence[OwnOrder]) -> Steps[None]:
    """Wait a moment for what the broker does by itself: cancel the exits of orders that have ended,
    and carry out changes or reject them."""

    def pending() -> list[OwnOrder]:
        going = (one for own in orders for one in leaving(own))
        return list(dict.fromkeys([*going, *(own for own in orders if own.changing)]))

    until = run.at + ASK_AGAIN
    while (now := pending()) and run.at < until:
        yield from await_orders(run, now, lambda: pending() != now, until)


def _cancel(run: Run, working: Sequence[OwnOrder], give_up: datetime) -> Steps[None]:
    """Cancel orders until each has ended, or until the time is over.

    A cancel without a clear answer may never have arrived, so it is asked for again: cancelling
    twice does nothing twice.
    """
    asked: set[str] = set()  # order ids, which change when someone replaces an order meanwhile
    taken: set[str] = set()  # those whose cancel the broker took

    def live() -> set[str]:
        return {own.order_id for own in working if own.may_be_live}

    while live() and run.at < give_up:
        for own in working:
            order_id = own.order_id
            if own.may_be_live and order_id not in taken:
                asked.add(order_id)
                if (yield from _ask_to_cancel(run, own, give_up)):
                    taken.add(order_id)
        until = give_up if live() <= taken else min(give_up, run.at + ASK_AGAIN)
        yield from await_orders(run, working, lambda: not live() or not live() <= asked, until)


def _ask_to_cancel(run: Run, own: OwnOrder, give_up: datetime) -> Steps[bool]:
    """Whether the broker took the cancel. If it did not say so, the order is read."""
    while True:
        outcome = yield from run.ask(Cancel(own.order_id))
        if outcome.status is Status.OK:
            return True
        problem = outcome.problem
        if problem is None or problem.reason is not Reason.RATE_LIMITED or run.at >= give_up:
            break
        yield from run.sleep(ASK_AGAIN)
    yield from read_again(run, own)
    return own.order.status == "pending_cancel"
