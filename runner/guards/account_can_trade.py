"""The account must be able to trade, and the broker must say so: absence never passes."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope

CODE = "account_can_trade"
FLAGS = ("trading_blocked", "account_blocked", "trade_suspended_by_user")


def judge(one: Judged) -> Verdict | None:
    """Refuses an account that is not ACTIVE, is blocked or suspended, or does not say."""
    account, configuration = one.world.account, one.bounds.configuration
    if account.status != "ACTIVE":
        words = f"the account is {account.status or 'of no known status'}, not ACTIVE"
        return refuse(CODE, words, status=account.status)
    for name in FLAGS:
        flag = getattr(account, name)
        if flag is None:
            return refuse(CODE, f"the broker did not say whether {name} is set", **{name: flag})
        if flag:
            return refuse(CODE, f"the account has {name} set", **{name: flag})
    suspended = configuration.suspend_trade if configuration is not None else None
    if suspended is None:
        words = "the broker did not say whether the account's configuration suspends trading"
        return refuse(CODE, words, suspend_trade=suspended)
    if suspended:
        words = "the account's configuration has suspend_trade set"
        return refuse(CODE, words, suspend_trade=suspended)
    return let_pass(CODE, "the account can trade", status=account.status)


def known_bad(one: Judged) -> Judged:
    """The same order on an account whose trading is blocked."""
    account = replace(one.world.account, trading_blocked=True)
    return replace(one, world=replace(one.world, account=account))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the account is not ACTIVE, is blocked or suspended by its user or its configuration, "
    "or the broker does not say",
    default="always",
    reason="An order on such an account is refused after the fact, or worse, queued.",
    source="Alpaca account and configuration objects (facts page 2.1, 2.3: suspend_trade)",
    scope=Scope.WHOLE,
)
