"""`await_fill`: wait until orders are filled, or as filled as asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import (
    AVERAGE,
    BOOLEAN,
    DURATION,
    MOMENT,
    ORDER,
    QUANTITY,
    TEXT,
    Family,
    Kind,
    choice,
    read_number,
)
from runner.language.runbook import OrderReference
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure
from runner.machine.following import await_orders, cancel_and_confirm
from runner.machine.own_orders import OwnOrder, Sent
from runner.steps.sessions import end_of_session
from runner.steps.submit import rejected

ZERO = Decimal(0)


class FillTarget(Struct, frozen=True):
    """How much of each order must be filled: all, anything, a share of it, or a quantity."""

    what: str
    amount: Decimal = ZERO

    def __str__(self) -> str:
        if self.what == "share":
            return f"{self.amount.scaleb(2).normalize():f}%"
        return f"{self.amount:f}" if self.what == "quantity" else self.what

    def met_by(self, own: OwnOrder) -> bool:
        filled, qty = own.filled_qty, own.order.qty
        match self.what:
            case "any":
                return filled > 0
            case "quantity":
                return filled >= self.amount
            case "share" if qty is not None:
                return filled >= qty * self.amount
        return own.order.status == "filled"


def _read_target(text: str) -> FillTarget:
    if text in ("filled", "any"):
        return FillTarget(text)
    share = re.fullmatch(r"(.+)%", text)
    try:
        amount = read_number(share.group(1) if share else text)
    except ValueError:
        raise ValueError("write filled, any, a share such as 50%, or a quantity") from None
    if amount <= 0 or (share and amount > 100):
        raise ValueError("a share is between 0% and 100%; a quantity is more than 0")
    return FillTarget("share", amount.scaleb(-2)) if share else FillTarget("quantity", amount)


UNTIL = Kind(
    "fill",
    Family.TEXT,
    "filled, any, a share such as 50%, or a quantity",
    _read_target,
    {"type": ["string", "number"]},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFill:
    order: tuple[OrderReference, ...] = arg(
        ORDER,
        "The step that sent the order, or a list of such steps.",
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
        choice("fail", "cancel", "keep"),
        "fail leaves the order to the clean-up; cancel cancels and confirms it now; both fail the "
        "step (exit 6), unless accept_partial takes what was filled by a cancelled order; keep "
        "leaves it working and goes on.",
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
        AVERAGE, "What a share cost on average; absent while nothing is filled."
    ),
    "remaining_qty": Output(QUANTITY, "Shares not filled."),
    "filled_at": Output(MOMENT, "When the last fill happened; absent while nothing is filled."),
}


def await_fill(args: AwaitFill, run: Run) -> Steps[Mapping[str, Plain]]:
    references = args.order if isinstance(args.order, tuple) else (args.order,)
    found = [run.order_sent_by(reference.step_id) for reference in references]
    orders = [own for own in found if own is not None and own.reached]
    if not orders:
        return {"status": "none", "filled_qty": ZERO, "remaining_qty": ZERO}
    for own in orders:
        if own.sent is Sent.UNKNOWN:
            raise _lost(own)
    until = run.at + args.timeout if args.timeout else (yield from end_of_session(run))
    poll = run.runbook.defaults.poll
    seconds = Decimal(str(poll.total_seconds())) if poll is not None else None

    def satisfied() -> bool:
        return all(args.until.met_by(own) for own in orders)

    def over() -> list[OwnOrder]:
        """Those to which no more can come, although it was not enough."""
        done = [own for own in orders if not own.may_be_live and not args.until.met_by(own)]
        return [own for own in done if not args.accept_partial or own.filled_qty == 0]

    yield from await_orders(run, orders, lambda: satisfied() or bool(over()), until, seconds)
    if satisfied():
        return _outputs(orders)
    run.raise_what_is_due()
    for own in orders:
        if own.order.status == "rejected":
            raise _with(orders, rejected(own))
    if over():
        raise _with(orders, _unfilled(over()[0], args.until, timed_out=False))
    working = [own for own in orders if own.may_be_live]
    if working and args.on_timeout == "keep":
        for own in working:
            own.kept = True
        return _outputs(orders)
    if working and args.on_timeout == "cancel":
        left = yield from cancel_and_confirm(run, working)
        for own in left:
            run.note_unknown(own)
        if left:
            raise _with(orders, _stuck(left[0]))
        if satisfied():
            return _outputs(orders)
    if (
        args.accept_partial
        and all(own.filled_qty > 0 for own in orders)
        and not (working and args.on_timeout == "fail")
    ):
        return _outputs(orders)
    for own in working:
        own.abandoned = True
    short = next(own for own in orders if not args.until.met_by(own))
    raise _with(orders, _unfilled(short, args.until, timed_out=True))


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


def _unfilled(short: OwnOrder, until: FillTarget, *, timed_out: bool) -> Failure:
    of = f" of {short.order.qty:f}" if short.order.qty is not None else ""
    wanted = f" ({until} asked for)" if until.what in ("share", "quantity") else ""
    words = f"{short.side} {short.symbol}: {short.filled_qty:f}{of} filled{wanted}"
    if timed_out:
        return Failure(Cause.TIMED_OUT, f"{words} when the time was up; it is {short.order.status}")
    return Failure(Cause.FAILED, f"{words}, and no more can come: it is {short.order.status}")


def _with(orders: Sequence[OwnOrder], failure: Failure) -> Failure:
    failure.outputs = _outputs(orders)
    return failure


def _outputs(orders: Sequence[OwnOrder]) -> Mapping[str, Plain]:
    filled = sum((own.filled_qty for own in orders), ZERO)
    paid = [
        own.order.filled_avg_price * own.filled_qty
        for own in orders
        if own.order.filled_avg_price is not None
    ]
    asked = [own.order.qty for own in orders if own.order.qty is not None]
    times = [own.order.filled_at for own in orders if own.order.filled_at is not None]
    unfilled = [own.order.status for own in orders if own.order.status != "filled"]
    return {
        "status": unfilled[0] if unfilled else "filled",
        "filled_qty": filled,
        "filled_avg_price": sum(paid, ZERO) / filled if filled > 0 and paid else None,
        "remaining_qty": sum(asked, ZERO) - filled if len(asked) == len(orders) else None,
        "filled_at": max(times) if times else None,
    }


ACTION = Action(
    "await_fill",
    "Waits for fills. The order as read from the broker is the truth.",
    AwaitFill,
    OUTPUTS,
    await_fill,
)
