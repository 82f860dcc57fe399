"""A small world for the tests of expressions: names with kinds and values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from runner.language import kinds
from runner.language.diagnostics import Diagnostic, Report
from runner.language.expressions import (
    Evaluation,
    Expression,
    Known,
    Missing,
    evaluate,
    infer,
    parse,
)
from runner.language.kinds import Kind
from runner.language.source import Source, Span
from runner.language.tree import Scalar
from runner.language.values import Certainty, Plain, Value, written

SKIPPED = "step 'entry' may be skipped (it has a when)"
NOT_FILLED = "nothing may have filled"

NAMES: dict[str, tuple[Kind, Plain]] = {
    "params.qty": (kinds.QUANTITY, Decimal(10)),
    "params.limit": (kinds.PRICE, Decimal("189.25")),
    "params.budget": (kinds.MONEY, Decimal(5000)),
    "params.risk": (kinds.PERCENT, Decimal("0.005")),
    "params.slices": (kinds.INTEGER, Decimal(4)),
    "params.side": (kinds.choice("buy", "sell"), "buy"),
    "params.symbol": (kinds.SYMBOL, "AAPL"),
    "params.note": (kinds.TEXT, "morning"),
    "params.aggressive": (kinds.BOOLEAN, False),
    "params.patience": (kinds.DURATION, timedelta(seconds=90)),
    "params.last": (kinds.TIME, time(15, 50)),
    "run.at": (kinds.MOMENT, datetime(2026, 11, 23, 14, 30, tzinfo=UTC)),
    "steps.acct.equity": (kinds.MONEY, Decimal(100_000)),
    "steps.acct.cash": (kinds.MONEY, Decimal("52000.50")),
    "steps.quote.bid": (kinds.PRICE, Decimal("189.20")),
    "steps.quote.ask": (kinds.PRICE, Decimal("189.26")),
    "steps.quote.mid": (kinds.AVERAGE, Decimal("189.23")),
    "steps.fill.filled_qty": (kinds.QUANTITY, Decimal("0.5")),
    "steps.fill.filled_at": (kinds.MOMENT, datetime(2026, 11, 23, 14, 29, tzinfo=UTC)),
    "steps.orders.symbols": (kinds.list_of(kinds.SYMBOL), ("AAPL", "MSFT")),
    "steps.entry.qty": (kinds.QUANTITY, None),
    "steps.entry.price": (kinds.AVERAGE, None),
    "steps.fill.average": (kinds.AVERAGE, None),
}
STEPS = {"acct", "quote", "fill", "orders", "entry"}
RAN = STEPS - {"entry"}


class World:
    """The names above, with `entry` a step that may be skipped and is."""

    def resolve(self, path: tuple[str, ...]) -> Known | Missing:
        dotted = ".".join(path)
        if dotted not in NAMES:
            return Missing("RB301", f"there is no '{dotted}'", "Look again.")
        kind, _ = NAMES[dotted]
        optional = SKIPPED if path[:2] == ("steps", "entry") else ""
        nullable = NOT_FILLED if path[-1] in ("average", "price") else ""
        return Known(kind, optional, nullable)

    def ran(self, step_id: str) -> Missing | None:
        if step_id in STEPS:
            return None
        return Missing("RB301", f"there is no step '{step_id}'")


@dataclass(frozen=True)
class Asked:
    """An expression with what was found in it."""

    expression: Expression | None
    kind: Kind | None
    found: list[Diagnostic]

    @property
    def codes(self) -> list[str]:
        return [one.code for one in self.found]


def read(text: str, report: Report | None = None) -> tuple[Expression | None, Report]:
    """The expression as the value `=text` at line 3, column 8."""
    report = report or Report(Source("plan.yaml", text))
    scalar = Scalar(f"={text}", Span(3, 8, 3, 9 + len(text)))
    return parse(text, scalar, 1, report), report


def ask(text: str) -> Asked:
    expression, report = read(text)
    kind = infer(expression, World(), report) if expression else None
    return Asked(expression, kind, report.sorted())


def expression_of(text: str) -> Expression:
    expression, report = read(text)
    assert expression, report.found
    return expression


def kind_of(text: str) -> Kind:
    asked = ask(text)
    assert asked.kind, asked.found
    return asked.kind


def lookup(path: tuple[str, ...]) -> Value | None:
    dotted = ".".join(path)
    kind, value = NAMES[dotted]
    return None if value is None else Value(value, kind, Certainty.READ, dotted)


def ran(step_id: str) -> bool:
    return step_id in RAN


def work_out(text: str) -> Evaluation:
    """Checked, then evaluated."""
    asked = ask(text)
    assert asked.expression, asked.found
    assert asked.kind, asked.found
    return evaluate(asked.expression, lookup, ran)


def gives(text: str) -> str:
    """What the expression comes to, written out."""
    return written(work_out(text).value.value)
