"""`target_position`: bring a symbol to a quantity, with one order for what is missing or too much.

1. Nothing of this run may still work on the symbol: an order that can fill makes the size wrong.
2. What is held is the broker's position, once it agrees with this run's own fills.
3. The difference goes out as one order that says what it means to do to the position, so that the
   broker refuses it where the position is another by then. It never goes across zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from runner.language.declare import Action, Finding, GivenKeys, KnownValues, Output, arg
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
from runner.machine.agreement import own_orders_in
from runner.machine.failures import Cause, Failure, refused
from runner.machine.own_orders import Sent
from runner.machine.resolving import look_up, named
from runner.steps.close import in_force_for
from runner.steps.foreseen import by_target
from runner.steps.order_rules import check
from runner.steps.position import (
    agreed_position,
    certain_position,
    must_say,
    read_own_again,
)
from runner.steps.submit import SubmitOrder, submit_order
from runner.world import Position

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPosition:
    symbol: str = arg(SYMBOL, "The symbol to bring to a quantity.", required=True, example="AAPL")
    qty: Decimal = arg(
        QUANTITY,
        "The shares to hold when it is done; negative when short, 0 for none.",
        required=True,
        example="100",
    )
    only: str | None = arg(
        choice("buy", "sell"), "The only side an order may be on; otherwise nothing is sent."
    )
    type: str = arg(
        choice("market", "limit", "marketable_limit"),
        "What kind of order. marketable_limit is a limit order at the collar.",
        default="market",
    )
    limit_price: Decimal | None = arg(PRICE, "The worst price to accept.", above="0")
    collar: Decimal | None = arg(
        PERCENT,
        "How far beyond the quote a marketable_limit may pay up or sell down; "
        "limits.price_collar unless given.",
        above="0%",
        most="50%",
    )
    time_in_force: str | None = arg(TIME_IN_FORCE, "How long the order works.")
    extended_hours: bool | None = arg(
        BOOLEAN, "Whether it may trade outside the regular session (limit orders only)."
    )
    max_qty: Decimal | None = arg(
        QUANTITY, "Refuse the step when the order would be for more than this.", above="0"
    )


OUTPUTS = {
    "order_id": Output(ORDER, "The broker's id of the order.", optional="if none was sent"),
    "client_order_id": Output(TEXT, "The id this run gave it.", optional="if none was sent"),
    "status": Output(TEXT, "What the broker said; none when nothing was sent."),
    "symbol": Output(SYMBOL, "The symbol."),
    "side": Output(TEXT, "buy or sell.", optional="if none was sent"),
    "qty": Output(QUANTITY, "Shares asked for; zero when nothing was sent."),
    "limit_price": Output(
        PRICE,
        "Its limit, as it was sent.",
        optional="for orders without one, and if none was sent",
        market=True,
    ),
    "delta": Output(
        QUANTITY, "Shares from what was held to the target; negative when that is too much."
    ),
}


def target_position(args: TargetPosition, run: Run) -> Steps[Mapping[str, Plain]]:
    yield from _nothing_works(run, args.symbol)
    position = yield from certain_position(run, args.symbol)
    held = position.qty or ZERO
    delta = args.qty - held
    qty, side = abs(delta), "buy" if delta > 0 else "sell"
    if delta == 0 or (args.only is not None and args.only != side):
        return {"status": "none", "symbol": args.symbol, "qty": ZERO, "delta": delta}
    if held * args.qty < 0:
        raise refused(
            f"{args.qty:f} {args.symbol} is on the other side of zero from the {held:f} held",
            help="Bring it to 0 first, await that order, and then to the other side.",
        )
    if args.max_qty is not None and qty > args.max_qty:
        raise refused(
            f"{side} {qty:f} {args.symbol} would be needed, more than max_qty {args.max_qty:f}"
        )
    reduces = held * delta < 0
    if reduces:
        yield from _await_free(run, args.symbol, qty)
    sent = yield from submit_order(_order(args, run, side, qty, reduces=reduces), run)
    return {**sent, "qty": qty, "delta": delta}


def _nothing_works(run: Run, symbol: str) -> Steps[None]:
    """Raise `Failure` while an order of this run in the symbol can still fill, or nobody knows what
    became of it."""
    for own in own_orders_in(run, symbol):
        if own.sent is Sent.UNKNOWN:
            yield from look_up(run, own)
    yield from read_own_again(run, symbol)
    for own in own_orders_in(run, symbol):
        if own.sent is Sent.UNKNOWN:
            raise Failure(
                Cause.UNKNOWN,
                f"what became of order {own.client_order_id} is not known, so how much {symbol} "
                "is missing cannot be told",
                help="Look it up at the broker by that client order id.",
            )
        if own.fill_untold:
            raise refused(
                f"the broker does not say how much of order {own.client_order_id} was filled, so "
                f"how much {symbol} is missing cannot be told",
                help="Look at the order and the position at the broker.",
            )
        if own.may_be_live:
            raise refused(
                f"order {own.client_order_id} ({named(own)}, {own.order.status}) of this run may "
                f"still fill, so how much {symbol} is missing cannot be told",
                help="Await it (await_fill) or cancel it (cancel_order) before this step.",
            )


def _order(
    args: TargetPosition, run: Run, side: str, qty: Decimal, *, reduces: bool
) -> SubmitOrder:
    """The order for a difference."""
    intent = f"{side}_to_{'close' if reduces else 'open'}"
    return SubmitOrder(
        symbol=args.symbol,
        side=side,
        qty=qty,
        type=args.type,
        limit_price=args.limit_price,
        collar=args.collar,
        time_in_force=args.time_in_force or in_force_for(run, args.symbol, qty),
        extended_hours=args.extended_hours,
        position_intent=None if "/" in args.symbol else intent,
    )


def _await_free(run: Run, symbol: str, qty: Decimal) -> Steps[None]:
    """Wait until no other order holds the shares. Raises `Failure` when one still does."""

    def free(position: Position) -> Decimal:
        return abs(position.qty_available or ZERO)

    position = yield from agreed_position(run, symbol, lambda seen: free(seen) >= qty)
    if free(must_say(position)) < qty:
        raise refused(
            f"only {free(position):f} of {qty:f} shares of {symbol} are free: other open orders "
            "hold the rest, or the broker is behind",
            help="Cancel those orders first.",
        )


def check_target(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """The rules for one order, whose size is decided when it runs."""
    yield from check({name: value for name, value in known.items() if name != "qty"}, given)


ACTION = Action(
    "target_position",
    "Brings a symbol to a quantity, with one order for the difference.",
    TargetPosition,
    OUTPUTS,
    target_position,
    check=check_target,
    foresee=by_target,
    sends=True,
    opens=True,
)
