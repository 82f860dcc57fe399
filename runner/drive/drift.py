"""What a saved plan rests on, and what of that is no longer so: in words, one line each.

A plan holds while the account's positions and open orders are what they were, buying power covers
the plan with something to spare, no quote has moved by more than the plan's tolerance, and every
guard says what it said. Anything else is drift: the orders would go into another world than the
one that was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from runner.drive.projection import MAIN, Line, Observed, PlannedOrder, Projection
from runner.world import Order, Position, decimal, is_option

SPARE = Decimal("0.05")
"""The part of what a plan needs that buying power must have on top of it."""

FIELDS = ("buying_power", "options_buying_power", "non_marginable_buying_power")
"""The account's fields that orders are paid from."""

NUMBERS = ("qty", "notional", "limit_price", "stop_price", "trail_price", "trail_percent")
COUNTS = ("qty", "notional")

Basis = Mapping[str, Any]
"""What a plan rests on, as data: strings, lists and mappings only."""


def basis_of(projection: Projection) -> dict[str, Any]:
    """What a plan rests on. Equal observations give equal data."""
    seen = projection.observed
    return {
        "positions": _positions(seen),
        "open_orders": _open_orders(seen),
        "quotes": {
            one.symbol: {"bid": _text(one.bid), "ask": _text(one.ask)} for one in seen.quotes
        },
        "market_open": _word(seen.clock.get("is_open")),
        "buying_power": {name: _text(decimal(seen.account.get(name))) for name in FIELDS},
        "needs": needs(projection),
        "tolerance": _text(projection.tolerance),
        "main": _name(projection.main),
        "exit_code": projection.main.exit_code,
        "orders": {_name(line): [_order(one) for one in line.orders] for line in projection.lines},
        "verdicts": {_name(line): _verdicts(line) for line in projection.lines},
    }


def needs(projection: Projection) -> dict[str, str | None]:
    """Dollars of each field of buying power that a line of the plan takes at the most; None when
    it is not told. Crypto and options are paid from fields of their own, each order in full."""
    margin: Decimal | None = Decimal(0)
    options = crypto = Decimal(0)
    for line in projection.lines:
        levels = [line.begin, *(step.after for step in line.steps)]
        known = [one.buying_power for one in levels if one is not None]
        amounts = [one for one in known if one is not None]
        if len(amounts) < len(known):
            margin = None
        elif amounts and margin is not None:
            margin = max(margin, amounts[0] - min(amounts))
        options = max(options, _paid(line, lambda one: not one.symbol or is_option(one.symbol)))
        crypto = max(crypto, _paid(line, lambda one: "/" in one.symbol))
    return dict(zip(FIELDS, map(_text, (margin, options, crypto)), strict=True))


def _paid(line: Line, concerns: Callable[[PlannedOrder], bool]) -> Decimal:
    worths = (
        decimal(one.notional.value)
        for one in line.orders
        if one.opens and one.effect == "submit" and one.notional is not None and concerns(one)
    )
    return sum((worth for worth in worths if worth is not None), Decimal(0))


def drift(then: Basis, now: Basis) -> list[str]:
    """What has changed since a plan was made so that it may not be carried out; empty if nothing
    has."""
    return [
        *_moved_positions(then["positions"], now["positions"]),
        *_changed_orders(then["open_orders"], now["open_orders"]),
        *_opened_or_closed(then["market_open"], now["market_open"]),
        *_short_of_money(now),
        *_moved_quotes(then, now),
        *_other_plan(then, now),
        *_flipped(then, now),
        *_fails_now(then, now),
    ]


# ---------------------------------------------------------------------------- what is kept


def _positions(seen: Observed) -> dict[str, Any]:
    held = [Position.read(one) for one in seen.positions]
    return {one.symbol: _text(one.qty) for one in held}


