"""`submit_order`: one order, sent once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from runner.effects import Json
from runner.guards import Draft
from runner.language.declare import Action, Output, arg
from runner.language.kinds import (
    BOOLEAN,
    MONEY,
    ORDER,
    PERCENT,
    PRICE,
    QUANTITY,
    SYMBOL,
    TEXT,
    choice,
)
from runner.language.runbook import TIME_IN_FORCE
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure, refused
from runner.machine.own_orders import OwnOrder
from runner.machine.sending import send_once
from runner.steps.order_rules import check
from runner.steps.position import agreed_position
from runner.world import Position

ORDER_TYPE = choice("market", "limit", "stop", "stop_limit", "trailing_stop")
SIDE = choice("buy", "sell")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    symbol: str = arg(SYMBOL, "The symbol to trade.", required=True, example="AAPL")
    side: str = arg(SIDE, "buy or sell.", required=True, example="buy")
    qty: Decimal | None = arg(
        QUANTITY, "Shares; up to nine decimal places for fractions.", above="0", example="1"
    )
    notional: Decimal | None = arg(MONEY, "Dollars instead of shares.", above="0", example="500")
    type: str = arg(ORDER_TYPE, "What kind of order.", default="market", example="limit")
    limit_price: Decimal | None = arg(
        PRICE, "The worst price to accept.", above="0", example="189.25"
    )
    stop_price: Decimal | None = arg(
        PRICE, "The price that triggers the order.", above="0", example="180.00"
    )
    trail_price: Decimal | None = arg(
        PRICE, "How many dollars the stop trails behind.", above="0", example="1.50"
    )
    trail_percent: Decimal | None = arg(
        PERCENT, "How far the stop trails behind.", above="0%", example="2%"
    )
    time_in_force: str | None = arg(
        TIME_IN_FORCE, "How long the order works; the runbook's default, else day.", example="day"
    )
    extended_hours: bool | None = arg(
        BOOLEAN, "Whether it may trade outside the regular session (limit orders only)."
    )
    order_class: str = arg(
        choice("simple", "bracket", "oco", "oto"), "Simple, or with exits attached.",
        default="simple",
    )  # fmt: skip
    take_profit: Decimal | None = arg(PRICE, "The limit price of the profit leg.", above="0")
    stop_loss: Decimal | None = arg(PRICE, "The stop price of the loss leg.", above="0")
    position_intent: str | None = arg(
        choice("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"),
        "What the order is meant to do to the position; the broker refuses it otherwise.",
    )
    max_qty: Decimal | None = arg(
        QUANTITY, "Refuse the step when a computed qty is more than this.", above="0"
    )


OUTPUTS = {
    "order_id": Output(ORDER, "The broker's id of the order."),
    "client_order_id": Output(TEXT, "The id this run gave it."),
    "status": Output(TEXT, "What the broker said when it accepted the order."),
    "symbol": Output(SYMBOL, "The symbol."),
    "side": Output(TEXT, "buy or sell."),
    "qty": Output(QUANTITY, "Shares asked for."),
}


def submit_order(args: SubmitOrder, run: Run) -> Steps[Mapping[str, Plain]]:
    if args.max_qty is not None and args.qty is not None and args.qty > args.max_qty:
        raise refused(f"qty is {args.qty:f}, more than max_qty {args.max_qty:f}")
    for finding in check(_known(args, run), _given(args)):
        raise Failure(Cause.FAILED, f"{finding.message} ({finding.code})", help=finding.help)
    yield from _await_what_it_exits(args, run)
    own = yield from send_once(run, Draft(args.symbol, args.side, order_body(args, run)))
    if own.order.status == "rejected":
        raise rejected(own)
    return accepted_outputs(own)


def _await_what_it_exits(args: SubmitOrder, run: Run) -> Steps[None]:
    """Wait until the position shows what this order gets out of, if this run got into it.

    An exit is told from an order that opens risk by the position, which lags behind fills and
    behind cancels that free its shares (facts page 0.10).
    """
    mine = run.orders.held(args.symbol) * (1 if args.side == "sell" else -1)
    if mine <= 0:
        return
    needed = min(mine, args.qty or mine)
    others = [own for own in run.orders.live if (own.symbol, own.side) == (args.symbol, args.side)]

    def free(position: Position) -> bool:
        return bool(others) or abs(position.qty_available or Decimal(0)) >= needed

    yield from agreed_position(run, args.symbol, free)


def accepted_outputs(own: OwnOrder) -> Mapping[str, Plain]:
    """What a step that sent an order leaves for later ones."""
    return {
        "order_id": own.order_id,
        "client_order_id": own.client_order_id,
        "status": own.order.status,
        "symbol": own.symbol,
        "side": own.side,
        "qty": own.order.qty,
    }


def rejected(own: OwnOrder) -> Failure:
    """The broker took the order and rejected it afterwards."""
    return Failure(
        Cause.FAILED,
        f"the broker rejected order {own.client_order_id} ({own.side} {own.symbol}) after "
        "accepting it",
        help="Look at the order at the broker: the API does not say why.",
    )


def order_body(args: SubmitOrder, run: Run) -> dict[str, Json]:
    """The exact JSON body of the order, decimals as strings, without its client order id."""
    percent = args.trail_percent * 100 if args.trail_percent is not None else None
    body: dict[str, Json] = {
        "symbol": args.symbol,
        "side": args.side,
        "type": args.type,
        "time_in_force": _in_force(args, run),
    }
    numbers = {
        "qty": args.qty,
        "notional": args.notional,
        "limit_price": args.limit_price,
        "stop_price": args.stop_price,
        "trail_price": args.trail_price,
        "trail_percent": percent.normalize() if percent is not None else None,
    }
    body |= {name: f"{value:f}" for name, value in numbers.items() if value is not None}
    if args.extended_hours:
        body["extended_hours"] = True
    if args.position_intent is not None:
        body["position_intent"] = args.position_intent
    return body


def _in_force(args: SubmitOrder, run: Run) -> str:
    return args.time_in_force or run.runbook.defaults.time_in_force or "day"


def _known(args: SubmitOrder, run: Run) -> dict[str, object]:
    given = {name: getattr(args, name) for name in args.__slots__}
    return {**given, "time_in_force": _in_force(args, run)}


def _given(args: SubmitOrder) -> frozenset[str]:
    return frozenset(name for name in args.__slots__ if getattr(args, name) is not None)


ACTION = Action(
    "submit_order",
    "Sends one order, at most once, after every guard has judged it.",
    SubmitOrder,
    OUTPUTS,
    submit_order,
    check=check,
    sends=True,
    opens=True,
)
