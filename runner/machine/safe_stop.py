"""The end of a run: nothing that opens risk stays live, and what is not certain is looked for.

1. Orders that left and were not to be seen are looked up once more.
2. This run's live orders that open risk are cancelled and confirmed; exits and protective orders
   stay. After a run that succeeded only what it awaited in vain is cancelled.
3. What is still in doubt is looked for once more; if it stays so, the run suspends. A resume does
   the whole search again.
"""

from __future__ import annotations

from runner.effects import Status, Suspend
from runner.machine.failures import Failure
from runner.machine.following import await_settled, cancel_and_confirm, read_again
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.replacing import look_up_replacement, settle_replacement
from runner.machine.resolving import Fate, look_up, resolve
from runner.machine.run import Run, Steps


def stop_safely(run: Run) -> Steps[None]:
    """Cancel what is live and opens risk, and settle what is in doubt, or suspend."""
    yield from _look_for_stragglers(run)
    yield from _cancel_what_opens(run)
    resumed = False
    while run.in_doubt:
        found = yield from _look_again(run, thoroughly=resumed)
        if found or resumed:
            yield from _cancel_what_opens(run)
        if not run.in_doubt:
            break
        resumed = yield from _suspend(run)
        if not resumed:
            break


def settle_and_stop(run: Run) -> Steps[None]:
    """The same for a run that cannot suspend: each search is made in full, before and after."""
    yield from _look_for_stragglers(run)
    yield from _look_again(run, thoroughly=True)
    yield from _cancel_what_opens(run)
    yield from _look_again(run, thoroughly=True)


def _cancel_what_opens(run: Run) -> Steps[None]:
    """Cancel what of this run is still live and opens risk, and wait until that is certain.

    After a run that succeeded, only orders that were awaited in vain: the others are its result.
    """
    working = [
        own
        for own in run.orders.cancelable
        if own.opens
        and not own.kept
        and (run.failure is not None or own.abandoned)
        # It may have been taken for one that opens because the position lagged behind the fill.
        and not own.can_only_reduce(run.orders.held(own.symbol))
    ]
    left = yield from cancel_and_confirm(run, working)
    for own in left:
        run.note_unknown(own)
    for own in run.orders.cancelable:
        if own.sent is Sent.ACCEPTED and own not in left:
            yield from read_again(run, own)  # what was last read of it may be long ago
    yield from await_settled(run, run.orders.all)


def _look_for_stragglers(run: Run) -> Steps[None]:
    """Look once more for orders that left and were not to be seen: they may have arrived since.

    One that only met the rate limit was never searched for: it stays unknown while nobody answers.
    """
    for own in run.orders.presumed_absent:
        answered = yield from look_up(run, own)
        if not answered and not own.doubted:
            own.sent = Sent.UNKNOWN


def _look_again(run: Run, *, thoroughly: bool) -> Steps[bool]:
    """One more look at each order in doubt, now that everything else is over; after a resume the
    whole search again. Whether any was found or settled.
    """
    doubted, lost = run.in_doubt, run.orders.unknown
    for own in doubted:
        if own.sent is Sent.UNKNOWN and thoroughly:
            yield from _search(run, own)
        elif own.sent is Sent.UNKNOWN:
            yield from look_up(run, own)
        elif own.replacing and thoroughly:
            yield from _search_change(run, own)
        elif own.replacing:
            yield from look_up_replacement(run, own)
        else:
            yield from read_again(run, own)
    found = any(own.sent is not Sent.UNKNOWN for own in lost)
    return found or any(own not in run.in_doubt for own in doubted)


def _search(run: Run, own: OwnOrder) -> Steps[None]:
    """Settle an order after a resume; proven absent, it is not sent any more."""
    try:
        fate = yield from resolve(run, own)
    except Failure as failure:
        run.failure = run.failure or failure
    else:
        own.sent = Sent.NO if fate is Fate.ABSENT else own.sent


def _search_change(run: Run, own: OwnOrder) -> Steps[None]:
    """Settle after a resume whether an order was changed; it is not changed any more."""
    try:
        yield from settle_replacement(run, own, own.replacing)
    except Failure as failure:
        run.failure = run.failure or failure


def _suspend(run: Run) -> Steps[bool]:
    """End with orders in doubt. Whether the run was resumed to settle them."""
    ids = tuple(own.client_order_id for own in run.in_doubt)
    while True:
        outcome = yield from run.ask_once(Suspend(ids))
        if outcome.resumed or outcome.status is not Status.NOT_PERFORMED:
            return outcome.resumed
