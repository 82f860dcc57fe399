"""A plan as data: what `plan --json` prints and what a saved plan is made of.

Pure and stable: equal projections of equal inputs give equal data, without a wall clock, random ids
or account numbers. Numbers of money and shares are text. Of the broker's objects only named fields
are kept. Described by `schemas/plan.schema.json` (`runner.report.plan_schema`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from runner.drive.projection import (
    AccountAfter,
    Assumption,
    GuardSeen,
    Line,
    Observed,
    PlannedOrder,
    PlannedStep,
    Projection,
    Refusal,
    Shown,
)
from runner.effects import instant
from runner.guards.rules import Policy, Rules
from runner.language.runbook import Runbook
from runner.language.values import as_given
from runner.report.plan_text import Target
from runner.report.plan_totals import Totals, exit_code

FORMAT = 1
"""The version of the plan's format."""

ACCOUNT = (
    "status", "currency", "multiplier", "cash", "equity", "last_equity", "buying_power",
    "regt_buying_power", "daytrading_buying_power", "non_marginable_buying_power",
    "options_buying_power", "initial_margin", "maintenance_margin", "last_maintenance_margin",
    "long_market_value", "short_market_value", "sma", "accrued_fees", "shorting_enabled",
    "trading_blocked", "account_blocked", "trade_suspended_by_user", "pattern_day_trader",
    "daytrade_count",
)  # fmt: skip
POSITION = (
    "symbol", "asset_class", "side", "qty", "qty_available", "avg_entry_price", "cost_basis",
    "market_value", "current_price",
)  # fmt: skip
ORDER = (
    "id", "client_order_id", "symbol", "asset_class", "side", "qty", "notional", "filled_qty",
    "filled_avg_price", "type", "order_class", "time_in_force", "limit_price", "stop_price",
    "trail_percent", "trail_price", "extended_hours", "position_intent", "status", "replaces",
)  # fmt: skip
RESULT = ("error", "orders", "positions", "open_orders")
"""What is kept of the broker's objects, and of a line's result."""


def plan_data(
    projection: Projection, runbook: Runbook, target: Target, policy: Policy
) -> dict[str, Any]:
    """The plan as a JSON object of strings, small integers, booleans, lists and objects."""
    rules = Rules.of(policy, runbook.limits, target.kind)
    observed, source = projection.observed, runbook.source
    return {
        "plan": FORMAT,
        "runbook": {
            "name": runbook.name,
            "file": source.name,
            "sha256": source.sha256,
            "text": source.text,
        },
        "params": {name: as_given(one) for name, one in runbook.params.items()},
        "target": {"kind": target.kind, "base_url": _base_url(target), "simulated": _sim(target)},
        "policy": {
            "file": Path(policy.file).name,
            "sha256": policy.sha256,
            "rules": rules.to_data(),
        },
        "account": {"id": str(observed.account.get("id") or "")},
        "at": None if observed.at is None else instant(observed.at),
        "observed": _observed(observed),
        "tolerance": _number(projection.tolerance),
        "lines": [_line(one) for one in projection.lines],
        "not_followed": projection.not_followed,
        "totals": _totals(projection),
        "warnings": [asdict(one) for one in projection.notes],
    }


