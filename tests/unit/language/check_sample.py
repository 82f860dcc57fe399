"""A small language for the tests of the checker: actions declared as real ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from runner.language.check import Checked, check
from runner.language.declare import Action, Finding, Form, Output, arg
from runner.language.diagnostics import Diagnostic
from runner.language.expressions import Expression
from runner.language.kinds import (
    BOOLEAN,
    COUNT,
    DURATION,
    MONEY,
    ORDER,
    PRICE,
    QUANTITY,
    SYMBOL,
    TEXT,
    TIME,
    choice,
)
from runner.language.parameters import GivenValue, given_by_option
from runner.language.runbook import TIME_IN_FORCE, OrderReference, Poll, Runbook
from runner.language.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    symbol: str = arg(SYMBOL, "The symbol.", required=True, example="AAPL")
    qty: Decimal | None = arg(QUANTITY, "The shares that must be held.")
    fresh: bool | None = arg(BOOLEAN, "Whether it must be fresh.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    symbol: str = arg(SYMBOL, "The symbol.", required=True, example="AAPL")
    side: str = arg(choice("buy", "sell"), "The side.", required=True)
    qty: Decimal | None = arg(QUANTITY, "Shares.", above="0")
    notional: Decimal | None = arg(MONEY, "Dollars.", above="0")
    limit_price: Decimal | None = arg(PRICE, "The worst price.")
    kind: str = arg(choice("market", "limit"), "What kind of order.", default="market", key="type")
    time_in_force: str | None = arg(TIME_IN_FORCE, "How long it works.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    order: tuple[OrderReference, ...] = arg(
        ORDER, "The orders.", required=True, form=Form.ORDER, many=True
    )
    timeout: timedelta | None = arg(DURATION, "How long.", least="1s", most="10m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    that: Expression = arg(BOOLEAN, "What must be true.", required=True, form=Form.CONDITION)
    message: str | None = arg(TEXT, "What to say.", form=Form.TEMPLATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    until: Any = arg(TIME, "A time, or what must be true of `polled`.", form=Form.UNTIL)
    poll: Poll | None = arg(TIME, "What to look at.", form=Form.POLL)
    times: Decimal | None = arg(COUNT, "How often.", least="1", most="5", literal=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """No arguments at all."""


def _perform(args: Any, run: Any) -> None:
    raise AssertionError("the checker performs nothing")


def _send_rules(known: Mapping[str, Any], given: frozenset[str]) -> Iterator[Finding]:
    """Says what it was told, so that tests can see it."""
    if known.get("type") == "limit" and "limit_price" not in given:
        yield Finding("RB502", "type", "a limit order needs limit_price", "Add limit_price.")
    if known.get("type") == "market" and "limit_price" in given:
        yield Finding("RB503", "limit_price", "a market order takes no limit_price")
    if known.get("time_in_force") == "ioc":
        yield Finding("RB508", "time_in_force", "no ioc here")
    if known.get("qty") == Decimal("0.5"):
        yield Finding("RB505", "qty", "no halves here")


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "look", "Looks at a position.", Look,
            {"qty": Output(QUANTITY, "Held."), "price": Output(PRICE, "Paid.", optional="if flat")},
            _perform, polls=True,
        ),
        Action(
            "send", "Sends an order.", Send,
            {"order_id": Output(ORDER, "Its id."), "stop": Output(ORDER, "Its stop leg."),
             "status": Output(TEXT, "Its status.")},
            _perform, check=_send_rules, sends=True, opens=True,
            one_of=(("qty", "notional"),),
        ),
        Action("await", "Awaits orders.", Await, {"filled": Output(QUANTITY, "Filled.")}, _perform),
        Action("claim", "Claims something.", Claim, {}, _perform, bare="that"),
        Action("pause", "Waits.", Pause, {}, _perform),
        Action("nothing", "Does nothing.", Nothing, {}, _perform),
    )
}  # fmt: skip

HEAD = "runbook: 1\nname: sample\nsymbols: [AAPL]\n"
SEND = "send: {symbol: AAPL, side: buy, qty: 1}"


def checked(text: str, *options: str, run: bool = False) -> Checked:
    """Check a text; with options, or `run`, as a run with these parameter values would."""
    given: dict[str, GivenValue] = {}
    for option in options:
        value = given_by_option(option)
        assert value is not None
        given[value.name] = value
    return check(Source("plan.yaml", text), ACTIONS, given if options or run else None)


def findings(text: str, *options: str, run: bool = False) -> list[Diagnostic]:
    return [one for _, one in checked(text, *options, run=run).findings]


def codes(text: str, *options: str, run: bool = False) -> list[str]:
    """The findings as `RB202 5:3`, in reading order."""
    return [
        f"{one.code} {one.span.line}:{one.span.column}" for one in findings(text, *options, run=run)
    ]


def steps(*bodies: str, head: str = HEAD) -> str:
    """A runbook of these steps, each one line or several; the first stands on line 5."""
    lines = ["steps:"]
    for body in bodies:
        first, *rest = body.split("\n")
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    return head + "\n".join(lines) + "\n"


def runbook_of(text: str, *options: str) -> Runbook:
    """The checked runbook of a text without findings."""
    result = checked(text, *options, run=True)
    assert [one.message for _, one in result.findings] == []
    assert result.runbook is not None
    return result.runbook
