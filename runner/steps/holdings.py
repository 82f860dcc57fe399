"""What the account holds, by the names that orders use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from runner.effects import ReadAsset, ReadPositions
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.world import Asset, Position, same_symbol


def read_holdings(
    run: Run, symbols: Sequence[str], names: dict[str, str]
) -> Steps[dict[str, Position]]:
    """The account's positions in some symbols, or in all when none is named, by the name that
    orders use: crypto is held as BTCUSD and ordered as BTC/USD (facts page 2.4).

    `names` remembers those names from one reading to the next. A position may come without its
    quantity. Raises `Failure` when positions cannot be read.
    """
    data = yield from run.read(ReadPositions())
    rows = data.get("positions") if data is not None else None
    if not isinstance(rows, list):
        raise refused("the account's positions could not be read")
    found = {}
    for row in rows:
        position = Position.read(row)
        if symbols:
            symbol = next((one for one in symbols if same_symbol(one, position.symbol)), "")
        else:
            symbol = yield from _name_for_orders(run, row, position.symbol, names)
        if symbol:
            found[symbol] = replace(position, symbol=symbol)
    return found


def _name_for_orders(
    run: Run, row: Mapping[str, Any], name: str, names: dict[str, str]
) -> Steps[str]:
    if name not in names:
        names[name] = name
        if row.get("asset_class") == "crypto":
            asset = Asset.read((yield from run.read(ReadAsset(name))) or {})
            names[name] = asset.symbol if same_symbol(asset.symbol, name) else name
    return names[name]
