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
            error = f": {_error(data['error'])}" if data.get("error") else ""
            return f"{data.get('status')}{error}{_listed(data.get('outputs'))}"
        case "step.skipped":
            return f"skipped: {data.get('reason')}"
        case "effect.reconciled":
            return _reconciled(data)
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


def _error(error: Any) -> str:
    """What went wrong, and what the broker said of it where the message does not."""
    if not isinstance(error, dict) or not error.get("message"):
        return _value(error)
    message = str(error["message"])
    broker = _mapping(error.get("broker"))
    said = str(broker.get("message") or "")
    facts = [f"HTTP {broker['status']}"] if broker.get("status") is not None else []
    facts += [f"code {broker['code']}"] if broker.get("code") is not None else []
    told = _mapping(broker.get("extra")).items()
    facts += [f"{key} {_value(value)}" for key, value in told if f"{key} {value}" not in message]
    words = "" if said in message else said
    if facts:
        words = f"{words} ({', '.join(facts)})".lstrip()
    return f"{message}. The broker said: {words}" if words else message


def _reconciled(data: Mapping[str, Any]) -> str:
    """What a resume found of the run's orders, and whether the steps go on."""
    orders, problems = data.get("orders"), data.get("problems")
    rows = [_mapping(one) for one in orders] if isinstance(orders, list) else []
    told = [
        f"{one.get('client_order_id')} {one.get('status')}, filled {_value(one.get('filled_qty'))}"
        for one in rows
    ]
    found = f"orders read again: {'; '.join(told) or 'none'}"
    said = [str(one) for one in problems] if isinstance(problems, list) else []
    if data.get("goes_on") is not True:
        return f"{found}; the steps do not go on: {'; '.join(said)}"
    return f"{found}; the run goes on" + (f" although {'; '.join(said)}" if said else "")


def _outcome(data: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    if data.get("status") == "ok" and effect.get("effect") in ("ask_person", "notify"):
        said = _said(_mapping(data.get("data")), effect)
        return f"{said}, interrupted by {data['interrupt']}" if data.get("interrupt") else said
    parts = [f"{effect.get('effect')}: {data.get('status')}"]
    problem = _mapping(data.get("problem"))
    if problem:
        parts.append(f"{problem.get('reason')}: {problem.get('message')}")
    parts += [_order(order) for order in _orders(_mapping(data.get("data")))]
    if data.get("interrupt"):
        parts.append(f"interrupted by {data['interrupt']}")
    return ", ".join(parts)


def _said(data: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    """What a person was asked or told, and what came of it."""
    why = f": {data['why']}" if data.get("why") else ""
    if effect.get("effect") == "notify":
        arrived = f"told {data.get('to')}" if data.get("delivered") is True else "not delivered"
        return f"message {_quoted(effect.get('message'))}, {arrived}{why}"
    verdict = "approved" if data.get("approved") is True else "not approved"
    by = f" by {data['by']}" if data.get("by") else ""
    return f"asked {_quoted(effect.get('question'))}, {verdict}{by}{why}"


def _quoted(text: Any) -> str:
    return f'"{text}"'


def _orders(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The orders that an outcome is about: the one it is, or those that changed."""
    if "filled_qty" in data:
        return [data]
    changed = data.get("orders")
    found = changed.values() if isinstance(changed, dict) else changed
    return [_mapping(order) for order in found] if isinstance(found, Iterable) else []


def _order(order: Mapping[str, Any]) -> str:
    price, notional = order.get("filled_avg_price"), order.get("notional")
    named = [_short(order.get("id")), order.get("side"), order.get("symbol"), order.get("status")]
    of = order.get("qty") or (f"${notional}" if notional else "all")
    text = f"order {' '.join(str(one) for one in named if one)}"
    text += f", filled {_value(order.get('filled_qty'))} of {of}"
    text += f" at {price}" if price else ""
    if order.get("replaces"):
        text += f", in place of {_short(order['replaces'])}"
    if order.get("replaced_by"):
        text += f", goes on as {_short(order['replaced_by'])}"
    legs = order.get("legs")
    found = [_order(_mapping(leg)) for leg in legs] if isinstance(legs, list) else []
    return text + (f" [{'; '.join(found)}]" if found else "")


def _short(order_id: Any) -> str:
    return str(order_id)[:8]


def _effect(effect: Mapping[str, Any]) -> str:
    body = _mapping(effect.get("body"))
    known = {key: effect[key] for key in effect if key not in ("effect", "body")}
    if effect.get("effect") == "submit" and body:
        order = " ".join(_value(body[key]) for key in _ORDER_KEYS if body.get(key) is not None)
        return f"submit {order} as {effect.get('client_order_id')}"
    if effect.get("effect") == "replace":
        changes = _pairs({key: body[key] for key in body if key != "client_order_id"})
        into = f"to {changes or 'nothing'} as {effect.get('client_order_id')}"
        return f"change order {_short(effect.get('order_id'))} {into}"
    if effect.get("effect") == "cancel":
        return f"cancel order {_short(effect.get('order_id'))}"
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
