"""Changing an open order: the broker puts a new order, under a client id of ours, in its place.

1. An order that is not at work yet, or is being changed, is waited for: Alpaca would refuse.
2. Every guard judges the order as it will be; then the change is sent once.
3. An answer that is unclear is settled by looking up the new client id and reading the old order:
   one that has a successor was replaced, one that ended cannot be any more.
4. The old order may fill while it is being replaced; then the new one is rejected, and the old one
   is the order again (facts page 2.2). What it filled before it was replaced is read at the end.

Alpaca gives a replacement the whole quantity, whatever is filled already (Alpaca-API issue 165), so
an order that is partly filled must not be changed this way: it would fill too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from runner.effects import (
    Json,
    Outcome,
    Problem,
    ReadOrderByClientId,
    Reason,
    Replace,
    Status,
)
from runner.guards import Draft
from runner.identity import client_order_id
from runner.machine.failures import Cause, Failure
from runner.machine.following import CONFIRM_WITHIN, await_orders, read_again
from runner.machine.judging import pass_guards, without
from runner.machine.own_orders import OwnOrder
from runner.machine.resolving import LONGEST_PAUSE, LOOKUP_PAUSE, RESOLVE_WITHIN, SETTLE, Fate
from runner.machine.run import Run, Steps
from runner.machine.sending import NEVER_ASKED, counted, not_sent, passes, pause_before
from runner.world import Order

READY_WITHIN = timedelta(seconds=10)
"""How long an order may take to be at work before the change is tried all the same."""

NOT_YET = ("pending_new", "pending_replace", "accepted", "pending_cancel")
"""Statuses in which Alpaca refuses to change an order (facts page 2.2)."""


class Change(Struct, frozen=True):
    """What an order shall become: the body of the change, and the whole order as it will be."""

    body: Mapping[str, Json]
    draft: Draft


def replace_once(run: Run, own: OwnOrder, change: Callable[[], Change]) -> Steps[bool]:
    """Change an order at the broker; `change` says how, from what the order is then.

    Returns whether it was changed: False when it ended, or began to fill, first. Raises `Failure`:
    refused by a guard, failed when the broker refused or rejected the change, timed out when it
    does not carry it out, unknown when what became of it could not be settled.
    """
    client_id = client_order_id(run.id, f"{run.path}/change", 1)
    ready = run.at + READY_WITHIN
    yield from await_orders(run, [own], lambda: own.order.status not in NOT_YET, ready)
    intended_at, give_up = run.at, run.at + RESOLVE_WITHIN
    attempts, doubted = 0, False
    while own.may_be_live and own.order.filled_qty == 0:
        meant = change()
        tally = without(run.tally, own)
        passed = yield from pass_guards(run, replace(meant.draft, instead=_instead(own)), tally)
        if attempts and run.at - intended_at > run.resend_within:
            raise Failure(
                Cause.FAILED,
                f"the change of order {own.client_order_id} never reached the broker, and it is "
                "too late to send it again",
            )
        body: dict[str, Json] = {**meant.body, "client_order_id": client_id}
        outcome = yield from run.ask_once(Replace(own.order_id, client_id, body, passed.opens))
        if outcome.status is Status.NOT_PERFORMED:
            yield from read_again(run, own)
            continue  # resumed: what the guards read is old
        attempts += 1
        problem = outcome.problem
        later = problem is not None and passes(run, problem, give_up, opens=passed.opens)
        with run.shielded():
            fate = yield from _fate(run, own, client_id, outcome, doubted=doubted, later=later)
        doubted = doubted or outcome.status is Status.UNKNOWN
        if fate is Fate.LATER:
            yield from run.sleep(pause_before(problem))
            yield from read_again(run, own)  # it may have got through all the same
        if own.was(client_id):
            before = run.tally, own.opens, own.worth
            own.opens, own.worth = own.opens or passed.opens, passed.worth
            run.tally = counted(tally, own)
            yield from _confirm(run, own)
            if own.was(client_id):
                return True
            run.tally, own.opens, own.worth = before
            if own.may_be_live and own.order.filled_qty == 0:
                raise _rejected(own)
            break
    return False


def _instead(own: OwnOrder) -> tuple[Order, ...]:
    """The order, and those that hold the same shares for the same exit."""
    group = own.parent.exits if own.parent is not None else own.exits
    return tuple(one.order for one in (group if own in group else [own]))


def _fate(
    run: Run, own: OwnOrder, client_id: str, outcome: Outcome, *, doubted: bool, later: bool
) -> Steps[Fate]:
    """Follow one change until its fate is known; absent, it may go again where the order is live.

    `later`: whether what it was refused for may pass. Raises `Failure` when it was refused for
    good.
    """
    before = own.order_id
    if outcome.status is Status.OK:
        own.succeed(outcome.data)
        return Fate.FOUND
    problem = outcome.problem
    if outcome.status is not Status.REFUSED or problem is None:
        return (yield from settle_replacement(run, own, client_id))
    yield from read_again(run, own)
    duplicate = problem.reason is Reason.DUPLICATE_CLIENT_ORDER_ID
    if doubted or duplicate or own.order.status == "pending_replace":
        # An earlier copy may be what this one was refused for.
        yield from settle_replacement(run, own, client_id)
    if own.was(client_id):
        return Fate.FOUND
    if not own.may_be_live or own.order_id != before:
        return Fate.ABSENT
    if later:
        return Fate.LATER
    raise _refused(own, problem)


def _confirm(run: Run, own: OwnOrder) -> Steps[None]:
    """Wait until the change is carried out, or rejected, and how the old order ended is read."""
    until = run.at + CONFIRM_WITHIN
    if not (yield from await_orders(run, [own], lambda: not own.changing, until)):
        raise Failure(
            Cause.TIMED_OUT,
            f"the change of order {own.client_order_id} was taken, and is still not carried out: "
            f"it is {own.order.status}",
            help="Either order may fill. Watch them at the broker.",
        )


def settle_replacement(run: Run, own: OwnOrder, client_id: str) -> Steps[Fate]:
    """Find out whether a change was carried out: `FOUND`, or `ABSENT` when it provably was not.

    Raises `Failure`, unknown, when that cannot be told; the order then counts as in doubt. A
    resume begins the search anew: what was seen before it may be hours old.
    """
    own.replacing = client_id
    resumptions = None
    while True:
        if resumptions != run.resumptions:
            resumptions, give_up = run.resumptions, run.at + RESOLVE_WITHIN
            absent_since, pause = None, LOOKUP_PAUSE
        fate = yield from look_up_replacement(run, own)
        if not own.replacing:
            return fate
        if fate is Fate.ABSENT:
            absent_since = absent_since or run.at
            if run.at - absent_since >= SETTLE:
                own.replacing = ""
                return fate
        else:
            absent_since = None
        if run.at >= give_up:
            raise Failure(
                Cause.UNKNOWN,
                f"whether order {own.client_order_id} was changed is not known",
                help=f"Look for {client_id} at the broker: it is the changed order.",
            )
        yield from run.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def look_up_replacement(run: Run, own: OwnOrder) -> Steps[Fate]:
    """One look at both orders: found, absent for now, or not to be told.

    An order that has ended, or goes on as another, has settled it: this change cannot come any
    more. `own.replacing` is empty then.
    """
    client_id, before = own.replacing, own.order_id
    outcome = yield from run.ask(ReadOrderByClientId(client_id))
    if outcome.status is Status.OK and Order.read(outcome.data).replaces == before:
        own.succeed(outcome.data)
        return Fate.FOUND
    yield from read_again(run, own)
    if own.was(client_id):
        own.replacing = ""
        return Fate.FOUND
    if own.order_id != before or not own.may_be_live:
        own.replacing = ""
        return Fate.ABSENT
    changing = own.order.status in ("pending_replace", "replaced")
    unclear = outcome.status is not Status.ABSENT or changing
    return Fate.UNKNOWN if unclear else Fate.ABSENT


def _rejected(own: OwnOrder) -> Failure:
    return Failure(
        Cause.FAILED,
        f"the broker took the change of order {own.client_order_id} and rejected it afterwards; "
        "the order stays as it was",
    )


def _refused(own: OwnOrder, problem: Problem) -> Failure:
    if problem.reason in NEVER_ASKED:
        return not_sent("the change", problem)
    return Failure(
        Cause.FAILED,
        f"the broker refused to change order {own.client_order_id}: {problem.message}; it stays as "
        "it was",
        problem=problem,
    )
