"""Sending an order once: the only way a new order leaves the machine.

1. Read the world; every guard judges. A refusal ends here, nothing sent.
2. Submit under the id derived from run, step and attempt. The driver has the intent on disk before
   the first byte leaves.
3. Accepted: the order is ours. Refused: nothing happened; a refusal does not spend the id.
4. Unknown (a timeout, a 5xx, a reset, a crash): look the order up by its client id. A 404 proves
   nothing until it has been stable for the settle time and fills, open orders and position agree
   that nothing happened. Then it may go again under the same id, from 1 on and not too long after
   the intent.
5. What cannot be settled stays unknown and ends the run with exit 8.

A timeout, a 504, kill -9 and a resume are one path. From the first byte of a submission to the
knowledge of what became of it nothing interrupts; before it goes again everything may.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from runner.effects import (
    Json,
    Outcome,
    Problem,
    ReadActivities,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadPosition,
    Reason,
    Status,
    Submit,
)
from runner.guards import Bounds, Draft, Tally, judge
from runner.identity import client_order_id
from runner.machine.failures import Cause, Failure, refused
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.run import Run, Steps
from runner.world import Order, Position, World, decimal, no_position, same_symbol

SETTLE = timedelta(seconds=30)
"""How long a lookup by client id must keep answering 404 before it proves absence: lookups have
been seen to lag acceptance (facts page 4)."""

RESOLVE_WITHIN = timedelta(minutes=2)
"""How long the fate of an order is looked for before it is left unknown."""

LOOKUP_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=8)

RATE_WINDOW = timedelta(seconds=15)
"""How long to wait after a 429: a quarter of the broker's one-minute window."""

RETRY_PAUSE = timedelta(seconds=1)

REDUCING_AGAIN = frozenset({Reason.INTENT_MISMATCH, Reason.QUANTITY_HELD})
"""Refusals that pass when positions and orders agree again: a reducing order waits for that."""

NEVER_ASKED = (Reason.CREDENTIALS, Reason.UNREACHABLE, Reason.NOT_SENT)
"""Refusals that are not the broker's word about the order."""


class Fate(StrEnum):
    """What became of one submission."""

    FOUND = "found"
    ABSENT = "absent"  # proven: it may go again
    LATER = "later"  # refused for a reason that passes: it may go again after a while
    UNKNOWN = "unknown"


def send_once(run: Run, draft: Draft) -> Steps[OwnOrder]:
    """Send one order and return it accepted.

    Raises `Failure`: refused by a guard, failed when the broker refused it, unreachable when
    provably nothing was sent, unknown when its fate could not be settled.
    """
    give_up = run.at + RESOLVE_WITHIN  # for refusals that pass, where the step has no timeout
    while True:
        world = yield from pass_guards(run, draft)
        own = _intend(run, draft, world)
        if own.attempts and run.at - own.intended_at > run.resend_within:
            raise Failure(
                Cause.FAILED,
                f"order {own.client_order_id} never reached the broker, and it is too late to send "
                "it again",
            )
        outcome = yield from run.ask_once(_submission(own))
        if outcome.status is Status.NOT_PERFORMED:
            continue  # resumed: what the guards read is old
        own.attempts += 1
        with run.shielded():
            fate = yield from _fate(run, own, outcome, give_up)
        if fate is Fate.FOUND:
            _count(run, draft, own, world)
            return own
        if fate is Fate.UNKNOWN:
            own.sent = Sent.UNKNOWN
            raise _unknown(own)
        own.sent = Sent.NO
        if fate is Fate.LATER:
            try:
                yield from run.sleep(_pause_before(outcome))
            except Failure:
                # It will not go again; something in front of the broker may have refused it late.
                with run.shielded():
                    yield from look_up(run, own)
                raise


def pass_guards(run: Run, draft: Draft) -> Steps[World]:
    """Have every guard judge a draft over a fresh reading of the world, and return that reading.

    A reading that began before the run was resumed is stale: all of it is done again. Raises
    `Failure` when a guard refuses.
    """
    while True:
        resumptions = run.resumptions
        world = yield from run.read_world(draft.symbol)
        if run.resumptions == resumptions:
            break
    expected = run.expected_position(draft.symbol)
    bounds = Bounds(run.runbook.limits, run.runbook.symbols, run.tally, run.at, expected)
    for verdict in judge(draft, world, bounds):
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
            failure = refused(f"{verdict.guard}: {verdict.message}; the order was not sent")
            failure.guard = True
            raise failure
    return world


