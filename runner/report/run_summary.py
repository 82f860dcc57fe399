"""What a run came to, for a person: its orders, positions, what went wrong, and what to do.

The last line says what is live, always. Numbers are as the broker wrote them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runner.machine.result import Result
from runner.report.diagnostics import visible
from runner.report.run_text import columns, money, pad, paint, wrap
from runner.report.run_words import WORD_STYLES, broker_in_words, order_in_words
from runner.world import decimal

INDENT = "  "
NONE = "-"
Line = tuple[str, str]  # text and style


class Concluded(Protocol):
    """What is known of a run that has ended, besides its result. `About` is one."""

    @property
    def simulated(self) -> bool: ...
    @property
    def log(self) -> Path: ...

    def where(self, path: str) -> str: ...


@dataclass(frozen=True, slots=True)
class WithoutSteps:
    """A run that was stopped without its runbook."""

    simulated: bool
    log: Path

    def where(self, path: str) -> str:
        """No place: the runbook was not read."""
        del path
        return ""


def render(about: Concluded, result: Result, *, width: int | None, color: bool) -> str:
    """The whole summary. Prose and tables fit `width` columns; nothing wraps when it is None.

    The lines with the log's path and with what is live are never broken, so that they can be
    copied.
    """
    lines = [*_lines(about, result, width)]
    return "".join(f"{paint(text, style, color=color)}\n" for text, style in lines)


def last_line(data: Mapping[str, Any], *, simulated: bool, log: Path) -> str:
    """One line that says what of the run is live, and how to settle what is not known."""
    said = "Simulated. " if simulated else ""
    orders = {str(one.get("client_order_id")): one for one in _with_legs(data)}
    open_ids = [str(one) for one in data.get("open_orders") or []]
    lost = [one for one in open_ids if _text(orders.get(one, {}), "status") in ("", "unknown")]
    live = [one for one in open_ids if one not in lost]
    held = [one for one in _list(data, "positions") if _qty(one, "run_qty")]
    settled = data.get("status") != "unknown" and not data.get("left")
    if settled and not open_ids and not held:
        why = "no open order, no position" if orders else "no order was sent"
        return f"{said}Nothing of this run is live: {why}."
    parts = []
    if lost:
        parts.append(f"UNKNOWN: {_several(lost, orders)} may be live.")
    elif data.get("status") == "unknown":
        parts.append("UNKNOWN: what became of an order or a cancel was not confirmed.")
    elif not settled and not open_ids:
        parts.append("The run was left unfinished: no order of it is known to be live.")
    if live:
        parts.append(f"Live: {_several(live, orders)}.")
    parts += [f"Position: {_position(one)}." for one in held]
    if not settled:
        path = shlex.quote(visible(str(log)))
        parts.append(f"Before you send anything else, settle it: runbook resume {path}")
    return said + " ".join(parts)


# ------------------------------------------------------------------------------- the parts


def _lines(about: Concluded, result: Result, width: int | None) -> Iterator[Line]:
    data = {**result.data, "status": result.status, "exit_code": result.exit_code}
    title = f"{'Simulated run' if about.simulated else 'Run'} {result.status.replace('_', ' ')}"
    style = "green" if result.exit_code == 0 else "bold red"
    yield f"{title} · exit code {result.exit_code}", style
    yield from _error(about, data, width)
    yield from _other_errors(about, data, width)
    yield from _orders(about, data, width)
    yield from _positions(about, data)
    yield f"Log: {visible(str(about.log))}", "dim"
    live = last_line(data, simulated=about.simulated, log=about.log)
    quiet = not data.get("open_orders") and result.status != "unknown"
    yield live, "bold" if quiet else "bold red"


def _error(about: Concluded, data: Mapping[str, Any], width: int | None) -> Iterator[Line]:
    error = data.get("error")
    if not isinstance(error, Mapping):
        return
    path = str(error.get("step") or "")
    place = " · ".join(part for part in (visible(path), about.where(path)) if part)
    if place:
        yield f"{INDENT}at {place}", ""
    for line in wrap(visible(str(error.get("message", ""))), width, INDENT):
        yield line, "bold"
    broker = error.get("broker")
    if isinstance(broker, Mapping) and broker.get("status") is not None:
        for line in wrap(f"The broker said: {broker_in_words(broker)}", width, INDENT):
            yield line, ""
    if error.get("help"):
        for line in wrap(f"What to do: {visible(str(error['help']))}", width, INDENT):
            yield line, "cyan"


def _other_errors(about: Concluded, data: Mapping[str, Any], width: int | None) -> Iterator[Line]:
    """Steps that failed besides the one that ended the run, a clean-up among them."""
    error = data.get("error")
    ended_by = error.get("step") if isinstance(error, Mapping) else None
    for step in _list(data, "steps"):
        wrong = step.get("error")
        if isinstance(wrong, Mapping) and step.get("path") != ended_by:
            words = f"{step.get('path')} {step.get('action')}: {wrong.get('message')}"
            for line in wrap(f"Also {step.get('status')}: {visible(words)}", width, INDENT):
                yield line, "bold red"


def _orders(about: Concluded, data: Mapping[str, Any], width: int | None) -> Iterator[Line]:
    orders = _with_legs(data)
    if not orders:
        return
    yield f"{'Simulated orders' if about.simulated else 'Orders'}", ""
    rows = [
        [
            _called(order),
            _text(order, "side") or NONE,
            _text(order, "qty") or (f"${money(notional)}" if notional else NONE),
            _text(order, "type") or NONE,
            _text(order, "status"),
            _text(order, "filled_qty"),
            _text(order, "filled_avg_price") or NONE,
        ]
        for order in orders
        for notional in [_text(order, "notional")]
    ]
    ids = [_text(order, "client_order_id") for order in orders]
    head = ["symbol", "side", "qty", "type", "status", "filled", "average"]
    yield from _order_table(head, rows, ids, width)


def _called(order: Mapping[str, Any]) -> str:
    """What an order trades; legs stand below the order that they belong to."""
    if _text(order, "symbol"):
        return f"{INDENT if order.get('leg_of') else ''}{_text(order, 'symbol')}"
    count = len(order["legs"])
    return f"{count} legs" if count else "several legs"


def _order_table(
    head: list[str], rows: Sequence[list[str]], ids: Sequence[str], width: int | None
) -> Iterator[Line]:
    """One line an order where there is room; else the id below it; else a phrase and the id."""
    table = _aligned([head, *rows])
    widest = max(columns(line) for line in table)
    longest = max(columns(one) for one in ids)
    if width is None or len(INDENT) + widest + 2 + longest <= width:
        lines = [*zip(table, ["client order id", *ids], strict=True)]
        yield f"{INDENT}{lines[0][0]}  {lines[0][1]}", "dim"
        for (line, one), row in zip(lines[1:], rows, strict=True):
            yield f"{INDENT}{line}  {one}", _style(row[4])
    elif len(INDENT) + widest <= width:
        yield f"{INDENT}{table[0]}".rstrip(), "dim"
        for line, one, row in zip(table[1:], ids, rows, strict=True):
            yield f"{INDENT}{line}".rstrip(), _style(row[4])
            yield f"{INDENT}{INDENT}{one}", "dim"
    else:
        for row, one in zip(rows, ids, strict=True):
            symbol, side, qty, kind, status, filled, average = row
            price = "" if average == NONE else f" at {average}"
            order = " ".join(one.strip() for one in (side, qty, symbol, kind) if one != NONE)
            words = f"{order}: {status}, {filled} filled{price}"
            for text in wrap(words, width, INDENT):
                yield text, _style(status)
            yield one, "dim"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(columns(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True))
            for row in rows]  # fmt: skip


def _style(status: str) -> str:
    return WORD_STYLES["unknown"] if status in ("unknown", "refused", "rejected") else ""


def _positions(about: Concluded, data: Mapping[str, Any]) -> Iterator[Line]:
    """What the run's own fills add up to; not known while one of its orders is not."""
    positions = _list(data, "positions")
    if not positions:
        return
    lost = {_text(one, "symbol") for one in _list(data, "orders") if one.get("status") == "unknown"}
    yield "Simulated positions of this run" if about.simulated else "Positions of this run", ""
    for one in positions:
        if _text(one, "symbol") in lost:
            yield f"{INDENT}{_position(one)}, as far as is known", "bold red"
        elif _qty(one, "run_qty"):
            yield f"{INDENT}{_position(one)}", "yellow"
        else:
            yield f"{INDENT}{_text(one, 'symbol')}: none", ""