def _open_orders(seen: Observed) -> dict[str, Any]:
    found = {}
    for data in seen.open_orders:
        for one in (order := Order.read(data), *order.legs):
            size = _text(one.qty) if one.qty is not None else f"${_text(one.notional)}"
            prices = [f" {_text(price)}" for price in (one.stop_price, one.limit_price) if price]
            found[one.id] = {
                "words": f"{one.side} {size} {one.symbol} {one.type}{''.join(prices)}",
                "filled": _text(one.filled_qty),
            }
    return found


def _name(line: Line) -> str:
    """A line by what is assumed in it: where, of what kind, and which way. No quantity, price or
    time is in it, so that the same way has the same name in two plans of one runbook."""
    ways = (f"{one.step} {one.kind} {'yes' if one.holds else 'no'}" for one in line.assumed)
    return "; ".join(ways) or MAIN


def _order(order: PlannedOrder) -> dict[str, Any]:
    """An order as it would be sent; `estimates` names what the market decides of it."""
    return {
        "step": order.step,
        "effect": order.effect,
        "symbol": order.symbol,
        "body": dict(order.body),
        "estimates": sorted(order.estimates),
        "queued": order.queued_until is not None,
    }


def _verdicts(line: Line) -> list[dict[str, str]]:
    asked = [(one.step, one.guards) for one in line.orders]
    asked += [(one.step, one.guards) for one in line.refusals]
    return [
        {"step": step, "guard": one.guard, "verdict": one.verdict, "message": one.message}
        for step, guards in asked
        for one in guards
    ]


def _word(value: object) -> str:
    return {True: "true", False: "false"}.get(value, "none") if isinstance(value, bool) else "none"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


# ------------------------------------------------------------------------- what has changed


def _moved_positions(then: Basis, now: Basis) -> Iterator[str]:
    for symbol in sorted({*then, *now}):
        before, after = (one.get(symbol, "0") or "not told" for one in (then, now))
        if before != after:
            yield f"position in {symbol} {before} → {after}"


def _changed_orders(then: Basis, now: Basis) -> Iterator[str]:
    for key in sorted({*then, *now}):
        before, after = then.get(key), now.get(key)
        if before is None and after is not None:
            yield f"open order {after['words']} is new ({key})"
        elif after is None and before is not None:
            yield f"open order {before['words']} is not open any more ({key})"
        elif before != after and before is not None and after is not None:
            was = f"{before['words']}, {before['filled']} filled"
            yield f"open order {was} → {after['words']}, {after['filled']} filled ({key})"


def _opened_or_closed(then: str, now: str) -> Iterator[str]:
    words = {"true": "open", "false": "closed", "none": "not told"}
    if then != now:
        yield f"the market was {words[then]} and is {words[now]}"


def _short_of_money(now: Basis) -> Iterator[str]:
    for name in FIELDS:
        have, needed = decimal(now["buying_power"][name]), decimal(now["needs"][name])
        if needed == 0:
            continue
        words = name.replace("_", " ")
        if have is None or needed is None:
            yield f"whether {words} covers the plan cannot be told"
        elif have < needed * (1 + SPARE):
            yield (
                f"{words} ${have:,.2f} does not cover the plan's ${needed:,.2f} with "
                f"{SPARE:.0%} to spare"
            )


def _moved_quotes(then: Basis, now: Basis) -> Iterator[str]:
    tolerance = decimal(then["tolerance"]) or Decimal(0)
    quotes = then["quotes"]
    for symbol in sorted(quotes):
        for side in ("bid", "ask"):
            before = decimal(quotes[symbol][side])
            after = decimal(now["quotes"].get(symbol, {}).get(side))
            if before is None and after is None:
                continue
            if before is None or after is None:
                yield f"{symbol} {side} {_price(before)} → {_price(after)}"
            elif abs(after - before) > tolerance * before:
                moved = (after - before) / before
                words = f"{moved:+.1%}, more than {tolerance:.0%}"
                yield f"{symbol} {side} {before:f} → {after:f} ({words})"


def _price(value: Decimal | None) -> str:
    return "no quote" if value is None else f"{value:f}"


