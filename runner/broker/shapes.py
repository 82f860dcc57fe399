"""What an answer has to look like before it is believed.

A shape is deliberately small: the broker may add fields, statuses and enum values at any time
(facts page 0.7), and none of that may turn an accepted order into an error. It checks only that the
answer is about what was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from runner.broker.reading import Unreadable
from runner.effects import Json

Shape = Callable[[Json], dict[str, Json]]
"""Turns a readable body into an answer's data. Raises Unreadable when it is something else, and
Nothing when it says that there is no such thing."""


class Nothing(Exception):  # noqa: N818 - an answer, not a fault
    """A shape found that the broker's answer says there is no such thing."""


def an_object(body: Json) -> dict[str, Json]:
    """A shape: one JSON object."""
    if not isinstance(body, dict):
        raise Unreadable("not an object")
    return body


def objects(key: str) -> Shape:
    """A shape: a list of JSON objects, given under `key`."""

    def shape(body: Json) -> dict[str, Json]:
        if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
            raise Unreadable("not a list of objects")
        return {key: body}

    return shape


def positions(body: Json) -> dict[str, Json]:
    """A shape: a list of positions. One without a symbol could be any: the list is not readable."""
    found = objects("positions")(body)
    listed = found["positions"]
    assert isinstance(listed, list)
    if not all(isinstance(one, dict) and isinstance(one.get("symbol"), str) for one in listed):
        raise Unreadable("a position without a symbol")
    return found


def the_one_of(symbol: str, listed: Json) -> Json:
    """The position in a symbol out of a list of all; None where there is none."""
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and plain(str(one.get("symbol"))) == plain(symbol):
            return one
    return None


def having(**expected: str) -> Shape:
    """A shape: one object whose fields are these; an answer about something else is unreadable."""

    def shape(body: Json) -> dict[str, Json]:
        found = an_object(body)
        for name, value in expected.items():
            if found.get(name) != value:
                raise Unreadable(f"{name} is {found.get(name)!r}, not {value!r}")
        return found

    return shape


def plain(symbol: str) -> str:
    """One spelling for a crypto pair, which Alpaca writes as BTC/USD here and BTCUSD there."""
    return symbol.replace("/", "")


def about(symbol: str) -> Shape:
    """A shape: an object about this symbol and no other."""

    def shape(body: Json) -> dict[str, Json]:
        found = an_object(body)
        if plain(str(found.get("symbol"))) != plain(symbol):
            raise Unreadable(f"it is about {found.get('symbol')!r}, not {symbol!r}")
        return found

    return shape


def our_order(client_id: str) -> Shape:
    """A shape: an order with an id, and with the client order id that was sent."""

    def shape(body: Json) -> dict[str, Json]:
        order = having(client_order_id=client_id)(body)
        if not isinstance(order.get("id"), str) or not order["id"]:
            raise Unreadable("the order has no id")
        return order

    return shape


def a_clock(body: Json) -> dict[str, Json]:
    """A shape: the broker's clock with everything that is asked of it."""
    clock = an_object(body)
    for name in ("timestamp", "next_open", "next_close"):
        moment(clock.get(name))
    if not isinstance(clock.get("is_open"), bool):
        raise Unreadable("is_open is neither true nor false")
    return clock


def touches(order: Json, names: set[str]) -> bool:
    """Whether an order, or one of its legs, is in one of `names`."""
    if not isinstance(order, dict):
        return False
    legs = order.get("legs")
    return plain(str(order.get("symbol") or "")) in names or (
        isinstance(legs, list) and any(touches(leg, names) for leg in legs)
    )


def moment(value: Json) -> datetime:
    """An RFC 3339 time as a UTC moment, cut to microseconds. Raises Unreadable."""
    try:
        found = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Unreadable(f"{value!r} is not a time") from None
    if found.tzinfo is None:
        raise Unreadable(f"{value!r} is a time without its zone")
    return found.astimezone(UTC)
