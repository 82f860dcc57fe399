"""Walking through a replay: each thing that the machine says, and what the run knew by then.

A walk compares exactly what a replay compares, with the same tape. What the run knew is looked up
in the run itself: after the machine was told what came of one thing, when it says the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.audit.records import Record
from runner.drive.recorded import Compared, Divergence, Replay, Tape, compare
from runner.drive.replaying import believed, explained, fresh_run
from runner.effects import Event, Json, canonical, instant
from runner.language.runbook import Argument, Runbook, Step
from runner.language.source import Span
from runner.language.values import written
from runner.machine import Run, carry_out
from runner.machine.interpreter import every_step


@dataclass(frozen=True, slots=True)
class Known:
    """What a run knew at a moment. Numbers are text; `held` are shares by symbol, this run's own,
    `sent` counts the opening orders and `notional` their dollars."""

    outputs: Mapping[str, Mapping[str, str]]
    orders: tuple[Mapping[str, Json], ...]
    held: Mapping[str, str]
    sent: int
    notional: str

    def to_data(self) -> dict[str, Json]:
        return {
            "outputs": {step: dict(values) for step, values in self.outputs.items()},
            "orders": [dict(one) for one in self.orders],
            "positions": dict(self.held),
            "opening_orders": self.sent,
            "opening_notional": self.notional,
        }


NOTHING = Known({}, (), {}, 0, "0")


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that the machine said: an effect that it asked for, or an event.

    `record` is the record that it equals, None for a guard that the log does not know; `said` what
    was said, guards that came at once together in `guards`; `outcome` what the machine was told of
    an effect, in record `told`. `at` is the run's time after that, `known` what the run then knew.
    """

    number: int
    record: int | None
    kind: str  # effect, or the type of the event
    step: str
    span: Span | None
    said: Mapping[str, Any]
    guards: tuple[Mapping[str, Any], ...]
    outcome: Mapping[str, Any] | None
    told: int | None
    at: str
    known: Known

    def to_data(self) -> dict[str, Json]:
        return {
            "number": self.number,
            "record": self.record,
            "kind": self.kind,
            "step": self.step,
            "line": self.span.line if self.span else None,
            "said": dict(self.said),
            "guards": [dict(one) for one in self.guards],
            "outcome": None if self.outcome is None else dict(self.outcome),
            "outcome_record": self.told,
            "at": self.at,
            "known": self.known.to_data(),
        }


class Walk:
    """A replay that can be looked at while it goes: iterate over its points, once.

    `replay` is what it came to, after the last point. Raises as `replay_log` does, the reading at
    once, the rest while it goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = believed(path)
        self.run = fresh_run(self._log)
        self.replay: Replay | None = None
        self._tape = Tape(self._log.records)
        self._results = -1
        self._known = NOTHING

    @property
    def runbook(self) -> Runbook:
        return self.run.runbook

    def __iter__(self) -> Iterator[Point]:
        last: Point | None = None
        number = 0
        with explained(self._path):
            for said in self._said():
                if last is not None and _joins(last, said):
                    guards = (*last.guards, said[0].data)  # type: ignore[union-attr]
                    last = replace(last, guards=guards)
                    continue
                if last is not None:
                    yield self._after(last)
                number += 1
                last = self._point(number, said)
            if last is not None:
                yield self._after(last)
            open_intent = self._tape.compared
            if self.replay is not None and self._is_open(open_intent):
                assert open_intent is not None
                yield self._open(number + 1, open_intent)

    def _said(self) -> Iterator[Compared]:
        self.replay = yield from compare(self._tape, carry_out(self.run))

    def _point(self, number: int, compared: Compared) -> Point:
        said, record, told = compared
        step = said.step
        effect = None if isinstance(said, Event) else canonical(said.effect)
        kind = said.type if isinstance(said, Event) else "effect"
        data = effect if effect is not None else dict(said.data)  # type: ignore[union-attr]
        outcome = self._tape.outcome_of(record) if record is not None else None
        return Point(
            number,
            record.seq if record is not None else None,
            kind,
            step,
            place_of(self.run, step, str(data.get("about", ""))),
            data,
            (data,) if kind == "guard" else (),
            told.to_data() if told is not None else None,
            outcome.seq if outcome is not None and told is not None else None,
            instant(told.at if told is not None else self.run.at),
            NOTHING,
        )

    def _after(self, point: Point) -> Point:
        return replace(point, known=self._look())

    def _is_open(self, record: Record | None) -> bool:
        if record is None or record.type != "effect.intent":
            return False
        return self._tape.outcome_of(record) is None

    def _open(self, number: int, record: Record) -> Point:
        """The effect of which the log does not say what became."""
        effect, step = dict(record.data["effect"]), record.step or ""
        at, span = instant(self.run.at), place_of(self.run, step)
        known = self._look()
        return Point(number, record.seq, "effect", step, span, effect, (), None, None, at, known)

    def _look(self) -> Known:
        """What the run knows now; what has not changed is the same object as before."""
        run, before = self.run, self._known
        outputs = before.outputs
        if len(run.results) != self._results:
            self._results = len(run.results)
            outputs = {
                step: {name: written(one.value) for name, one in values.items()}
                for step, values in run.outputs.items()
            }
        now = Known(
            outputs,
            tuple(_order(one) for one in run.orders.all),
            {symbol: f"{run.orders.held(symbol):f}" for symbol in run.orders.symbols},
            run.tally.orders,
            f"{run.tally.notional:f}",
        )
        if now != before:
            self._known = now
        return self._known


def place_of(run: Run, path: str, about: str = "") -> Span | None:
    """Where a step stands in the runbook, or the argument of it that a decision is about; None
    where no step is meant."""
    step = _step_of(run, path)
    if step is None:
        return None
    if about == "when" and step.when is not None:
        return step.when.scalar.span
    argument: Argument | None = step.arguments.get(about)
    return argument.span if argument is not None else step.span


def parted_at(run: Run, parted: Divergence | None) -> Span | None:
    """Where in the runbook a replay of this run parted from its log; None where it did not."""
    if parted is None:
        return None
    data = parted.actual.get("data")
    about = data.get("about") if isinstance(data, Mapping) else None
    return place_of(run, parted.step, str(about or ""))


def _step_of(run: Run, path: str) -> Step | None:
    if run.step is not None and run.path == path:
        return run.step
    return next((one for one in every_step(run.runbook.body) if one.place == path), None)


def _joins(last: Point, compared: Compared) -> bool:
    """Whether a guard follows another of the same step: nothing was read in between."""
    said = compared[0]
    return isinstance(said, Event) and said.type == last.kind == "guard" and said.step == last.step


def _order(own: Any) -> dict[str, Json]:
    body, order = own.body, own.order
    return {
        "client_order_id": order.client_order_id or own.client_order_id,
        "step": own.step,
        "symbol": own.symbol or None,
        "side": own.side or None,
        "type": body.get("type") or order.type or None,
        "qty": body.get("qty") if order.qty is None else f"{order.qty:f}",
        "notional": body.get("notional"),
        "status": order.status if own.sent == "accepted" else own.sent.value,
        "filled_qty": f"{own.filled_qty:f}",
        "filled_avg_price": (
            None if order.filled_avg_price is None else f"{order.filled_avg_price:f}"
        ),
        "leg": own.parent is not None,
    }
