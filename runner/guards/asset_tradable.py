"""The asset must be known and tradable now."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard

CODE = "asset_tradable"


def judge(one: Judged) -> Verdict | None:
    """Refuses an asset that the broker does not know, or does not call active and tradable."""
    asset, symbol = one.world.asset, one.draft.symbol
    if asset is None:
        return refuse(CODE, f"the broker knows no asset {symbol}")
    values = {"tradable": asset.tradable, "status": asset.status}
    if not asset.tradable or asset.status != "active":
        return refuse(CODE, f"{symbol} cannot be traded now", **values)
    return let_pass(CODE, f"{symbol} can be traded", **values)


def known_bad(one: Judged) -> Judged:
    """The same order for an asset that the broker does not know."""
    return replace(one, world=replace(one.world, asset=None))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the broker does not know the asset, or it is not active and tradable",
    default="always",
    reason="An order for it is refused by the broker, in the middle of the run.",
    source="Alpaca assets: status, tradable (facts page 2.1)",
)
