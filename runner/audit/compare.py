"""Two runs side by side, from their logs: step by step, order by order.

Steps are aligned by their path and by how often they were carried out. Run ids, client order ids,
order ids and moments are never a difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.audit.compare_steps import ADDED, CHANGED, MISSING, SAME, StepDiff, compare_steps
from runner.audit.log import Log
from runner.audit.orders_told import OrderTold, orders_told
from runner.audit.tolerances import Tolerances
from runner.audit.visits import Visit, visits_of
from runner.world import moment


@dataclass(frozen=True, slots=True)
class RunTold:
    """What is said of a run as a whole. `took` is by the run's clock; `status` is empty where the
    run never ended."""

    run_id: str
    path: str
    name: str
    file: str
    sha256: str
    target: str
    started_at: datetime | None
    took: timedelta | None
    status: str
    exit_code: int | None
    params: Mapping[str, str]
    seed: str


@dataclass(frozen=True, slots=True)
class OrderDiff:
    """One order of either run or of both; `differ` names what differs beyond the tolerances."""

    first: OrderTold | None
    second: OrderTold | None
    differ: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        if self.first is None or self.second is None:
            return ADDED if self.first is None else MISSING
        return CHANGED if self.differ else SAME

    @property
    def order(self) -> OrderTold:
        one = self.first or self.second
        assert one is not None
        return one


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two runs side by side. `text` is the unified diff of the runbooks, empty when they are the
    same; `params` are those that differ, by name."""

    first: RunTold
    second: RunTold
    tolerances: Tolerances
    steps: tuple[StepDiff, ...]
    orders: tuple[OrderDiff, ...]
    params: Mapping[str, tuple[str | None, str | None]]
    text: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether nothing differs beyond the tolerances, durations apart."""
        parts = [*(one.verdict for one in self.steps), *(one.verdict for one in self.orders)]
        ended = (self.first.status, self.first.exit_code)
        return set(parts) <= {SAME} and ended == (self.second.status, self.second.exit_code)


def compare_runs(first: Log, second: Log, tolerances: Tolerances | None = None) -> RunDiff:
    """Compare two believed logs."""
    within = tolerances or Tolerances()
    visits = visits_of(first.records), visits_of(second.records)
    steps = tuple(compare_steps(*visits, within))
    orders = tuple(_orders(orders_told(visits[0]), orders_told(visits[1]), within))
    one, other = _run(first, visits[0]), _run(second, visits[1])
    return RunDiff(
        first=one,
        second=other,
        tolerances=within,
        steps=steps,
        orders=orders,
        params={
            name: (one.params.get(name), other.params.get(name))
            for name in sorted({*one.params, *other.params})
            if one.params.get(name) != other.params.get(name)
        },
        text=tuple(_text(first, second)),
        counts={
            "steps": _count([step.verdict for step in steps if step.visit.path]),
            "orders": _count([order.verdict for order in orders]),
        },
    )


def _count(verdicts: Sequence[str]) -> dict[str, int]:
    return {name: verdicts.count(name) for name in (SAME, CHANGED, ADDED, MISSING)}


def _run(log: Log, visits: Sequence[Visit]) -> RunTold:
    header = log.header
    ends = [one.data for one in log.records if one.type == "run.finished"]
    ended: Mapping[str, Any] = ends[-1] if ends else {}
    began, target = moment(header["started_at"]), header["target"]
    exit_code = ended.get("exit_code")
    return RunTold(
        run_id=log.run or "",
        path=str(log.path),
        name=str(header["runbook"].get("name", "")),
        file=str(header["runbook"]["file"]),
        sha256=str(header["runbook"]["sha256"]),
        target=str(target["base_url"] if target["kind"] == "url" else target["kind"]),
        started_at=began,
        took=max(one.ended for one in visits) - began if visits and began else None,
        status=str(ended.get("status", "")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        params={name: str(value) for name, value in header["params"].items()},
        seed=str((header.get("scenario") or {}).get("seed", "")),
    )


def _text(first: Log, second: Log) -> Iterator[str]:
    one, other = first.header["runbook"], second.header["runbook"]
    if one["sha256"] == other["sha256"]:
        return
    yield from difflib.unified_diff(
        one["text"].splitlines(),
        other["text"].splitlines(),
        one["file"],
        other["file"],
        lineterm="",
        n=1,
    )


def _orders(
    first: Sequence[OrderTold], second: Sequence[OrderTold], within: Tolerances
) -> Iterator[OrderDiff]:
    after = {one.key: one for one in second}
    for order in first:
        other = after.pop(order.key, None)
        yield OrderDiff(order, other, () if other is None else tuple(_apart(order, other, within)))
    for order in after.values():
        yield OrderDiff(None, order)


def _apart(one: OrderTold, other: OrderTold, within: Tolerances) -> Iterator[str]:
    for name in ("symbol", "side", "type", "status"):
        if getattr(one, name) != getattr(other, name):
            yield name
    for name in ("qty", "filled_qty"):
        if not within.amounts_agree(getattr(one, name), getattr(other, name)):
            yield name
    for name in ("notional", "limit_price", "stop_price", "filled_avg_price"):
        if not within.prices_agree(getattr(one, name), getattr(other, name)):
            yield name
    if not within.durations_agree(one.to_fill, other.to_fill):
        yield "to_fill"