def _other_plan(then: Basis, now: Basis) -> Iterator[str]:
    """What would be sent otherwise. A branch that only one plan knows is a condition that a small
    move of the market made sure or unsure: the tolerance covers that."""
    tolerance = decimal(then["tolerance"]) or Decimal(0)
    for name, before, after in _same_ways("orders", then, now):
        yield from _other_orders(name, before, after, tolerance)


def _same_ways(what: str, then: Basis, now: Basis) -> Iterator[tuple[str, Any, Any]]:
    """What both plans say of each way that both know; of the way that the run would go now, what
    the plan said of that one, or else of the way that it thought of."""
    for name, after in now[what].items():
        main = name == now["main"]
        before = then[what].get(name, then[what][then["main"]] if main else None)
        if before is not None:
            yield ("" if main else name), before, after


def _other_orders(
    name: str, before: list[Basis], after: list[Basis], tolerance: Decimal
) -> Iterator[str]:
    where = f" (where {name})" if name else ""
    for one, other in zip(before, after, strict=False):
        if not _alike(one, other, tolerance):
            yield f"{one['step']} would {_sends(other)} instead of {_sends(one)}{where}"
            return
    if len(before) != len(after):
        longer, word = (after, "also") if len(after) > len(before) else (before, "no longer")
        extra = longer[min(len(before), len(after))]
        yield f"{extra['step']} would {word} {_sends(extra)}{where}"


def _alike(one: Basis, other: Basis, tolerance: Decimal) -> bool:
    """Whether two orders are one and the same, but for estimates that moved with the market.

    A size that is an estimate may change by what the tolerance explains, or by one of the last
    place that it is written with.
    """
    known = {key: one[key] for key in one if key not in ("body", "estimates")}
    if known != {key: other[key] for key in other if key not in ("body", "estimates")}:
        return False
    flat, also = dict(_flat(one["body"])), dict(_flat(other["body"]))
    if flat.keys() != also.keys():
        return False
    estimated = {*one["estimates"], *other["estimates"]}
    return all(
        value == also[key] or (key in estimated and _near(key, value, also[key], tolerance))
        for key, value in flat.items()
    )


def _near(key: str, one: object, other: object, tolerance: Decimal) -> bool:
    before, after = decimal(one), decimal(other)
    if before is None or after is None:
        return False
    if key not in COUNTS:
        return key.rpartition(".")[2] in NUMBERS  # a price: quotes are judged by themselves
    exponent = before.as_tuple().exponent
    place = Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(1)
    return abs(after - before) <= max(tolerance * 2 * abs(before), place)


def _flat(body: Basis, prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in body.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _sends(order: Basis) -> str:
    told = ", ".join(f"{key} {value}" for key, value in sorted(_flat(order["body"])))
    return f"{order['effect']} {{{told}}}" if told else f"{order['effect']} {order['symbol']}"


def _fails_now(then: Basis, now: Basis) -> Iterator[str]:
    if then["exit_code"] == 0 != now["exit_code"]:
        yield f"the run would end with exit code {now['exit_code']}: `runbook plan` shows why"


def _flipped(then: Basis, now: Basis) -> Iterator[str]:
    said = set()
    for _, before, after in _same_ways("verdicts", then, now):
        verdicts = _by_guard(before)
        for key, verdict in _by_guard(after).items():
            was = verdicts.get(key)
            if was is None or was["verdict"] == verdict["verdict"]:
                continue
            step, guard, _ = key
            words = f"{guard} {_VERBS[verdict['verdict']]} {step}: {verdict['message']}"
            if words not in said:
                said.add(words)
                yield words


_VERBS = {
    "refuse": "now refuses",
    "pass": "now lets pass",
    "exempt": "does not apply any more to",
    "off": "is now turned off for",
}


def _by_guard(verdicts: list[dict[str, str]]) -> dict[tuple[str, str, int], dict[str, str]]:
    """By step, guard, and how often that guard was asked there before."""
    found: dict[tuple[str, str, int], dict[str, str]] = {}
    for one in verdicts:
        count = sum(key[:2] == (one["step"], one["guard"]) for key in found)
        found[one["step"], one["guard"], count] = one
    return found
