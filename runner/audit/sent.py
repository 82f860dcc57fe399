"""The orders of one run as its log shows them, gathered record by record, and their fills.

An order is this run's when the run announced its client order id in an intent; so are its legs,
and what the broker put in place of it. Each order at the broker is one row: one that was changed
ends as `replaced`, and the one that it became is a row of its own. Nothing is filled in: what
neither the intent nor the broker said stays absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runner.audit.records import Record
from runner.world import TERMINAL, decimal, is_option

CONTRACT = 100
"""Shares that one option contract is for; its price is a share's."""

_WRITES = ("submit", "replace")
_GONE = {"refused": "refused", "unknown": "unknown", "not_performed": "not_sent"}
_TERMS = ("symbol", "side", "type", "time_in_force", "order_class", "qty", "notional",
          "limit_price", "stop_price", "trail_price", "trail_percent")  # fmt: skip
_TOLD = (*_TERMS, "status", "filled_qty", "filled_avg_price", "replaces", "replaced_by")


@dataclass(slots=True, eq=False)
class SeenOrder:
    """One order. `terms` are its symbol, side, numbers, status and fills as text, where known.

    `effect` is the `n` of the intent that announced it, 0 for a leg; `sent_at` and `seen_at` are
    the run's time of that intent and of the last word about it. Status is the broker's, or
    `refused`, `unknown`, `not_sent`; `intended` while the log holds no answer.
    """

    client_order_id: str
    step: str
    effect: int
    sent_at: str
    terms: dict[str, str]
    order_id: str = ""
    leg_of: str = ""
    seen_at: str = ""
    reason: str = ""  # why the broker, or this house, said no

    @property
    def status(self) -> str:
        return self.terms.get("status", "intended")

    @property
    def reached(self) -> bool:
        """Whether the broker has it, or may have it."""
        return self.status not in ("refused", "not_sent")

    @property
    def may_be_live(self) -> bool:
        return self.reached and self.status not in TERMINAL

    @property
    def dollars(self) -> Decimal | None:
        """What its fills came to; zero without fills, None when it cannot be told."""
        return filled_dollars(self.terms)


@dataclass(frozen=True, slots=True)
class Fill:
    """One growth of an order's filled quantity, as the run learned of it.

    `qty` is by how much it grew; `dollars` what that much came to, None when it cannot be told.
    Two fills of which the run learned at once are one.
    """

    order: SeenOrder
    seq: int
    at: str
    step: str
    qty: Decimal
    dollars: Decimal | None

    @property
    def price(self) -> Decimal | None:
        """Dollars a share, to six places, from what the average price was before and after."""
        if self.dollars is None or not self.qty:
            return None
        shares = self.qty * multiplier(self.order.terms.get("symbol"))
        return round(self.dollars / shares, 6).normalize()


