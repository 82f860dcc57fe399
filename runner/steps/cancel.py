"""`cancel_order` and `cancel_all`: cancel, and wait until the broker says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runner.effects import ReadOpenOrders, ReadPositions
from runner.language.declare import Action, Form, Output, arg
from runner.language.kinds import COUNT, ORDER, QUANTITY, TEXT, choice
from runner.language.runbook import OrderReference
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import Cause, Failure, refused
from runner.machine.following import cancel_and_confirm
from runner.machine.own_orders import OwnOrder, Sent
from runner.steps.foreseen import frees
from runner.world import Order, Position

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    order: OrderReference = arg(
        ORDER, "The step that sent the order.", required=True, form=Form.ORDER, example="entry"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    scope: str = arg(
        choice("run", "symbols", "account"),
        "This run's orders, all orders of the runbook's symbols, or all of the account.",
        default="run",
    )
    protective: str = arg(
        choice("keep", "cancel"),
        "Whether orders that protect or close a position stay.",
        default="keep",
    )


def cancel_order(args: CancelOrder, run: Run) -> Steps[Mapping[str, Plain]]:
    own = run.order_named(args.order)
    if own is None or not own.reached:
        return {"status": "none", "filled_qty": ZERO}
    yield from cancel_or_fail(run, [own])
    return {"status": own.order.status, "filled_qty": own.filled_in_all}


def cancel_or_fail(run: Run, orders: Sequence[OwnOrder]) -> Steps[None]:
    """Cancel orders and confirm it. Raises `Failure`, unknown, when one stays undecided."""
    left = yield from cancel_and_confirm(run, orders)
    for own in left:
        run.note_unknown(own)
    if left:
        raise Failure(
            Cause.UNKNOWN,
            f"{len(left)} order(s) could not be confirmed cancelled: "
            + ", ".join(own.client_order_id for own in left),
            help="They may still fill. Look at them at the broker.",
        )


def cancel_all(args: CancelAll, run: Run) -> Steps[Mapping[str, Plain]]:
    candidates = run.orders.cancelable
    if args.scope != "run":
        symbols = _symbols(run) if args.scope == "symbols" else ()
        candidates += yield from open_orders_of_others(run, symbols)
    keep = [own for own in candidates if own.kept]
    if args.protective == "keep":
        held = yield from _positions(run, candidates)
        keep += [own for own in candidates if not own.kept and _protects(run, own, held)]
    doomed = [own for own in candidates if own not in keep]
    yield from cancel_or_fail(run, doomed)
    canceled = [own for own in doomed if own.order.status == "canceled"]
    return {
        "canceled": Decimal(len(canceled)),
        "kept": Decimal(len(keep)),
        "already_done": Decimal(len(doomed) - len(canceled)),
    }


def _symbols(run: Run) -> tuple[str, ...]:
    """The runbook's symbols. Raises `Failure` when it trades any: that would be the account."""
    if not run.runbook.symbols:
        raise refused(
            "the runbook trades any symbol, so `scope: symbols` names none of them",
            help="Write `scope: account` to cancel every open order of the account.",
        )
    return run.runbook.symbols


def open_orders_of_others(run: Run, symbols: tuple[str, ...]) -> Steps[list[OwnOrder]]:
    """Open orders that are not this run's, in a form that can be followed like ours.

    Of all symbols when none is named.
    """
    data = (yield from run.read(ReadOpenOrders(symbols))) or {}
    rows: Any = data.get("orders")
    found = []
    for row in rows if isinstance(rows, list) else []:
        order = Order.read(row)
        if order.id and not run.orders.knows(order):
            other = OwnOrder(
                client_order_id=order.client_order_id,
                step="",
                symbol=order.symbol,
                side=order.side,
                body={},
                opens=True,
                intended_at=run.at,
                sent=Sent.ACCEPTED,
                data=row,
            )
            # Exits are shown beneath their entry, also when that one has ended.
            legs = [leg for leg in other.legs.values() if leg.may_be_live]
            found += [other] if other.may_be_live else legs
    return found


def _positions(run: Run, orders: Sequence[OwnOrder]) -> Steps[dict[str, Decimal | None]]:
    """What is held, by symbol, None where the broker does not say how much; read only when there
    is an order to judge by it."""
    if not orders:
        return {}
    data = (yield from run.read(ReadPositions())) or {}
    rows: Any = data.get("positions")
    positions = [Position.read(row) for row in rows] if isinstance(rows, list) else []
    return {one.symbol.replace("/", ""): one.qty for one in positions}


def _protects(run: Run, own: OwnOrder, held: Mapping[str, Decimal | None]) -> bool:
    """Whether an order can only make smaller what the account or this run holds. Both are asked,
    because positions lag orders by seconds; a position that does not say how much counts as one.

    An exit of this run was sent as one: its last reading may be older than the position.
    """
    mine = run.orders.held(own.symbol)
    if not own.opens and (own.parent is None or own.parent.filled_qty > 0):
        return True
    position = held.get(own.symbol.replace("/", ""), ZERO)
    return position is None or own.can_only_reduce(position) or own.can_only_reduce(mine)


CANCEL_ORDER = Action(
    "cancel_order",
    "Cancels one order of this run and waits until the broker says what became of it. With an "
    "entry go its exits, unless its fill wins; with one exit of a group goes the other.",
    CancelOrder,
    {
        "status": Output(TEXT, "What became of it: canceled, or filled when the fill won."),
        "filled_qty": Output(QUANTITY, "Shares that were filled."),
    },
    cancel_order,
    foresee=frees,
)
CANCEL_ALL = Action(
    "cancel_all",
    "Cancels open orders and waits until the broker says what became of each.",
    CancelAll,
    {
        "canceled": Output(COUNT, "Orders cancelled."),
        "kept": Output(COUNT, "Orders left because they protect or close a position."),
        "already_done": Output(COUNT, "Orders that ended otherwise, such as filled."),
    },
    cancel_all,
    foresee=frees,
)
