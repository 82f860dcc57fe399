"""Following orders at the broker: waiting for a change, and cancelling until it is certain.

The order as read by its id is the truth. A cancel that was accepted has cancelled nothing yet:
shares stay held, and a fill can still win (facts page 0.10), so both are awaited together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from runner.effects import AwaitChange, Cancel, ReadOrder, Reason, Status
from runner.machine.own_orders import OwnOrder, Sent
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

    A broker that cannot be read meanwhile does not end the wait: `until` does.
    """
    while not satisfied():
        yield from _follow_replacements(run, orders)
        working = [own for own in orders if own.may_be_live]
        if satisfied() or not working or run.at >= until:
            break
        followed = [own for own in working if not own.replaced]
        if not followed:
            yield from run.sleep(min(AFTER_OUTAGE, until - run.at))
            continue
        known = {own.order_id: own.fingerprint for own in followed}
        outcome = yield from run.ask(
            AwaitChange(tuple(known), known, min(until, run.until(until - run.at)), poll)
        )
        if outcome.status is Status.OK:
            _fold(followed, outcome.data.get("orders"))
        else:
            yield from run.sleep(min(AFTER_OUTAGE, until - run.at))
    return satisfied()


def _fold(orders: Sequence[OwnOrder], seen: object) -> None:
    if not isinstance(seen, dict):
        return
    for own in orders:
        data = seen.get(own.order_id)
        if isinstance(data, dict):
            own.fold(data)


def _follow_replacements(run: Run, orders: Sequence[OwnOrder]) -> Steps[None]:
    """An order replaced by someone (the user, in the broker's app) goes on as its successor.

    Until that one is read it counts as live: it may fill.
    """
    for own in orders:
        while own.replaced and own.order.replaced_by:
            outcome = yield from run.ask(ReadOrder(own.order.replaced_by))
            if outcome.status is not Status.OK:
                break
            own.succeed(outcome.data)


def read_again(run: Run, own: OwnOrder) -> Steps[None]:
    """One more reading of an order; one that fails changes nothing."""
    outcome = yield from run.ask(ReadOrder(own.order_id))
    if outcome.status is Status.OK:
        own.fold(outcome.data)
        yield from _follow_replacements(run, [own])


def cancel_and_confirm(run: Run, orders: Sequence[OwnOrder]) -> Steps[list[OwnOrder]]:
    """Cancel live orders and wait until the broker says what became of each.

    A cancel without a clear answer may never have arrived, so it is asked for again: cancelling
    twice does nothing twice. Returns the orders that are still not terminal after
    `CONFIRM_WITHIN`: they may be live. Fills that won the race are folded into the orders.
    """
    give_up = run.at + CONFIRM_WITHIN
    asked: set[str] = set()  # order ids, which change when someone replaces an order meanwhile
    taken: set[str] = set()  # those whose cancel the broker took
    working = [own for own in orders if own.sent is Sent.ACCEPTED]

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
    return [own for own in orders if own.may_be_live]


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
