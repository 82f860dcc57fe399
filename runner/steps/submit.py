"""`submit_order`: one order, sent once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from runner.guards import price_collar
from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import (
    BOOLEAN,
    COUNT,
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
from runner.machine.following import read_again
from runner.machine.own_orders import OwnOrder
from runner.machine.resolving import named
from runner.machine.sending import send_once
from runner.steps.collar import collar_price
from runner.steps.foreseen import by_order
from runner.steps.order_body import contracts_of, draft_of, in_force, order_body
from runner.steps.order_legs import EXITS
from runner.steps.order_rules import check
from runner.steps.position import await_free
from runner.world import decimal

__all__ = ["ACTION", "OrderLeg", "SubmitOrder", "accepted_outputs", "order_body", "rejected"]

ORDER_TYPE = choice("market", "limit", "stop", "stop_limit", "trailing_stop", "marketable_limit")
SIDE = choice("buy", "sell")
INTENT = choice("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
OF_LEGS = ("order_class", "mleg")

PRICINGS = 3
"""How often an order is priced at the collar when the market moves away before it is sent."""

EXITS_WITHIN = timedelta(seconds=5)
AGAIN = timedelta(seconds=1)
"""How long, and how often, the exits of an accepted order are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLeg:
    symbol: str = arg(SYMBOL, "The option contract.", required=True, example="AAPL261218C00200000")
    side: str = arg(SIDE, "buy or sell.", required=True, example="buy")
    ratio: Decimal = arg(
        COUNT, "Contracts of this leg for each one of qty.", default="1", least="1"
    )
    position_intent: str | None = arg(INTENT, "What the leg is meant to do to the position.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOrder:
    symbol: str | None = arg(SYMBOL, "The symbol to trade.", unless=OF_LEGS, example="AAPL")
    side: str | None = arg(SIDE, "buy or sell.", unless=OF_LEGS, example="buy")
    qty: Decimal | None = arg(
        QUANTITY,
        "Shares, up to nine decimal places for fractions; whole contracts of an option.",
        above="0",
        example="1",
    )
    notional: Decimal | None = arg(MONEY, "Dollars instead of shares.", above="0", example="500")
    type: str = arg(
        ORDER_TYPE,
        "What kind of order. marketable_limit is a limit order at the collar.",
        default="market",
        example="limit",
    )
    limit_price: Decimal | None = arg(
        PRICE,
        "The worst price to accept. Of an mleg order the net price: positive for a debit, negative "
        "for a credit.",
        example="189.25",
    )
    collar: Decimal | None = arg(
        PERCENT,
        "How far beyond the quote a marketable_limit may pay up or sell down; "
        "limits.price_collar unless given.",
        above="0%",
        most="50%",
        example="1%",
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
        choice("simple", "bracket", "oco", "oto", "mleg"),
        "simple; bracket, an entry with both exits; oto, an entry with one; oco, two exits, one of "
        "which cancels the other; mleg, several option contracts at once.",
        default="simple",
    )
    take_profit: Decimal | None = arg(PRICE, "The limit price of the profit leg.", above="0")
    stop_loss: Decimal | None = arg(PRICE, "The stop price of the loss leg.", above="0")
    stop_loss_limit: Decimal | None = arg(
        PRICE, "Makes the loss leg a stop-limit order: the worst price it accepts.", above="0"
    )
    legs: tuple[OrderLeg, ...] | None = arg(
        TEXT, "The contracts of an mleg order, two to four.", form=Form.NESTED, many=True,
        of=OrderLeg,
    )  # fmt: skip
    position_intent: str | None = arg(
        INTENT, "What the order is meant to do to the position; the broker refuses it otherwise."
    )
    max_qty: Decimal | None = arg(
        QUANTITY, "Refuse the step when a computed qty is more than this.", above="0"
    )


OUTPUTS = {
    "order_id": Output(ORDER, "The broker's id of the order."),
    "client_order_id": Output(TEXT, "The id this run gave it."),
    "status": Output(TEXT, "What the broker said when it accepted the order."),
    "symbol": Output(SYMBOL, "The symbol.", optional="for an mleg order", given="symbol"),
    "side": Output(TEXT, "buy or sell.", optional="for an mleg order", given="side"),
    "qty": Output(QUANTITY, "Shares asked for.", optional="for an order for dollars", given="qty"),
    "limit_price": Output(
        PRICE,
        "Its limit, as it was sent.",
        optional="for orders without one",
        given="limit_price",
        market=True,
    ),
    "take_profit": Output(
        ORDER, "The profit leg.", optional="for orders without it", given="take_profit"
    ),
    "stop_loss": Output(
        ORDER, "The loss leg.", optional="for orders without it", given="stop_loss"
    ),
}


def submit_order(args: SubmitOrder, run: Run) -> Steps[Mapping[str, Plain]]:
    if args.max_qty is not None and args.qty is not None and args.qty > args.max_qty:
        raise refused(f"qty is {args.qty:f}, more than max_qty {args.max_qty:f}")
    _obey_rules(args, run)
    for symbol, side, qty in _parts(args):
        yield from await_free(run, symbol, side, qty)
    if args.type == "marketable_limit":
        own = yield from _send_at_the_collar(args, run)
    else:
        own = yield from send_once(run, draft_of(args, run))
    if own.order.status == "rejected":
        raise rejected(own)
    yield from _see_exits(args, run, own)
    return _outputs(args, own)


def accepted_outputs(own: OwnOrder) -> Mapping[str, Plain]:
    """What a step that sent an order leaves for later ones."""
    return {
        "order_id": own.order_id,
        "client_order_id": own.client_order_id,
        "status": own.order.status,
        "symbol": own.symbol or None,
        "side": own.side or None,
        "qty": own.order.qty,
    }


def rejected(own: OwnOrder) -> Failure:
    """The broker took the order and rejected it afterwards."""
    return Failure(
        Cause.FAILED,
        f"the broker rejected order {own.client_order_id} ({named(own)}) after accepting it",
        help="Look at the order at the broker: the API does not say why.",
    )


def _outputs(args: SubmitOrder, own: OwnOrder) -> Mapping[str, Plain]:
    exits = [(name, own.leg_named(name)) for name in EXITS if getattr(args, name) is not None]
    limit = own.order.limit_price
    return {
        **accepted_outputs(own),
        "limit_price": decimal(own.body.get("limit_price")) if limit is None else limit,
        **{name: leg.order_id for name, leg in exits if leg is not None},
    }


def _parts(args: SubmitOrder) -> list[tuple[str, str, Decimal | None]]:
    """Symbol, side and size of the order, or of each leg."""
    if args.legs:
        return [(leg.symbol, leg.side, contracts_of(args, leg)) for leg in args.legs]
    return [(args.symbol or "", args.side or "", args.qty)]


def _send_at_the_collar(args: SubmitOrder, run: Run) -> Steps[OwnOrder]:
    """Price the order by a fresh quote and send it as a limit order.

    Guards read the market once more. Where it has moved away from the price meanwhile, so that they
    refuse it for its collar, it is priced anew; not once anything has left.
    """
    collar = args.collar or run.rules.limits.price_collar or Decimal(0)
    unpriced = draft_of(replace(args, type="limit", collar=None), run)
    for left in reversed(range(PRICINGS)):
        price = yield from collar_price(run, unpriced, collar)
        priced = replace(args, type="limit", limit_price=price, collar=None)
        _obey_rules(priced, run)
        try:
            return (yield from send_once(run, draft_of(priced, run)))
        except Failure as failure:
            moved = failure.guard and failure.message.startswith(f"{price_collar.CODE}:")
            if not left or not moved or run.orders.of_step(run.path) is not None:
                raise
    raise AssertionError("the last pricing returns or raises")


def _see_exits(args: SubmitOrder, run: Run, own: OwnOrder) -> Steps[None]:
    """Make sure that the broker shows every exit that was asked for.

    Raises `Failure` when one is not to be seen: nothing would protect what the entry opens.
    """
    give_up = run.at + EXITS_WITHIN
    while True:
        gone = [
            name
            for name in EXITS
            if getattr(args, name) is not None and own.leg_named(name) is None
        ]
        if not gone:
            return
        if run.at >= give_up:
            raise Failure(
                Cause.FAILED,
                f"the broker accepted order {own.client_order_id} but does not show its "
                f"{' and '.join(gone)}: nothing is known to protect it",
                help="Look at the order at the broker.",
                outputs=_outputs(args, own),
            )
        yield from run.sleep(AGAIN)
        yield from read_again(run, own)
        if own.order.status == "rejected":
            raise rejected(own)


def _obey_rules(args: SubmitOrder, run: Run) -> None:
    """Raise `Failure` for what is wrong with the values, some of which only a run knows."""
    values: dict[str, Any] = {name: getattr(args, name) for name in args.__slots__}
    values["time_in_force"] = in_force(args, run)
    values["legs"] = tuple(
        {name: getattr(leg, name) for name in leg.__slots__} for leg in args.legs or ()
    )
    values["limits.price_collar"] = run.rules.limits.price_collar
    given = frozenset(name for name, value in values.items() if value not in (None, ()))
    for finding in check(values, given):
        raise Failure(Cause.FAILED, f"{finding.message} ({finding.code})", help=finding.help)


ACTION = Action(
    "submit_order",
    "Sends one order, at most once, after every guard has judged it.",
    SubmitOrder,
    OUTPUTS,
    submit_order,
    check=check,
    foresee=by_order,
    sends=True,
    opens=True,
)
