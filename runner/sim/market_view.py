"""What market data shows of a symbol, and how old that is.

While its market is closed a symbol has no newer quote than the last one, and a fault can hold its
data back. Orders do not look here: they trade against the tape as it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from runner.sim import calendar
from runner.sim.assets import Asset
from runner.sim.faults import MARKET, Subject

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange


class Sight(NamedTuple):
    """A symbol as market data shows it: the market at a moment that has passed, or now."""

    asset: Asset
    at: datetime


def look_at(exchange: Exchange, asset: Asset, path: str) -> Sight:
    """What a request to a path is shown of an asset."""
    now = _moment(exchange, asset, path)
    # rule: market.quote-age
    at = _last_open(asset, now)
    if at < now:
        changed = exchange.tape.changed(asset.symbol, now)
        at = at if changed is None else max(at, changed)
    return Sight(asset, at)


def _moment(exchange: Exchange, asset: Asset, path: str) -> datetime:
    """Now, or the earlier moment at which a fault holds the data of the asset."""
    now, faults = exchange.now, exchange.faults
    if not faults or not faults.at_seam(MARKET):
        return now
    # rule: faults.market
    armed = faults.find(Subject(symbol=asset.symbol, path=path), now, "stale_data")
    if armed is None:
        return now
    if armed.fault.time is not None:
        return now - armed.fault.time
    return armed.since + (armed.fault.after or timedelta())


def _last_open(asset: Asset, moment: datetime) -> datetime:
    """The moment itself while the asset's market is open, else when it was open last."""
    if asset.crypto:
        return moment
    session = calendar.trading_day(moment)
    if asset.contract is not None:
        begin, end = session.open, session.close
    else:
        begin, end = session.evening if asset.overnight else session.pre_open, session.post_close
    if moment >= begin:
        return min(moment, end)
    before = calendar.session_before(session.day)
    return before.post_close if asset.contract is None else before.close
