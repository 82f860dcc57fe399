"""A limit at the collar: an order that takes the market, and nothing worse than so much from it."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from runner.guards import Draft
from runner.guards.reference import reference, usable
from runner.language.expressions import round_to_grid
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.machine.judging import read_to_price
from runner.steps.order_legs import CENT
from runner.world import is_option


def collar_price(run: Run, draft: Draft, collar: Decimal) -> Steps[Decimal]:
    """The worst price within the collar of the market, in dollars on the price grid.

    The market is what the guard of the same name measures by (`runner.guards.reference`): a buy may
    pay the ask, or the price that stands in for it, and the collar on top, a sale may take the bid
    less the collar; rounding never leaves it. Raises `Failure`, refused, when the market's price
    cannot be told, or when no price of the grid lies between the quote and the collar.
    """
    one = yield from read_to_price(run, draft)
    market, quote = reference(one), usable(one)
    if market is None:
        raise refused(
            f"the market's price of {draft.symbol} cannot be told: the quote is missing, old, "
            "one-sided or too wide, and nothing was traded in the last minute; the order was not "
            "sent",
            help="Try again when it is quoted on both sides, or send a limit order.",
        )
    buys = draft.side == "buy"
    price = _rounded(draft.symbol, market.price * (1 + collar if buys else 1 - collar), buys=buys)
    touch = None if quote is None else quote.ask if buys else quote.bid
    touch = market.price if touch is None else touch
    if price <= 0 or (price < touch if buys else price > touch):
        raise refused(
            f"no price of the grid lies between ${touch:f} and the collar of {collar:.4%} around "
            f"{market}; the order was not sent",
            help="Give a wider collar.",
        )
    return price


def _rounded(symbol: str, exact: Decimal, *, buys: bool) -> Decimal:
    """The price on its grid that is not beyond the exact one; options are priced in cents.

    Not above zero when there is none.
    """
    if is_option(symbol) or exact <= 0:
        return exact.quantize(CENT, ROUND_FLOOR if buys else ROUND_CEILING)
    try:
        return round_to_grid(exact, "down" if buys else "up")
    except ValueError:
        return Decimal(0)
