"""A log as a person reads it: one line for each thing that happened.

Reading only; what a record says is told in words, not judged. Text from a log may hold anything,
so everything that comes out of here has its control characters escaped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.audit.records import Record
from runner.audit.sent import mapping
from runner.effects import EFFECTS

_ORDER_KEYS = ("side", "qty", "notional", "symbol", "type", "limit_price", "stop_price")


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a run's story. `at` is the run's clock, UTC, RFC 3339; `step` may be empty."""

    at: str
    step: str
    text: str


def tell(
    records: Iterable[Record], *, wire: bool = False, steps: Collection[str] | None = None
) -> Iterator[Happening]:
    """The story of a run, in order, or of the steps of some paths; requests and answers only with
    `wire`.

    A read is told once, with its answer; a write twice, as intended and as answered.
    """
    at = asked_by = ""
    effect: Mapping[str, Any] = {}
    for record in records:
        data = record.data
        if record.type == "run.started":
            at = str(data.get("started_at", ""))
        elif record.type == "effect.outcome":
            at = str(data.get("at", at))
        elif record.type == "effect.intent":
            effect, asked_by = mapping(data.get("effect")), record.step or ""
        wired = record.type.startswith("wire.")
        step = asked_by if wired else record.step or ""
        if (wired and not wire) or (steps is not None and step not in steps):
            continue
        if record.type == "heartbeat":
            continue
        if record.type == "effect.intent" and not _writes(effect):
            continue
        text = _text(record, effect)
        yield Happening(visible(at or record.ts), visible(step), visible(text))


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
            name = mapping(data.get("runbook")).get("name")
            return f"run started: {name} on {_target(data)}"
        case "run.bound":
            return f"account: {_pairs(data)}"
        case "run.resumed":
            return f"run resumed on {_target(data)}"
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
            return (
                f"{data.get('expression')} is {value_in_words(data.get('verdict'))}{_inputs(data)}"
            )
        case "guard":
            message = f", {data['message']}" if data.get("message") else ""
            judged = _listed(data.get("values"))
            return f"guard {data.get('guard')}: {data.get('verdict')}{message}{judged}"
        case "effect.intent":
            return f"intends to {effect_in_words(effect)}"
        case "effect.outcome":
            return outcome_in_words(data, effect)
        case "wire.request":
            body = f" {data['body']}" if data.get("body") else ""
            return f"> {data.get('method')} {data.get('url')}{body}"
        case "wire.response":
            if "error" in data:
                return f"< no answer: {value_in_words(data['error'])}"
            return f"< {data.get('status')} {data.get('body')}"
        case "signal":
            return f"signal {data.get('name')}"
        case "log.recovered":
            return f"a line cut off by a crash was set aside ({data.get('bytes')} bytes)"
        case _:
            return f"{record.type} {_pairs(data)}".rstrip()


def _target(data: Mapping[str, Any]) -> str:
    """Where a run went; of a URL, which."""
    target = mapping(data.get("target"))
    return f"{target.get('base_url') if target.get('kind') == 'url' else target.get('kind')}"


def _error(error: Any) -> str:
    """What went wrong, and what the broker said of it where the message does not."""
    if not isinstance(error, dict) or not error.get("message"):
        return value_in_words(error)
    message = str(error["message"])
    broker = mapping(error.get("broker"))
    said = str(broker.get("message") or "")
    facts = [f"HTTP {broker['status']}"] if broker.get("status") is not None else []
    facts += [f"code {broker['code']}"] if broker.get("code") is not None else []
    told = mapping(broker.get("extra")).items()
    facts += [
        f"{key} {value_in_words(value)}" for key, value in told if f"{key} {value}" not in message
    ]
    words = "" if said in message else said
    if facts:
        words = f"{words} ({', '.join(facts)})".lstrip()
    return f"{message}. The broker said: {words}" if words else message


def _reconciled(data: Mapping[str, Any]) -> str:
    """What a resume found of the run's orders, and whether the steps go on."""
    orders, problems = data.get("orders"), data.get("problems")
    rows = [mapping(one) for one in orders] if isinstance(orders, list) else []
    told = [
        f"{one.get('client_order_id')} {one.get('status')}, filled {_filled(one)}" for one in rows
    ]
    found = f"orders read again: {'; '.join(told) or 'none'}"
    said = [str(one) for one in problems] if isinstance(problems, list) else []
    if data.get("goes_on") is not True:
        return f"{found}; the steps do not go on: {'; '.join(said)}"
    return f"{found}; the run goes on" + (f" although {'; '.join(said)}" if said else "")


def _filled(order: Mapping[str, Any]) -> str:
    return value_in_words(order.get("filled_qty"))


def outcome_in_words(data: Mapping[str, Any], effect: Mapping[str, Any]) -> str:
    """What became of an effect, as its record says: its status, why not, and the orders in it."""
    if data.get("status") == "ok" and effect.get("effect") in ("ask_person", "notify"):
        said = _said(mapping(data.get("data")), effect)
        return f"{said}, interrupted by {data['interrupt']}" if data.get("interrupt") else said
    parts = [f"{effect.get('effect')}: {data.get('status')}"]
    problem = mapping(data.get("problem"))
    if problem:
        parts.append(f"{problem.get('reason')}: {problem.get('message')}")
    told = mapping(data.get("data"))
    if effect.get("effect") == "read_history" and told:
        count = len(told.get("orders") or [])
        parts.append(f"orders of other runs: {count or 'none'}")
    else:
        parts += [_order(order) for order in _orders(told)]
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
    return [mapping(order) for order in found] if isinstance(found, Iterable) else []


def _order(order: Mapping[str, Any]) -> str:
    price, notional = order.get("filled_avg_price"), order.get("notional")
    named = [_short(order.get("id")), order.get("side"), order.get("symbol"), order.get("status")]
    of = order.get("qty") or (f"${notional}" if notional else "all")
    text = f"order {' '.join(str(one) for one in named if one)}"
    text += f", filled {_filled(order)} of {of}"
    text += f" at {price}" if price else ""
    if order.get("replaces"):
        text += f", in place of {_short(order['replaces'])}"
    if order.get("replaced_by"):
        text += f", goes on as {_short(order['replaced_by'])}"
    legs = order.get("legs")
    found = [_order(mapping(leg)) for leg in legs] if isinstance(legs, list) else []
    return text + (f" [{'; '.join(found)}]" if found else "")


def _short(order_id: Any) -> str:
    return str(order_id)[:8]


def effect_in_words(effect: Mapping[str, Any]) -> str:
    """What an effect asks for, from its canonical form."""
    body = mapping(effect.get("body"))
    known = {key: effect[key] for key in effect if key not in ("effect", "body")}
    if effect.get("effect") == "submit" and body:
        order = " ".join(
            value_in_words(body[key]) for key in _ORDER_KEYS if body.get(key) is not None
        )
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
    named = [mapping(each) for each in values] if isinstance(values, list) else []
    return _listed({str(each.get("name")): each.get("value") for each in named})


def _listed(data: Any) -> str:
    pairs = _pairs(mapping(data))
    return f" ({pairs})" if pairs else ""


def _writes(effect: Mapping[str, Any]) -> bool:
    known = EFFECTS.get(str(effect.get("effect")))
    return known is None or known.writes


def _pairs(data: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {value_in_words(value)}" for key, value in data.items() if value is not None
    )


def value_in_words(value: Any) -> str:
    """A value of a record on one line, as text: null as `none`, lists and objects in brackets."""
    if isinstance(value, dict):
        return "{" + _pairs(value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(value_in_words(inner) for inner in value) + "]"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
