"""`check_asset`: what the broker allows for a symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.effects import ReadAsset
from runner.language.declare import Action, Output, arg
from runner.language.kinds import BOOLEAN, SYMBOL, TEXT
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.world import Asset

FLAGS = ("tradable", "fractionable", "shortable", "marginable")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAsset:
    symbol: str = arg(SYMBOL, "The symbol to look up.", required=True, example="AAPL")
    tradable: bool = arg(BOOLEAN, "Whether it must be tradable.", default="true")
    fractionable: bool | None = arg(BOOLEAN, "Whether fractions must be tradable.")
    shortable: bool | None = arg(BOOLEAN, "Whether it must be shortable.")
    marginable: bool | None = arg(BOOLEAN, "Whether it must be marginable.")


OUTPUTS = {
    "symbol": Output(SYMBOL, "The symbol."),
    "class": Output(TEXT, "The asset class, such as us_equity."),
    "tradable": Output(BOOLEAN, "Whether it trades now."),
    "fractionable": Output(BOOLEAN, "Whether fractions trade."),
    "shortable": Output(BOOLEAN, "Whether it can be sold short."),
    "marginable": Output(BOOLEAN, "Whether it can be bought on margin."),
}  # fmt: skip


def check_asset(args: CheckAsset, run: Run) -> Steps[Mapping[str, Plain]]:
    data = yield from run.read(ReadAsset(args.symbol))
    if data is None:
        raise refused(f"the broker knows no asset {args.symbol}")
    asset = Asset.read(data)
    if asset.status != "active" and args.tradable:
        raise refused(f"{args.symbol} is {asset.status or 'of no known status'}, not active")
    for name in FLAGS:
        wanted, said = getattr(args, name), getattr(asset, name)
        if wanted is None:
            continue
        if said is None:
            raise refused(f"the broker did not report whether {args.symbol} is {name}")
        if said != wanted:
            raise refused(f"{args.symbol} is {'' if said else 'not '}{name}")
    return {
        "symbol": args.symbol,
        "class": asset.asset_class,
        **{name: getattr(asset, name) for name in FLAGS},
    }


ACTION = Action(
    "check_asset",
    "The symbol is tradable, and fractionable, shortable or marginable as asked.",
    CheckAsset,
    OUTPUTS,
    check_asset,
    polls=True,
)
