"""The account as a plan would have changed it.

Until something is written everything is what the target says. The first write starts an exchange
that goes on from there (`runner.sim.seeding`): it takes the order or refuses it in the broker's
words, and from then on it says what the account, its positions and its orders are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runner.broker import outcomes
from runner.broker.reading import read_json
from runner.broker.shapes import having, our_order
from runner.broker.wire import Exchange as Exchanged
from runner.broker.wire import WireRequest, WireResponse
from runner.drive.readings import Readings, orders_of, position_in, with_legs
from runner.effects import (
    Answer,
    Cancel,
    Effect,
    Json,
    Problem,
    ReadAccount,
    ReadActivities,
    ReadAsset,
    ReadConfiguration,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadPosition,
    ReadPositions,
    ReadQuote,
    ReadTrade,
    Reason,
    Replace,
    Status,
    Submit,
)

if TYPE_CHECKING:
    from runner.sim.orders import Order
    from runner.sim.seeding import Seeded

HEADERS = {"APCA-API-KEY-ID": "plan", "APCA-API-SECRET-KEY": "plan"}

OF_YESTERDAY = ("lastday_price", "change_today")
MOMENT = timedelta(microseconds=1)

Row = Mapping[str, Any]


class Overlay:
    """What a line has changed. Moments are the broker's."""

    def __init__(self, readings: Readings, at: datetime) -> None:
        self._readings = readings
        self.at = at
        self._exchange: Seeded | None = None
        self._foreign: dict[str, Row] = {}  # open orders of the target, legs too, by their ids
        self._states: dict[str, str] = {}  # the status that each of them had
        self._due: dict[str, datetime] = {}  # when orders are assumed to fill

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self._exchange is not None

    @property
    def version(self) -> int:
        """A number that is another one whenever something has happened to an order."""
        return len(self._exchange.events) if self._exchange is not None else 0

    @property
    def exchange(self) -> Seeded | None:
        return self._exchange

    # ------------------------------------------------------------------ time

    def advance(self, at: datetime) -> None:
        """Let time pass until a moment: what is due happens, what is assumed to fill fills."""
        from runner.sim.assuming import fill_whole, may_fill  # noqa: PLC0415 - only with an overlay

        exchange = self._exchange
        if exchange is not None:
            while self._due:
                order_id, due = min(self._due.items(), key=lambda one: (one[1], one[0]))
                if due > at:
                    break
                del self._due[order_id]
                order = exchange.book.find_open(order_id)
                if order is None:
                    continue
                # In the closing auction it fills at the moment at which it would expire.
                exchange.advance(min(due, order.expires_at - MOMENT))
                order = exchange.book.find_open(order_id)
                if order is not None and may_fill(order):
                    fill_whole(exchange, order)
            exchange.advance(at)
        self.at = max(self.at, at)

    def next_change(self, limit: datetime) -> datetime | None:
        """The earliest moment up to `limit` at which an order changes; None when none does."""
        if self._exchange is None:
            return None
        moments = [due for due in self._due.values() if due <= limit]
        natural = self._exchange.next_event_at(limit)
        return min([*moments, *([natural] if natural is not None else [])], default=None)

    # ------------------------------------------------------------------ assumptions

    def order(self, order_id: str) -> Order | None:
        """An order of the overlay: the plan's own, or one that was open before."""
        return self._exchange.book.find(order_id) if self._exchange is not None else None

    def group_of(self, order: Order) -> str:
        """What stands for an order, and for all the exits of one group."""
        from runner.sim.groups import exits  # noqa: PLC0415 - only with an overlay

        top = order.parent or order
        return f"the exits of {top.id}" if order in exits(order) else order.id

    def fills_at(self, order_id: str) -> datetime | None:
        """When an order may fill, if it may and nothing is assumed of it yet."""
        from runner.sim import assuming  # noqa: PLC0415 - only with an overlay

        order = self.order(order_id)
        if order is None or self._exchange is None or order_id in self._due:
            return None
        return assuming.fills_at(self._exchange, order) if assuming.may_fill(order) else None

    def at_the_market(self, order_id: str) -> bool:
        """Whether an order would fill at the quote as it stands."""
        from runner.sim import assuming  # noqa: PLC0415 - only with an overlay

        order = self.order(order_id)
        if order is None or self._exchange is None:
            return False
        return assuming.at_the_market(self._exchange, order)

    def assume(self, order_id: str, fills_at: datetime | None) -> None:
        """An order fills whole at a moment, or, None, does not fill."""
        from runner.sim import assuming  # noqa: PLC0415 - only with an overlay

        order = self.order(order_id)
        assert order is not None
        assert self._exchange is not None
        assuming.hold_back(self._exchange, order, lapses=fills_at is None)
        if fills_at is not None:
            self._due[order_id] = fills_at

    # ------------------------------------------------------------------ writes

    def write(self, effect: Submit | Replace | Cancel) -> Answer:
        """What the broker would answer to a write, as far as can be told."""
        exchange = self._exchange or self._seed()
        if isinstance(exchange, Answer):
            return exchange
        unpriced = self._learn(exchange, effect)
        if unpriced:
            problem = Problem(Reason.NOT_SENT, f"no price of {unpriced} is known")
            return Answer(Status.REFUSED, problem=problem)
        match effect:
            case Submit(client_id, body):
                return self._send(exchange, "POST", "/v2/orders", body, client_id)
            case Replace(order_id, client_id, body):
                return self._send(exchange, "PATCH", f"/v2/orders/{order_id}", body, client_id)
            case Cancel(order_id):
                return self._send(exchange, "DELETE", f"/v2/orders/{order_id}", None, "")

    def _send(
        self, exchange: Seeded, method: str, path: str, body: Row | None, client_id: str
    ) -> Answer:
        from runner.sim.messages import Request  # noqa: PLC0415 - only with an overlay
        from runner.sim.wire import encode  # noqa: PLC0415 - as above

        content = b"" if body is None else json.dumps(dict(body)).encode()
        response = exchange.apply(Request(method, path, {}, HEADERS, content), self.at)
        text = "" if response.body is None else encode(response.body).decode()
        exchanged = Exchanged(
            WireRequest(method, path, {}, content.decode()), WireResponse(response.status, {}, text)
        )
        return outcomes.of_write(exchanged, our_order(client_id) if client_id else None)

    def _seed(self) -> Seeded | Answer:
        """The exchange that goes on, or the answer of the reading that it lacks."""
        from runner.sim.seeding import Seeded  # noqa: PLC0415 - a plan that only reads needs none

        ask = self._readings.ask
        parts = [ask(effect) for effect in (ReadAccount(), ReadPositions(), ReadOpenOrders())]
        for answer in parts:
            if answer.status is not Status.OK:
                return answer
        account, positions, orders = (answer.data for answer in parts)
        configuration = next((data for _, data in self._readings.seen(ReadConfiguration)), None)
        rows: list[Row] = list(orders["orders"])  # type: ignore[arg-type]
        held: list[Row] = list(positions["positions"])  # type: ignore[arg-type]
        exchange = Seeded(account, held, rows, configuration, self.at)
        self._exchange = exchange
        for row in with_legs(orders["orders"]):
            order = exchange.book.find(str(row.get("id")))
            if order is not None:
                self._foreign[order.id] = row
                self._states[order.id] = order.status
        return exchange

    def _learn(self, exchange: Seeded, effect: Submit | Replace | Cancel) -> str:
        """Read what an order's symbols are and cost; a symbol whose price nobody knows, if any."""
        if isinstance(effect, Cancel):
            return ""
        for symbol in self._symbols(exchange, effect):
            asset, quote = (
                self._readings.ask(ReadAsset(symbol)),
                self._readings.ask(ReadQuote(symbol)),
            )
            trade = next(
                (data for one, data in self._readings.seen(ReadTrade) if one == ReadTrade(symbol)),
                {},
            )
            known = exchange.learn(
                symbol,
                asset.data if asset.status is Status.OK else None,
                quote.data.get("quote") if quote.status is Status.OK else None,  # type: ignore[arg-type]
                trade.get("trade"),
            )
            if not known:
                return symbol
        return ""

    def _symbols(self, exchange: Seeded, effect: Submit | Replace) -> list[str]:
        if isinstance(effect, Replace):
            order = exchange.book.find(effect.order_id)
            members = [] if order is None else order.legs if order.ticket.legs else [order]
            return [one.asset.symbol for one in members]
        legs = effect.body.get("legs")
        rows = legs if isinstance(legs, list) else [effect.body]
        return [str(row.get("symbol")) for row in rows if isinstance(row, Mapping)]

    # ------------------------------------------------------------------ readings

    def read(self, effect: Effect) -> Answer:
        """The answer to a reading of the account, its positions, orders and fills."""
        exchange = self._exchange
        if exchange is None:
            return self._readings.ask(effect)
        exchange.advance(self.at)
        match effect:
            case ReadAccount():
                return Answer(Status.OK, exchange.account_now())
            case ReadPositions():
                return Answer(Status.OK, {"positions": self._positions(exchange)})
            case ReadPosition(symbol):
                return position_in(self.read(ReadPositions()), symbol)
            case ReadOpenOrders(symbols):
                return orders_of(
                    Answer(Status.OK, {"orders": self._open_orders(exchange)}), symbols
                )
            case ReadOrder(order_id):
                order = exchange.book.find(order_id)
                if order is not None:
                    return Answer(Status.OK, having(id=order_id)(self._row(exchange, order)))
            case ReadOrderByClientId(client_id):
                order = exchange.book.by_client_id(client_id)
                if order is not None:
                    return Answer(Status.OK, self._row(exchange, order))
            case ReadActivities("FILL", after):
                return self._fills(exchange, effect, after)
        return self._readings.ask(effect)

    def _positions(self, exchange: Seeded) -> list[Json]:
        """The positions as the target said them, those changed as they are now."""
        told: Sequence[Row] = self._readings.ask(ReadPositions()).data["positions"]  # type: ignore[assignment]
        touched = {fill.symbol for fill in exchange.activities if fill.kind == "FILL"}
        touched |= {
            order.asset.symbol
            for order in exchange.book.newest_first()
            if self._moved(order) and not order.ticket.legs
        }
        left = {exchange.find_asset(symbol).position_symbol: symbol for symbol in touched}
        rows: list[Json] = []
        for row in told:
            symbol = left.pop(str(row.get("symbol")), None)
            if symbol is None:
                rows.append(dict(row))
            elif (held := exchange.positions.find(symbol)) is not None:
                now = _data(exchange.position_body(held))
                rows.append({**row, **now, **{key: row[key] for key in OF_YESTERDAY if key in row}})
        for symbol in sorted(left.values()):
            held = exchange.positions.find(symbol)
            if held is not None:
                rows.append(_data(exchange.position_body(held)))
        return rows

    def _moved(self, order: Order) -> bool:
        """Whether an order is the plan's own, or one that it has changed."""
        return order.status != self._states.get(order.id)

    def _open_orders(self, exchange: Seeded) -> list[Json]:
        rows: list[Json] = []
        shown: set[str] = set()
        told: Sequence[Row] = self._readings.ask(ReadOpenOrders()).data["orders"]  # type: ignore[assignment]
        for row in told:
            order = exchange.book.find(str(row.get("id")))
            if order is None:
                rows.append(dict(row))
            elif any(member.open for member in order.family()):
                shown.add(order.id)
                rows.append(self._row(exchange, order))
        for order in exchange.book.open_orders():
            top = order.parent or order
            if top.id not in shown:
                shown.add(top.id)
                rows.append(self._row(exchange, top))
        return rows

    def _row(self, exchange: Seeded, order: Order) -> dict[str, Json]:
        """An order with its legs; of one of the target's own what has not changed as it was."""
        row = _data(exchange.order_body(order, nested=True))
        legs: list[Json] = [self._merged(leg) for leg in row.get("legs") or ()]  # type: ignore[union-attr, arg-type]
        merged = self._merged(row)
        return {**merged, "legs": legs} if legs else merged

    def _merged(self, row: dict[str, Json]) -> dict[str, Json]:
        told = self._foreign.get(str(row.get("id")))
        if told is None:
            return row
        if row.get("status") == self._states[str(row["id"])]:
            return dict(told)
        return {**told, **{name: row[name] for name in _changing() if name in row}}

    def _fills(self, exchange: Seeded, effect: ReadActivities, after: datetime) -> Answer:
        answer = self._readings.ask(effect)
        if answer.status is not Status.OK:
            return answer
        own = [one.body() for one in exchange.activities if one.kind == "FILL" and one.at > after]
        told: list[Json] = answer.data["activities"]  # type: ignore[assignment]
        return Answer(Status.OK, {"activities": [*told, *map(_data, own)]})


def _changing() -> tuple[str, ...]:
    from runner.sim.orders import CHANGING  # noqa: PLC0415 - only with an overlay

    return tuple(CHANGING)


def _data(body: Mapping[str, Any]) -> dict[str, Json]:
    """A body of the exchange as it would be read from the wire."""
    from runner.sim.wire import encode  # noqa: PLC0415 - only with an overlay

    found = read_json(encode(body).decode())
    assert isinstance(found, dict)
    return found
