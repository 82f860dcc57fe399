"""`await_fill`: wait until orders are filled, or as filled as asked.

An order with exits attached is done when these stand for what was filled; of the exits of one group
one is enough, because the broker cancels the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from runner.effects import Json
from runner.guards import Draft
from runner.language.declare import Action, Finding, Form, GivenKeys, KnownValues, Output, arg
from runner.language.kinds import (
    AVERAGE,
    BOOLEAN,
    DURATION,
    MOMENT,
    ORDER,
    QUANTITY,
    TEXT,
    choice,
)
from runner.language.runbook import OrderReference
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.exits import exits_unseen, protected
from runner.machine.failures import Cause, Failure
from runner.machine.following import await_orders, cancel_and_confirm
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.resolving import named
from runner.machine.sending import send_once
from runner.machine.sessions import end_of_session, read_clock
from runner.steps.awaited import UNTIL, Awaited, FillTarget, awaited, outputs
from runner.steps.order_legs import in_words
from runner.steps.position import await_free
from runner.steps.submit import rejected

ZERO = Decimal(0)
AT_MARKET_WITHIN = timedelta(seconds=60)
"""How long the market order of `on_timeout: market` may take to fill."""

LEAST_NOTIONAL = Decimal(1)
"""Dollars that an order must be worth (facts page 2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFill:
    order: tuple[OrderReference, ...] = arg(
        ORDER,
        "The step that sent the order, or a list of them; `entry.stop_loss` is one of its legs.",
        required=True,
        form=Form.ORDER,
        many=True,
        example="entry",
    )
    until: FillTarget = arg(
        UNTIL, "filled, any, a share (50%) or a quantity.", default="filled", literal=True
    )
    timeout: timedelta | None = arg(
        DURATION, "How long to wait; until the end of the session unless given.", above="0s",
        example="60s",
    )  # fmt: skip
    on_timeout: str = arg(
        choice("fail", "cancel", "keep", "market"),
        "fail leaves the order to the clean-up; cancel cancels and confirms it now; both fail the "
        "step (exit 6), unless accept_partial takes what was filled by a cancelled order; keep "
        "leaves it working and goes on; market cancels it and sends the rest as a market order, "
        "and is for simple orders: not for orders with exits, their legs, or several at once "
        "(mleg).",
        default="fail",
    )
    accept_partial: bool = arg(
        BOOLEAN, "Whether a part of the fill is good enough when no more can come.",
        default="false",
    )  # fmt: skip


OUTPUTS = {
    "status": Output(TEXT, "The order's status; of several, the one that is least far."),
    "filled_qty": Output(QUANTITY, "Shares filled, of all awaited orders."),
    "filled_avg_price": Output(
        AVERAGE,
        "What a share cost on average.",
        optional="while nothing is filled, and for orders in more than one symbol",
        only_if=("on_timeout=keep", "unsent", "several_symbols"),
        market=True,
    ),
    "remaining_qty": Output(
        QUANTITY,
        "Shares not filled.",
        optional="for an order for dollars that is not filled",
        only_if=("order.notional",),
    ),
    "filled_at": Output(
        MOMENT,
        "When the last fill happened.",
        optional="while nothing is filled",
        only_if=("on_timeout=keep", "accept_partial=true", "until", "unsent"),
        market=True,
    ),
}


def await_fill(args: AwaitFill, run: Run) -> Steps[Mapping[str, Plain]]:
    wanted = awaited(run, args.order)
    if not wanted:
        return {"status": "none", "filled_qty": ZERO, "remaining_qty": ZERO}
    orders = [own for one in wanted for own in one.members]
    for own in orders:
        if own.sent is Sent.UNKNOWN:
            raise _lost(own)
        order_class = own.order_class if own.parent is None else own.parent.order_class
        if args.on_timeout == "market" and order_class != "simple":
            message, help_ = not_at_market(order_class)
            raise Failure(Cause.FAILED, message, help=help_)
    until = run.at + args.timeout if args.timeout else (yield from end_of_session(run))
    yield from _wait(args, run, wanted, until)
    if _all_met(args, wanted):
        return outputs(wanted)
    run.raise_what_is_due()
    _raise_rejected(wanted)
    _raise_unprotected(wanted)
    if _over(args, wanted):
        raise _with(wanted, _unfilled(_over(args, wanted)[0], args.until, timed_out=False))
    working = [own for own in orders if own.may_be_live]
    if working and args.on_timeout == "keep":
        for own in working:
            own.kept = True
        return outputs(wanted)
    for own in working:
        own.abandoned = True  # whatever becomes of this step, and while it is live
    at_market = args.on_timeout == "market" and (yield from read_clock(run)).is_open is True
    if working and args.on_timeout in ("cancel", "market"):
        yield from _cancel(run, wanted, working)
        _raise_rejected(wanted)
        _raise_unprotected(wanted)
        if at_market and not _all_met(args, wanted):
            yield from _take_the_market(args, run, wanted, working)
        if _all_met(args, wanted):
            return outputs(wanted)
    _raise_unprotected(wanted, late=True)
    some_of_each = all(one.filled > 0 for one in wanted)
    if args.accept_partial and some_of_each and not (working and args.on_timeout == "fail"):
        return outputs(wanted)
    short = next(one for one in wanted if not one.met(args.until))
    failure = _unfilled(short, args.until, timed_out=True)
    if args.on_timeout == "market" and not at_market:
        failure.message += "; the market is closed, so nothing was sent at the market"
    raise _with(wanted, failure)


def not_at_market(order_class: str) -> tuple[str, str]:
    """Why the rest of an order of a class is not sent at the market, and what to do instead."""
    message = f"on_timeout: market is for simple orders, not for {in_words(order_class)}"
    if order_class == "mleg":
        return message, "Use cancel, or replace_order with a new net price."
    why = "cancelling one order of the group would take the others with it"
    return f"{message}: {why}", "Use cancel, and close what was filled in on_failure."


def check(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Only what is left of a simple order can go out at the market."""
    if known.get("on_timeout") != "market":
        return
    for sent in known.get("order") or ():
        order_class = sent.known.get("order_class", "simple")
        if order_class != "simple":
            yield Finding("RB522", "on_timeout", *not_at_market(order_class))


def _wait(args: AwaitFill, run: Run, wanted: list[Awaited], until: datetime) -> Steps[None]:
    poll = run.runbook.defaults.poll
    seconds = Decimal(str(poll.total_seconds())) if poll is not None else None

    def done() -> bool:
        return _all_met(args, wanted) or bool(_over(args, wanted))

    yield from await_orders(run, _members(wanted), done, until, seconds)


def _all_met(args: AwaitFill, wanted: Sequence[Awaited]) -> bool:
    return all(one.met(args.until) for one in wanted)


def _over(args: AwaitFill, wanted: Sequence[Awaited]) -> list[Awaited]:
    """Those to which no more can come, although it was not enough."""
    done = [one for one in wanted if not one.may_fill and not one.met(args.until)]
    return [one for one in done if not args.accept_partial or one.filled == 0]


def _members(wanted: Sequence[Awaited]) -> list[OwnOrder]:
    return [own for one in wanted for own in one.members]


def _cancel(run: Run, wanted: Sequence[Awaited], working: Sequence[OwnOrder]) -> Steps[None]:
    left = yield from cancel_and_confirm(run, working)
    for own in left:
        run.note_unknown(own)
    if left:
        raise _with(wanted, _stuck(left[0]))


def _take_the_market(
    args: AwaitFill, run: Run, wanted: Sequence[Awaited], ended: Sequence[OwnOrder]
) -> Steps[None]:
    """Send what the cancelled orders left unfilled as market orders, and await those."""
    for one in wanted:
        own = one.members[0]
        if own.fill_untold:
            raise _with(wanted, _untold(own))
        body = _rest_at_market(own) if own in ended else None
        if body is None:
            continue
        yield from await_free(run, own.symbol, own.side, own.order.remaining)
        try:
            sent = yield from send_once(run, Draft(own.symbol, own.side, body), continues=own)
        except Failure as failure:
            raise _with(wanted, failure) from None
        sent.abandoned = True
        one.members = [sent]
    yield from _wait(args, run, list(wanted), run.at + AT_MARKET_WITHIN)
    _raise_rejected(wanted)


def _rest_at_market(own: OwnOrder) -> dict[str, Json] | None:
    """The body of a market order for what an order left unfilled; None when nothing is left."""
    body: dict[str, Json] = {
        "symbol": own.symbol,
        "side": own.side,
        "type": "market",
        "time_in_force": "gtc" if "/" in own.symbol else "day",
    }
    if "position_intent" in own.body:
        body["position_intent"] = own.body["position_intent"]
    notional, spent = own.order.notional, own.cost
    if own.order.qty is None and notional is not None and spent is not None:
        left = notional - spent
        return {**body, "notional": f"{left:.2f}"} if left >= LEAST_NOTIONAL else None
    remaining = own.order.remaining
    return {**body, "qty": f"{remaining:f}"} if remaining else None


def _raise_rejected(wanted: Sequence[Awaited]) -> None:
    for own in _members(wanted):
        if own.order.status == "rejected":
            raise _with(wanted, rejected(own))


def _raise_unprotected(wanted: Sequence[Awaited], *, late: bool = False) -> None:
    """Raise `Failure` when an entry has filled, wholly or in part, and its exits are gone; or,
    when it is `late`, do not stand."""
    for own in _members(wanted):
        if exits_unseen(own) and late:
            raise _with(wanted, _exits_unseen(own))
        if not own.has_exits or own.may_be_live or own.filled_qty == 0 or protected(own):
            continue
        may_come = exits_unseen(own) or any(leg.may_be_live for leg in own.exits)
        if may_come and not late:
            continue
        states = sorted(f"{name} {leg.order.status}" for name, leg in own.legs.items())
        protects = "not all of it is protected" if may_come else "nothing protects them"
        raise _with(
            wanted,
            Failure(
                Cause.FAILED,
                f"{own.filled_qty:f} {own.symbol} are filled and {protects}: of the exits of order "
                f"{own.client_order_id} are {', '.join(states) or 'none there'}",
                help="Close them (close_position) or send new exits (order_class: oco).",
            ),
        )


def _exits_unseen(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"{own.filled_qty:f} {own.symbol} are filled, and the exits of order {own.client_order_id} "
        "could not be read: whether they stand is not known",
        help="Look at the open orders of the symbol at the broker.",
    )


def _untold(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"the broker does not say how much of order {own.client_order_id} was filled, so what is "
        "left of it was not sent at the market",
        help="Look at the order and the position at the broker.",
    )


def _stuck(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"order {own.client_order_id} was asked to cancel but is still {own.order.status}",
        help="It may still fill. Watch it at the broker.",
    )


def _lost(own: OwnOrder) -> Failure:
    return Failure(
        Cause.UNKNOWN,
        f"what became of order {own.client_order_id} is not known: there is nothing to wait for",
        help="Look it up at the broker by that client order id.",
    )


def _unfilled(short: Awaited, until: FillTarget, *, timed_out: bool) -> Failure:
    own = short.lead
    of = f" of {short.asked:f}" if short.asked is not None else ""
    wanted = f" ({until} asked for)" if until.what in ("share", "quantity") else ""
    words = f"{named(own)}: {short.filled:f}{of} filled{wanted}"
    if timed_out:
        return Failure(Cause.TIMED_OUT, f"{words} when the time was up; it is {own.order.status}")
    return Failure(Cause.FAILED, f"{words}, and no more can come: it is {own.order.status}")


def _with(wanted: Sequence[Awaited], failure: Failure) -> Failure:
    failure.outputs = outputs(wanted)
    return failure


ACTION = Action(
    "await_fill",
    "Waits for fills. The order as read from the broker is the truth.",
    AwaitFill,
    OUTPUTS,
    await_fill,
    check=check,
)
