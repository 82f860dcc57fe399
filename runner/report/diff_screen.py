"""Two runs side by side, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from runner.audit.compare import OrderDiff, RunDiff, RunTold
from runner.audit.compare_steps import ADDED, CHANGED, MISSING, SAME, Difference, StepDiff
from runner.audit.orders_told import OrderTold
from runner.audit.story import visible
from runner.audit.tolerances import Tolerances
from runner.audit.visits import Visit
from runner.report.run_text import average, cut, pad, spoken, wrap
from runner.report.whatif_screen import title

LABEL, TEXT_SHOWN = 12, 12
SENT = ("symbol", "side", "type", "qty", "notional", "limit_price", "stop_price")
MARKS = {SAME: " ", CHANGED: "*", ADDED: "+", MISSING: "-"}


def render(found: RunDiff, width: int) -> str:
    """The comparison in lines of at most `width` columns."""
    column = (width - LABEL - 2) // 2
    parts = (_head(found, column), _text(found), _steps(found, width), _orders(found, column),
             _foot(found))  # fmt: skip
    lines = [line for part in parts for line in part]
    return "\n".join(one.rstrip() for line in lines for one in _fitted(line, width)) + "\n"


def _fitted(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return [line] if len(line) <= width else wrap(line.strip(), width, indent)


def _row(label: str, first: str, second: str, column: int, mark: str = " ") -> str:
    left = pad(cut(visible(first), column - 1), column)
    return f"{mark} {pad(label, LABEL)}{left}{cut(visible(second), column)}"


# ------------------------------------------------------------------------------- head


def _head(found: RunDiff, column: int) -> Iterator[str]:
    one, other = found.first, found.second
    yield _row("", "first", "second", column)
    for label, told in (
        ("run", lambda run: run.run_id),
        ("runbook", lambda run: run.name),
        ("started", lambda run: f"{run.started_at:%Y-%m-%d %H:%M:%S}Z" if run.started_at else "-"),
        ("on", _target),
        ("ended", _ended),
        ("took", lambda run: spoken(run.took) if run.took is not None else "-"),
    ):
        values = told(one), told(other)
        marked = label in ("runbook", "on", "ended") and values[0] != values[1]
        yield _row(label, *values, column, MARKS[CHANGED] if marked else " ")
    for name, (was, now) in found.params.items():
        yield _row(f"-p {name}", was or "-", now or "-", column, MARKS[CHANGED])


def _target(run: RunTold) -> str:
    return f"sim, seed {run.seed}" if run.target == "sim" and run.seed else run.target


def _ended(run: RunTold) -> str:
    if not run.status:
        return "not ended"
    return f"{run.status.replace('_', ' ')}, exit code {run.exit_code}"


def _text(found: RunDiff) -> Iterator[str]:
    yield ""
    if not found.text:
        yield f"The runbook is the same text, {found.first.sha256[:12]}…"
        return
    lines = found.text[2:]
    added = sum(1 for line in lines if line.startswith("+"))
    removed = sum(1 for line in lines if line.startswith("-"))
    yield f"The runbook's text differs: {added} lines added, {removed} removed."
    for line in lines[:TEXT_SHOWN]:
        yield visible(f"  {line}")
    if len(lines) > TEXT_SHOWN:
        yield f"  … and {len(lines) - TEXT_SHOWN} lines more; --json has all"


# ------------------------------------------------------------------------------- steps


def _steps(found: RunDiff, width: int) -> Iterator[str]:
    yield ""
    room = width - 24
    yield f"  {pad('Steps', room)}{'first':>10}{'second':>10}"
    for step in found.steps:
        if step.visit.path or step.verdict != SAME:
            yield from _step(step, room)


def _step(step: StepDiff, room: int) -> Iterator[str]:
    mark = MARKS[step.verdict]
    name = pad(cut(visible(title(step.visit)), room - 1), room)
    slower = " *" if step.slower else ""
    yield f"{mark} {name}{_took(step.first):>10}{_took(step.second):>10}{slower}"
    for one in step.differences:
        yield from map(visible, _difference(one))


def _took(visit: Visit | None) -> str:
    if visit is None:
        return "-"
    return visit.status if visit.status == "skipped" else spoken(visit.took)


def _difference(one: Difference) -> Iterator[str]:
    what = f"{one.what} {one.about}".rstrip().replace("read_", "read ").replace("_", " ")
    if one.first is None and one.second is None:
        which = "first" if one.verdict == MISSING else "second"
        yield f"      {what}: only in the {which}"
        return
    if not isinstance(one.first, Mapping) and not isinstance(one.second, Mapping):
        first, second = ("-" if value is None else value for value in (one.first, one.second))
        yield f"      {what}: {first} | {second}"
        return
    if one.verdict != CHANGED:
        which, body = ("first", one.first) if one.verdict == MISSING else ("second", one.second)
        words = ", ".join(f"{name} {value}" for name, value in body.items())
        yield f"      {what}: only in the {which}: {words}"
        return
    for name in one.first:
        before, after = ("-" if side[name] is None else side[name] for side in
                         (one.first, one.second))  # fmt: skip
        yield f"      {what} {name}: {before} | {after}"


# ------------------------------------------------------------------------------- orders


def _orders(found: RunDiff, column: int) -> Iterator[str]:
    if not found.orders:
        yield ""
        yield "No order was sent."
    for pair in found.orders:
        yield ""
        order = pair.order
        path, number = order.step
        again = f" ({number})" if number > 1 else ""
        words = f"{order.side} {order.symbol} {order.leg}".strip().replace("_", " ")
        which = {ADDED: "only in the second", MISSING: "only in the first"}.get(pair.verdict, "")
        yield visible(f"Order of {path or 'the run itself'}{again}: {words} {which}".rstrip())
        for label, names, values in _facts(pair):
            if values != ("-", "-"):
                marked = MARKS[CHANGED] if set(names) & set(pair.differ) else " "
                yield _row(label, *values, column, marked)


def _facts(pair: OrderDiff) -> Iterator[tuple[str, tuple[str, ...], tuple[str, str]]]:
    """Each line of an order: its label, what of `differ` marks it, and both values."""

    def both(told: Any) -> tuple[str, str]:
        return (told(pair.first) if pair.first else "-", told(pair.second) if pair.second else "-")

    yield "sent", SENT, both(_sent)
    yield "status", ("status",), both(lambda one: one.status or "-")
    yield "filled", ("filled_qty",), both(lambda one: f"{one.filled_qty:f}")
    yield "fill price", ("filled_avg_price",), both(lambda one: _price(one.filled_avg_price))
    yield "reference", (), both(lambda one: f"{_price(one.reference)} {one.basis}".rstrip())
    yield "slippage", (), both(_slippage)
    yield (
        "to fill",
        ("to_fill",),
        both(lambda one: "-" if one.to_fill is None else spoken(one.to_fill)),
    )


def _sent(one: OrderTold) -> str:
    size = f"{one.qty:f}" if one.qty is not None else f"${_price(one.notional)}"
    prices = [
        f"{word} {_price(value)}"
        for word, value in (("limit", one.limit_price), ("stop", one.stop_price))
        if value is not None
    ]
    return " ".join([size, one.type if not prices else "", *prices]).replace("  ", " ").strip()


def _price(value: Decimal | None) -> str:
    return "-" if value is None else average(f"{value:f}")


def _slippage(one: OrderTold) -> str:
    value = one.slippage
    if value is None or one.reference is None:
        return "-"
    if not value:
        return "none"
    part = abs(value) / one.reference * 100 if one.reference else Decimal(0)
    return f"{_price(abs(value))} {'worse' if value > 0 else 'better'} ({part:.3f}%)"


# ------------------------------------------------------------------------------- foot


def _foot(found: RunDiff) -> Iterator[str]:
    yield ""
    for name, counts in found.counts.items():
        parts = ", ".join(f"{count} {_side(verdict)}" for verdict, count in counts.items() if count)
        yield f"{name.capitalize() + ':':<8}{parts or 'none'}"
    yield _within(found.tolerances)
    yield "Nothing differs beyond that." if found.same else "The runs differ."


def _side(verdict: str) -> str:
    return {ADDED: "only in the second", MISSING: "only in the first"}.get(verdict, verdict)


def _within(one: Tolerances) -> str:
    percent = f"{one.price * 100:f}".rstrip("0").rstrip(".") if one.price else "0"
    seconds = one.time.total_seconds()
    return f"Taken as equal: prices within {percent}%, durations within {seconds:g}s, " + (
        f"quantities within {one.qty:f}."
    )
