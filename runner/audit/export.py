"""The logs as rows of the tables in `tables`, one row at a time. What is not known is None."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runner.audit.log import Line, scan
from runner.audit.records import Record
from runner.audit.sent import Fill, SeenOrder, Sent, mapping
from runner.audit.summary import Summary
from runner.audit.tables import TABLES
from runner.effects import EFFECTS, Json

Row = dict[str, Json]


def rows(what: str, path: Path, damage: list[str]) -> Iterator[Row]:
    """The rows of one table (`orders`, `fills`, `decisions`, `guards` or `effects`) from one log.

    A line that cannot be believed ends them; `damage` is then told what it is. Raises `OSError`
    when the file cannot be read.
    """
    table = _MAKERS[what](path.stem)
    for line in scan(path):
        if line.broken or line.record is None:
            damage.append(f"{path.name}: {_damaged(line)}")
            break
        table.run = table.run if line.record.run is None else line.record.run
        yield from table.see(line.record)
    yield from table.end()


def run_row(summary: Summary) -> Row:
    """The row of `runs` of one run."""
    data = summary.to_data()
    return {column.name: data[column.name] for column in TABLES["runs"]}


class _Table:
    """Makes the rows of one log. Only what is needed for the rows to come is kept."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.at: str | None = None

    def see(self, record: Record) -> Iterator[Row]:
        """The rows that a record completes."""
        if record.type == "run.started":
            self.at = _text(record.data.get("started_at"))
        elif record.type == "effect.outcome":
            self.at = _text(record.data.get("at"))
        yield from self.make(record)

    def make(self, record: Record) -> Iterator[Row]:
        raise NotImplementedError

    def end(self) -> Iterator[Row]:
        """The rows that only the end of the log completes."""
        return iter(())

    def head(self, record: Record) -> Row:
        return {"run_id": self.run, "record": record.seq, "at": self.at, "step": record.step or ""}


class _Orders(_Table):
    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.sent = Sent()

    def make(self, record: Record) -> Iterator[Row]:
        self.sent.see(record)
        return iter(())

    def end(self) -> Iterator[Row]:
        for order in self.sent.orders.values():
            yield self.row(order)

    def row(self, order: SeenOrder) -> Row:
        terms = order.terms
        return {
            "run_id": self.run,
            "step": order.step,
            "client_order_id": order.client_order_id,
            "order_id": order.order_id or None,
            "leg_of": order.leg_of or None,
            "replaces": terms.get("replaces"),
            "replaced_by": terms.get("replaced_by"),
            "symbol": terms.get("symbol"),
            "side": terms.get("side"),
            "type": terms.get("type"),
            "order_class": terms.get("order_class") or None,
            "time_in_force": terms.get("time_in_force"),
            "qty": terms.get("qty"),
            "notional": terms.get("notional"),
            "limit_price": terms.get("limit_price"),
            "stop_price": terms.get("stop_price"),
            "status": order.status,
            "reason": order.reason or None,
            "filled_qty": terms.get("filled_qty"),
            "filled_avg_price": terms.get("filled_avg_price"),
            "dollars": None if order.dollars is None else f"{order.dollars:f}",
            "sent_at": order.sent_at or None,
            "seen_at": order.seen_at or None,
        }


class _Fills(_Orders):
    def make(self, record: Record) -> Iterator[Row]:
        for fill in self.sent.see(record):
            yield {**self.head(record), **_filled(fill)}

    def end(self) -> Iterator[Row]:
        return iter(())


class _Decisions(_Table):
    def make(self, record: Record) -> Iterator[Row]:
        data = record.data
        if record.type == "decision":
            yield {
                **self.head(record),
                "about": _text(data.get("about")),
                "expression": _text(data.get("expression")),
                "verdict": _text(data.get("verdict")),
                "certainty": _text(data.get("certainty")),
                "values": data.get("values"),
            }


class _Guards(_Table):
    def make(self, record: Record) -> Iterator[Row]:
        data = record.data
        if record.type == "guard":
            yield {
                **self.head(record),
                "guard": _text(data.get("guard")),
                "verdict": _text(data.get("verdict")),
                "message": _text(data.get("message")),
                "values": data.get("values"),
            }


class _Effects(_Table):
    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.open: Row | None = None

    def make(self, record: Record) -> Iterator[Row]:
        data = record.data
        if record.type == "effect.intent":
            yield from self.end()
            self.open = self.intended(record)
        elif record.type == "effect.outcome" and self.open is not None:
            problem = mapping(data.get("problem"))
            told = {
                "at": self.at,
                "status": _text(data.get("status")),
                "reason": _text(problem.get("reason")),
                "message": _text(problem.get("message")),
                "http_status": problem.get("status"),
            }
            yield {**self.open, **told}
            self.open = None

    def end(self) -> Iterator[Row]:
        if self.open is not None:
            yield self.open
        self.open = None

    def intended(self, record: Record) -> Row:
        effect = mapping(record.data.get("effect"))
        name, body = str(effect.get("effect", "")), mapping(effect.get("body"))
        known = EFFECTS.get(name)
        return {
            "run_id": self.run,
            "record": record.seq,
            "n": record.data.get("n"),
            "step": record.step or "",
            "effect": name,
            "writes": known.writes if known is not None else None,
            "symbol": _text(effect.get("symbol", body.get("symbol"))),
            "client_order_id": _text(effect.get("client_order_id")),
            "order_id": _text(effect.get("order_id")),
            "asked": dict(effect),
            "asked_at": self.at,
            "at": None,
            "status": None,
            "reason": None,
            "message": None,
            "http_status": None,
        }


_MAKERS: Mapping[str, Callable[[str], _Table]] = {
    "orders": _Orders,
    "fills": _Fills,
    "decisions": _Decisions,
    "guards": _Guards,
    "effects": _Effects,
}


def _filled(fill: Fill) -> Row:
    order = fill.order
    return {
        "client_order_id": order.client_order_id,
        "order_id": order.order_id,
        "symbol": order.terms.get("symbol"),
        "side": order.terms.get("side"),
        "qty": f"{fill.qty:f}",
        "price": None if fill.price is None else f"{fill.price:f}",
        "dollars": None if fill.dollars is None else f"{fill.dollars:f}",
        "filled_qty": order.terms.get("filled_qty"),
        "filled_avg_price": order.terms.get("filled_avg_price"),
    }


def _damaged(line: Line) -> str:
    return f"line {line.number} (byte {line.offset}): {line.reason}"


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
