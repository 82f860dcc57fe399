"""Whether a position agrees with this run's own fills: positions lag orders by seconds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from runner.machine.own_orders import OwnOrder
from runner.machine.run import Run
from runner.world import Position, same_symbol

AGAIN = timedelta(seconds=1)
AGREE_WITHIN = timedelta(seconds=10)
"""How long positions may lag orders (facts page 4: up to 10 s seen)."""

CRYPTO_FEE = Decimal("0.003")
"""The part of bought crypto that fees may have taken: about 0.25% (facts page 2.4), and a little
for rounding."""

ZERO = Decimal(0)


def own_orders_in(run: Run, symbol: str) -> list[OwnOrder]:
    """This run's orders in a symbol, legs included."""
    return [own for own in run.orders.all if same_symbol(own.symbol, symbol)]


def shows_own_fills(run: Run, position: Position) -> bool:
    """Whether a position is what the account held before this run and what the run traded since.

    Fees are taken out of crypto that is bought, so that much may be missing.
    """
    expected = run.expected_position(position.symbol)
    if expected is None:
        return True
    bought = sum((own.filled_qty for own in own_orders_in(run, position.symbol)
                  if own.side == "buy" and "/" in own.symbol), ZERO)  # fmt: skip
    return ZERO <= expected - (position.qty or ZERO) <= bought * CRYPTO_FEE