# --------------------------------------------------------------------------------- phrases


def _several(ids: Sequence[str], orders: Mapping[str, Mapping[str, Any]]) -> str:
    words = ", ".join(_order(one, orders.get(one, {})) for one in ids)
    return f"{'order' if len(ids) == 1 else 'orders'} {words}"


def _order(client_order_id: str, order: Mapping[str, Any]) -> str:
    meant = order_in_words(order)
    kept = "kept working by its step" if order.get("kept") else ""
    status = _text(order, "status")
    about = ", ".join(part for part in (meant, status if status != "unknown" else "", kept) if part)
    return visible(client_order_id) + (f" ({about})" if about else "")


def _position(one: Mapping[str, Any]) -> str:
    return (
        f"{_text(one, 'run_qty')} {_text(one, 'symbol')} by this run's fills, "
        f"{_text(one, 'protected_qty') or '0'} protected"
    )


def _qty(one: Mapping[str, Any], key: str) -> bool:
    """Whether a quantity is anything but zero; one that cannot be read is not taken for zero."""
    number = decimal(one.get(key))
    return number is None or number != 0


def _with_legs(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The orders, each with its own legs as `legs`."""
    orders = _list(data, "orders")
    return [
        {**one, "legs": [leg for leg in orders if leg.get("leg_of") == one.get("client_order_id")]}
        for one in orders
    ]


def _list(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _text(one: Mapping[str, Any], key: str) -> str:
    value = one.get(key)
    return "" if value is None else visible(str(value))
