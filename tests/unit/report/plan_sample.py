"""A projection, written out by hand: one share is bought, and a branch in which it is not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from runner.drive.projection import (
    AccountAfter,
    Assumption,
    GuardSeen,
    Holding,
    Line,
    Note,
    Observed,
    PlannedOrder,
    PlannedStep,
    Projection,
    QuoteSeen,
    Refusal,
    Shown,
)
from runner.guards.rules import BUILT_IN, Policy
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.report.plan_screen import Planned, render
from runner.steps import ACTIONS

AT = datetime(2026, 11, 23, 14, 31, 2, tzinfo=UTC)
ACCOUNT_NUMBER = "PA3XNUMBER77"
ACCOUNT = {"id": "e6fe16f3", "account_number": ACCOUNT_NUMBER, "status": "ACTIVE",
           "cash": "100000", "buying_power": "400000"}  # fmt: skip
ASK = Shown("184.22", "estimated", "ask at 09:31:02")

TEXT = """\
runbook: 1
name: one-share
symbols: [AAPL]
params:
  qty: {type: quantity, default: 1}
limits: {max_order_notional: 5000}
steps:
  - check_account:
  - id: entry
    name: Buy one
    submit_order: {symbol: AAPL, side: buy, qty: =params.qty, type: market}
  - id: fill
    await_fill: {order: entry, timeout: 60s}
  - assert: steps.fill.filled_qty == 1
finally:
  - cancel_all: {scope: run}