def _intend(run: Run, draft: Draft, world: World) -> OwnOrder:
    """The order that this step means, as it is judged now; the same one when it goes again."""
    earlier = [own for own in run.orders.all if own.step == run.path]
    opens = not draft.reduces(world, run.expected_position(draft.symbol))
    if earlier and earlier[-1].sent is Sent.NO:
        own = earlier[-1]
        own.opens, own.before = opens, world
        if own.attempts:
            return own
    else:
        own = OwnOrder(
            client_order_id=client_order_id(run.id, run.path, len(earlier) + 1),
            step=run.path,
            symbol=draft.symbol,
            side=draft.side,
            body=draft.body,
            opens=opens,
            intended_at=run.at,
            before=world,
        )
        run.orders.add(own)
    since = world.clock.timestamp
    own.intended_at = run.at
    own.not_before = since - SETTLE if since is not None else None
    return own


def _submission(own: OwnOrder) -> Submit:
    body: dict[str, Json] = {**own.body, "client_order_id": own.client_order_id}
    return Submit(own.client_order_id, body, own.opens)


def _fate(run: Run, own: OwnOrder, outcome: Outcome, give_up: datetime) -> Steps[Fate]:
    """Follow one submission until its fate is known or given up.

    Raises `Failure` when the broker refused the order for good.
    """
    if outcome.status is Status.OK:
        own.fold(outcome.data)
        return Fate.FOUND
    if outcome.status is not Status.REFUSED or outcome.problem is None:
        own.sent, own.doubted = Sent.UNKNOWN, True
        return (yield from resolve(run, own))
    problem = outcome.problem
    if problem.reason is Reason.DUPLICATE_CLIENT_ORDER_ID:
        return (yield from _adopt(run, own))
    if own.doubted:
        # An earlier copy may be what this one was refused for.
        own.sent = Sent.UNKNOWN
        fate = yield from resolve(run, own)
        if fate is not Fate.ABSENT:
            return fate
    own.limited = own.limited or problem.reason is Reason.RATE_LIMITED
    passes = problem.reason is Reason.RATE_LIMITED or (
        problem.reason in REDUCING_AGAIN and not own.opens
    )
    if passes and run.at + _pause_before(outcome) < (run.step_deadline or give_up):
        return Fate.LATER
    own.sent = Sent.NO if problem.reason in NEVER_ASKED else Sent.REFUSED
    raise order_refused(own, problem)


def _pause_before(outcome: Outcome) -> timedelta:
    """How long to wait before an order that was refused for a passing reason goes again."""
    limited = outcome.problem is not None and outcome.problem.reason is Reason.RATE_LIMITED
    return RATE_WINDOW if limited else RETRY_PAUSE


def _count(run: Run, draft: Draft, own: OwnOrder, world: World) -> None:
    if own.opens:
        worth = draft.notional(world) or Decimal(0)
        run.tally = Tally(run.tally.orders + 1, run.tally.notional + worth)


def order_refused(own: OwnOrder, problem: Problem) -> Failure:
    """The failure of an order that the broker (or our own last check) did not take."""
    order = f"{own.side} {own.body.get('qty') or own.body.get('notional')} {own.symbol}"
    if problem.reason in NEVER_ASKED:
        cause = Cause.FAILED if problem.reason is Reason.NOT_SENT else Cause.UNREACHABLE
        return Failure(cause, f"{order} was not sent: {problem.message}", problem=problem)
    # Plain values only: the log sorts the keys of nested ones, and a replay must say the same.
    plain = ((key, one) for key, one in sorted(problem.extra.items()) if isinstance(one, str | int))
    extra = ", ".join(f"{key} {value}" for key, value in plain)
    words = f"{problem.message} ({extra})" if extra else problem.message
    return Failure(Cause.FAILED, f"the broker refused {order}: {words}", problem=problem)


def _unknown(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"what became of order {own.client_order_id} ({own.side} {own.symbol}) is not known: it "
        "may be live",
        help="Look it up by that client order id before sending anything else.",
    )


def _adopt(run: Run, own: OwnOrder) -> Steps[Fate]:
    """The broker says our id is taken. Ours is adopted; anybody else's is an alarm.

    A lookup that finds nothing contradicts the broker's word, so it proves no absence here.
    """
    own.sent = Sent.UNKNOWN
    fate = yield from resolve(run, own)
    return Fate.UNKNOWN if fate is Fate.ABSENT else fate


