"""An order must not be able to trade with another open order of the same account.

The broker refuses such an order by a matrix of 32 rows: four types on either side, and which limit
is the higher. An order that is at the market, or will be once its stop is reached, meets any order
on the other side. Two limits meet when the buy's is at or above the sale's. Trailing stops and
complex orders (bracket, oco, oto, mleg) are exempt on either side.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.world import Order, same_symbol

CODE = "wash_trade"
LIMITED = ("limit", "stop_limit")
EXEMPT_TYPE = "trailing_stop"


def judge(one: Judged) -> Verdict | None:
    """Refuses an order that an open one of the account, anybody's, stands in the way of."""
    draft = one.draft
    if draft.type == EXEMPT_TYPE or draft.order_class != "simple":
        return let_pass(CODE, "trailing stops and complex orders are exempt")
    replaced = {order.id for order in draft.instead}
    for other in one.world.open_orders:
        if other.id in replaced or not _opposite(draft, other):
            continue
        why = _meets(draft, other)
        if why:
            words = (
                f"{why}: the broker would refuse this {draft.side} as a potential wash trade with "
                f"{named(other)}; cancel that order first, or enter with a bracket or an oco"
            )
            return refuse(CODE, words, existing_order_id=other.id, existing_type=other.type,
                          existing_limit_price=other.limit_price,
                          limit_price=draft.number("limit_price"))  # fmt: skip
    return let_pass(CODE, "no open order of the account stands in the way")


def _opposite(draft: Draft, other: Order) -> bool:
    return (
        same_symbol(other.symbol, draft.symbol)
        and other.side != draft.side
        and not other.terminal
        and other.type != EXEMPT_TYPE
        and other.order_class == "simple"
    )


def _meets(draft: Draft, other: Order) -> str:
    """Why two orders on opposite sides could trade with each other; empty when they could not."""
    if other.type not in LIMITED:
        return f"an open {other.side} at the market or on a stop meets any {draft.side}"
    if draft.type not in LIMITED:
        return f"a {draft.type} {draft.side} meets any open {other.side}"
    mine, theirs = draft.number("limit_price"), other.limit_price
    if mine is None or theirs is None:
        return "the limit of one of the two orders is not known"
    buys, sells = (mine, theirs) if draft.side == "buy" else (theirs, mine)
    return f"a buy at {buys:f} meets a sale at {sells:f}" if buys >= sells else ""


def named(order: Order) -> str:
    """An open order by its id, with what it does and its prices."""
    name = order.client_order_id or order.id or "an order without an id"
    at = [f"stop {order.stop_price:f}" if order.stop_price is not None else "",
          f"limit {order.limit_price:f}" if order.limit_price is not None else ""]  # fmt: skip
    size = order.qty if order.qty is not None else order.notional
    told = any(at) and order.type in ("limit", "stop", "stop_limit")  # the prices say the type
    kind = "" if told else order.type
    words = [order.side, "" if size is None else f"{size:f}", order.symbol, kind, *at]
    return f"the open order {name} ({' '.join(word for word in words if word)})"


def known_bad(one: Judged) -> Judged:
    """A buy at the market while a sale of the same symbol is open."""
    symbol = one.draft.symbol
    body = {"symbol": symbol, "side": "buy", "type": "market", "time_in_force": "day", "qty": "1"}
    resting = Order.read({
        "id": "resting", "client_order_id": "resting", "symbol": symbol, "side": "sell",
        "type": "limit", "status": "new", "qty": "1", "filled_qty": "0",
        "limit_price": str(Decimal(10) ** 6),
    })  # fmt: skip
    world = replace(one.world, open_orders=(resting,))
    return replace(one, draft=Draft(symbol, "buy", body), world=world)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="an open order on the other side could trade with it: one of the two is at the market "
    "or on a stop, or the buy's limit is at or above the sale's",
    default="always",
    reason="Trading with oneself is forbidden; the broker refuses the order in the middle of the "
    "run.",
    source="Alpaca user protection page, 2026-09-16, 32 rows (facts page 2.4); FINRA Rule 5210",
    scope=Scope.SINGLE,
)
