"""A scenario: the account, the market and the moment at which the embedded exchange begins.

`default_scenario` gives the fresh account that is used when nothing else is said; files are read
by `scenario_reader`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from runner.sim.assets import DEFAULT_MARKET, Asset
from runner.sim.faults import Fault
from runner.sim.sources import Point

INTRADAY_MARGIN, LEGACY_PDT = "intraday_margin", "legacy_pdt"
DEFAULT_START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # Monday, 10:00 in New York


@dataclass(frozen=True, slots=True)
class Holding:
    """A position that exists when the scenario begins; `qty` in shares, negative when short."""

    symbol: str
    qty: Decimal
    avg_entry_price: Decimal


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that decides what the exchange answers, apart from the requests.

    Dollars and shares are Decimal, `start` is an aware UTC moment. `last_equity` is derived from
    the positions when None. `prices` are the last prices at `start` of symbols without a tape.
    `rate_limit` is in requests a minute, None for no limit. `keys` names the only accepted pair of
    API key and secret; None accepts any. `partial_fills` is the chance (0 to 1) that a fill is
    for a part of the order.
    """

    start: datetime = DEFAULT_START
    seed: int = 0
    cash: Decimal = Decimal(100000)
    multiplier: int = 4
    status: str = "ACTIVE"
    trading_blocked: bool = False
    account_blocked: bool = False
    trade_suspended_by_user: bool = False
    shorting_enabled: bool = True
    last_equity: Decimal | None = None
    regime: str = INTRADAY_MARGIN
    pattern_day_trader: bool = False
    daytrade_count: int = 0
    omit: frozenset[str] = frozenset()
    positions: tuple[Holding, ...] = ()
    assets: tuple[Asset, ...] = tuple(asset for asset, _ in DEFAULT_MARKET)
    prices: Mapping[str, Decimal] = field(
        default_factory=lambda: {asset.symbol: price for asset, price in DEFAULT_MARKET}
    )
    previous_closes: Mapping[str, Decimal] = field(default_factory=dict)
    tape: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    rate_limit: int | None = 200
    keys: tuple[str, str] | None = None
    partial_fills: Decimal = Decimal(0)
    faults: tuple[Fault, ...] = ()


def default_scenario(**changes: Any) -> Scenario:
    """A fresh margin account of 100,000 dollars in an open session; fields changed at will."""
    return replace(Scenario(), **changes)
