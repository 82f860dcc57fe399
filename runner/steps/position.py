"""`check_position`: what is held of a symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from runner.effects import ReadPosition
from runner.language.declare import Action, Output, arg
from runner.language.kinds import AVERAGE, DURATION, MONEY, QUANTITY, SYMBOL, TEXT, choice
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.agreement import AGAIN, AGREE_WITHIN, own_orders_in, shows_own_fills
from runner.machine.failures import refused
from runner.machine.following import read_again
from runner.machine.own_orders import Sent
from runner.world import Position, no_position, same_symbol

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPosition:
    """An absent position is zero shares."""

    symbol: str = arg(SYMBOL, "The symbol whose position is read.", required=True, example="AAPL")
    qty: Decimal | None = arg(
        QUANTITY, "The shares that must be held; negative when short.", example="10"
    )
    side: str | None = arg(
        choice("long", "short", "flat"), "The side that the position must be on."
    )
    within: timedelta = arg(
        DURATION,
        "How long to keep looking, until it is as expected and shows this run's own fills: "
        "positions lag orders by seconds.",
        default="10s",
        most="10m",
    )


OUTPUTS = {
    "qty": Output(QUANTITY, "Shares held; negative when short, zero when there is no position."),
    "qty_available": Output(QUANTITY, "Shares not held back by open orders."),
    "side": Output(TEXT, "long, short or flat."),
    "avg_entry_price": Output(
        AVERAGE, "What a share cost on average.", optional="when there is no position", market=True
    ),
    "market_value": Output(MONEY, "Worth now; negative when short.", market=True),
    "unrealized_pl": Output(MONEY, "Profit or loss not yet taken.", market=True),
}


def check_position(args: CheckPosition, run: Run) -> Steps[Mapping[str, Plain]]:
    give_up = run.at + args.within
    while True:
        yield from read_own_again(run, args.symbol)
        position = yield from read_position(run, args.symbol)
        unmet = _unmet(args, position) or _behind(args, run, position)
        if not unmet:
            return _outputs(position)
        if run.at >= give_up:
            raise refused(f"{unmet} (looked for {args.within.total_seconds():g}s)")
        yield from run.sleep(min(AGAIN, give_up - run.at))


def _behind(args: CheckPosition, run: Run, position: Position) -> str:
    """Why a position is not to be believed: others are sized by it, so it must show what this run
    has traded. One whose quantity the runbook states needs no other witness."""
    traded = any(own.filled_qty > 0 for own in own_orders_in(run, args.symbol))
    if args.qty is not None or not traded or shows_own_fills(run, position):
        return ""
    return disagreement(run, position)


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


def read_own_again(run: Run, symbol: str) -> Steps[None]:
    """Read this run's live orders in a symbol: one may have filled while nobody looked."""
    for own in run.orders.cancelable:
        touches = any(same_symbol(one.symbol, symbol) for one in (own, *own.legs.values()))
        if touches and own.sent is Sent.ACCEPTED:
            yield from read_again(run, own)


def disagreement(run: Run, position: Position) -> str:
    """What a position is, beside what it should be."""
    return (
        f"the position in {position.symbol} is {position.qty or ZERO:f}, but with this run's own "
        f"fills it should be {run.expected_position(position.symbol):f}: the broker is behind, or "
        "somebody else has traded"
    )


def certain_position(run: Run, symbol: str) -> Steps[Position]:
    """The position once it shows this run's own fills, which it must within `AGREE_WITHIN`.

    Before the first reading of a symbol what the account holds is believed. Raises `Failure` when
    the two do not agree: nothing may be sized by such a position.
    """
    if symbol not in run.baselines:
        yield from run.read_world(symbol)
    give_up = run.at + AGREE_WITHIN
    while True:
        position = yield from read_position(run, symbol)
        if shows_own_fills(run, position):
            return position
        if run.at >= give_up:
            raise refused(
                f"{disagreement(run, position)} (looked for {AGREE_WITHIN.total_seconds():g}s)",
                help="Look at the position at the broker. No order is sized by it.",
            )
        yield from run.sleep(min(AGAIN, give_up - run.at))


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


def await_free(run: Run, symbol: str, side: str, qty: Decimal | None) -> Steps[None]:
    """Wait until the position shows what an order gets out of, if this run got into it.

    An exit is told from an order that opens risk by the position, which lags behind fills and
    behind cancels that free its shares (facts page 0.10). `qty` is None for all that is held.
    """
    mine = run.orders.held(symbol) * (1 if side == "sell" else -1)
    if mine <= 0:
        return
    needed = min(mine, qty or mine)
    others = [own for own in run.orders.live if (own.symbol, own.side) == (symbol, side)]

    def free(position: Position) -> bool:
        return bool(others) or abs(position.qty_available or Decimal(0)) >= needed

    yield from agreed_position(run, symbol, free)


def _position(run: Run, symbol: str) -> Steps[Position]:
    data = yield from run.read(ReadPosition(symbol))
    return no_position(symbol) if data is None else replace(Position.read(data), symbol=symbol)


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
    "Reads a position, once it shows this run's own fills and is as expected.",
    CheckPosition,
    OUTPUTS,
    check_position,
    polls=True,
)
