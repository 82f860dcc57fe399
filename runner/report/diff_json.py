"""The `--json` object of two runs side by side (docs/replay.md)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from runner.audit.compare import RunDiff, RunTold
from runner.audit.compare_steps import StepDiff
from runner.audit.orders_told import OrderTold
from runner.effects import instant


def diff_data(found: RunDiff) -> dict[str, Any]:
    """The `--json` object: decimals as text, durations in seconds as text."""
    within = found.tolerances
    return {
        "same": found.same,
        "tolerances": {
            "price": f"{within.price:f}",
            "time": _seconds(within.time),
            "qty": f"{within.qty:f}",
        },
        "runs": [_run_data(found.first), _run_data(found.second)],
        "params": {name: list(values) for name, values in found.params.items()},
        "runbook": {"same": not found.text, "diff": list(found.text)},
        "counts": {name: dict(counts) for name, counts in found.counts.items()},
        "steps": [_step_data(one) for one in found.steps],
        "orders": [
            {
                "verdict": one.verdict,
                "differ": list(one.differ),
                "step": one.order.step[0],
                "visit": one.order.step[1],
                "leg": one.order.leg or None,
                "orders": [_order_data(one.first), _order_data(one.second)],
            }
            for one in found.orders
        ],
    }


def _run_data(run: RunTold) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "audit_log": run.path,
        "name": run.name,
        "runbook_sha256": run.sha256,
        "target": run.target,
        "started_at": instant(run.started_at) if run.started_at else None,
        "seconds": _seconds(run.took),
        "status": run.status or None,
        "exit_code": run.exit_code,
        "params": dict(run.params),
        "seed": run.seed or None,
    }


def _step_data(step: StepDiff) -> dict[str, Any]:
    visit = step.visit
    sides = (step.first, step.second)
    return {
        "path": visit.path,
        "visit": visit.number,
        "id": visit.id or None,
        "action": visit.action or None,
        "verdict": step.verdict,
        "status": [None if one is None else one.status or None for one in sides],
        "seconds": [None if one is None else _seconds(one.took) for one in sides],
        "duration_differs": step.slower,
        "differences": [
            {
                "verdict": one.verdict,
                "what": one.what,
                "about": one.about or None,
                "values": [one.first, one.second],
            }
            for one in step.differences
        ],
    }


def _order_data(one: OrderTold | None) -> dict[str, Any] | None:
    if one is None:
        return None
    numbers = ("qty", "notional", "limit_price", "stop_price", "filled_qty", "filled_avg_price",
               "reference", "slippage")  # fmt: skip
    texts = ("client_order_id", "symbol", "side", "type", "status")
    return {
        **{name: getattr(one, name) or None for name in texts},
        **{name: _text_of(getattr(one, name)) for name in numbers},
        "reference_is": one.basis or None,
        "seconds_to_fill": _seconds(one.to_fill),
    }


def _text_of(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _seconds(span: timedelta | None) -> str | None:
    return None if span is None else f"{Decimal(span // timedelta(microseconds=1)) / 1_000_000:f}"
