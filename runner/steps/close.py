"""`close_position`: sell what this run bought, or cover what it sold.

1. Orders of this run that work on the symbol are cancelled and confirmed: they hold shares.
2. What to close is decided: what this run holds, never more than the account's position, never
   across zero. Positions lag orders by seconds, so a position smaller than this run's own fills is
   read again for a while before it is believed.
3. One order of its own goes out with its own client order id and a closing intent: never a bare
   DELETE, which the broker would repeat and nobody could recognise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from runner.guards import Draft
from runner.language.declare import Action, Output, arg
from runner.language.kinds import (
    BOOLEAN,
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
from runner.machine.failures import Cause, Failure
from runner.machine.own_orders import Sent
from runner.machine.resolving import look_up
from runner.machine.sending import send_once
from runner.steps.cancel import cancel_or_fail, open_orders_of_others
from runner.steps.foreseen import frees
from runner.steps.order_rules import check_closing
from runner.steps.position import agreed_position, must_say
from runner.steps.submit import SubmitOrder, accepted_outputs, order_body, rejected
from runner.world import Position, is_option, same_symbol

SMALLEST = Decimal("0.000000001")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition:
    symbol: str = arg(SYMBOL, "The symbol to close.", required=True, example="AAPL")
    scope: str = arg(
        choice("run", "account"),
        "What this run holds, or the account's whole position.",
        default="run",
    )
    qty: Decimal | None = arg(QUANTITY, "At most this many shares.", above="0", example="10")
    percent: Decimal | None = arg(
        PERCENT, "Only this part of it.", above="0%", most="100%", example="50%"
    )
    type: str = arg(choice("market", "limit"), "What kind of order closes it.", default="market")
    limit_price: Decimal | None = arg(PRICE, "The worst price to accept.", above="0")
    time_in_force: str | None = arg(TIME_IN_FORCE, "How long the order works.")
    extended_hours: bool | None = arg(
        BOOLEAN, "Whether it may trade outside the regular session (limit orders only)."
    )
    cancel_conflicting: str = arg(
        choice("run", "symbol"),
        "Whose orders on the symbol are cancelled first: this run's, or everybody's.",
        default="run",
    )


OUTPUTS = {
    "order_id": Output(ORDER, "The broker's id of the order.", optional="if nothing was held"),
    "client_order_id": Output(TEXT, "The id this run gave it.", optional="if nothing was held"),
    "status": Output(TEXT, "What the broker said; none when there was nothing to close."),
    "symbol": Output(SYMBOL, "The symbol."),
    "side": Output(TEXT, "buy or sell.", optional="if nothing was held"),
    "qty": Output(QUANTITY, "Shares to close; zero when there was nothing."),
}


def close_position(args: ClosePosition, run: Run) -> Steps[Mapping[str, Plain]]:
    mine = [own for own in run.orders.all if same_symbol(own.symbol, args.symbol)]
    for own in mine:
        if own.sent is Sent.UNKNOWN:
            yield from look_up(run, own)
    if args.scope == "run" and any(own.fill_untold for own in mine):
        raise Failure(
            Cause.FAILED,
            f"the broker does not say how much of this run's orders in {args.symbol} was filled, "
            "so what to close cannot be told",
            help="Look at the position at the broker, and close it there or with scope: account.",
        )
    # An order whose fate is unknown cannot be cancelled; what is held is closed all the same.
    conflicting = [
        own for own in run.orders.cancelable if own in mine and own.sent is Sent.ACCEPTED
    ]
    if args.cancel_conflicting == "symbol":
        conflicting += yield from open_orders_of_others(run, (args.symbol,))
    yield from cancel_or_fail(run, conflicting)
    signed = yield from _to_close(run, args)
    qty = abs(signed)
    if qty == 0:
        return {"status": "none", "symbol": args.symbol, "qty": ZERO}
    side = "sell" if signed > 0 else "buy"
    order = SubmitOrder(
        symbol=args.symbol,
        side=side,
        qty=qty,
        type=args.type,
        limit_price=args.limit_price,
        time_in_force=args.time_in_force or in_force_for(run, args.symbol, qty),
        extended_hours=args.extended_hours,
        position_intent=None if "/" in args.symbol else f"{side}_to_close",
    )
    own = yield from send_once(run, Draft(args.symbol, side, order_body(order, run)))
    if own.order.status == "rejected":
        raise rejected(own)
    return {**accepted_outputs(own), "qty": qty}


def _to_close(run: Run, args: ClosePosition) -> Steps[Decimal]:
    """Shares to close, negative to cover a short; never across zero.

    Raises `Failure` when other orders hold shares that would have to be closed.
    """
    own = run.orders.held(args.symbol)

    def signed(position: Position) -> Decimal:
        account = position.qty or ZERO
        mine = account if args.scope == "account" else own
        qty = _part(args, min(abs(mine), abs(account))) if account * mine > 0 else ZERO
        return qty if mine > 0 else -qty

    def free(position: Position) -> Decimal:
        return abs(position.qty_available or ZERO)

    def settled(position: Position) -> bool:
        """All of the account's position is only certain once it is what it must have become."""
        expected = run.expected_position(args.symbol) if args.scope == "account" else None
        return (expected is None or position.qty == expected) and (
            free(position) >= abs(signed(position))
        )

    position = must_say((yield from agreed_position(run, args.symbol, settled)))
    qty, available = abs(signed(position)), free(position)
    if args.scope == "run" and own != 0 and own * (position.qty or ZERO) <= 0:
        raise Failure(
            Cause.FAILED,
            f"this run's own fills hold {own:f} {args.symbol}, but the account shows "
            f"{position.qty:f}",
            help="Somebody else closed it, or the broker is behind: look at the position there.",
        )
    if available < qty:
        raise Failure(
            Cause.FAILED,
            f"only {available:f} of {qty:f} shares of {args.symbol} are free: other open "
            "orders hold the rest, or the broker is behind",
            help="Cancel those orders first, or write `cancel_conflicting: symbol`.",
        )
    return signed(position)


def in_force_for(run: Run, symbol: str, qty: Decimal) -> str | None:
    """What the order needs where the step says nothing and the default would be refused: fractions
    of a share and options are day orders, crypto is gtc or ioc (facts page 2.4)."""
    default = run.runbook.defaults.time_in_force
    if "/" in symbol:
        return default if default in ("gtc", "ioc") else "gtc"
    whole = qty == qty.to_integral_value()
    return default if whole and not is_option(symbol) else "day"


def _part(args: ClosePosition, held: Decimal) -> Decimal:
    """The part of it to close: whole shares stay whole, fractions are cut to nine places."""
    qty = held
    if args.percent is not None:
        grain = Decimal(1) if held == held.to_integral_value() else SMALLEST
        qty = (held * args.percent).quantize(grain, rounding=ROUND_DOWN)
    return qty if args.qty is None else min(qty, args.qty)


ACTION = Action(
    "close_position",
    "Closes what this run holds of a symbol with an order of its own.",
    ClosePosition,
    OUTPUTS,
    close_position,
    check=check_closing,
    foresee=frees,
    sends=True,
)
