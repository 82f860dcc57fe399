"""`close_all`: every position of the runbook's symbols, or of the account, brought to zero.

1. Open orders on the symbols, everybody's, are cancelled and confirmed: they hold shares, and one
   that fills later would open a position anew.
2. Positions are read until they show this run's own fills and their shares are free. One that does
   not by then goes as the broker shows it: every order says that it closes, so the broker refuses
   what would go across zero.
3. One market order a position, each with its own client order id, all sent before any is awaited.
   Those that buy go first: a sold option may stand on what is held, and is refused until then.
4. The fills are awaited, and positions are read until none is left.

Trouble with one symbol never stops the others: it is told at the end, with what is not flat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from runner.guards import Draft
from runner.language.declare import Action, Finding, Output, arg
from runner.language.kinds import COUNT, DURATION, choice
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure, refused
from runner.machine.following import await_orders, cancel_and_confirm
from runner.machine.own_orders import OwnOrder, Sent
from runner.machine.resolving import look_up
from runner.machine.sending import send_once
from runner.machine.sessions import read_clock
from runner.steps.cancel import open_orders_of_others
from runner.steps.close import in_force_for
from runner.steps.closing import Closing, poll, read_positions, settle
from runner.steps.foreseen import frees
from runner.steps.submit import SubmitOrder, order_body, rejected
from runner.world import Position, same_symbol

ZERO = Decimal(0)
ENDS_THE_STEP = (Cause.INTERRUPTED, Cause.RUN_TIMED_OUT, Cause.TIMED_OUT, Cause.INTERNAL)
"""Failures after which nothing more is sent; any other is the one symbol's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAll:
    scope: str = arg(
        choice("symbols", "account"),
        "The positions in the runbook's symbols, or every position of the account.",
        default="symbols",
    )
    timeout: timedelta = arg(
        DURATION,
        "How long the orders may take to fill. What is not filled by then keeps working.",
        default="60s",
        above="0s",
    )


OUTPUTS = {
    "closed": Output(COUNT, "Positions that were open and are closed."),
    "canceled": Output(COUNT, "Open orders that were cancelled first."),
}


def close_all(args: CloseAll, run: Run) -> Steps[Mapping[str, Plain]]:
    closing = Closing(_symbols(args, run))
    held: list[str] = []
    try:
        yield from _make_ready(run, closing)
        held = closing.open
        yield from _send_and_await(run, closing, args.timeout)
        if again := closing.worth_another_try:
            closing.trouble = {one: why for one, why in closing.trouble.items() if one not in again}
            yield from settle(run, closing)
            yield from _send_and_await(run, closing, args.timeout)
        yield from _until_flat(run, closing)
    except Failure as failure:
        if closing.unfinished:
            failure.message += f"; not known to be flat: {', '.join(closing.unfinished)}"
        raise
    outputs: dict[str, Plain] = {
        "closed": Decimal(len(set(held) - set(closing.open))),
        "canceled": Decimal(closing.canceled),
    }
    trouble = {**closing.trouble, **closing.doubts}
    if trouble:
        raise _not_flat(trouble, outputs)
    return outputs


def _symbols(args: CloseAll, run: Run) -> tuple[str, ...]:
    """The symbols to close, none for those of the account. Raises `Failure` when the runbook does
    not allow it; the check before the run says the same."""
    listed = run.runbook.symbols
    for finding in check({"scope": args.scope, "symbols": listed or "any"}, frozenset()):
        raise refused(finding.message, help=finding.help)
    return (listed or ()) if args.scope == "symbols" else ()


def _make_ready(run: Run, closing: Closing) -> Steps[None]:
    """Cancel what is in the way, and read what is to be closed."""
    for own in run.orders.unknown:
        yield from look_up(run, own)
    is_open = (yield from read_clock(run)).is_open
    yield from read_positions(run, closing)
    for symbol in closing.open:
        if not is_open and "/" not in symbol:
            closing.trouble[symbol] = refused(
                "the market is closed, so nothing was sent and its open orders stay"
            )
    yield from _cancel_orders(run, closing)
    yield from settle(run, closing)


def _cancel_orders(run: Run, closing: Closing) -> Steps[None]:
    """Cancel every open order on the symbols and confirm it."""

    def in_the_way(own: OwnOrder) -> bool:
        listed = not closing.symbols or _touches(own, closing.symbols)
        return listed and own.sent is Sent.ACCEPTED and not _touches(own, closing.trouble)

    others = yield from open_orders_of_others(run, closing.symbols)
    parts = [part for own in others for part in (own, *own.legs.values())]
    before = {id(part): part.filled_qty for part in parts}
    doomed = [own for own in (*run.orders.cancelable, *others) if in_the_way(own)]
    for own in (yield from cancel_and_confirm(run, doomed)):
        run.note_unknown(own)
        for symbol in (own.symbol, *(leg.symbol for leg in own.legs.values())):
            closing.doubts[symbol] = Failure(
                Cause.UNKNOWN,
                f"order {own.client_order_id} was asked to cancel but is still {own.order.status}",
            )
    closing.canceled = sum(own.order.status == "canceled" for own in doomed)
    for part in parts:
        late = part.filled_qty - before[id(part)]
        signed = late if part.side == "buy" else -late
        closing.late[part.symbol] = closing.late.get(part.symbol, ZERO) + signed