"""


class Place(Struct, frozen=True):
    """A target."""

    kind: Any = "sim"
    base_url: str = ""


def runbook(text: str = TEXT) -> Runbook:
    checked = check(Source("plan.yaml", text), ACTIONS)
    assert checked.runbook is not None, checked.report.sorted()
    return checked.runbook


def after(cash: str, qty: str = "0", day_trades: int | None = 0) -> AccountAfter:
    held = (Holding("AAPL", Decimal(qty), Decimal(qty) * 184),) if qty != "0" else ()
    money = Decimal(cash)
    return AccountAfter(money, money * 4, money, money, held, day_trades)


def step(path: str, action: str, status: str = "done", **more: Any) -> PlannedStep:
    given = {"id": "", "name": "", "args": {}, "outputs": {}, "error": None, "after": None, **more}
    return PlannedStep(
        path=path, action=action, phase=path.partition("[")[0], status=status, **given
    )


def order(**more: Any) -> PlannedOrder:
    """A market order for one share that fills at the ask."""
    body = {"type": "market", "symbol": "AAPL", "side": "buy", "qty": "1", "time_in_force": "day"}
    given: dict[str, Any] = {
        "step": "steps[1]", "phase": "steps", "effect": "submit", "order_id": "o1", "body": body,
        "estimates": {}, "symbol": "AAPL", "side": "buy", "own": True, "notional": ASK,
        "opens": True, "guards": GUARDS, "fate": "filled", "filled_qty": Decimal(1),
        "filled_avg_price": ASK, "problem": "", "queued_until": None, **more,
    }  # fmt: skip
    return PlannedOrder(**given)


GUARDS = (
    GuardSeen("listed_symbol", "pass", "AAPL is listed", {}),
    GuardSeen("max_order_notional", "exempt", "reducing", {}),
    GuardSeen("price_collar", "off", "turned off by the policy: tested by hand", {}),
)
REFUSED = GuardSeen("max_order_notional", "refuse", "$9,000.00 is more than $5,000.00", {})
FILLS = Assumption("steps[2]", "fill", "buy 1 AAPL", "buy 1 AAPL: filled", True, True)
STAYS = Assumption(
    "steps[2]", "fill", "buy 1 AAPL", "buy 1 AAPL: not filled by 09:32:02", False, False
)

FILLED = {"status": Shown("filled", "estimated"), "filled_qty": Shown("1", "estimated"),
          "filled_avg_price": ASK, "remaining_qty": Shown("0", "estimated")}  # fmt: skip
FIRST = step("steps[0]", "check_account")
BUYS = step("steps[1]", "submit_order", id="entry", name="Buy one", after=after("100000"))
CLEANS = step("finally[0]", "cancel_all")


def line(**more: Any) -> Line:
    """A line that completes."""
    steps = (
        FIRST,
        BUYS,
        step("steps[2]", "await_fill", id="fill", outputs=FILLED, after=after("99815.78", "1")),
        step("steps[3]", "assert", args={"that": Shown("steps.fill.filled_qty == 1")}),
        CLEANS,
    )
    result = {
        "error": None,
        "orders": [],
        "positions": [{"symbol": "AAPL", "run_qty": "1", "protected_qty": "0"}],
        "open_orders": [],
    }
    given: dict[str, Any] = {
        "name": "main", "parent": "", "parted": None, "assumed": (FILLS,), "steps": steps,
        "orders": (order(),), "refusals": (), "begin": after("100000"),
        "end": after("99815.78", "1"), "ended_at": AT, "status": "completed", "exit_code": 0,
        "result": result, **more,
    }  # fmt: skip
    return Line(**given)


def unfilled(**more: Any) -> Line:
    """The branch in which the order does not fill in time."""
    error = {"cause": "timed_out", "message": "0 of 1 filled when the time was up"}
    steps = (FIRST, BUYS, step("steps[2]", "await_fill", "failed", id="fill", error=error), CLEANS)
    cancel = order(step="steps[2]", effect="cancel", body={}, notional=None, guards=(),
                   fate="canceled", filled_qty=None, filled_avg_price=None)  # fmt: skip
    result = {"error": error, "orders": [], "positions": [], "open_orders": []}
    given: dict[str, Any] = {
        "name": "1", "parent": "main", "parted": STAYS, "assumed": (STAYS,), "steps": steps,
        "orders": (order(fate="canceled", filled_qty=None), cancel), "end": after("100000"),
        "status": "timed_out", "exit_code": 6, "result": result, **more,
    }  # fmt: skip
    return line(**given)


def refused() -> Line:
    """A line that a guard ends before its order."""
    error = {"cause": "refused", "message": f"{REFUSED.guard}: {REFUSED.message}"}
    asked = {"symbol": Shown("AAPL"), "qty": Shown("49")}
    steps = (FIRST, step("steps[1]", "submit_order", "refused", error=error, args=asked), CLEANS)
    refusals = (Refusal("steps[1]", "steps", (*GUARDS[:1], REFUSED)),)
    result = {"error": error, "orders": [], "positions": [], "open_orders": []}
    return line(steps=steps, orders=(), refusals=refusals, assumed=(), status="refused",
                exit_code=4, end=after("100000"), result=result)  # fmt: skip


def projection(*lines: Line, **more: Any) -> Projection:
    observed = Observed(
        at=AT,
        account=ACCOUNT,
        positions=(),
        open_orders=(),
        quotes=(QuoteSeen("AAPL", "iex", Decimal("184.20"), Decimal("184.22"), AT),),
        assets=(),
        clock={"is_open": True},
    )
    given: dict[str, Any] = {
        "observed": observed, "lines": lines or (line(), unfilled()),
        "notes": (Note("PL005", "a person is assumed to approve", "steps[0]", "main"),),
        "not_followed": 0, "tolerance": Decimal("0.01"), "requests": 7, **more,
    }  # fmt: skip
    return Projection(**given)


def planned(
    found: Projection | None = None, *, kind: str = "paper", policy: Policy = BUILT_IN
) -> Planned:
    place = Place(kind, "" if kind == "sim" else "https://paper.example")
    return Planned(found or projection(), runbook(), "plan.yaml", place, policy)


def screen(found: Projection | None = None, width: int | None = None, **more: Any) -> str:
    """What a person reads, without colour."""
    return render(planned(found, **more), width=width, color=False)