def refused_data(
    code: int, reason: str, target: str | None, findings: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What is printed instead where no plan could be made.

    `findings` are those of an invalid runbook, as `validate --format json` prints them.
    """
    return {
        "plan": None,
        "exit_code": code,
        "error": {"message": reason},
        "target": target,
        "findings": list(findings),
    }


def _sim(target: Target) -> bool:
    return target.kind == "sim"


def _base_url(target: Target) -> str:
    """Empty for the embedded exchange, whose address is another one every time."""
    return "" if _sim(target) else target.base_url


def _observed(observed: Observed) -> dict[str, Any]:
    return {
        "account": _kept(observed.account, ACCOUNT),
        "positions": [_kept(one, POSITION) for one in observed.positions],
        "open_orders": [_order_seen(one) for one in observed.open_orders],
        "quotes": [
            {
                "symbol": one.symbol,
                "feed": one.feed,
                "bid": _number(one.bid),
                "ask": _number(one.ask),
                "at": None if one.at is None else instant(one.at),
            }
            for one in observed.quotes
        ],
        "clock": _kept(observed.clock, ("is_open", "next_open", "next_close")),
    }


def _order_seen(order: Mapping[str, Any]) -> dict[str, Any]:
    legs = order.get("legs")
    found = _kept(order, ORDER)
    if isinstance(legs, list):
        found["legs"] = [_order_seen(leg) for leg in legs if isinstance(leg, Mapping)]
    return found


def _kept(data: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The named fields of a broker's object; numbers as text, empty ones left out."""
    return {name: _plain(data[name]) for name in names if data.get(name) is not None}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool) else str(value)


def _totals(projection: Projection) -> dict[str, Any]:
    totals = Totals.of(projection)
    return {
        "orders": totals.orders,
        "changes": totals.changes,
        "cancels": totals.cancels,
        "notional": _number(totals.notional),
        "opening_notional": _number(totals.opening_notional),
        "unpriced": totals.unpriced,
        "verdict": totals.verdict,
        "reason": totals.reason,
        "exit_code": exit_code(projection),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "parent": line.parent,
        "parted": None if line.parted is None else _assumption(line.parted),
        "assumed": [_assumption(one) for one in line.assumed],
        "steps": [_step(one) for one in line.steps],
        "orders": [_order(one) for one in line.orders],
        "refusals": [_refusal(one) for one in line.refusals],
        "cleanup": [index for index, one in enumerate(line.orders) if one in line.cleanup],
        "begin": _account(line.begin),
        "left": _account(line.left),
        "end": _account(line.end),
        "ended_at": instant(line.ended_at),
        "status": line.status,
        "exit_code": line.exit_code,
        "result": {name: line.result.get(name) for name in RESULT},
    }


def _assumption(one: Assumption) -> dict[str, Any]:
    return dict(asdict(one))


def _step(step: PlannedStep) -> dict[str, Any]:
    data = {spec.name: getattr(step, spec.name) for spec in fields(step)}
    return {
        **data,
        "args": _all_shown(step.args),
        "outputs": _all_shown(step.outputs),
        "error": None if step.error is None else dict(step.error),
        "after": _account(step.after),
    }


def _order(order: PlannedOrder) -> dict[str, Any]:
    data = {spec.name: getattr(order, spec.name) for spec in fields(order)}
    average, queued = order.filled_avg_price, order.queued_until
    return {
        **data,
        "body": dict(order.body),
        "estimates": _all_shown(order.estimates),
        "notional": None if order.notional is None else _shown(order.notional),
        "guards": [_guard(one) for one in order.guards],
        "filled_qty": _number(order.filled_qty),
        "filled_avg_price": None if average is None else _shown(average),
        "queued_until": None if queued is None else instant(queued),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    guards = [_guard(one) for one in refusal.guards]
    return {"step": refusal.step, "phase": refusal.phase, "guards": guards}


def _guard(one: GuardSeen) -> dict[str, Any]:
    return {**asdict(one), "values": dict(one.values)}


def _all_shown(values: Mapping[str, Shown]) -> dict[str, Any]:
    return {name: _shown(one) for name, one in values.items()}


def _shown(one: Shown) -> dict[str, Any]:
    return dict(asdict(one))


def _account(one: AccountAfter | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "cash": _number(one.cash),
        "buying_power": _number(one.buying_power),
        "equity": _number(one.equity),
        "margin_excess": _number(one.margin_excess),
        "positions": [
            {"symbol": held.symbol, "qty": _number(held.qty), "value": _number(held.value)}
            for held in one.positions
        ],
        "day_trades": one.day_trades,
    }


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
