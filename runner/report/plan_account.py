"""The account of a plan: cash, buying power, margin and positions now and after each order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from runner.drive.projection import AccountAfter, PlannedStep
from runner.report.diagnostics import visible
from runner.report.plan_steps import Steps
from runner.report.plan_text import GLUE, Line, cents, estimate, wrapped
from runner.report.run_text import columns, pad

HEAD = ("after", "cash", "buying power", "margin excess", "new day trades", "positions")
NOW = "now"
NONE = "none"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """One row: the account now, or after a step."""

    name: str
    account: AccountAfter
    estimated: bool


def readings(
    begin: AccountAfter | None, steps: Sequence[PlannedStep], names: Steps
) -> list[Reading]:
    """The account now, and after each step that changes it."""
    found = [Reading(NOW, begin, estimated=False)] if begin is not None else []
    found += [
        Reading(names.called(step.path), step.after, estimated=True)
        for step in steps
        if step.after is not None
    ]
    return found


def account_lines(rows: Sequence[Reading], width: int | None) -> Iterator[Line]:
    """A table where there is room for it; else a few lines for each row."""
    cells = [_cells(row) for row in rows]
    widths = [max(columns(one[index]) for one in [HEAD, *cells]) for index in range(len(HEAD) - 1)]
    taken = 2 + sum(widths) + 2 * len(widths)
    longest = max((columns(part) for row in cells for part in row[-1].split(", ")), default=0)
    if width is not None and taken + max(longest, columns(HEAD[-1])) > width:
        yield from _listed(cells, width)
        return
    yield [(_row(HEAD, widths, HEAD[-1]), "dim")]
    for row in cells:
        first, *more = wrapped(row[-1], None if width is None else width - taken)
        yield [(_row(row, widths, first), "")]
        yield from ([(" " * taken + text, "")] for text in more)


def _row(cells: Sequence[str], widths: Sequence[int], last: str) -> str:
    numbers = [
        " " * (width - columns(cell)) + cell
        for cell, width in zip(cells[1:-1], widths[1:], strict=True)
    ]
    return "  " + "  ".join([pad(cells[0], widths[0]), *numbers, last]).rstrip()


def _listed(cells: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    for row in cells:
        yield [(f"  {'' if row[0] == NOW else 'after '}{row[0]}", "")]
        words = " · ".join(f"{name} {cell}" for name, cell in zip(HEAD[1:], row[1:], strict=True))
        yield from ([(text, "")] for text in wrapped(words, width, "    "))


def _cells(row: Reading) -> tuple[str, ...]:
    one = row.account
    amounts = (one.cash, one.buying_power, one.margin_excess)
    return (
        row.name,
        *(_amount(amount, estimated=row.estimated) for amount in amounts),
        UNKNOWN if one.day_trades is None else str(one.day_trades),
        positions(one),
    )


def _amount(amount: Decimal | None, *, estimated: bool) -> str:
    return UNKNOWN if amount is None else estimate(cents(amount), estimated=estimated)


def positions(account: AccountAfter) -> str:
    """`4 AAPL, -2 MSFT`, or `none`; to be `wrapped`, which keeps a number with its symbol."""
    held = [f"{one.qty:f}{GLUE}{visible(one.symbol)}" for one in account.positions if one.qty]
    return ", ".join(held) or NONE