def _touches(own: OwnOrder, symbols: Collection[str]) -> bool:
    named = (own.symbol, *(leg.symbol for leg in own.legs.values()))
    return any(same_symbol(one, symbol) for one in named for symbol in symbols)


def _send_and_await(run: Run, closing: Closing, timeout: timedelta) -> Steps[None]:
    """Send an order for every position without trouble, then await them all."""

    def first_those_that_buy(position: Position) -> tuple[bool, bool]:
        return position.symbol not in closing.settled, (position.qty or ZERO) > 0

    for position in sorted(closing.calm, key=first_those_that_buy):
        again = position.symbol in closing.orders  # then only what is certain to be left
        if position.qty and (not again or position.symbol in closing.settled):
            yield from _send(run, closing, position)
    orders = list(closing.orders.values())
    yield from await_orders(run, orders, lambda: not closing.working, run.at + timeout)


def _send(run: Run, closing: Closing, position: Position) -> Steps[None]:
    """Send the order that closes a position, or note why it could not be sent."""
    symbol, held = position.symbol, position.qty or ZERO
    qty = min(abs(held), abs(position.qty_available or ZERO))
    if qty == 0:
        words = "none of it is free: other orders or positions hold it"
        closing.trouble[symbol] = Failure(Cause.FAILED, words)
        return
    side = "sell" if held > 0 else "buy"
    crypto = "/" in symbol
    order = SubmitOrder(
        symbol=symbol,
        side=side,
        qty=qty,
        type="market",
        time_in_force=in_force_for(run, symbol, qty) if crypto else "day",
        position_intent=None if crypto else f"{side}_to_close",
    )
    try:
        closing.orders[symbol] = yield from send_once(
            run, Draft(symbol, side, order_body(order, run))
        )
    except Failure as failure:
        if failure.cause in ENDS_THE_STEP:
            raise
        closing.trouble[symbol] = failure


def _until_flat(run: Run, closing: Closing) -> Steps[None]:
    """Read positions until none is left, and note what is."""
    for symbol, own in closing.orders.items():
        if own.order.status != "filled":
            closing.trouble[symbol] = _unfilled(own)
    yield from poll(run, closing, lambda: all(one.qty == 0 for one in closing.calm))
    for position in closing.calm:
        if position.qty != 0:
            words = "an unknown number" if position.qty is None else f"{position.qty:f}"
            closing.trouble[position.symbol] = Failure(Cause.FAILED, f"the account shows {words}")


def _unfilled(own: OwnOrder) -> Failure:
    if own.order.status == "rejected":
        return rejected(own)
    words = (
        f"order {own.client_order_id} is {own.order.status}, {own.filled_qty:f} of "
        f"{own.asked_in_all or ZERO:f} filled"
    )
    return Failure(Cause.TIMED_OUT if own.may_be_live else Cause.FAILED, words)


def _not_flat(trouble: Mapping[str, Failure], outputs: Mapping[str, Plain]) -> Failure:
    """One failure for all the trouble: of its cause if they share one, unknown if any is."""
    causes = {failure.cause for failure in trouble.values()}
    if Cause.UNKNOWN in causes:
        cause = Cause.UNKNOWN
    else:
        cause = causes.pop() if len(causes) == 1 else Cause.FAILED
    words = "; ".join(f"{symbol}: {failure.message}" for symbol, failure in trouble.items())
    return Failure(
        cause,
        f"not flat: {words}",
        help="Look at these positions and their orders at the broker.",
        outputs=outputs,
        guard=any(failure.guard for failure in trouble.values()),
    )


def check(known: Mapping[str, Any], given: frozenset[str]) -> Iterator[Finding]:
    """The scope must fit the symbols that the runbook may trade."""
    scope, symbols = known.get("scope"), known.get("symbols")
    if scope == "account" and symbols not in (None, "any"):
        yield Finding(
            "RB521",
            "scope",
            "`scope: account` closes any symbol, and this runbook may trade only those it lists",
            "Write `symbols: any` at the top, or close the listed ones with `scope: symbols`.",
        )
    if scope == "symbols" and symbols == "any":
        yield Finding(
            "RB521",
            "scope",
            "the runbook trades any symbol, so `scope: symbols` names none of them",
            "Write `scope: account` to close every position of the account.",
        )


ACTION = Action(
    "close_all",
    "Closes every position of the runbook's symbols or of the account, and makes sure of it.",
    CloseAll,
    OUTPUTS,
    close_all,
    check=check,
    foresee=frees,
    sends=True,
)
