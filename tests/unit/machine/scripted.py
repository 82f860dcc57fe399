"""Drives the machine by its protocol alone: each effect is answered by a function of the test.

The default answers describe a quiet market: an active account, no position, a two-cent spread, and
orders that are accepted and filled at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from runner import effects
from runner.effects import Effect, Event, Json, Outcome, Problem, Reason, Status
from runner.guards import BUILT_IN, Policy, Rules
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine import Result, Run, carry_out
from runner.steps import ACTIONS

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
STAMP = "2026-11-23T15:00:00Z"
ACCOUNT: dict[str, Json] = {
    "id": "account-1", "account_number": "PA1", "status": "ACTIVE", "trading_blocked": False,
    "account_blocked": False, "trade_suspended_by_user": False, "equity": "100000",
    "cash": "100000", "buying_power": "400000", "regt_buying_power": "200000",
    "maintenance_margin": "0", "multiplier": "4", "last_equity": "100000",
    "shorting_enabled": True,
}  # fmt: skip
ASSET: dict[str, Json] = {
    "symbol": "AAPL", "class": "us_equity", "status": "active", "tradable": True,
    "fractionable": True, "shortable": True, "marginable": True,
    "margin_requirement_long": "30", "margin_requirement_short": "30",
}  # fmt: skip
CLOCK: dict[str, Json] = {
    "timestamp": STAMP, "is_open": True, "next_open": "2026-11-24T14:30:00Z",
    "next_close": "2026-11-23T21:00:00Z",
}  # fmt: skip
QUOTE: dict[str, Json] = {
    "symbol": "AAPL", "feed": "iex",
    "quote": {"bp": "99.99", "ap": "100.01", "bs": 1, "as": 1, "t": STAMP},
}  # fmt: skip

CONFIGURATION: dict[str, Json] = {
    "suspend_trade": False, "no_shorting": False, "fractional_trading": True,
    "max_options_trading_level": None,
}  # fmt: skip
TRADE: dict[str, Json] = {
    "symbol": "AAPL", "feed": "iex", "trade": {"p": "100", "s": 100, "t": STAMP},
}  # fmt: skip

Answer = Callable[[Effect], Outcome | None]


def ok(data: Mapping[str, Any] | None = None, **more: Any) -> Outcome:
    return Outcome(START, Status.OK, data or {}, **more)


def absent() -> Outcome:
    return Outcome(START, Status.ABSENT)


def unknown(reason: Reason = Reason.TIMEOUT) -> Outcome:
    return Outcome(START, Status.UNKNOWN, problem=Problem(reason, "no answer"))


def refused(reason: Reason, message: str = "no") -> Outcome:
    return Outcome(START, Status.REFUSED, problem=Problem(reason, message, 403, 40310000))


def order(client_order_id: str, status: str = "filled", **more: Json) -> dict[str, Json]:
    """An order as the broker shows it: 1 AAPL bought at the market, unless told otherwise."""
    shown: dict[str, Json] = {
        "id": f"id-of-{client_order_id}", "client_order_id": client_order_id, "symbol": "AAPL",
        "side": "buy", "type": "market", "time_in_force": "day", "qty": "1", "status": status,
        "filled_qty": "1" if status == "filled" else "0",
        "filled_avg_price": "100.01" if status == "filled" else None,
        "created_at": STAMP, "legs": None,
    }  # fmt: skip
    return {**shown, **more}


@dataclass
class Driven:
    """A run that was driven: what it asked for, what it said, and how it ended."""

    result: Result
    run: Run
    effects: list[Effect] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def asked(self, kind: type[Effect]) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def said(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]


def runbook_of(text: str) -> Runbook:
    checked = check(Source("plan.yaml", text), ACTIONS, {})
    assert checked.runbook is not None, list(checked.findings)
    return checked.runbook


def plan(steps: str, head: str = "symbols: [AAPL]", tail: str = "") -> Runbook:
    return runbook_of(f"runbook: 1\nname: a-plan\n{head}\nsteps:\n{steps}\n{tail}")


def drive(
    runbook: Runbook, answer: Answer, *, step_seconds: float = 0, policy: Policy = BUILT_IN
) -> Driven:
    """Drive a fresh run. `answer` may return None to take the default answer."""
    rules = Rules.of(policy, runbook.limits, "sim")
    run = Run(runbook, "20261123T150000Z-abcdefghijklmnop", START, rules)
    machine = carry_out(run)
    seen: list[Effect] = []
    paths: list[str] = []
    events: list[Event] = []
    at, told = START, None
    submitted: dict[str, dict[str, Json]] = {}
    while True:
        try:
            said = machine.send(told)
        except StopIteration as end:
            return Driven(end.value, run, seen, paths, events)
        if isinstance(said, Event):
            events.append(said)
            told = None
            continue
        effect = said.effect
        seen.append(effect)
        paths.append(said.step)
        at += timedelta(seconds=step_seconds)
        chosen = answer(effect)
        if isinstance(effect, effects.Sleep) and (chosen is None or chosen.at == START):
            at = max(at, effect.until)
        if isinstance(effect, effects.Submit):
            side, symbol = str(effect.body["side"]), str(effect.body["symbol"])
            submitted[effect.client_order_id] = order(
                effect.client_order_id, side=side, symbol=symbol, qty=effect.body.get("qty")
            )
        if chosen is None:
            chosen = _default(effect, submitted)
        told = replace(chosen, at=max(at, chosen.at))
        at = told.at


def _default(effect: Effect, submitted: dict[str, dict[str, Json]]) -> Outcome:
    match effect:
        case effects.Bind() | effects.ReadAccount():
            return ok(ACCOUNT)
        case effects.ReadConfiguration():
            return ok(CONFIGURATION)
        case effects.ReadHistory():
            return ok({"orders": []})
        case effects.ReadQuote():
            return ok(QUOTE)
        case effects.ReadTrade():
            return ok(TRADE)
        case effects.ReadWorld():
            return ok({"account": ACCOUNT, "position": None, "positions": [], "open_orders": [],
                       "quote": QUOTE, "asset": ASSET, "clock": CLOCK})  # fmt: skip
        case effects.ReadPosition():
            return absent()
        case effects.ReadClock():
            return ok(CLOCK)
        case effects.ReadCalendar():
            return ok({"days": [{"date": "2026-11-23", "open": "09:30", "close": "16:00"}]})
        case effects.ReadActivities():
            return ok({"activities": []})
        case effects.ReadOpenOrders():
            return ok({"orders": []})
        case effects.ReadPositions():
            return ok({"positions": []})
        case effects.Submit(client_order_id):
            return ok(submitted[client_order_id])
        case effects.ReadOrderByClientId(client_order_id):
            return ok(submitted[client_order_id]) if client_order_id in submitted else absent()
        case effects.ReadOrder(order_id):
            return ok(submitted[order_id.removeprefix("id-of-")])
        case effects.AwaitChange(orders):
            found = {one: submitted[one.removeprefix("id-of-")] for one in orders}
            return ok({"orders": found, "polls": 1})
    return ok()
