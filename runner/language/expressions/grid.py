"""The price grid: a dollar and more in cents, below a dollar in hundredths of a cent.

SEC Rule 612 (17 CFR 242.612); Alpaca refuses other prices with 42210000 (facts page 2.4).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from runner.language.expressions.arithmetic import CONTEXT

CENT = Decimal("0.01")
SUB_CENT = Decimal("0.0001")
_ROUNDING = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_EVEN}
DIRECTIONS = ("up", "down", "nearest")


def tick(price: Decimal) -> Decimal:
    """The distance between prices here, in dollars. Credits count by their size."""
    return CENT if abs(price) >= 1 else SUB_CENT


def on_grid(price: Decimal) -> bool:
    """Whether an order may carry this price."""
    return price == price.quantize(tick(price), context=CONTEXT)


def round_to_grid(price: Decimal, direction: str = "nearest") -> Decimal:
    """The price on the grid, two or four places written out.

    `up` is never below the given price, `down` never above it, `nearest` takes the even neighbour
    of a tie. A dollar is on both grids, so rounding across it stays on the grid.

    Raises:
        ValueError: a price above zero would become zero.
    """
    rounded = price.quantize(tick(price), _ROUNDING[direction], CONTEXT)
    if price > 0 and rounded == 0:
        raise ValueError(f"{price:f} rounds to a price of zero")
    return rounded.quantize(tick(rounded), context=CONTEXT)
