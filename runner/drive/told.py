"""What a run has been told of its account and its market so far, as the readings of a projection.

A log does not hold everything: what was never read of it cannot be projected from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from runner.drive.held import NotHeld
from runner.drive.readings import Readings, orders_of, position_in, with_legs
from runner.effects import (
    Answer,
    AwaitChange,
    Bind,
    Effect,
    Json,
    ReadAccount,
    ReadActivities,
    ReadAsset,
    ReadClock,
    ReadConfiguration,
    ReadOpenOrders,
    ReadOrder,
    ReadOrderByClientId,
    ReadPosition,
    ReadPositions,
    ReadQuote,
    ReadTrade,
    ReadWorld,
    Replace,
    Status,
    Submit,
)
from runner.world import TERMINAL, decimal, same_symbol

Row = Mapping[str, Any]


class Told(Readings):
    """Answers with the last that was told of each thing. Raises `NotHeld` for what never was.

    Once it is frozen, only news of the market are taken in: the account goes on in the projection.
    Positions are brought up to the fills that were told of since they were read; the account's
    money is as it was last read.
    """

    def __init__(self) -> None:
        super().__init__(_NoGateway())
        self.frozen = False
        self.told_at: dict[Effect, datetime] = {}
        self._market: dict[Effect, Row] = {}
        self._account: Row | None = None
        self._positions: list[dict[str, Json]] | None = None
        self._rows: dict[str, dict[str, Json]] = {}  # orders and legs, by the broker's ids
        self._tops: list[str] | None = None  # the orders that were open, as a reading lists them
        self._counted: dict[str, Decimal] = {}  # shares filled that the positions hold already

    # ------------------------------------------------------------------ taking in

    def learn(self, effect: Effect, data: Row, at: datetime) -> None:
        """Take in the answer to an effect that succeeded at a moment of the run's time."""
        match effect:
            case (
                ReadQuote()
                | ReadTrade()
                | ReadAsset()
                | ReadClock()
                | ReadConfiguration()
                | ReadActivities()
            ):
                self._know(effect, data, at)
            case ReadWorld(symbol):
                self._know(ReadClock(), data.get("clock"), at)
                self._know(ReadQuote(symbol), data.get("quote"), at)
                self._know(ReadAsset(symbol), data.get("asset"), at)
        if self.frozen:
            return
        match effect:
            case Bind() | ReadAccount():
                self._account = data
            case ReadWorld():
                self._account = data["account"]
                self._list(data["open_orders"])
                self._hold(data.get("positions"))
            case ReadPositions():
                self._hold(data["positions"])
            case ReadOpenOrders(symbols):
                if symbols:
                    self._fold_all(data["orders"])
                else:
                    self._list(data["orders"])
            case Submit() | Replace() | ReadOrder() | ReadOrderByClientId():
                self._fold_all([data])
            case AwaitChange():
                self._fold_all(list(data["orders"].values()))

    def _know(self, effect: Effect, data: object, at: datetime) -> None:
        if isinstance(data, Mapping):
            self._market[effect], self.told_at[effect] = data, at

    def _hold(self, rows: object) -> None:
        if isinstance(rows, list):
            self._positions = [dict(row) for row in rows]
            self._counted = {key: _filled(row) for key, row in self._rows.items()}

    def _list(self, rows: Sequence[Row]) -> None:
        """All open orders, as one reading shows them."""
        self._tops = [str(row.get("id")) for row in rows]
        self._fold_all(rows)

    def _fold_all(self, rows: Sequence[Row]) -> None:
        for row in rows:
            top = str(row.get("id") or "")
            nested = any(top == leg.get("id") for leg in self._legs())
            for one in with_legs([dict(row)]):
                self._fold(one)
            if self._tops is not None and top and not nested and top not in self._tops:
                self._tops.append(top)

    def _legs(self) -> Iterator[Row]:
        for key in self._tops or ():
            yield from list(with_legs(self._rows.get(key, {}).get("legs")))

    def _fold(self, row: dict[str, Json]) -> None:
        key = str(row.get("id") or "")
        if not key:
            return
        self._rows[key] = row
        more = _filled(row) - self._counted.get(key, Decimal(0))
        if self._positions is not None and more > 0:
            self._fill(row, more)
            self._counted[key] = _filled(row)

    def _fill(self, row: Row, qty: Decimal) -> None:
        """Bring the position up to shares that were filled after it was read."""
        assert self._positions is not None
        symbol, price = str(row.get("symbol") or ""), str(row.get("filled_avg_price") or "0")
        if not symbol:
            return  # of several legs: each tells its own
        change = qty if row.get("side") == "buy" else -qty
        for held in self._positions:
            if same_symbol(str(held.get("symbol")), symbol):
                held.update(_size((decimal(held.get("qty")) or Decimal(0)) + change))
        if not any(same_symbol(str(one.get("symbol")), symbol) for one in self._positions):
            kind: Json = row.get("asset_class")
            prices: dict[str, Json] = {"avg_entry_price": price, "current_price": price}
            self._positions.append(
                {"symbol": symbol, "asset_class": kind, **prices, **_size(change)}
            )
        self._positions = [one for one in self._positions if decimal(one.get("qty")) != 0]

    # ------------------------------------------------------------------ giving out

    def order_rows(self, order_ids: Sequence[str]) -> dict[str, Json]:
        """Some orders as they were last told. Raises `NotHeld`."""
        return {key: dict(self.ask(ReadOrder(key)).data) for key in order_ids}

    def ask(self, effect: Effect) -> Answer:
        """The last that was told."""
        match effect:
            case ReadAccount():
                return Answer(Status.OK, self._known(self._account, "the account"))
            case ReadPositions():
                positions: list[Json] = [*self._known(self._positions, "the positions")]
                return Answer(Status.OK, {"positions": positions})
            case ReadPosition(symbol):
                return position_in(self.ask(ReadPositions()), symbol)
            case ReadOpenOrders(symbols):
                return orders_of(Answer(Status.OK, {"orders": self._open()}), symbols)
            case ReadOrder(order_id):
                return Answer(Status.OK, self._known(self._rows.get(order_id), f"order {order_id}"))
            case ReadOrderByClientId(given):
                rows = [one for one in self._rows.values() if one.get("client_order_id") == given]
                return Answer(Status.OK, self._known(rows[-1] if rows else None, f"order {given}"))
            case ReadAsset():
                found = self._market.get(effect)
                return Answer(Status.OK, found) if found is not None else Answer(Status.ABSENT)
        return Answer(Status.OK, self._known(self._market.get(effect), words(effect)))

    def seen(self, kind: type[Effect]) -> Iterator[tuple[Effect, Row]]:
        """What was told of one kind of thing."""
        return ((effect, data) for effect, data in self._market.items() if isinstance(effect, kind))

    def _open(self) -> list[Json]:
        tops = self._known(self._tops, "the open orders")
        rows = [self._with_legs(key) for key in tops]
        return [row for row in rows if any(_is_open(one) for one in with_legs([row]))]

    def _with_legs(self, key: str) -> dict[str, Json]:
        """An order and its legs, each as it was last told."""
        row = self._rows[key]
        legs = row.get("legs")
        if not isinstance(legs, list):
            return row
        newest: list[Json] = [
            self._rows.get(str(leg.get("id")), leg) for leg in legs if isinstance(leg, dict)
        ]
        return {**row, "legs": newest}

    @staticmethod
    def _known(value: Any, what: str) -> Any:
        if value is None:
            raise NotHeld(f"the log does not hold {what}")
        return value


