"""The asset's flags must allow what the order needs of it."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.holding import beyond_holding
from runner.world import Asset

CODE = "asset_flags"


def judge(one: Judged) -> Verdict | None:
    """Refuses a fraction of a stock that has none, and a short sale of one without margin.

    Only the flags that this order needs are looked at; one that the broker leaves out refuses it.
    """
    if one.asset_class != "us_equity":
        return None
    asset, symbol = one.world.asset, one.draft.symbol
    needed = {"fractionable": "traded in fractions"} if one.fractional else {}
    if one.draft.side == "sell" and beyond_holding(one) != 0:
        needed["marginable"] = "sold short: it cannot be held on margin"
    values = {name: getattr(asset, name, None) for name in needed}
    for name, what in needed.items():
        if values[name] is None:
            return refuse(CODE, f"the broker does not say whether {symbol} is {name}", **values)
        if not values[name]:
            return refuse(CODE, f"{symbol} cannot be {what} ({name} is false)", **values)
    return let_pass(CODE, f"{symbol} has every flag that the order needs", **values)


def known_bad(one: Judged) -> Judged:
    """Dollars of a stock that is not traded in fractions."""
    asset = one.world.asset or Asset.read({"symbol": "ZZZZ", "class": "us_equity"})
    asset = replace(asset, symbol="ZZZZ", asset_class="us_equity", fractionable=False)
    body = {"symbol": "ZZZZ", "side": "buy", "type": "market", "time_in_force": "day",
            "notional": "100"}  # fmt: skip
    draft = Draft("ZZZZ", "buy", body)
    return replace(one, draft=draft, world=replace(one.world, asset=asset))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="a fraction of an asset that is not fractionable, a short sale of one that is not "
    "marginable, or a flag that is needed and not said",
    default="always",
    reason="The broker refuses it in the middle of the run.",
    source='Alpaca: asset "X" is not fractionable (facts page 2.3); Regulation T: short sales are '
    "made on margin",
    scope=Scope.SINGLE,
)
