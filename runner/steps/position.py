"""`check_position`: what is held of a symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from runner.effects import ReadPosition
from runner.language.declare import Action, Output, arg
from runner.language.kinds import AVERAGE, DURATION, MONEY, QUANTITY, SYMBOL, TEXT, choice
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.world import Position, no_position

AGAIN = timedelta(seconds=1)
AGREE_WITHIN = timedelta(seconds=10)
"""How long positions may lag orders (facts page 4: up to 10 s seen)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPosition:
    """Without expectations it only reads. An absent position is zero shares."""

    symbol: str = arg(SYMBOL, "The symbol whose position is read.", required=True, example="AAPL")
    qty: Decimal | None = arg(
        QUANTITY, "The shares that must be held; negative when short.", example="10"
    )
    side: str | None = arg(
        choice("long", "short", "flat"), "The side that the position must be on."
    )
    within: timedelta = arg(
        DURATION,
        "How long to keep looking: positions lag orders by seconds.",
        default="10s",
        most="10m",
    )


OUTPUTS = {
    "qty": Output(QUANTITY, "Shares held; negative when short, zero when there is no position."),
    "qty_available": Output(QUANTITY, "Shares not held back by open orders."),
    "side": Output(TEXT, "long, short or flat."),
    "avg_entry_price": Output(AVERAGE, "What a share cost on average."),
    "market_value": Output(MONEY, "Worth now; negative when short."),
    "unrealized_pl": Output(MONEY, "Profit or loss not yet taken."),
}


def check_position(args: CheckPosition, run: Run) -> Steps[Mapping[str, Plain]]:
    give_up = run.at + args.within
    while True:
        position = yield from read_position(run, args.symbol)
        unmet = _unmet(args, position)
        if not unmet:
            return _outputs(position)
        if run.at >= give_up:
            raise refused(f"{unmet} (looked for {args.within.total_seconds():g}s)")
        yield from run.sleep(min(AGAIN, give_up - run.at))


def read_position(run: Run, symbol: str) -> Steps[Position]:
    """The position in a symbol, zero when there is none.

    Raises `Failure` when the broker reports one without a quantity.
    """
    return must_say((yield from _position(run, symbol)))


def must_say(position: Position) -> Position:
    """The same position. Raises `Failure` when it does not say how much is held and how much of
    it is free."""
    if position.qty is None or position.qty_available is None:
        raise refused(f"the broker reports a position in {position.symbol} without its quantity")
    return position


def agreed_position(
    run: Run, symbol: str, enough: Callable[[Position], bool] = lambda position: True
) -> Steps[Position]:
    """The position once it shows this run's own fills, and `enough` holds of it.

    Positions lag orders by seconds (facts page 4), so it is read again for `AGREE_WITHIN`. After
    that it is what the broker says: somebody else may have traded.
    """
    give_up = run.at + AGREE_WITHIN
    own = run.orders.held(symbol)
    while True:
        position = yield from _position(run, symbol)
        qty = position.qty or Decimal(0)
        shows_own = own == 0 or (qty * own > 0 and abs(qty) >= abs(own))
        if (shows_own and enough(position)) or run.at >= give_up:
            return position
        yield from run.sleep(min(AGAIN, give_up - run.at))


def _position(run: Run, symbol: str) -> Steps[Position]:
    data = yield from run.read(ReadPosition(symbol))
    return no_position(symbol) if data is None else Position.read(data)


def _side(qty: Decimal) -> str:
    return "flat" if qty == 0 else "long" if qty > 0 else "short"


def _unmet(args: CheckPosition, position: Position) -> str:
    qty = position.qty if position.qty is not None else Decimal(0)
    if args.qty is not None and qty != args.qty:
        return f"the position in {args.symbol} is {qty:f}, not {args.qty:f}"
    if args.side is not None and _side(qty) != args.side:
        return f"the position in {args.symbol} is {_side(qty)}, not {args.side}"
    return ""


def _outputs(position: Position) -> Mapping[str, Plain]:
    return {
        "qty": position.qty,
        "qty_available": position.qty_available,
        "side": _side(position.qty or Decimal(0)),
        "avg_entry_price": position.avg_entry_price,
        "market_value": position.market_value,
        "unrealized_pl": position.unrealized_pl,
    }


ACTION = Action(
    "check_position",
    "Reads a position, and waits a moment for it to be as expected.",
    CheckPosition,
    OUTPUTS,
    check_position,
    polls=True,
)
