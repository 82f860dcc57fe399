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

from runner.effects import Json, Outcome, Problem, Reason, Status, Submit
from runner.guards import Draft, Tally
from runner.identity import client_order_id
from runner.machine.failures import HOW_TO_UNHALT, Cause, Failure
from runner.machine.judging import Passed, pass_guards, without
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.resolving import (
    RESOLVE_WITHIN,
    SETTLE,
    Fate,
    look_up,
    named,
    resolve,
    see_legs,
)
from runner.machine.run import Run, Steps

RATE_WINDOW = timedelta(seconds=15)
"""How long to wait after a 429: a quarter of the broker's one-minute window."""

RETRY_PAUSE = timedelta(seconds=1)

REDUCING_AGAIN = frozenset({Reason.INTENT_MISMATCH, Reason.QUANTITY_HELD})
"""Refusals that pass when positions and orders agree again: a reducing order waits for that."""

NEVER_ASKED = (Reason.CREDENTIALS, Reason.UNREACHABLE, Reason.NOT_SENT, Reason.HALTED)
"""Refusals that are not the broker's word about the order."""

_NOT_SENT = {Reason.NOT_SENT: Cause.FAILED, Reason.HALTED: Cause.HALTED}


def send_once(run: Run, draft: Draft, continues: OwnOrder | None = None) -> Steps[OwnOrder]:
    """Send one order and return it accepted. It may take up the rest of an order that has ended.

    Raises `Failure`: refused by a guard, failed when the broker refused it, unreachable when
    provably nothing was sent, unknown when its fate could not be settled.
    """
    give_up = run.at + RESOLVE_WITHIN  # for refusals that pass, where the step has no timeout
    tally = run.tally if continues is None else without(run.tally, continues)
    own: OwnOrder | None = None
    while True:
        try:
            passed = yield from pass_guards(run, draft, tally)
        except Failure as failure:
            if own is None or not failure.guard or not (yield from _arrived(run, own)):
                raise
            run.tally = counted(tally, own)
            return own
        own = _intend(run, draft, passed, continues)
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
                yield from see_legs(run, own)
        if fate is Fate.FOUND:
            run.tally = counted(tally, own)
            return own
        if fate is Fate.UNKNOWN:
            own.sent = Sent.UNKNOWN
            raise _unknown(own)
        own.sent = Sent.NO
        if fate is Fate.LATER:
            try:
                yield from run.sleep(pause_before(outcome.problem))
            except Failure:
                # It will not go again; something in front of the broker may have refused it late.
                with run.shielded():
                    yield from look_up(run, own)
                raise


def _arrived(run: Run, own: OwnOrder) -> Steps[bool]:
    """Whether an order that was refused for a passing reason is at the broker all the same.

    It may be what the guards now object to: something in front of the broker refused it late.
    """
    if not own.attempts:
        return False
    with run.shielded():
        yield from look_up(run, own)
        if own.sent is not Sent.ACCEPTED:
            return False
        yield from see_legs(run, own)
    return True


def _intend(run: Run, draft: Draft, passed: Passed, continues: OwnOrder | None) -> OwnOrder:
    """The order that this step means, as it is judged now; the same one when it goes again."""
    of_step = [own for own in run.orders.sent if own.step == run.path]
    earlier = [own for own in of_step if own.symbol == draft.symbol]
    if earlier and earlier[-1].sent is Sent.NO:
        own = earlier[-1]
        own.opens, own.before, own.worth = passed.opens, passed.before, passed.worth
        if own.attempts:
            return own
        own.body = draft.body
    else:
        own = OwnOrder(
            client_order_id=client_order_id(run.id, run.path, len(of_step) + 1),
            step=run.path,
            symbol=draft.symbol,
            side=draft.side,
            body=draft.body,
            opens=passed.opens,
            intended_at=run.at,
            before=passed.before,
            worth=passed.worth,
            continues=continues,
        )
        run.orders.add(own)
    own.intended_at = run.at
    own.not_before = passed.clock - SETTLE if passed.clock is not None else None
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
    if passes(run, problem, give_up, opens=own.opens):
        return Fate.LATER
    own.sent = Sent.NO if problem.reason in NEVER_ASKED else Sent.REFUSED
    raise order_refused(own, problem)


def passes(run: Run, problem: Problem, give_up: datetime, *, opens: bool) -> bool:
    """Whether a refusal may pass by itself before the time is over."""
    reasons = REDUCING_AGAIN if not opens else frozenset[Reason]()
    passing = problem.reason is Reason.RATE_LIMITED or problem.reason in reasons
    return passing and run.at + pause_before(problem) < (run.step_deadline or give_up)


def pause_before(problem: Problem | None) -> timedelta:
    """How long to wait before a write that was refused for a passing reason goes again."""
    limited = problem is not None and problem.reason is Reason.RATE_LIMITED
    return RATE_WINDOW if limited else RETRY_PAUSE


def counted(tally: Tally, own: OwnOrder) -> Tally:
    """The tally with an order that the broker took; one that only reduces does not count."""
    return Tally(tally.orders + 1, tally.notional + own.worth) if own.opens else tally


def order_refused(own: OwnOrder, problem: Problem) -> Failure:
    """The failure of an order that the broker (or our own last check) did not take."""
    size = own.body.get("qty") or own.body.get("notional")
    order = f"{own.side} {size} {own.symbol}" if own.symbol else f"{size} {named(own)}"
    if problem.reason in NEVER_ASKED:
        return not_sent(order, problem)
    # Plain values only: the log sorts the keys of nested ones, and a replay must say the same.
    plain = ((key, one) for key, one in sorted(problem.extra.items()) if isinstance(one, str | int))
    extra = ", ".join(f"{key} {value}" for key, value in plain)
    words = f"{problem.message} ({extra})" if extra else problem.message
    return Failure(Cause.FAILED, f"the broker refused {order}: {words}", problem=problem)


def not_sent(what: str, problem: Problem) -> Failure:
    """The failure of an order or a change of which the broker did not judge."""
    cause = _NOT_SENT.get(problem.reason, Cause.UNREACHABLE)
    help_ = HOW_TO_UNHALT if cause is Cause.HALTED else ""
    return Failure(cause, f"{what} was not sent: {problem.message}", help=help_, problem=problem)


def _unknown(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"what became of order {own.client_order_id} ({named(own)}) is not known: it may be live",
        help="`runbook resume` looks it up and settles it. Send nothing else before that.",
    )


def _adopt(run: Run, own: OwnOrder) -> Steps[Fate]:
    """The broker says our id is taken. Ours is adopted; anybody else's is an alarm.

    A lookup that finds nothing contradicts the broker's word, so it proves no absence here.
    """
    own.sent = Sent.UNKNOWN
    fate = yield from resolve(run, own)
    return Fate.UNKNOWN if fate is Fate.ABSENT else fate
