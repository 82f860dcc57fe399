"""How far from the market a stop may lie: its stop price, or the distance it trails behind."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.reference import reference

CODE = "stop_distance"
DISTANCE = Decimal("0.5")


def judge(one: Judged) -> Verdict | None:
    """Refuses a stop further away, on either side, or one whose market cannot be told."""
    draft = one.draft
    if draft.type not in ("stop", "stop_limit", "trailing_stop"):
        return None
    most = one.bounds.rules.limits.stop_distance or DISTANCE
    stop, trail = draft.number("stop_price"), draft.number("trail_price")
    percent = draft.number("trail_percent")
    if percent is not None:
        return _verdict(percent / 100, most, "", {"trail_percent": percent})
    if stop is None and trail is None:
        return refuse(CODE, "the order says neither a stop price nor a trail", stop_distance=most)
    market = reference(one)
    if market is None:
        words = "how far the stop lies from the market cannot be told: nothing tells the price"
        return refuse(CODE, words, stop_distance=most)
    values = {"stop_price": stop, "trail_price": trail, **market.values}
    values = {name: value for name, value in values.items() if value is not None}
    away = (trail if trail is not None else abs((stop or Decimal(0)) - market.price)) / market.price
    return _verdict(away, most, f" at {market}", values)


def _verdict(away: Decimal, most: Decimal, where: str, values: dict[str, object]) -> Verdict:
    values = {**values, "away": f"{away:.6f}", "stop_distance": most}
    words = f"the stop lies {away:.2%} from the market{where}"
    if away > most:
        return refuse(CODE, f"{words}, more than {most:.2%}", **values)
    return let_pass(CODE, f"{words}, within {most:.2%}", **values)


def known_bad(one: Judged) -> Judged:
    """The same order as a stop that trails further than allowed."""
    most = one.bounds.rules.limits.stop_distance or DISTANCE
    prices = ("limit_price", "stop_price", "trail_price", "legs", "order_class")
    kept = {key: value for key, value in one.draft.body.items() if key not in prices}
    trail = f"{most * 100 + 1:f}"
    body = {**kept, "type": "trailing_stop", "trail_percent": trail}
    return replace(one, draft=replace(one.draft, body=body, legs=()))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a stop price, or the distance a stop trails, lies further from the market, or the "
    "market's price cannot be told",
    default=f"{DISTANCE:.0%}",
    reason="A stop with a slipped digit triggers at once, or never protects.",
    source="house rule; SEC Rule 15c3-5(c)(1)(ii): erroneous prices",
    limit=CODE,
    scope=Scope.SINGLE,
)
