"""The asset must be known and tradable now."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "asset_tradable"


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    asset = world.asset
    if asset is None:
        return Verdict(NAME, "refuse", f"the broker knows no asset {draft.symbol}")
    values = {
        "tradable": "missing" if asset.tradable is None else str(asset.tradable).lower(),
        "status": asset.status or "missing",
    }
    if not asset.tradable or asset.status != "active":
        return Verdict(NAME, "refuse", f"{draft.symbol} cannot be traded now", values)
    return Verdict(NAME, "pass", f"{draft.symbol} can be traded", values)
