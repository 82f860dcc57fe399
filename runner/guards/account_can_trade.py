"""The account must be able to trade, and the broker must say so: absence never passes."""

from __future__ import annotations

from runner.guards.draft import Bounds, Draft, Verdict
from runner.world import World

NAME = "account_can_trade"
FLAGS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


def judge(draft: Draft, world: World, bounds: Bounds) -> Verdict | None:
    account = world.account
    values = {"status": account.status or "missing"}
    if account.status != "ACTIVE":
        return Verdict(NAME, "refuse", f"the account is {account.status or 'of no known status'}, "
                       "not ACTIVE", values)  # fmt: skip
    for name in FLAGS:
        flag = getattr(account, name)
        values[name] = "missing" if flag is None else str(flag).lower()
        if flag is None:
            return Verdict(NAME, "refuse", f"the broker did not say whether {name} is set", values)
        if flag:
            return Verdict(NAME, "refuse", f"the account has {name} set", values)
    return Verdict(NAME, "pass", "the account can trade", values)
