"""One point of a replay for a person: where in the runbook, what was said, and what was known.

Everything comes from a log, so everything is made visible here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.audit.story import effect_in_words, outcome_in_words, value_in_words, visible
from runner.drive.walking import Known, Point
from runner.language.runbook import Runbook
from runner.language.values import written
from runner.report.audit_show import hanging
from runner.report.run_text import cut, money
from runner.report.source_lines import excerpt

_LABEL = 9
_LONGEST_ANSWER = 400
"""Characters of an answer that are shown; `--json` has all of it."""


def point_lines(
    point: Point, runbook: Runbook, width: int, before: Known | None = None
) -> Iterator[str]:
    """One point. What was known is left out where it is `before`, what was known before it."""
    record = f"record {point.record}" if point.record else "not in the log"
    where = f" · {visible(point.step)}" if point.step else ""
    yield f"[{point.number}] {record} · {point.at[11:23]}{where}"
    if point.span is not None:
        yield from excerpt(runbook.source, point.span, width)
    yield from _said(point, width)
    if before is not None and point.known is before:
        yield f"{'known':<{_LABEL}} as before"
        return
    yield from _known(point.known, runbook, width)


def _said(point: Point, width: int) -> Iterator[str]:
    said = point.said
    if point.kind == "effect":
        yield from _labelled("asked", effect_in_words(said), width)
        yield from _outcome(point, width)
    elif point.kind == "guard":
        for guard in point.guards:
            message = f": {guard.get('message')}" if guard.get("message") else ""
            text = f"{guard.get('verdict')} {guard.get('guard')}{message}"
            yield from _labelled("guard", text, width)
    elif point.kind == "decision":
        text = f"{said.get('about') or 'condition'} = {value_in_words(said.get('verdict'))}"
        yield from _labelled("decided", text, width)
        yield from _labelled("", f"= {said.get('expression')}", width)
        values = said.get("values")
        for one in values if isinstance(values, list) else []:
            yield from _labelled("", _named(one), width)
    else:
        yield from _labelled("said", _event(point), width)


def _named(value: Any) -> str:
    if not isinstance(value, Mapping):
        return value_in_words(value)
    return f"{value.get('name')} = {value_in_words(value.get('value'))}"


def _outcome(point: Point, width: int) -> Iterator[str]:
    if point.outcome is None:
        yield from _labelled("told", "the log does not say what became of it", width)
        return
    words = outcome_in_words(point.outcome, point.said)
    record = f" (record {point.told})" if point.told else ""
    yield from _labelled("told", words + record, width)
    data = point.outcome.get("data")
    if data and point.said.get("effect") not in ("submit", "replace", "await_change"):
        yield from _labelled("", cut(value_in_words(data), _LONGEST_ANSWER), width)


def _event(point: Point) -> str:
    said = point.said
    match point.kind:
        case "step.started":
            return f"step began: {said.get('action')} {value_in_words(said.get('args'))}"
        case "step.finished":
            return f"step {said.get('status')}: {value_in_words(said.get('outputs'))}"
        case "step.skipped":
            return f"step skipped: {said.get('reason')}"
        case _:
            return f"{point.kind} {value_in_words(dict(said))}"


def _known(known: Known, runbook: Runbook, width: int) -> Iterator[str]:
    params = ", ".join(
        f"{name} {value_in_words(written(one.value))}" for name, one in runbook.params.items()
    )
    yield from _labelled("known", f"params: {params or 'none'}", width)
    for step, values in known.outputs.items():
        told = ", ".join(f"{name} {value}" for name, value in values.items())
        yield from _labelled("", f"steps.{step}: {told or 'no outputs'}", width)
    for order in known.orders:
        yield from _labelled("", f"order {_order(order)}", width)
    if known.sent or known.orders:
        what = "opening order" if known.sent == 1 else "opening orders"
        yield from _labelled("", f"sent: {known.sent} {what}, ${money(known.notional)}", width)
    for symbol, qty in known.held.items():
        yield from _labelled("", f"position by this run's fills: {qty} {symbol}", width)


def _order(order: Mapping[str, Any]) -> str:
    size = order.get("qty") or (f"${order['notional']}" if order.get("notional") else None)
    parts = [order.get("side"), size, order.get("symbol"), order.get("type")]
    named = " ".join(str(one) for one in parts if one)
    price = order.get("filled_avg_price")
    filled = f"{order.get('filled_qty')} filled" + (f" at {price}" if price else "")
    leg = ", a leg" if order.get("leg") else ""
    return f"{named}: {order.get('status')}, {filled}{leg} ({order.get('client_order_id')})"


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    yield from hanging(visible(text), f"{label:<{_LABEL}} ", width)