def look_up(run: Run, own: OwnOrder) -> Steps[bool]:
    """One more lookup of an order; finding it makes it known, nothing else does.

    Whether the broker answered.
    """
    outcome = yield from run.ask(ReadOrderByClientId(own.client_order_id))
    if outcome.status is Status.OK and matches(own, Order.read(outcome.data)):
        own.fold(outcome.data)
    return outcome.status in (Status.OK, Status.ABSENT)


def resolve(run: Run, own: OwnOrder) -> Steps[Fate]:
    """Find out what became of an order whose submission had no clear answer.

    Raises `Failure` when the broker holds another order under its id. A resume begins the search
    anew: what was seen before it may be hours old.
    """
    resumptions = None
    while True:
        if resumptions != run.resumptions:
            resumptions, give_up = run.resumptions, run.at + RESOLVE_WITHIN
            absent_since, pause = None, LOOKUP_PAUSE
        outcome = yield from run.ask(ReadOrderByClientId(own.client_order_id))
        if outcome.status is Status.OK:
            if not matches(own, Order.read(outcome.data)):
                raise _foreign(own)
            own.fold(outcome.data)
            return Fate.FOUND
        if outcome.status is Status.ABSENT:
            absent_since = absent_since or run.at
            if run.at - absent_since >= SETTLE:
                fate = yield from _corroborate(run, own)
                if fate is not Fate.UNKNOWN:
                    return fate
        else:
            absent_since = None
        if run.at >= give_up:
            return Fate.UNKNOWN
        yield from run.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _foreign(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"the broker holds another order under {own.client_order_id}: it is not the one this run "
        "meant",
        help="Do not send again. Look at that order, and at who else uses this run's id.",
    )


def _corroborate(run: Run, own: OwnOrder) -> Steps[Fate]:
    """Whether fills, open orders and position agree that nothing happened since the intent."""
    if own.before is None:
        return Fate.UNKNOWN
    since, held_before = own.before.clock.timestamp, own.before.position.qty
    if since is None or held_before is None:
        return Fate.UNKNOWN
    fills = yield from run.ask(ReadActivities("FILL", since - SETTLE))
    rows = fills.data.get("activities") if fills.status is Status.OK else None
    if not isinstance(rows, list):
        return Fate.UNKNOWN
    moved = Decimal(0)
    known = {other.order_id for other in run.orders.all if other.order_id}
    for row in rows:
        if not isinstance(row, dict) or not same_symbol(str(row.get("symbol", "")), own.symbol):
            continue
        order_id, qty = str(row.get("order_id", "")), decimal(row.get("qty"))
        if not order_id or qty is None:
            return Fate.UNKNOWN
        if order_id not in known:
            known.add(order_id)
            outcome = yield from run.ask(ReadOrder(order_id))
            if outcome.status is not Status.OK:
                return Fate.UNKNOWN
            if Order.read(outcome.data).client_order_id == own.client_order_id:
                own.fold(outcome.data)
                return Fate.FOUND
        moved += qty if row.get("side") == "buy" else -qty
    working = yield from run.ask(ReadOpenOrders((own.symbol,)))
    orders = working.data.get("orders") if working.status is Status.OK else None
    if not isinstance(orders, list):
        return Fate.UNKNOWN
    for order in orders:
        if isinstance(order, dict) and order.get("client_order_id") == own.client_order_id:
            own.fold(order)
            return Fate.FOUND
    position = yield from run.ask(ReadPosition(own.symbol))
    if position.status not in (Status.OK, Status.ABSENT):
        return Fate.UNKNOWN
    now = Position.read(position.data) if position.data else no_position(own.symbol)
    # Fills from just before the intent may already be in the earlier reading.
    agrees = now.qty is not None and now.qty in (held_before, held_before + moved)
    return Fate.ABSENT if agrees else Fate.UNKNOWN


def matches(own: OwnOrder, order: Order) -> bool:
    """Whether the broker's order is the one that was meant, and not one from before."""
    meant = {
        key: decimal(own.body.get(key)) for key in ("qty", "notional", "limit_price", "stop_price")
    }
    same_numbers = all(
        value is None or getattr(order, key) in (None, value) for key, value in meant.items()
    )
    since, created = own.not_before, order.created_at
    too_old = since is not None and created is not None and created < since
    return (
        not too_old
        and order.client_order_id == own.client_order_id
        and same_symbol(order.symbol, own.symbol)
        and order.side == own.side
        and order.type == own.body.get("type")
        and same_numbers
    )
