"""`check_order`: what one order of this run has come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from runner.effects import ReadOrder
from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import AVERAGE, MOMENT, ORDER, PRICE, QUANTITY, SYMBOL, TEXT, choice
from runner.language.runbook import OrderReference
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.own_orders import OwnOrder

STATUS = choice(
    "new", "partially_filled", "filled", "done_for_day", "canceled", "expired", "replaced",
    "pending_cancel", "pending_replace", "pending_review", "accepted", "pending_new",
    "accepted_for_bidding", "stopped", "rejected", "suspended", "calculated", "held",
)  # fmt: skip
"""The statuses of alpaca-py 0.44 (facts page 1.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOrder:
    order: OrderReference = arg(
        ORDER, "The step that sent the order.", required=True, form=Form.ORDER, example="entry"
    )
    status: str | None = arg(STATUS, "The status it must have.", example="filled")
    filled_qty: Decimal | None = arg(QUANTITY, "The shares that must be filled.", least="0")


OUTPUTS = {
    "order_id": Output(ORDER, "The broker's id."),
    "client_order_id": Output(TEXT, "The id this run gave it."),
    "status": Output(TEXT, "The broker's word for its state."),
    "symbol": Output(SYMBOL, "The symbol.", optional="for an mleg order", only_if=("order.legs",)),
    "side": Output(TEXT, "buy or sell.", optional="for an mleg order", only_if=("order.legs",)),
    "qty": Output(
        QUANTITY,
        "Shares asked for.",
        optional="for an order for dollars",
        only_if=("order.notional",),
    ),
    "filled_qty": Output(QUANTITY, "Shares filled."),
    "filled_avg_price": Output(
        AVERAGE, "What a share cost on average.", optional="while nothing is filled", market=True
    ),
    "remaining_qty": Output(
        QUANTITY,
        "Shares not filled.",
        optional="for an order for dollars",
        only_if=("order.notional",),
    ),
    "limit_price": Output(PRICE, "Its limit.", optional="for other types", market=True),
    "stop_price": Output(PRICE, "Its stop.", optional="for other types", market=True),
    "filled_at": Output(
        MOMENT, "When it was filled.", optional="while nothing is filled", market=True
    ),
}


def check_order(args: CheckOrder, run: Run) -> Steps[Mapping[str, Plain]]:
    own = run.order_named(args.order)
    if own is None or not own.order_id:
        raise refused(f"step '{args.order.step_id}' sent no order")
    data = yield from run.read(ReadOrder(own.order_id))
    if data is None:
        raise refused(f"the broker knows no order {own.order_id}")
    own.fold(data)
    order = own.order
    if order.filled_qty is None:
        raise refused(f"the broker did not report how much of {own.client_order_id} is filled")
    if args.status is not None and order.status != args.status:
        raise refused(f"the order is {order.status}, not {args.status}")
    if args.filled_qty is not None and order.filled_qty != args.filled_qty:
        raise refused(f"{order.filled_qty:f} shares are filled, not {args.filled_qty:f}")
    return outputs_of(own)


def outputs_of(own: OwnOrder) -> Mapping[str, Plain]:
    """Everything an order tells, by the names of this action's outputs."""
    order = own.order
    return {
        "order_id": own.order_id,
        "client_order_id": own.client_order_id,
        "status": order.status,
        "symbol": own.symbol or None,
        "side": own.side or None,
        "qty": order.qty,
        "filled_qty": own.filled_qty,
        "filled_avg_price": order.filled_avg_price,
        "remaining_qty": order.remaining,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "filled_at": order.filled_at,
    }


ACTION = Action(
    "check_order",
    "Reads one order of this run, which must be as expected.",
    CheckOrder,
    OUTPUTS,
    check_order,
    polls=True,
)
