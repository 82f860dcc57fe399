"""What the broker says of the account, and of what its owner has switched on and off there."""

from __future__ import annotations

from runner.drive.doctor_asking import Asked, trouble_of, unread
from runner.drive.doctor_checks import Check, ok, problem, warning
from runner.effects import ReadConfiguration, Status
from runner.guards.account_can_trade import FLAGS
from runner.world import Account, Configuration


def status(asked: Asked, account: Account) -> Check:
    """Whether it may trade. A flag that the broker does not tell counts as set: guards do so."""
    name = "account"
    simulated = "simulated " if asked.kind == "sim" else ""
    who = f"the {simulated}account {_masked(account.number)}"
    look_up = "Look at the account in Alpaca's dashboard, or ask Alpaca's support."
    if account.status != "ACTIVE":
        said = account.status or "of no known status"
        return problem(name, f"{who} is {said}, not ACTIVE: every order is refused", look_up)
    flags = {flag: getattr(account, flag) for flag in FLAGS}
    untold = [flag for flag, value in flags.items() if value is None]
    if untold:
        words = f"the broker did not say whether {' and '.join(untold)} is set on {who}"
        return problem(name, words, "Guards refuse what opens risk until it does: try again.")
    raised = [flag for flag, value in flags.items() if value]
    if raised:
        own = raised == ["trade_suspended_by_user"]
        todo = "Lift suspend_trade in the account's configuration." if own else look_up
        return problem(name, f"{who} has {' and '.join(raised)} set", todo)
    if asked.kind == "live" and asked.policy and account.number not in asked.policy.accounts:
        todo = "Add its number to `accounts` of the policy file."
        return problem(name, f"the policy does not list {who}: it is not traded live", todo)
    return ok(name, f"{who} is ACTIVE and not blocked")


def _masked(number: str | None) -> str:
    """The last 4 of an account's number; all of a short one would be too much of it."""
    if not number:
        return "without a number"
    return f"ending in {number[-4:]}" if len(number) > 4 else "with a short number"


def means(account: Account) -> Check:
    name = "buying power"
    needed = {"equity": account.equity, "buying_power": account.buying_power}
    untold = [key for key, value in needed.items() if value is None]
    if untold:
        words = f"the broker did not say {' and '.join(untold)}"
        return problem(name, words, "Guards refuse what opens risk until it does: try again.")
    level, shorting = account.options_trading_level, account.shorting_enabled
    words = (
        f"${account.buying_power:,.2f}, equity ${account.equity:,.2f}; options level "
        f"{'unknown' if level is None else f'{level:f}'}, shorting "
        f"{'unknown' if shorting is None else 'enabled' if shorting else 'not enabled'}"
    )
    if level is None or shorting is None:
        todo = "Options and short sales are refused until the broker says so: try again."
        return warning(name, words, todo)
    if account.buying_power is not None and account.buying_power <= 0:
        return warning(name, words, "Nothing can be bought: close positions or add money.")
    return ok(name, words)


def configuration(asked: Asked) -> Check:
    name = "configuration"
    answer = asked.look.gateway.perform(ReadConfiguration(), 3)
    if answer.status is not Status.OK:
        words = f"the account's configuration could not be read: {trouble_of(answer).message}"
        todo = "Guards refuse what opens risk until it can be: try again."
        return unread(name, words, answer, todo)
    found = Configuration.read(answer.data)
    if found.suspend_trade is None:
        words = "the broker did not say whether suspend_trade is set"
        return problem(name, words, "Guards refuse what opens risk until it does: try again.")
    if found.suspend_trade:
        words = "suspend_trade is set: every new order is refused"
        return problem(name, words, "Switch it off in Alpaca's dashboard, or with its API.")
    level = found.max_options_trading_level
    settings = [
        f"no_shorting {_on(found.no_shorting)}",
        f"fractional_trading {_on(found.fractional_trading)}",
        f"max_options_trading_level {'not set' if level is None else f'{level:f}'}",
    ]
    return ok(name, f"suspend_trade off, {', '.join(settings)}")


def _on(value: bool | None) -> str:
    return "unknown" if value is None else "on" if value else "off"