class Sent:
    """The orders of one run. `see` takes its records in order."""

    def __init__(self) -> None:
        self.orders: dict[str, SeenOrder] = {}  # by client order id
        self._by_id: dict[str, SeenOrder] = {}
        self._open: SeenOrder | None = None  # of the effect that has no outcome yet
        self.at = ""  # the run's time

    def see(self, record: Record) -> list[Fill]:
        """Take in the next record; the fills that it tells of."""
        data = record.data
        match record.type:
            case "run.started":
                self.at = str(data.get("started_at", ""))
            case "effect.intent":
                self._open = self._intended(record, mapping(data.get("effect")))
            case "effect.outcome":
                self.at = str(data.get("at", self.at))
                return self._answered(record)
        return []

    def of_step(self, path: str) -> list[SeenOrder]:
        """The orders that a step sent or changed, and their legs."""
        return [one for one in self.orders.values() if one.step == path]

    def _intended(self, record: Record, effect: Mapping[str, Any]) -> SeenOrder | None:
        identity = str(effect.get("client_order_id", ""))
        if effect.get("effect") not in _WRITES or not identity:
            return None
        terms = _text(mapping(effect.get("body")), _TERMS)
        before = self._by_id.get(str(effect.get("order_id")))
        if before is not None:
            kept = {key: before.terms[key] for key in _TERMS if key in before.terms}
            terms = {**kept, **terms, "replaces": before.order_id}
        known = self.orders.get(identity)
        if known is not None:  # sent again under the same id
            return known
        n = record.data.get("n")
        number = n if isinstance(n, int) else 0
        made = SeenOrder(identity, record.step or "", number, self.at, terms)
        made.leg_of = before.leg_of if before is not None else ""
        self.orders[identity] = made
        return made

    def _answered(self, record: Record) -> list[Fill]:
        data, order, self._open = record.data, self._open, None
        if order is not None and order.status in ("intended", *_GONE.values()):
            status = _GONE.get(str(data.get("status")))
            if status is not None:
                order.terms["status"], order.seen_at = status, self.at
                order.reason = str(mapping(data.get("problem")).get("reason", ""))
        shown = mapping(data.get("data"))
        if order is not None and isinstance(shown.get("id"), str):
            self._by_id[shown["id"]] = order  # the answer to a write is the order itself
        return list(self._told(record, data.get("data")))

    def _told(self, record: Record, told: Any) -> Iterator[Fill]:
        pending = [told]
        while pending:
            value = pending.pop()
            if isinstance(value, list):
                pending += [one for one in reversed(value) if isinstance(one, dict | list)]
            elif isinstance(value, dict):
                order = self._own(value)
                if order is None:
                    pending += [one for one in value.values() if isinstance(one, dict | list)]
                else:
                    yield from self._shown(record, order, value)

    def _own(self, value: Mapping[str, Any]) -> SeenOrder | None:
        """The order of this run that a part of an answer shows, if it shows one."""
        if not isinstance(value.get("id"), str):
            return None
        known = self.orders.get(str(value.get("client_order_id"))) or self._by_id.get(value["id"])
        if known is None and value.get("replaces") in self._by_id:
            before = self._by_id[value["replaces"]]
            known = self._added(value, before, before.leg_of)
        return known

    def _shown(self, record: Record, order: SeenOrder, value: Mapping[str, Any]) -> Iterator[Fill]:
        before = dict(order.terms)
        order.order_id, order.seen_at, order.reason = value["id"], self.at, ""
        order.terms.update(_text(value, _TOLD))
        if "type" not in value and value.get("order_type"):
            order.terms["type"] = str(value["order_type"])
        self._by_id[value["id"]] = order
        fill = _grown(order, before, record, self.at)
        if fill is not None:
            yield fill
        legs = value.get("legs")
        for leg in legs if isinstance(legs, list) else []:
            if isinstance(leg, dict) and isinstance(leg.get("id"), str):
                known = self._own(leg) or self._added(leg, order, order.client_order_id)
                yield from self._shown(record, known, leg)

    def _added(self, value: Mapping[str, Any], of: SeenOrder, leg_of: str) -> SeenOrder:
        identity = str(value.get("client_order_id") or value["id"])
        made = SeenOrder(identity, of.step, 0, self.at, {}, leg_of=leg_of)
        self.orders[identity] = self._by_id[value["id"]] = made
        return made


def filled_dollars(terms: Mapping[str, Any]) -> Decimal | None:
    """What an order's fills came to, in dollars, fees left out; None when it cannot be told, as of
    a multi-leg order, which has no symbol: its legs are what was bought and sold.

    `terms` has `symbol`, `filled_qty` and `filled_avg_price` as the broker or a result gave them.
    """
    filled, price = decimal(terms.get("filled_qty")), decimal(terms.get("filled_avg_price"))
    if filled is None or filled == 0:
        return filled
    symbol = terms.get("symbol")
    return None if price is None or not symbol else filled * price * multiplier(symbol)


def multiplier(symbol: Any) -> int:
    """Shares that one unit of a symbol is for: 100 for an option contract, else 1."""
    return CONTRACT if isinstance(symbol, str) and is_option(symbol) else 1


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _grown(order: SeenOrder, before: Mapping[str, str], record: Record, at: str) -> Fill | None:
    if not order.terms.get("symbol"):  # a multi-leg order: its legs are what fills
        return None
    was, now = (
        decimal(before.get("filled_qty")) or Decimal(0),
        decimal(order.terms.get("filled_qty")),
    )
    if now is None or now <= was:
        return None
    spent, dollars = filled_dollars({**order.terms, **before}), order.dollars
    grown = dollars if not was else None
    if was and spent is not None and dollars is not None:
        grown = dollars - spent
    return Fill(order, record.seq, at, record.step or "", now - was, grown)


def _text(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    """The plain values of some keys, as text; what is null or no plain value is left out."""
    return {
        key: str(value[key])
        for key in keys
        if isinstance(value.get(key), str | int) and not isinstance(value[key], bool)
    }
