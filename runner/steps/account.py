"""`check_account`: the account is what the plan takes for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from runner.effects import ReadAccount, ReadConfiguration
from runner.language.declare import Action, Output, arg
from runner.language.kinds import BOOLEAN, COUNT, MONEY, NUMBER, TEXT
from runner.language.values import Plain
from runner.machine import Run, Steps
from runner.machine.failures import refused
from runner.world import Account, flag


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAccount:
    """What must hold of the account. What the broker does not report does not hold."""

    status: str = arg(TEXT, "The status the account must have.", default="ACTIVE")
    min_equity: Decimal | None = arg(MONEY, "The least equity.", least="0", example="25000")
    min_cash: Decimal | None = arg(MONEY, "The least cash.", example="1000")
    min_buying_power: Decimal | None = arg(
        MONEY, "The least buying power.", least="0", example="1000"
    )
    shorting: bool | None = arg(BOOLEAN, "Whether the account must be allowed to sell short.")
    options_level: Decimal | None = arg(
        COUNT, "The least options trading level.", least="0", most="3", example="2"
    )


OUTPUTS = {
    "status": Output(TEXT, "The account's status."),
    "equity": Output(MONEY, "Cash plus the value of all positions.", market=True),
    "cash": Output(MONEY, "Cash; negative on margin.", market=True),
    "buying_power": Output(MONEY, "What can be bought now.", market=True),
    "maintenance_margin": Output(MONEY, "Equity that the positions require.", market=True),
    "multiplier": Output(NUMBER, "The margin multiplier: 1, 2 or 4."),
}


def check_account(args: CheckAccount, run: Run) -> Steps[Mapping[str, Plain]]:
    account = Account.read((yield from run.read(ReadAccount())) or {})
    configuration = (yield from run.read(ReadConfiguration())) or {}
    if account.status != args.status:
        raise refused(f"the account's status is {account.status or 'missing'}, not {args.status}")
    for name in ("trading_blocked", "account_blocked", "trade_suspended_by_user"):
        _must_be_clear(name, getattr(account, name))
    _must_be_clear("suspend_trade", flag(configuration.get("suspend_trade")))
    outputs = {name: getattr(account, name) for name in OUTPUTS}
    for name, value in outputs.items():
        if value is None:
            raise refused(f"the broker did not report the account's {name}")
    _at_least("equity", account.equity, args.min_equity)
    _at_least("cash", account.cash, args.min_cash)
    _at_least("buying_power", account.buying_power, args.min_buying_power)
    if args.shorting is not None:
        no_shorting = flag(configuration.get("no_shorting"))
        if account.shorting_enabled is None or no_shorting is None:
            raise refused("the broker did not report whether the account may sell short")
        allowed = account.shorting_enabled and not no_shorting
        if allowed != args.shorting:
            raise refused(f"the account may {'' if allowed else 'not '}sell short")
    if args.options_level is not None:
        level = account.options_trading_level
        if level is None:
            raise refused("the broker did not report the account's options_trading_level")
        if level < args.options_level:
            raise refused(f"the options level is {level:f}, less than {args.options_level:f}")
    return outputs


def _must_be_clear(name: str, value: bool | None) -> None:
    if value is None:
        raise refused(f"the broker did not report the account's {name}")
    if value:
        raise refused(f"the account has {name} set: orders would be rejected")


def _at_least(name: str, value: Decimal | None, least: Decimal | None) -> None:
    if least is not None and (value is None or value < least):
        said = "missing" if value is None else f"{value:f}"
        raise refused(f"{name} is {said}, less than {least:f}")


ACTION = Action(
    "check_account",
    "The account is active, neither blocked nor suspended, and has at least what is asked.",
    CheckAccount,
    OUTPUTS,
    check_account,
    polls=True,
)
