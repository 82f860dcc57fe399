"""The orders of a run as its log tells them: how each was sent, at what quote, how it filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from runner.audit.visits import Asked, Visit
from runner.world import Quote, decimal, moment

ZERO = Decimal(0)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderTold:
    """One order. `step` is the visit that sent it, `place` its number among that visit's orders
    from 1, `leg` the exit of it that this is (`take_profit`, `stop_loss`, or a leg's symbol).

    Prices are in dollars a share; an order that was replaced goes on as the one that replaced it.
    `reference` is the price that `slippage` is measured against and `basis` what it is: the ask for
    a buy and the bid for a sale as they were read right before it was sent, else the order's limit.
    """

    step: tuple[str, int]
    place: int
    leg: str
    client_order_id: str
    symbol: str
    side: str
    type: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    status: str
    filled_qty: Decimal
    filled_avg_price: Decimal | None
    reference: Decimal | None
    basis: str
    to_fill: timedelta | None  # from the submission to the last fill, by the broker's clock

    @property
    def key(self) -> tuple[tuple[str, int], int, str]:
        """What the same order of another run has too."""
        return self.step, self.place, self.leg

    @property
    def slippage(self) -> Decimal | None:
        """Dollars a share that the fill was worse than the reference; negative when it was
        better."""
        if self.filled_avg_price is None or self.reference is None:
            return None
        worse = self.filled_avg_price - self.reference
        return worse if self.side == "buy" else -worse


def orders_told(visits: Sequence[Visit]) -> list[OrderTold]:
    """The orders that the run sent, each followed by its exits, in the order sent."""
    rows = _newest(visits)
    found = []
    for visit in visits:
        sent = [one for one in visit.effects if one.name == "submit"]
        for place, asked in enumerate(sent, start=1):
            order = rows.get(str(asked.data.get("id") or ""), asked.data)
            found.append(_told(visit, asked, order, rows, place=place, leg=""))
            for leg in order.get("legs") or ():
                if isinstance(leg, Mapping):
                    row = rows.get(str(leg.get("id")), leg)
                    name = _name(order, leg)
                    found.append(_told(visit, asked, row, rows, place=place, leg=name))
    return found


def _name(order: Row, leg: Row) -> str:
    if order.get("order_class") == "mleg":
        return str(leg.get("symbol") or "")
    return "take_profit" if leg.get("type") == "limit" else "stop_loss"


def _newest(visits: Sequence[Visit]) -> dict[str, Row]:
    """The last that was told of each order, by the broker's id."""
    found: dict[str, Row] = {}
    for visit in visits:
        for asked in visit.effects:
            for row in _orders_in(asked):
                found[str(row["id"])] = {**found.get(str(row["id"]), {}), **row}
    return found


def _orders_in(asked: Asked) -> Iterator[Row]:
    data = asked.data
    shown: list[object] = []
    if asked.name in ("submit", "replace", "read_order", "read_order_by_client_id"):
        shown = [data]
    elif asked.name == "await_change":
        orders = data.get("orders")
        shown = list(orders.values()) if isinstance(orders, Mapping) else []
    elif asked.name in ("read_open_orders", "read_world"):
        orders = data.get("orders" if asked.name == "read_open_orders" else "open_orders")
        shown = list(orders) if isinstance(orders, list) else []
    while shown:
        row = shown.pop(0)
        if isinstance(row, Mapping) and row.get("id"):
            yield row
            legs = row.get("legs")
            shown += legs if isinstance(legs, list) else []


def _told(
    visit: Visit, asked: Asked, row: Row, rows: Mapping[str, Row], *, place: int, leg: str
) -> OrderTold:
    chain = list(_chain(row, rows))
    last, meant = chain[-1], {**asked.body, **dict(chain[-1])}
    filled = [(decimal(one.get("filled_qty")) or ZERO, one) for one in chain]
    qty = sum((amount for amount, _ in filled), ZERO)
    reference, basis = (None, "") if leg else _reference(visit, asked, meant)
    if leg or reference is None:
        price = decimal(last.get("limit_price")) or decimal(last.get("stop_price"))
        reference, basis = price, "its own price" if price is not None else ""
    return OrderTold(
        step=visit.key,
        place=place,
        leg=leg,
        client_order_id=str(last.get("client_order_id") or asked.form.get("client_order_id") or ""),
        symbol=str(meant.get("symbol") or ""),
        side=str(meant.get("side") or ""),
        type=str(meant.get("type") or ""),
        qty=decimal(meant.get("qty")),
        notional=decimal(meant.get("notional")),
        limit_price=decimal(meant.get("limit_price")),
        stop_price=decimal(meant.get("stop_price")),
        status=str(last.get("status") or (asked.status if asked.status != "ok" else "")),
        filled_qty=qty,
        filled_avg_price=_average(filled, qty),
        reference=reference,
        basis=basis,
        to_fill=_to_fill(chain),
    )


def _chain(row: Row, rows: Mapping[str, Row]) -> Iterator[Row]:
    """An order, and those that replaced it, one after another."""
    seen: set[str] = set()
    following: Row | None = row
    while following is not None and str(following.get("id")) not in seen:
        seen.add(str(following.get("id")))
        yield following
        following = rows.get(str(following.get("replaced_by") or "")) or next(
            (one for one in rows.values() if one.get("replaces") == following.get("id") and
             one.get("replaces")), None
        )  # fmt: skip


def _average(filled: Sequence[tuple[Decimal, Row]], qty: Decimal) -> Decimal | None:
    """Dollars a share over all fills; None where nothing filled or a price is untold."""
    cost = ZERO
    for amount, row in filled:
        price = decimal(row.get("filled_avg_price"))
        if amount and price is None:
            return None
        cost += amount * (price or ZERO)
    return cost / qty if qty else None


def _to_fill(chain: Sequence[Row]) -> timedelta | None:
    begin = moment(chain[0].get("submitted_at"))
    ends = [moment(one.get("filled_at")) for one in chain]
    known = [one for one in ends if one is not None]
    return max(known) - begin if begin is not None and known else None


def _reference(visit: Visit, asked: Asked, order: Row) -> tuple[Decimal | None, str]:
    """The price at the time of sending: the quote in the reading that the guards judged by."""
    quote: Quote | None = None
    for one in visit.effects:
        if one is asked:
            break
        shown = one.data.get("quote")
        if one.name == "read_world" and isinstance(shown, Mapping):
            quote = Quote.read(shown)
    if quote is None:
        return None, ""
    side = "ask" if order.get("side") == "buy" else "bid"
    price = quote.ask if side == "ask" else quote.bid
    return price, side if price is not None else ""
