"""One run for a person: a table of its steps, or everything that happened, in order.

Everything comes from a log, so everything is made visible here. Lines are at most `width` columns,
but for a word that is longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.audit.outline import Outline, StepRow
from runner.audit.sent import SeenOrder, mapping
from runner.audit.story import Happening, value_in_words, visible
from runner.report.audit_list import server
from runner.report.run_text import average, columns, money, pad, wrap
from runner.world import decimal

_UNDER = "    "
_WIDEST_PATH = 24


def overview(run: Outline, run_id: str, width: int) -> Iterator[str]:
    """The run, its steps with outputs and orders, and its money."""
    yield from _head(run, run_id, width)
    steps = list(run.steps.values())
    if steps:
        yield ""
        yield from step_table(run, steps, width)
    yield ""
    yield from _totals(run, width)


def step_table(run: Outline, steps: Iterable[StepRow], width: int) -> Iterator[str]:
    """The steps of a run, and below each what it gave, what went wrong and what it sent."""
    rows = list(steps)
    room = min(max((columns(visible(row.path)) for row in rows), default=4), _WIDEST_PATH)
    yield f"{pad('STEP', room)}  {'STATUS':<8}  WHAT"
    for row in rows:
        lead = f"{pad(visible(row.path), room)}  {visible(row.status):<8}  "
        what = visible(_what(row))
        yield from hanging(what, lead, width)
        under = " " * (room + 2)
        for text in _below(run, row):
            yield from wrap(visible(text), width, under)


def story(happenings: Iterable[Happening], width: int) -> Iterator[str]:
    """What happened, in order; TIME is the run's own clock, UTC."""
    told = list(happenings)
    steps = min(max((columns(each.step) for each in told), default=0), _WIDEST_PATH)
    steps = max(steps, 4)
    yield f"{'TIME':<12}  {pad('STEP', steps)}  WHAT HAPPENED"
    day = ""
    for each in told:
        if each.at[:10] != day:
            day = each.at[:10]
            yield day
        lead = f"{each.at[11:23]:<12}  {pad(each.step, steps)}  "
        yield from hanging(each.text, lead, width, 12 + 2 + steps + 2)


def hanging(text: str, lead: str, width: int, under: int | None = None) -> Iterator[str]:
    """Text behind a lead, its further lines indented as far as the lead, or as `under` says."""
    indent = " " * (columns(lead) if under is None else under)
    room = max(width - columns(lead), 10)
    lines = wrap(text, room)
    yield f"{lead}{lines[0]}".rstrip()
    rest = text[len(lines[0]) :].lstrip() if len(lines) > 1 else ""
    if rest:
        yield from wrap(rest, width, indent)


def order_in_words(order: SeenOrder) -> str:
    """What an order was for, under which id, what became of it."""
    terms = order.terms
    size = terms.get("qty") or (f"${terms['notional']}" if "notional" in terms else "")
    prices = [
        f"{key.removesuffix('_price')} {terms[key]}"
        for key in ("stop_price", "limit_price")
        if key in terms
    ]
    prices = prices or [terms.get("type", "")]
    named = [terms.get("side"), size, terms.get("symbol")]
    leg = " (leg)" if order.leg_of else ""
    text = " ".join(one for one in (*named, *prices) if one) + leg
    filled = decimal(terms.get("filled_qty"))
    said = order.status + (f", {order.reason}" if order.reason else "")
    if filled:
        at = terms.get("filled_avg_price")
        said += f", {terms['filled_qty']} filled" + (f" at {average(at)}" if at else "")
        said += "" if order.dollars is None else f" (${money(f'{order.dollars:.2f}')})"
    return f"order {order.client_order_id}: {text}: {said}"


def _head(run: Outline, run_id: str, width: int) -> Iterator[str]:
    header = run.header
    target = mapping(header.get("target"))
    kind = str(target.get("kind", ""))
    on = f"url {server(str(target.get('base_url', '')))}" if kind == "url" else kind
    name = mapping(header.get("runbook")).get("name", "")
    ended = run.finished
    how = f"{ended.get('status')}, exit code {ended.get('exit_code')}" if ended else "open"
    yield from wrap(visible(f"{name} on {on}: {how}"), width)
    yield visible(f"run {run_id}")
    began = header.get("started_at", "")
    yield visible(f"started {_second(run.started)} UTC; by the run's clock {_second(str(began))}")
    if run.bound:
        yield from wrap(visible(f"account {run.bound.get('account_number', '')}"), width)
    params = mapping(header.get("params"))
    if params:
        given = ", ".join(f"{name} {value}" for name, value in params.items())
        yield from wrap(visible(f"parameters: {given}"), width)


def _what(row: StepRow) -> str:
    named = f"{row.name} ({row.action})" if row.name else row.action or "(did not begin)"
    return f"{named} as {row.id}" if row.id else named


def _below(run: Outline, row: StepRow) -> Iterator[str]:
    if row.reason:
        yield row.reason
    if row.error:
        error = row.error
        message = error.get("message") if isinstance(error, Mapping) else error
        yield f"error: {message}"
    if row.outputs:
        yield ", ".join(f"{name} {value_in_words(value)}" for name, value in row.outputs.items())
    for order in run.sent.of_step(row.path):
        yield order_in_words(order)


def _totals(run: Outline, width: int) -> Iterator[str]:
    result = mapping(run.finished.get("result"))
    for side, word in (("buy", "bought"), ("sell", "sold")):
        orders = [one for one in run.orders if one.terms.get("side") == side]
        filled = [one for one in orders if decimal(one.terms.get("filled_qty"))]
        untold = any(one.dollars is None for one in filled)
        total = sum(one.dollars or 0 for one in filled)
        amount = "an amount that cannot be told" if untold else f"${money(f'{total:.2f}')}"
        yield f"{word} {amount}" + (f" in {_several(len(filled))}" if filled else "")
    if not run.finished:
        live = [one.client_order_id for one in run.orders if one.may_be_live]
        yield from wrap(visible(f"not finished; may be live: {', '.join(live) or 'none'}"), width)
        return
    held = [
        f"{one.get('run_qty')} {one.get('symbol')}, {one.get('protected_qty')} protected"
        for one in map(mapping, _list(result.get("positions")))
        if decimal(one.get("run_qty")) != 0
    ]
    left = [*held, *(f"order {one}" for one in _list(result.get("open_orders")))]
    yield from wrap(visible(f"left open at its end: {'; '.join(left) or 'nothing'}"), width)
    error = mapping(result.get("error"))
    if error:
        yield from wrap(visible(f"ended by: {error.get('message')}"), width)


def _several(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _second(moment: str) -> str:
    return moment[:19].replace("T", " ")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
