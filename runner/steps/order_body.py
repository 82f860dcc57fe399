"""What an order looks like on the wire: the body that Alpaca wants, decimals as strings."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from runner.effects import Json
from runner.guards import Draft
from runner.machine import Run

if TYPE_CHECKING:
    from runner.steps.submit import OrderLeg, SubmitOrder


def draft_of(args: SubmitOrder, run: Run) -> Draft:
    """The order as guards judge it and as it is sent, each leg of several for all its contracts."""
    legs = tuple(
        Draft(leg.symbol, leg.side, {"qty": f"{contracts_of(args, leg):f}"})
        for leg in args.legs or ()
    )
    return Draft(args.symbol or "", args.side or "", order_body(args, run), legs)


def contracts_of(args: SubmitOrder, leg: OrderLeg) -> Decimal:
    """How many contracts of one leg the whole order is for."""
    return (args.qty or Decimal(0)) * leg.ratio


def order_body(args: SubmitOrder, run: Run) -> dict[str, Json]:
    """The exact JSON body of the order, decimals as strings, without its client order id."""
    percent = args.trail_percent * 100 if args.trail_percent is not None else None
    body: dict[str, Json] = {"type": args.type, "time_in_force": in_force(args, run)}
    words = {"symbol": args.symbol, "side": args.side, "position_intent": args.position_intent}
    body |= {name: value for name, value in words.items() if value is not None}
    body |= _written(
        {
            "qty": args.qty,
            "notional": args.notional,
            "limit_price": args.limit_price,
            "stop_price": args.stop_price,
            "trail_price": args.trail_price,
            "trail_percent": percent.normalize() if percent is not None else None,
        }
    )
    if args.extended_hours:
        body["extended_hours"] = True
    if args.order_class != "simple":
        body["order_class"] = args.order_class
    if args.take_profit is not None:
        body["take_profit"] = _written({"limit_price": args.take_profit})
    if args.stop_loss is not None:
        stop = {"stop_price": args.stop_loss, "limit_price": args.stop_loss_limit}
        body["stop_loss"] = _written(stop)
    if args.legs:
        body["legs"] = [_leg(leg) for leg in args.legs]
    return body


def in_force(args: SubmitOrder, run: Run) -> str:
    """How long the order works: as the step says, else the runbook's default, else the day."""
    return args.time_in_force or run.runbook.defaults.time_in_force or "day"


def _leg(leg: OrderLeg) -> dict[str, Json]:
    intent = {} if leg.position_intent is None else {"position_intent": leg.position_intent}
    return {"symbol": leg.symbol, "side": leg.side, "ratio_qty": f"{leg.ratio:f}", **intent}


def _written(numbers: Mapping[str, Decimal | None]) -> dict[str, Json]:
    return {name: f"{value:f}" for name, value in numbers.items() if value is not None}
