"""The body of an order as a plan shows it: in words, and field by field, estimates marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.drive.projection import PlannedOrder
from runner.effects import Json
from runner.report.diagnostics import visible
from runner.report.plan_text import estimate
from runner.report.run_words import order_in_words

Numbers = Mapping[str, int]


def numbers_of(orders: Sequence[PlannedOrder]) -> Numbers:
    """The numbers under which new orders are shown, by the ids that stand for the broker's."""
    return {
        order.order_id: number
        for number, order in enumerate(orders, 1)
        if order.effect == "submit" and order.order_id
    }


def in_words(order: PlannedOrder, numbers: Numbers) -> str:
    """`buy 1 AAPL limit ≈ 184.22 day`, `change …`, `cancel order 1, to buy AAPL`."""
    body = marked(in_reading_order(order.body), frozenset(order.estimates))
    if order.effect == "submit":
        return order_in_words(body)
    which = _which(order, numbers.get(order.order_id))
    if order.effect == "cancel":
        return f"cancel {which}"
    return f"change {which}: {', '.join(f'{key} {value}' for key, value in body.items())}"


def _which(order: PlannedOrder, number: int | None) -> str:
    about = " ".join(part for part in (visible(order.side), visible(order.symbol)) if part)
    if number is not None:
        return f"order {number}, to {about}" if about else f"order {number}"
    return f"the order to {about}" if about else "an order"


def marked(
    body: Mapping[str, Json], estimated: frozenset[str], within: str = ""
) -> dict[str, Json]:
    """The body with its estimates marked."""
    found: dict[str, Json] = {}
    for key, value in body.items():
        name = f"{within}{key}"
        if isinstance(value, dict):
            found[key] = marked(value, estimated, f"{name}.")
        else:
            known = name not in estimated or value is None
            found[key] = value if known else estimate(str(value), estimated=True)
    return found


FIRST = ("symbol", "side", "qty", "notional", "type", "time_in_force", "order_class")
"""The fields of a body that are read first."""


def in_reading_order(body: Mapping[str, Json]) -> dict[str, Json]:
    """The same body, what it is about first."""
    names = [name for name in FIRST if name in body]
    return {name: body[name] for name in [*names, *(one for one in body if one not in FIRST)]}


def flow(body: Mapping[str, Json], estimated: frozenset[str], within: str = "") -> str:
    """The known fields of a body, as they would stand in a runbook: `symbol: AAPL, qty: 1`."""
    return ", ".join(_known(in_reading_order(body), estimated, within))


def _known(body: Mapping[str, Json], estimated: frozenset[str], within: str) -> Iterator[str]:
    for key, value in body.items():
        name = f"{within}{key}"
        if name in estimated:
            continue
        if isinstance(value, dict):
            inner = flow(value, estimated, f"{name}.")
            if inner:
                yield f"{visible(str(key))}: {{{inner}}}"
        else:
            yield f"{visible(str(key))}: {_plain(value)}"


def _plain(value: Json) -> str:
    if isinstance(value, dict):
        value = in_reading_order(value)
        return f"{{{', '.join(f'{visible(k)}: {_plain(one)}' for k, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return visible(str(value))
