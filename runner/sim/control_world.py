"""The control API's view of the world: how things are, the clock, and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.sim import calendar
from runner.sim.clock import FlowingClock
from runner.sim.control_market import set_price
from runner.sim.exchange import Exchange
from runner.sim.messages import Refusal, Request, Response
from runner.sim.scenario_values import DURATION, MOMENT, NUMBER, PRICE
from runner.sim.wire import NEW_YORK, decimal_text, read_object, stamp

if TYPE_CHECKING:
    from runner.sim.server import Served


def overview(served: Served, _request: Request, _parts: list[str]) -> Response:
    exchange = served.exchange
    return Response(
        200,
        {
            "simulated": True,
            "seed": exchange.seed,
            "clock": _clock_body(served),
            "orders": len(exchange.book),
            "events": len(exchange.events),
            "requests": served.received.total,
            "faults": sum(1 for _ in exchange.faults),
            "snapshots": sorted(served.snapshots),
        },
    )


def get_clock(served: Served, _request: Request, _parts: list[str]) -> Response:
    return Response(200, _clock_body(served))


def post_clock(served: Served, request: Request, _parts: list[str]) -> Response:
    given = read_object(request.body)
    _only(given, "to", "by", "speed", "stop_at")
    if not given or ("to" in given and "by" in given):
        raise Refusal(422, None, "give `to` a time or `by` a duration, and `speed` if you like")
    if given.get("stop_at", "change") != "change" or ("stop_at" in given and len(given) == 1):
        raise Refusal(422, None, "`stop_at` is `change`, the next one of an open order on the way")
    now = served.now()
    speed = NUMBER(given["speed"], "speed") if "speed" in given else None
    moment = now
    if "to" in given:
        moment = MOMENT(given["to"], "to")
        if moment < now:
            raise Refusal(422, None, f"time goes forward: it is {stamp(now)} already")
    if "by" in given:
        moment = now + DURATION(given["by"], "by")
    if speed is not None:
        if not isinstance(served.clock, FlowingClock):
            raise Refusal(422, None, "this clock moves only when told and has no speed")
        if speed <= 0:
            raise Refusal(422, None, "the speed is above 0")
        served.clock.change_speed(speed)
    served.jump_to(served.next_change(moment) if "stop_at" in given else moment)
    return get_clock(served, request, [])


def _clock_body(served: Served) -> dict[str, Any]:
    now, clock = served.now(), served.clock
    speed = decimal_text(clock.speed) if isinstance(clock, FlowingClock) else None
    return {
        "now": stamp(now),
        "new_york": now.astimezone(NEW_YORK).isoformat(timespec="milliseconds"),
        "session": calendar.phase(now).name.lower(),
        "speed": speed,
        "virtual": clock.virtual,
    }


# ------------------------------------------------------------------------- prices


def get_prices(served: Served, _request: Request, _parts: list[str]) -> Response:
    exchange = served.exchange
    exchange.advance(served.now())
    found = {symbol: _price_body(exchange, symbol) for symbol in exchange.tape.symbols()}
    return Response(200, found)


def post_prices(served: Served, request: Request, _parts: list[str]) -> Response:
    given = read_object(request.body)
    exchange = served.exchange
    read = {_priced(exchange, symbol): _new_price(symbol, value) for symbol, value in given.items()}
    if not read:
        raise Refusal(422, None, 'give prices by symbol, such as {"AAPL": "270.10"}')
    exchange.advance(served.now())
    for symbol, (price, book) in read.items():
        set_price(exchange, symbol, price, book)
    exchange.advance(exchange.now)
    return Response(200, {symbol: _price_body(exchange, symbol) for symbol in read})


def _priced(exchange: Exchange, name: str) -> str:
    """The symbol that is given a price: of a stock, a pair, or a listed option contract."""
    asset = exchange.assets.find(name)
    if asset is None:
        raise Refusal(404, None, f"the scenario has no symbol {name!r}")
    return asset.symbol


def _new_price(symbol: str, value: object) -> tuple[Any, Any]:
    if not isinstance(value, dict):
        return PRICE(value, symbol), None
    _only(value, "price", "bid", "ask")
    if "price" not in value or ("bid" in value) != ("ask" in value):
        raise Refusal(422, None, f"{symbol}: expected `price`, and `bid` and `ask` together or not")
    price = PRICE(value["price"], f"{symbol}.price")
    if "bid" not in value:
        return price, None
    bid, ask = PRICE(value["bid"], f"{symbol}.bid"), PRICE(value["ask"], f"{symbol}.ask")
    if bid > ask:
        raise Refusal(422, None, f"{symbol}: the bid is not above the ask")
    return price, (bid, ask)


def _price_body(exchange: Exchange, symbol: str) -> dict[str, str]:
    quote = exchange.tape.quote(symbol, exchange.now)
    return {
        "price": decimal_text(exchange.tape.last(symbol, exchange.now)),
        "bid": decimal_text(quote.bid),
        "ask": decimal_text(quote.ask),
    }


def _only(given: dict[str, Any], *known: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise Refusal(422, None, f"{unknown[0]}: is not known here; known are {', '.join(known)}")
