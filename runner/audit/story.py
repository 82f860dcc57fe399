"""A log as a person reads it: one line for each thing that happened, and one line for each run.

Reading only; what a record says is told in words, not judged. Text from a log may hold anything,
so everything that comes out of here has its control characters escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.audit.errors import LogDamaged
from runner.audit.log import iter_records
from runner.audit.records import Record
from runner.effects import EFFECTS

_ORDER_KEYS = ("side", "qty", "notional", "symbol", "type", "limit_price", "stop_price")


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a run's story. `at` is the run's clock, UTC, RFC 3339; `step` may be empty."""

    at: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """One run in one line. `orders` counts the orders sent, those of unknown fate included."""

    path: Path
    run: str
    started_at: str
    name: str
    target: str
    status: str
    exit_code: int | None
    orders: int

    def to_data(self) -> dict[str, Any]:
        return {
            "audit_log": str(self.path),
            "run_id": self.run,
            "started_at": self.started_at,
            "name": self.name,
            "target": self.target,
            "status": self.status,
            "exit_code": self.exit_code,
            "orders": self.orders,
        }


def tell(records: Iterable[Record], *, wire: bool = False) -> Iterator[Happening]:
    """The story of a run, in order; requests and answers only with `wire`.

    A read is told once, with its answer; a write twice, as intended and as answered.
    """
    at = ""
    effect: Mapping[str, Any] = {}
    for record in records:
        data = record.data
        if record.type == "run.started":
            at = str(data.get("started_at", ""))
        elif record.type == "effect.outcome":
            at = str(data.get("at", at))
        elif record.type == "effect.intent":
            effect = _mapping(data.get("effect"))
        if record.type.startswith("wire.") and not wire:
            continue
        if record.type == "effect.intent" and not _writes(effect):
            continue
        text = _text(record, effect)
        yield Happening(visible(at or record.ts), visible(record.step or ""), visible(text))


def summarize(path: Path) -> Summary:
    """One run in one line. `status` is the run's, or `open`, `empty`, `damaged` or `unreadable`."""
    header: Mapping[str, Any] = {}
    effect: Mapping[str, Any] = {}
    status, exit_code, began = "empty", None, ""
    orders: set[str] = set()
    try:
        for record in iter_records(path):
            status, exit_code = "open", None
            if record.type == "run.started":
                header, began = record.data, record.ts
            elif record.type == "effect.intent":
                effect = _mapping(record.data.get("effect"))
            elif record.type == "effect.outcome" and effect.get("effect") == "submit":
                if record.data.get("status") in ("ok", "unknown"):
                    orders.add(str(effect.get("client_order_id")))
            elif record.type == "run.finished":
                status = visible(str(record.data.get("status")))
                exit_code = record.data.get("exit_code")
    except LogDamaged:
        status = "damaged"
    except OSError:
        status = "unreadable"
    return Summary(
        path=path,
        run=visible(path.stem),
        started_at=visible(began),
        name=visible(str(_mapping(header.get("runbook")).get("name", ""))),
        target=visible(str(_mapping(header.get("target")).get("kind", ""))),
        status=status,
        exit_code=exit_code,
        orders=len(orders),
    )


def visible(text: str) -> str:
    """The text with every character that a terminal would obey, or hide, written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _text(record: Record, effect: Mapping[str, Any]) -> str:
    data = record.data
    match record.type:
        case "run.started":
            name = _mapping(data.get("runbook")).get("name")
            return f"run started: {name} on {_mapping(data.get('target')).get('kind')}"
        case "run.bound":
            return f"account: {_pairs(data)}"
        case "run.resumed":
            return f"run resumed on {_mapping(data.get('target')).get('kind')}"
        case "run.finished":
            return f"run finished: {data.get('status')}, exit code {data.get('exit_code')}"
        case "step.started":
            title = f"{data['name']}: " if data.get("name") else ""
            return f"{title}{data.get('action')}{_listed(data.get('args'))}"
        case "step.finished":
            error = f": {_value(data['error'])}" if data.get("error") else ""
            return f"{data.get('status')}{error}{_listed(data.get('outputs'))}"
        case "step.skipped":
            return f"skipped: {data.get('reason')}"
        case "decision":
            return f"{data.get('expression')} is {_value(data.get('verdict'))}{_inputs(data)}"
        case "guard":
            message = f", {data['message']}" if data.get("message") else ""
            judged = _listed(data.get("values"))
            return f"guard {data.get('guard')}: {data.get('verdict')}{message}{judged}"
        case "effect.intent":
            return f"intends to {_effect(effect)}"
        case "effect.outcome":
            return _outcome(data, effect)
        case "wire.request":
            body = f" {data['body']}" if data.get("body") else ""
            return f"> {data.get('method')} {data.get('url')}{body}"
        case "wire.response":
            if "error" in data:
                return f"< no answer: {_value(data['error'])}"
            return f"< {data.get('status')} {data.get('body')}"
        case "signal":
            return f"signal {data.get('name')}"
        case "log.recovered":
            return f"a line cut off by a crash was set aside ({data.get('bytes')} bytes)"
        case _:
            return f"{record.type} {_pairs(data)}".rstrip()


def _outcome(data: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    parts = [f"{effect.get('effect')}: {data.get('status')}"]
    problem = _mapping(data.get("problem"))
    if problem:
        parts.append(f"{problem.get('reason')}: {problem.get('message')}")
    parts += [_order(order) for order in _orders(_mapping(data.get("data")))]
    if data.get("interrupt"):
        parts.append(f"interrupted by {data['interrupt']}")
    return ", ".join(parts)


def _orders(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The orders that an outcome is about: the one it is, or those that changed."""
    if "filled_qty" in data:
        return [data]
    changed = data.get("orders")
    found = changed.values() if isinstance(changed, dict) else changed
    return [_mapping(order) for order in found] if isinstance(found, Iterable) else []


def _order(order: Mapping[str, Any]) -> str:
    price = order.get("filled_avg_price")
    return (
        f"order {str(order.get('id'))[:8]} {order.get('side')} {order.get('symbol')} "
        f"{order.get('status')}, filled {order.get('filled_qty')} of {order.get('qty')}"
        + (f" at {price}" if price else "")
    )


def _effect(effect: Mapping[str, Any]) -> str:
    body = _mapping(effect.get("body"))
    known = {key: effect[key] for key in effect if key not in ("effect", "body")}
    if effect.get("effect") == "submit" and body:
        order = " ".join(_value(body[key]) for key in _ORDER_KEYS if body.get(key) is not None)
        return f"submit {order} as {effect.get('client_order_id')}"
    return f"{effect.get('effect')} {_pairs(known)} {_pairs(body)}".rstrip()


def _inputs(decision: Mapping[str, Any]) -> str:
    values = decision.get("values")
    named = [_mapping(each) for each in values] if isinstance(values, list) else []
    return _listed({str(each.get("name")): each.get("value") for each in named})


def _listed(data: Any) -> str:
    pairs = _pairs(_mapping(data))
    return f" ({pairs})" if pairs else ""


def _writes(effect: Mapping[str, Any]) -> bool:
    known = EFFECTS.get(str(effect.get("effect")))
    return known is None or known.writes


def _pairs(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_value(value)}" for key, value in data.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + _pairs(value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
