"""The words of a plan: estimates, amounts of dollars, and bodies of orders.

What is not known yet is marked with `≈` wherever it stands, and with what it rests on where it is
told the first time: `≈ 184.22, ask at 09:31:02`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from runner.drive.projection import Shown
from runner.effects import Json
from runner.language.kinds import MONEY, Kind
from runner.language.values import Value, as_given
from runner.report.diagnostics import visible
from runner.report.run_text import money, pad, spoken, wrap
from runner.report.run_words import shown

ABOUT = "≈"
ABOUT_IN_ASCII = "~"
UNKNOWN = "unknown"
CENT = Decimal("0.01")

TOGETHER = (ABOUT, "step", "steps", "order", "orders", "branch", "Branch")
GLUE = "\x00"
"""A space at which `wrapped` does not break."""

Line = list[tuple[str, str]]
"""One line of the screen: texts, each with its style."""


class Target(Protocol):
    """What a plan says of where it was made: the kind, and the address of one without a name."""

    @property
    def kind(self) -> str: ...
    @property
    def base_url(self) -> str: ...


def estimate(text: str, *, estimated: bool) -> str:
    """The text, marked where it is an estimate."""
    return f"{ABOUT} {text}" if estimated else text


def told(value: Shown, kind: Kind | None = None) -> str:
    """A value in words, marked where it is an estimate; without its basis."""
    if value.certainty == UNKNOWN:
        return UNKNOWN
    plain = cents_of(value.value) if value.estimated and kind is not None and _money(kind) else None
    return estimate(plain or shown(value.value, kind), estimated=value.estimated)


def with_basis(value: Shown, kind: Kind | None = None) -> str:
    """A value in words, and what it rests on where it is an estimate."""
    basis = visible(value.basis)
    return f"{told(value, kind)}, {basis}" if basis and value.certainty != "read" else told(value)


def cents(amount: Decimal) -> str:
    """Dollars to the cent, half to even, with thousands separators."""
    return money(f"{amount.quantize(CENT, ROUND_HALF_EVEN):f}")


def cents_of(value: Json) -> str | None:
    """Dollars to the cent of a number that is written as text; None for anything else."""
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        return None
    return cents(amount) if amount.is_finite() else None


def dollars(amount: Decimal) -> str:
    """`$1,234.50`, or `-$1,234.50`."""
    return f"-${cents(-amount)}" if amount < 0 else f"${cents(amount)}"


def _money(kind: Kind) -> bool:
    return kind.unit == MONEY.unit


def given(value: Value) -> str:
    """A parameter's value as a person would give it."""
    if isinstance(value.value, timedelta):
        return spoken(value.value)
    return visible(as_given(value))


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """`wrap`, with a number kept on the line of the mark or the word before it."""
    for word in TOGETHER:
        text = text.replace(f"{word} ", f"{word}{GLUE}")
    return [line.replace(GLUE, " ") for line in wrap(text, width, indent)]


def named(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows of a name and words, the names filled to one width."""
    longest = max((len(name) for name, _ in rows), default=0)
    return [(pad(name, longest), words) for name, words in rows]


def count(number: int, what: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