class _NoGateway:
    """There is nobody to ask."""

    def perform(self, effect: Effect, n: int) -> Answer:
        raise NotHeld(f"the log does not hold {words(effect)}")


def words(effect: Effect) -> str:
    """What an effect asks for, in words."""
    match effect:
        case ReadWorld(symbol):
            return f"the account and the quote of {symbol}"
        case ReadQuote(symbol):
            return f"the quote of {symbol}"
        case ReadTrade(symbol):
            return f"the last trade of {symbol}"
        case ReadPosition(symbol):
            return f"the position in {symbol}"
        case ReadAsset(symbol):
            return f"the asset {symbol}"
        case ReadOrder(order_id):
            return f"order {order_id}"
        case ReadOrderByClientId(given):
            return f"order {given}"
        case AwaitChange(orders):
            return f"what became of order {', '.join(orders)}"
    name = effect.name.removeprefix("read_").replace("_", " ")
    symbol = getattr(effect, "symbol", "")
    return f"the {name} of {symbol}" if symbol else f"the {name}"


def _filled(row: Row) -> Decimal:
    return decimal(row.get("filled_qty")) or Decimal(0)


def _is_open(row: Row) -> bool:
    return row.get("status") not in TERMINAL


def _size(qty: Decimal) -> dict[str, Json]:
    text = f"{qty:f}"
    return {"qty": text, "qty_available": text, "side": "long" if qty > 0 else "short"}
