"""Effects in, answers out: the one way from this house to a broker.

Every effect becomes calls of alpaca-py's TradingClient. A write is one call, made once; a read may
be several. What an answer says is decided by `runner.broker.outcomes`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote as url_quote

from runner import effects
from runner.broker import paging
from runner.broker.connection import ATTEMPTS, Call, Connection
from runner.broker.credentials import Credentials
from runner.broker.feeds import Feeds
from runner.broker.orders import order_request, replace_request
from runner.broker.rate import RateLimit
from runner.broker.shapes import (
    Shape,
    a_clock,
    about,
    an_object,
    having,
    objects,
    our_order,
    plain,
    positions,
    the_one_of,
    touches,
)
from runner.broker.targets import Target
from runner.broker.wire import Intent, Tap, Timeouts
from runner.effects import Answer, Effect, Json, Problem, Reason, Status
from runner.world import is_option

DEFAULT_TIMEOUTS = Timeouts()
DEFAULT_RATE_LIMIT = RateLimit()

_OPTIONAL_ATTEMPTS = 2
"""Attempts for what `ReadWorld` can do without: an order that reduces risk must not wait for it."""


class Gateway:
    """Performs effects against one target, from one thread.

    `tap` is told of every request, answer and error on the wire. `sleep` takes seconds; `now` gives
    seconds of a clock that only goes forward. `rate_limit` is None for a server without a limit.
    While `interrupted` says so, a read that failed is not tried again. `read_only`: every write is
    refused as not sent, at the transport itself.
    """

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        tap: Tap = lambda n, wire: None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        rate_limit: RateLimit | None = DEFAULT_RATE_LIMIT,
        interrupted: Callable[[], bool] = lambda: False,
        read_only: bool = False,
    ) -> None:
        if not target.base_url:
            raise ValueError("the embedded exchange has no address yet: use Target.with_base")
        self._target = target
        self._connection = Connection(
            target,
            credentials,
            timeouts=timeouts,
            tap=tap,
            sleep=sleep,
            now=now,
            rate_limit=rate_limit,
            interrupted=interrupted,
            read_only=read_only,
        )
        self._client = self._connection.client
        self._feeds = Feeds(target, self._connection)

    def close(self) -> None:
        """Close the connections. The gateway is of no use afterwards."""
        self._connection.close()

    def spacing(self, reads: int, *, news: bool) -> float:
        """Seconds to let pass between two polls of `reads` requests each: 0 while there is room.

        `news`: there is reason to think that an order has changed.
        """
        return self._connection.spacing(reads, news=news)

    def perform(self, effect: Effect, n: int) -> Answer:
        """What came of `effect`; `n` is its number, which the tap is told with each exchange.

        Raises nothing that a broker or a network can cause; a tap's exception leaves it unchanged.
        `AwaitChange`, `Sleep` and `Suspend` are the driver's own and raise TypeError.
        """
        client = self._client
        match effect:
            case effects.Submit():
                return self._submit(effect, n)
            case effects.Replace():
                return self._replace(effect, n)
            case effects.Cancel():
                return self._cancel(effect, n)
            case effects.ReadAccount():
                return self._read(n, client.get_account)
            case effects.ReadConfiguration():
                return self._read(n, client.get_account_configurations)
            case effects.ReadPositions():
                return self._read(n, client.get_all_positions, positions)
            case effects.ReadPosition(symbol):
                return self._position(n, symbol)
            case effects.ReadOrder(order_id):
                return self._order(n, order_id)
            case effects.ReadOrderByClientId(client_id):
                return self._order_by_client_id(n, client_id)
            case effects.ReadOpenOrders(symbols):
                return self._open_orders(n, symbols)
            case effects.ReadAsset(symbol):
                return self._asset(n, symbol)
            case effects.ReadClock():
                return self._read(n, client.get_clock, a_clock)
            case effects.ReadCalendar(start, end):
                return self._feeds.calendar(n, start, end)
            case effects.ReadQuote(symbol):
                return self._feeds.latest(n, "quote", symbol)
            case effects.ReadTrade(symbol):
                return self._feeds.latest(n, "trade", symbol)
            case effects.ReadPreviousClose(symbol):
                return self._feeds.previous_close(n, symbol)
            case effects.ReadActivities():
                return self._activities(n, effect)
            case effects.ReadWorld(symbol):
                return self._world(n, symbol)
        raise TypeError(f"{effect.name or type(effect).__name__} is not performed by a broker")

    # ---------------------------------------------------------------------- writes

    def _submit(self, effect: effects.Submit, n: int) -> Answer:
        client_id = effect.client_order_id
        intent = Intent("POST", f"{self._target.base_url}/v2/orders", effect.body)
        if effect.body.get("client_order_id") != client_id or not client_id:
            return _not_sent("the body does not carry the order's client_order_id")
        call = lambda: self._client.submit_order(order_request(effect.body))  # noqa: E731
        return self._connection.write(n, call, intent, our_order(client_id))

    def _replace(self, effect: effects.Replace, n: int) -> Answer:
        client_id, order_id = effect.client_order_id, effect.order_id
        intent = Intent("PATCH", f"{self._target.base_url}/v2/orders/{order_id}", effect.body)
        if effect.body.get("client_order_id") != client_id or not client_id:
            return _not_sent("the body does not carry the order's client_order_id")

        def call() -> object:
            return self._client.replace_order_by_id(order_id, replace_request(effect.body))

        return self._connection.write(n, call, intent, our_order(client_id))

    def _cancel(self, effect: effects.Cancel, n: int) -> Answer:
        order_id = effect.order_id
        intent = Intent("DELETE", f"{self._target.base_url}/v2/orders/{order_id}")
        call = lambda: self._client.cancel_order_by_id(order_id)  # noqa: E731
        return self._connection.write(n, call, intent, shape=None)

    # ----------------------------------------------------------------------- reads

    def _read(
        self, n: int, call: Call, shape: Shape = an_object, attempts: int = ATTEMPTS
    ) -> Answer:
        return self._connection.read(n, call, shape, attempts=attempts)

    def _order(self, n: int, order_id: str) -> Answer:
        from alpaca.trading.requests import GetOrderByIdRequest  # noqa: PLC0415

        nested = GetOrderByIdRequest(nested=True)
        call = lambda: self._client.get_order_by_id(order_id, nested)  # noqa: E731
        return self._read(n, call, having(id=order_id))

    def _order_by_client_id(self, n: int, client_id: str) -> Answer:
        call = lambda: self._client.get_order_by_client_id(client_id)  # noqa: E731
        return self._read(n, call, having(client_order_id=client_id))

    def _position(self, n: int, symbol: str) -> Answer:
        # A crypto pair is ordered as BTC/USD and held as BTCUSD (facts page 2.4).
        path = url_quote(plain(symbol), safe="")
        return self._read(n, lambda: self._client.get_open_position(path), about(symbol))

    def _asset(self, n: int, symbol: str, attempts: int = ATTEMPTS) -> Answer:
        path = url_quote(symbol, safe="")
        read = self._client.get_option_contract if is_option(symbol) else self._client.get_asset
        return self._read(n, lambda: read(path), about(symbol), attempts)

    def _open_orders(self, n: int, symbols: tuple[str, ...]) -> Answer:
        """All open orders are read and sorted out here, so no filter's spelling can hide one."""
        from alpaca.common.enums import Sort  # noqa: PLC0415
        from alpaca.trading.enums import QueryOrderStatus  # noqa: PLC0415
        from alpaca.trading.requests import GetOrdersRequest  # noqa: PLC0415

        def page_after(after: datetime | None) -> Answer:
            wanted = GetOrdersRequest(
                status=QueryOrderStatus.OPEN,
                limit=paging.ORDERS_PAGE,
                nested=True,
                direction=Sort.ASC,
                after=after,
            )
            return self._read(n, lambda: self._client.get_orders(wanted), objects("orders"))

        answer = paging.all_orders(page_after)
        if not symbols or answer.status is not Status.OK:
            return answer
        names = {plain(symbol) for symbol in symbols}
        orders = answer.data["orders"]
        assert isinstance(orders, list)
        return Answer(Status.OK, {"orders": [order for order in orders if touches(order, names)]})

    def _activities(self, n: int, effect: effects.ReadActivities) -> Answer:
        path = f"/account/activities/{url_quote(effect.activity_type, safe='')}"
        params = {
            "after": effects.instant(effect.after),
            "direction": "asc",
            "page_size": str(paging.ACTIVITIES_PAGE),
        }

        def page_from(token: str | None) -> Answer:
            asked = params if token is None else params | {"page_token": token}
            return self._read(n, lambda: self._client.get(path, asked), objects("activities"))

        return paging.all_activities(page_from)

    # ------------------------------------------------------------------- the world

    def _world(self, n: int, symbol: str) -> Answer:
        """Account, positions and open orders must be known; clock, quote and asset may be null."""
        client = self._client
        world: dict[str, Json] = {}
        needed: tuple[tuple[str, Callable[[], Answer]], ...] = (
            ("account", lambda: self._read(n, client.get_account)),
            ("positions", lambda: self._read(n, client.get_all_positions, positions)),
            ("open_orders", lambda: self._open_orders(n, ())),
        )
        for name, read in needed:
            answer = read()
            if answer.status is Status.REFUSED:
                return answer
            if answer.status is not Status.OK:
                return Answer(Status.UNAVAILABLE, problem=answer.problem)
            listed = {"open_orders": "orders", "positions": "positions"}.get(name)
            world[name] = answer.data[listed] if listed is not None else dict(answer.data)
        world["position"] = the_one_of(symbol, world["positions"])
        asset = self._asset(n, symbol, attempts=_OPTIONAL_ATTEMPTS)
        latest = self._feeds.latest(n, "quote", symbol, attempts=_OPTIONAL_ATTEMPTS)
        clock = self._read(n, client.get_clock, a_clock, _OPTIONAL_ATTEMPTS)
        for name, answer in (("asset", asset), ("quote", latest), ("clock", clock)):
            world[name] = dict(answer.data) if answer.status is Status.OK else None
        return Answer(Status.OK, world)


def _not_sent(message: str) -> Answer:
    return Answer(Status.REFUSED, problem=Problem(Reason.NOT_SENT, f"not sent: {message}"))
