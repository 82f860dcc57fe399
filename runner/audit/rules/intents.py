"""Nothing happens that no intent announced, and what happens is what was announced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import orjson

from runner.audit.canonical import digest
from runner.audit.records import Record, Rule
from runner.audit.rules.watch import Orders, Watch
from runner.effects import EFFECTS

_REQUESTS = {
    "submit": ("POST", "/v2/orders"),
    "replace": ("PATCH", "/v2/orders/{order_id}"),
    "cancel": ("DELETE", "/v2/orders/{order_id}"),
}
"""The one request that each writing effect makes."""


class Intents(Watch):
    """Nothing was done that no intent announced, and a finished run leaves no intent open."""

    rule = Rule.INTENT
    types = (
        "effect.intent",
        "effect.outcome",
        "effect.unknown",
        "wire.request",
        "wire.response",
        "run.finished",
        "run.resumed",
    )

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[str, Any] | None = None
        self._requests: set[tuple[int, int]] = set()
        self._written = False  # under the open intent
        self._finished: str | None = None

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
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
