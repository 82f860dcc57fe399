"""The orders of one run that opened risk, gathered from its log's records as they come.

What counts, and how, where the log leaves a choice: rather too much than too little.

- An order counts from its intent on, because a process may have died before the answer came. A
  refusal takes it out again, unless an earlier copy under the same id may have arrived, or the
  broker refused it because it has that id already.
- An order whose answer never came counts, even where the run proved later that it did not arrive;
  so does one that was cancelled unfilled, and one that takes up the rest of another.
- A change that opens risk counts instead of the order that it changes, because the broker lets
  only one of the two work. It is worth the larger of both: the broker may accept a change and
  reject it afterwards, and then the old order is the order again (facts page 2.2).
- An order is dated by the run's time at its intent: that of the last outcome before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from runner.audit.records import Record, RecordError, Rule
from runner.audit.shapes import DIGEST, TEXT, Shape, misfits
from runner.effects import Json, Reason, Status, instant
from runner.world import decimal, is_option, moment, text

WORTH_BY = ("max_order_notional", "max_run_notional")
"""The guards whose values say what an order was worth in dollars when it was judged: `notional`.
The second counts only where the first does not say, because a policy may turn it off."""

_NAMES = ("symbol", "side", "type", "qty", "notional", "limit_price", "stop_price")
_NEEDED: Mapping[str, Shape] = {
    "run.started": {
        "runbook": {"sha256": DIGEST},
        "target": {"kind": TEXT, "base_url": TEXT},
        "started_at": TEXT,
    },
    "run.bound": {"account_id?": TEXT},
    "guard": {"guard": TEXT},
    "effect.intent": {"effect": {"effect": TEXT}},
    "effect.outcome": {"at": TEXT, "status": TEXT},
}
"""What is read here, and no more: a log of another version may hold other things."""

_NOT_SENT = frozenset({Status.REFUSED.value, Status.NOT_PERFORMED.value})


@dataclass(frozen=True, slots=True)
class SentOrder:
    """An order that opened risk and was, or may have been, sent. `at` is the run's time, UTC.

    `terms` are its symbol, side, type and numbers as they were sent, where they were; `worth` is
    in dollars, None when it cannot be told.
    """

    at: datetime
    run: str
    runbook: str
    terms: Mapping[str, Json]
    worth: Decimal | None

    def to_data(self) -> dict[str, Json]:
        """The row of `ReadHistory`."""
        row: dict[str, Json] = {"at": instant(self.at), "run": self.run, "runbook": self.runbook}
        row |= {name: text(self.terms.get(name)) for name in _NAMES}
        row["worth"] = None if self.worth is None else f"{self.worth:f}"
        return row


class PastRun:
    """What one log says, record by record. `orders` are by client order id, in the order sent.

    `account_id` is None until the run was bound: until then it sent nothing.
    """

    def __init__(self) -> None:
        self.target: Mapping[str, Any] = {}
        self.account_id: str | None = None
        self.orders: dict[str, SentOrder] = {}
        self._runbook = ""
        self._at: datetime | None = None
        self._worth: tuple[str | None, Decimal | None] = (None, None)  # of a step, as judged
        self._own: set[str] = set()  # client order ids
        self._seen: dict[str, Mapping[str, Any]] = {}  # own orders and legs, by the broker's ids
        self._undo: dict[str, SentOrder] | None = None  # `orders` before the open intent

    def see(self, record: Record) -> None:
        """Take in the next record. Raises `RecordError` when it lacks what its type holds."""
        wrong = misfits(record.type, record.data, _NEEDED) if record.type in _NEEDED else []
        if wrong:
            raise RecordError(Rule.SHAPE, wrong[0])
        data = record.data
        match record.type:
            case "run.started":
                self.target, self._runbook = data["target"], data["runbook"]["sha256"]
                self._at = _time(data["started_at"])
            case "run.bound":
                self.account_id = text(data.get("account_id"))
            case "guard" if data["guard"] in WORTH_BY:
                self._judged(record.step, decimal(_mapping(data.get("values")).get("notional")))
            case "effect.intent":
                self._intent(record, data["effect"])
            case "effect.outcome":
                self._outcome(data)
            case "signal" if "at" in data:
                self._at = _time(data["at"])

    def _judged(self, step: str | None, worth: Decimal | None) -> None:
        if self._worth[0] != step or self._worth[1] is None:
            self._worth = (step, worth)

    def _intent(self, record: Record, effect: Mapping[str, Any]) -> None:
        name, self._undo = effect["effect"], None
        if name in ("submit", "replace"):
            body, identity = _mapping(effect.get("body")), text(effect.get("client_order_id"))
            if identity is None or self._at is None:
                raise RecordError(Rule.SHAPE, f"the {name} does not say which order it is")
            self._own.add(identity)
            if effect.get("opens") is not False:
                self._undo = dict(self.orders)
                changed = self._seen.get(str(effect.get("order_id"))) if name == "replace" else None
                self._send(record, identity, {**(changed or {}), **body}, changed)
        if name in ("submit", "replace", "read_world"):
            self._worth = (None, None)  # the next order is judged anew

    def _send(
        self,
        record: Record,
        identity: str,
        terms: Mapping[str, Any],
        changed: Mapping[str, Any] | None,
    ) -> None:
        step, judged = self._worth
        worth = judged if step == record.step and judged is not None else _reckoned(terms)
        kept = {name: terms[name] for name in _NAMES if name in terms}
        assert self._at is not None
        sent = SentOrder(self._at, str(record.run), self._runbook, kept, worth)
        before = self.orders.pop(str((changed or {}).get("client_order_id")), None)
        if before is not None:
            sent = replace(sent, worth=_larger(before.worth, worth))
        self.orders.pop(identity, None)
        self.orders[identity] = sent

    def _outcome(self, data: Mapping[str, Any]) -> None:
        self._at = _time(data["at"])
        taken = _mapping(data.get("problem")).get("reason") == Reason.DUPLICATE_CLIENT_ORDER_ID
        if self._undo is not None and data["status"] in _NOT_SENT and not taken:
            self.orders = self._undo
        self._undo = None
        self._remember(data.get("data"))

    def _remember(self, told: Any) -> None:
        """This run's orders and their legs, wherever an outcome shows them."""
        pending = [(told, False)]
        while pending:
            value, own = pending.pop()
            if isinstance(value, dict):
                own = own or value.get("client_order_id") in self._own
                if own and isinstance(value.get("id"), str):
                    kept = ("client_order_id", *_NAMES)
                    self._seen[value["id"]] = {name: value.get(name) for name in kept}
                pending += [(inner, own) for inner in value.values() if inner]
            elif isinstance(value, list):
                pending += [(inner, own) for inner in value]


def _reckoned(terms: Mapping[str, Any]) -> Decimal | None:
    """What an order is worth by its own terms, where no guard said so: its amount in dollars, or
    what a buy costs at its limit. A sale may bring more than its limit, other orders have none."""
    amount = decimal(terms.get("notional"))
    if amount is not None:
        return amount
    symbol, qty, limit = text(terms.get("symbol")), decimal(terms.get("qty")), None
    if terms.get("side") == "buy":
        limit = decimal(terms.get("limit_price"))
    if symbol is None or qty is None or limit is None:
        return None
    return abs(qty * limit * (100 if is_option(symbol) else 1))


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The larger amount; None when one of them cannot be told."""
    return None if one is None or other is None else max(one, other)


def _time(said: Any) -> datetime:
    at = moment(said)
    if at is None:
        raise RecordError(Rule.SHAPE, f"{said!r} is not a moment")
    return at


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
