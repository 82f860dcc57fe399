"""The rules of a run's log beyond its chain: what no true run can have recorded.

Each rule watches the records go by, in order, and says what breaks it. A rule is shown only
records whose data has the shape of its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from runner.audit.canonical import digest
from runner.audit.records import Record, Rule
from runner.effects import EFFECTS

DATA_URL = "https://data.alpaca.markets"
"""Alpaca's market data, for paper and live alike. Source: Alpaca docs, 2026-11."""

_REQUESTS = {
    "submit": ("POST", "/v2/orders"),
    "replace": ("PATCH", "/v2/orders/{order_id}"),
    "cancel": ("DELETE", "/v2/orders/{order_id}"),
}
"""The one request that each writing effect makes."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


class Watch(Protocol):
    """One rule at work on one log."""

    rule: Rule

    def see(self, record: Record) -> Iterator[str]:
        """What is wrong with this record after those before it."""

    def end(self) -> Iterator[str]:
        """What is wrong with the log as a whole."""


def rules() -> list[Watch]:
    """Every rule, fresh, for one log."""
    return [Order(), Intents(), Fills(), Target()]


class Order:
    """A log starts with `run.started`, belongs to one run, and ends with `run.finished`."""

    rule = Rule.ORDER

    def __init__(self) -> None:
        self._run: str | None = None
        self._previous: str | None = None

    def see(self, record: Record) -> Iterator[str]:
        if self._previous is None:
            self._run = record.run
            if record.type != "run.started":
                yield f"the first record is {record.type}, not run.started"
        elif record.type == "run.started":
            yield "a second run.started: two runs in one log"
        if record.run is None or record.run != self._run:
            yield f"the record belongs to run {record.run}, the log to {self._run}"
        if self._previous == "run.finished" and record.type not in ("run.resumed", "log.recovered"):
            yield f"{record.type} after run.finished, and no run.resumed between them"
        if not (self._previous == "run.finished" and record.type == "log.recovered"):
            self._previous = record.type

    def end(self) -> Iterator[str]:
        return iter(())


class Intents:
    """Nothing was done that no intent announced, and a finished run leaves no intent open."""

    rule = Rule.INTENT

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[str, Any] | None = None
        self._requests: set[tuple[int, int]] = set()
        self._written = False  # under the open intent
        self._finished: str | None = None

    def see(self, record: Record) -> Iterator[str]:
        data = record.data
        self._finished = data["status"] if record.type == "run.finished" else None
        if record.type == "effect.intent":
            yield from self._intent(data)
        elif record.type == "effect.outcome":
            yield from self._outcome(data)
        elif record.type == "wire.request":
            yield from self._request(data)
        elif record.type == "wire.response":
            if (data["n"], data["attempt"]) not in self._requests:
                yield f"an answer to attempt {data['attempt']} of {data['n']}, which was never sent"
        elif record.type == "effect.unknown" and data["n"] > self._last:
            yield f"{record.type} of {data['n']}, which no intent announced"

    def end(self) -> Iterator[str]:
        if self._finished is None or self._open is None:
            return
        if self._open["effect"]["effect"] == "suspend" and self._finished == "unknown":
            return  # the one effect that only a resume answers
        yield f"the run finished with intent {_name(self._open)} unanswered"

    def _intent(self, data: dict[str, Any]) -> Iterator[str]:
        if data["n"] != self._last + 1:
            yield f"intent {data['n']} follows intent {self._last}"
        if self._open is not None:
            yield f"intent {_name(data)} while {_name(self._open)} has no outcome"
        if digest(data["effect"]) != data["digest"]:
            yield f"the digest of intent {data['n']} is not that of its effect"
        self._last, self._open, self._written = data["n"], data, False
        self._requests.clear()

    def _outcome(self, data: dict[str, Any]) -> Iterator[str]:
        if self._open is None or data["n"] != self._open["n"]:
            yield f"an outcome of {data['n']}, and no intent {data['n']} is open"
        else:
            self._open = None

    def _request(self, data: dict[str, Any]) -> Iterator[str]:
        self._requests.add((data["n"], data["attempt"]))
        reads = data["method"] == "GET"
        if data["n"] == 0 and reads:
            return
        if self._open is None or data["n"] != self._open["n"]:
            yield f"{data['method']} {data['url']} was sent, and no intent announced it"
        elif not reads:
            yield from _unannounced(data, self._open["effect"])
            if self._written:
                yield f"{data['method']} {data['url']} was sent a second time under one intent"
            self._written = True


class Fills:
    """What an order has filled never becomes less, and the result counts no more of it."""

    rule = Rule.FILLS

    def __init__(self) -> None:
        self._filled: dict[str, Decimal] = {}  # by order
        self._named: dict[str, set[str]] = {}  # orders by client order id
        self._untold: set[str] = set()  # orders that were shown without how much was filled

    def see(self, record: Record) -> Iterator[str]:
        if record.type == "run.finished":
            yield from self._counted_twice(record.data["result"])
        if record.type != "effect.outcome":
            return
        seen: dict[str, Decimal] = {}
        for order in _orders(record.data.get("data")):
            self._named.setdefault(str(order.get("client_order_id")), set()).add(order["id"])
            if not isinstance(order.get("filled_qty"), str):
                self._untold.add(order["id"])
                continue
            filled = _quantity(order["filled_qty"])
            if filled is None:
                yield f"order {order['id']}: filled_qty {order['filled_qty']!r} is not a number"
                continue
            before = self._filled.get(order["id"], Decimal(0))
            if filled < before:
                yield f"order {order['id']}: {filled} filled, after {before} were"
            # Within one outcome the order of reading is not recorded: only the most counts.
            seen[order["id"]] = max(filled, before, seen.get(order["id"], before))
        self._filled.update(seen)

    def _counted_twice(self, result: dict[str, Any]) -> Iterator[str]:
        """Orders of which the result counts more than the broker said, those included that they
        replaced."""
        for order in result.get("orders") or []:
            names = [order.get("client_order_id"), *(order.get("replaces") or [])]
            ids = {one for name in names for one in self._named.get(str(name), ())}
            said = sum((self._filled.get(one, Decimal(0)) for one in ids), Decimal(0))
            counted = _quantity(str(order.get("filled_qty")))
            if ids and not ids & self._untold and counted is not None and counted > said:
                yield f"the result counts {counted} of order {names[0]} as filled; {said} were"

    def end(self) -> Iterator[str]:
        return iter(())


class Target:
    """One run has one broker, one kind of money and one account, resumes included."""

    rule = Rule.TARGET

    def __init__(self) -> None:
        self._target: dict[str, Any] | None = None
        self._accounts: dict[str, str] = {}

    def see(self, record: Record) -> Iterator[str]:
        if record.type in ("run.started", "run.resumed"):
            yield from self._turn(record.data["target"])
        elif record.type == "run.bound":
            yield from self._bind(record.data)
        elif record.type == "wire.request" and self._target is not None:
            yield from _stray(record.data, self._target)

    def end(self) -> Iterator[str]:
        return iter(())

    def _turn(self, target: dict[str, Any]) -> Iterator[str]:
        first, self._target = self._target, target
        if first is None:
            return
        if target["kind"] != first["kind"]:
            yield f"a run that started on {first['kind']} goes on on {target['kind']}"
        elif target["kind"] != "sim" and target["base_url"] != first["base_url"]:
            yield f"a run that started at {first['base_url']} goes on at {target['base_url']}"

    def _bind(self, data: dict[str, Any]) -> Iterator[str]:
        for key in ("account_id", "account_number"):
            account = data.get(key)
            if account is None:
                continue
            before = self._accounts.setdefault(key, account)
            if account != before:
                yield f"a run of account {before} goes on with account {account}"


def _name(intent: dict[str, Any]) -> str:
    return f"{intent['n']} ({intent['effect']['effect']})"


def _unannounced(request: dict[str, Any], effect: dict[str, Any]) -> Iterator[str]:
    """How a writing request differs from the effect that announced it."""
    known = EFFECTS.get(effect["effect"])
    if known is not None and not known.writes:
        yield f"{request['method']} {request['url']} under an intent that only reads"
        return
    if effect["effect"] not in _REQUESTS:
        return
    method, path = _REQUESTS[effect["effect"]]
    path = path.format(order_id=effect.get("order_id"))
    if request["method"] != method or not urlsplit(request["url"]).path.endswith(path):
        yield (
            f"{request['method']} {request['url']} was sent; its intent announced {method} {path}"
        )
    if effect["effect"] == "cancel":
        return
    sent = _client_order_id(request["body"])
    if sent == effect.get("client_order_id"):
        if _content(request["body"]) != effect.get("body"):
            yield f"order {sent} was sent otherwise than its intent announced: {request['body']}"
    else:
        yield (
            f"an order was sent as {sent or 'no client order id'}; its intent announced "
            f"{effect.get('client_order_id')}"
        )


def _content(body: str | None) -> Any:
    try:
        return orjson.loads(body or "null")
    except orjson.JSONDecodeError:
        return None


def _client_order_id(body: str | None) -> str | None:
    content = _content(body)
    found = content.get("client_order_id") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None


def _stray(request: dict[str, Any], target: dict[str, Any]) -> Iterator[str]:
    """Whether a request left for another place than the run's target."""
    reached = _origin(request["url"])
    allowed = {_origin(target["base_url"])}
    if request["method"] == "GET":
        if "data_url" in target:
            allowed.add(_origin(target["data_url"]))
        elif target["kind"] in ("paper", "live"):
            allowed.add(_origin(DATA_URL))
    if reached not in allowed:
        yield (
            f"{request['method']} {request['url']} went elsewhere than the run's target "
            f"{target['kind']} at {target['base_url']}"
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None


def _quantity(text: str) -> Decimal | None:
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        return None
    return quantity if quantity.is_finite() else None


def _orders(value: Any) -> Iterator[dict[str, Any]]:
    """Every order object anywhere in an outcome's data, legs included."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            if isinstance(current.get("id"), str) and {"side", "status"} <= current.keys():
                yield current
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
