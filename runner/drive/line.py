"""Puts one line of a projection on record: its steps, its orders, and the account after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.drive.account_after import account_after
from runner.drive.estimates import ESTIMATED, Estimates
from runner.drive.overlay import Overlay
from runner.drive.projection import (
    AccountAfter,
    Assumption,
    GuardSeen,
    Line,
    PlannedOrder,
    PlannedStep,
    Refusal,
    Shown,
)
from runner.drive.readings import Readings
from runner.drive.wording import fill_basis, in_new_york, quote_basis
from runner.effects import (
    Answer,
    Cancel,
    Command,
    Event,
    Json,
    ReadOrder,
    ReadQuote,
    Replace,
    Status,
    Submit,
)
from runner.machine import Result, Run
from runner.world import Order, Quote, decimal, is_option

CONTRACT = 100  # shares that an option contract stands for
AFTERWARDS = timedelta(seconds=5)
CLEANUP = ("on_failure", "finally")


@dataclass(slots=True)
class Write:
    """One write, while it is not known yet what becomes of it."""

    step: str
    effect: Submit | Replace | Cancel
    before: Order | None  # the order that it changes or cancels
    own: bool
    estimates: dict[str, Shown]
    notional: Shown | None
    guards: tuple[GuardSeen, ...]
    order_id: str = ""
    problem: str = ""
    queued_until: datetime | None = None
    body: dict[str, Json] = field(default_factory=dict)


class LineRecorder:
    """Told of everything that a machine says and hears, in order."""

    def __init__(self, run: Run, readings: Readings, overlay: Overlay) -> None:
        self._run = run
        self._readings = readings
        self._overlay = overlay
        self._estimates = Estimates(run, readings)
        self._steps: list[PlannedStep] = []
        self._writes: list[Write] = []
        self._refusals: list[Refusal] = []
        self._guards: list[GuardSeen] = []
        self._guarded = ""  # the step whose guards these are
        self._args: dict[str, dict[str, Shown]] = {}
        self._began: dict[str, datetime] = {}
        self._version = 0
        self._start: AccountAfter | None = None
        self._left: AccountAfter | None = None

    def begin(self) -> None:
        """Note the account as it is."""
        self._start = account_after(self._readings, self._overlay)

    def began(self, path: str) -> datetime | None:
        """When a step began, by the run's clock."""
        return self._began.get(path)

    def argument(self, path: str, name: str) -> Json:
        """An argument of the step at a path, as the log shows it; None where it has none."""
        shown = self._args.get(path, {}).get(name)
        return shown.value if shown is not None else None

    # ------------------------------------------------------------------ what is said

    def event(self, event: Event) -> None:
        """The machine decided or finished something."""
        match event.type:
            case "decision":
                self._estimates.decision(event)
            case "guard":
                self._guard(event)
            case "step.started":
                self._began[event.step] = self._run.at
                self._args[event.step] = self._estimates.started(event)
            case "step.finished" | "step.skipped":
                self._finish(event)

    def command(self, command: Command) -> None:
        """An effect is about to be performed."""
        effect = command.effect
        if not isinstance(effect, Submit | Replace | Cancel):
            return
        body = {} if isinstance(effect, Cancel) else dict(effect.body)
        body.pop("client_order_id", None)
        before = None if isinstance(effect, Submit) else self._order(effect.order_id)
        known = isinstance(effect, Submit) or (
            before is not None and self._run.orders.knows(before)
        )
        estimates = {} if isinstance(effect, Cancel) else self._estimates.of_body(body)
        guards = tuple(self._guards) if self._guarded == command.step else ()
        self._guards = []
        self._writes.append(
            Write(
                step=command.step,
                effect=effect,
                before=before,
                own=known,
                estimates=estimates,
                notional=self._notional(effect, body, before, estimates),
                guards=guards,
                body=body,
            )
        )

    def answered(self, command: Command, answer: Answer) -> None:
        """An effect has come back."""
        self._estimates.told(command, answer.data)
        effect = command.effect
        if not isinstance(effect, Submit | Replace | Cancel):
            return
        write = self._writes[-1]
        if answer.status is Status.OK:
            cancelled = effect.order_id if isinstance(effect, Cancel) else ""
            write.order_id = cancelled or str(answer.data.get("id", ""))
            write.queued_until = self._queued(write.order_id)
        elif answer.problem is not None:
            write.problem = answer.problem.message

    def _guard(self, event: Event) -> None:
        if self._guarded != event.step:
            self._guarded, self._guards = event.step, []
        data = event.data
        values = data.get("values")
        self._guards.append(
            GuardSeen(
                str(data["guard"]),
                str(data["verdict"]),
                str(data["message"]),
                values if isinstance(values, dict) else {},
            )
        )
        if data["verdict"] == "refuse":
            phase = phase_of(event.step)
            self._refusals.append(Refusal(event.step, phase, tuple(self._guards)))
            self._guards = []

    def _finish(self, event: Event) -> None:
        data, changed = event.data, self._overlay.version != self._version
        self._version = self._overlay.version
        error = data.get("error")
        self._steps.append(
            PlannedStep(
                path=event.step,
                id=str(data.get("id", "")),
                name=str(data.get("name", "")),
                action=str(data["action"]),
                phase=phase_of(event.step),
                status=str(data.get("status", "skipped")),
                args=self._args.pop(event.step, {}),
                outputs=self._estimates.finished(event),
                error=error if isinstance(error, dict) else None,
                after=account_after(self._readings, self._overlay) if changed else None,
            )
        )

    # ------------------------------------------------------------------ the end

    def settle(self) -> None:
        """Note the account as the run leaves it; then let happen what is under way, and what waits
        for the next open."""
        self._left = account_after(self._readings, self._overlay)
        waiting = [
            write.queued_until
            for write in self._writes
            if write.queued_until is not None and self._is_open(write.order_id)
        ]
        self._overlay.advance(max([self._overlay.at, *waiting]) + AFTERWARDS)

    def _is_open(self, order_id: str) -> bool:
        order = self._overlay.order(order_id)
        return order is not None and order.open

    def line(  # noqa: PLR0917 - all that a line is
        self,
        name: str,
        parent: str,
        parted: Assumption | None,
        assumed: tuple[Assumption, ...],
        result: Result,
        ended_at: datetime,
    ) -> Line:
        """The line as it has ended, the fate of its orders with it."""
        return Line(
            name=name,
            parent=parent,
            parted=parted,
            assumed=assumed,
            steps=tuple(self._steps),
            orders=tuple(map(self._planned, self._writes)),
            refusals=tuple(self._refusals),
            begin=self._start,
            end=account_after(self._readings, self._overlay),
            ended_at=ended_at,
            status=result.status,
            exit_code=result.exit_code,
            result=result.data,
            left=self._left,
        )

    def _planned(self, write: Write) -> PlannedOrder:
        effect = write.effect
        final: Mapping[str, Any] = {}
        if write.order_id:
            final = self._overlay.read(ReadOrder(write.order_id)).data
        order = Order.read(final) if final else write.before
        return PlannedOrder(
            step=write.step,
            phase=phase_of(write.step),
            effect=effect.name,
            order_id=write.order_id if isinstance(effect, Submit) else effect.order_id,
            body=write.body,
            estimates=write.estimates,
            symbol=str(write.body.get("symbol") or (order.symbol if order is not None else "")),
            side=str(write.body.get("side") or (order.side if order is not None else "")),
            own=write.own,
            notional=write.notional,
            opens=not isinstance(effect, Cancel) and effect.opens,
            guards=write.guards,
            fate=str(final.get("status", "")) if write.order_id else "refused",
            filled_qty=decimal(final.get("filled_qty")),
            filled_avg_price=self._paid(final, write.queued_until),
            problem=write.problem,
            queued_until=write.queued_until,
        )

    def _paid(self, final: Mapping[str, Any], queued: datetime | None) -> Shown | None:
        """What a share is assumed to cost."""
        price = final.get("filled_avg_price")
        if price is None:
            return None
        basis = fill_basis(self._readings, final)
        later = "" if queued is None else f", not before {in_new_york(queued)}"
        return Shown(str(price), ESTIMATED, f"{basis}{later}")

    # ------------------------------------------------------------------ orders

    def _order(self, order_id: str) -> Order | None:
        answer = self._overlay.read(ReadOrder(order_id))
        return Order.read(answer.data) if answer.status is Status.OK else None

    def _queued(self, order_id: str) -> datetime | None:
        """When an order goes to the market, if that is not at once."""
        at = self._overlay.fills_at(order_id)
        soon = self._overlay.at + timedelta(minutes=1)
        return at if at is not None and at > soon else None

    def _notional(
        self,
        effect: Submit | Replace | Cancel,
        body: Mapping[str, Json],
        before: Order | None,
        estimates: Mapping[str, Shown],
    ) -> Shown | None:
        """Dollars at the order's limit, else at the quote as it stands."""
        if isinstance(effect, Cancel):
            return None
        if body.get("notional") is not None:
            return estimates.get("notional", Shown(body["notional"]))
        symbol = str(body.get("symbol") or (before.symbol if before is not None else ""))
        side = str(body.get("side") or (before.side if before is not None else ""))
        qty = decimal(body.get("qty")) or (before.qty if before is not None else None)
        price = decimal(body.get("limit_price")) or (before.limit_price if before else None)
        certainty, basis = ("computed", "") if not estimates else (ESTIMATED, "")
        if "limit_price" in estimates:
            basis = estimates["limit_price"].basis
        if price is None:
            answer = self._readings.ask(ReadQuote(symbol)) if symbol else None
            quote = Quote.read(answer.data) if answer is not None else None
            name = "ask" if side == "buy" else "bid"
            price = getattr(quote, name) if quote is not None else None
            certainty, basis = ESTIMATED, quote_basis(self._readings, symbol, name)
        if qty is None or price is None:
            return None
        size = CONTRACT if is_option(symbol) or body.get("legs") else 1
        return Shown(f"{abs(qty * price * size):f}", certainty, basis)


def phase_of(step: str) -> str:
    """Which part of a run a step belongs to; no step is the safe stop."""
    if not step:
        return "safe_stop"
    place = step.partition("[")[0]
    return place if place in CLEANUP else "steps"
