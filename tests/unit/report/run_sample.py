"""A run as an observer is told of it: events, commands and outcomes, written out by hand."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runner.drive.observer import Observer
from runner.effects import (
    Answer,
    AwaitChange,
    Bind,
    Cancel,
    Command,
    Effect,
    Event,
    Outcome,
    Problem,
    ReadOrderByClientId,
    Reason,
    Sleep,
    Status,
    Submit,
)
from runner.language.check import check
from runner.language.runbook import Runbook
from runner.language.source import Source
from runner.machine.result import Result
from runner.report.run_plain import PlainView
from runner.report.run_words import About
from runner.steps import ACTIONS

RUN_ID = "20261123T150000Z-k3v7c2mqzt5a6yrx"
LOG = Path("audit") / f"{RUN_ID}.jsonl"
CLIENT_ID = "rb-k3v7c2mqzt5a6yrx-4q2xabcdefghijklmnop"
ORDER_ID = "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"
START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
BODY = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "limit", "limit_price": "180.00",
        "time_in_force": "day"}  # fmt: skip

PLAN = """\
runbook: 1
name: one-share
symbols: [AAPL]
steps:
  - check_account:
  - id: entry
    name: Buy below the market
    submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 180.00}
  - id: fill
    await_fill: {order: entry, timeout: 60s}
  - assert: steps.fill.filled_qty == 1
on_failure:
  - cancel_order: {order: entry}
finally:
  - cancel_all: {scope: run}
"""


def runbook(text: str = PLAN) -> Runbook:
    checked = check(Source("plan.yaml", text), ACTIONS)
    assert checked.runbook is not None, checked.report.sorted()
    return checked.runbook


def about(text: str = PLAN, *, kind: str = "paper", base_url: str = "") -> About:
    return About(runbook(text), RUN_ID, kind, base_url, LOG)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def order(status: str = "new", filled: str = "0", **more: Any) -> dict[str, Any]:
    """An order object as the broker gives it."""
    price = {} if filled == "0" else {"filled_avg_price": "179.99"}
    return {**BODY, "id": ORDER_ID, "client_order_id": CLIENT_ID, "status": status,
            "filled_qty": filled, **price, **more}  # fmt: skip


class Told:
    """Tells one observer what happens, in order, as the driver would."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def event(self, seconds: float, step: str, type: str, **data: Any) -> None:  # noqa: A002
        self.observer.event(Event(step, type, data), at(seconds))

    def started(self, seconds: float, step: str, action: str, **args: Any) -> None:
        self.event(seconds, step, "step.started", action=action, args=args)

    def finished(
        self, seconds: float, step: str, action: str, status: str = "done", **data: Any
    ) -> None:
        self.event(seconds, step, "step.finished", status=status, action=action, **data)

    def asked(self, seconds: float, step: str, effect: Effect) -> None:
        self.observer.command(Command(step, effect), at(seconds))

    def answered(self, seconds: float, step: str, effect: Effect, answer: Answer) -> None:
        said = Outcome(at(seconds), answer.status, answer.data, answer.problem)
        self.observer.outcome(Command(step, effect), said)

    def does(self, began: float, ended: float, step: str, effect: Effect, answer: Answer) -> None:
        self.asked(began, step, effect)
        self.answered(ended, step, effect, answer)


SUBMIT = Submit(CLIENT_ID, {**BODY, "client_order_id": CLIENT_ID})
LOOKUP = ReadOrderByClientId(CLIENT_ID)
NO_ANSWER = Problem(Reason.TIMEOUT, "no answer within 20s")


def awaits(until: float) -> AwaitChange:
    return AwaitChange((ORDER_ID,), {ORDER_ID: "known"}, at(until))


def seen(status: str, filled: str = "0") -> Answer:
    return Answer(Status.OK, {"orders": {ORDER_ID: order(status, filled)}, "polls": 1})


def begin(told: Told) -> None:
    """The run is bound and the account is fine."""
    told.does(0, 0, "", Bind(("AAPL",)), Answer(Status.OK, {"id": "a"}))
    told.event(0, "", "run.bound", account_id="a", account_number="PA123", status="ACTIVE")
    told.started(0, "steps[0]", "check_account")
    outputs = {"equity": "100000.5", "buying_power": "400000", "cash": "100000"}
    told.finished(0.3, "steps[0]", "check_account", outputs=outputs)


def buy(told: Told) -> None:
    """The order is sent and accepted."""
    told.started(0.3, "steps[1]", "submit_order")
    told.does(0.3, 0.5, "steps[1]", SUBMIT, Answer(Status.OK, order("pending_new")))
    told.finished(0.5, "steps[1]", "submit_order", outputs={"order_id": ORDER_ID, "status": "new"})


def wait_for_fill(told: Told) -> None:
    """The order is awaited, and seen as new first."""
    told.started(0.5, "steps[2]", "await_fill")
    told.does(0.5, 0.7, "steps[2]", awaits(60.5), seen("new"))
    told.asked(0.7, "steps[2]", awaits(60.5))


def fill(told: Told) -> None:
    """It fills; the plan goes on to its end."""
    told.answered(12, "steps[2]", awaits(60.5), seen("filled", "1"))
    outputs = {"status": "filled", "filled_qty": "1", "remaining_qty": "0",
               "filled_avg_price": "179.99"}  # fmt: skip
    told.finished(12, "steps[2]", "await_fill", outputs=outputs)
    told.started(12, "steps[3]", "assert", that="steps.fill.filled_qty == 1")
    told.finished(12, "steps[3]", "assert", outputs={})
    told.started(12, "finally[0]", "cancel_all")
    told.finished(12, "finally[0]", "cancel_all",
                  outputs={"canceled": "0", "kept": "0", "already_done": "0"})  # fmt: skip


def whole_run(told: Told) -> None:
    for part in (begin, buy, wait_for_fill, fill):
        part(told)


def lose_the_answer(told: Told) -> None:
    """The submission has no clear answer and is looked up."""
    told.started(0.3, "steps[1]", "submit_order")
    told.does(0.3, 20.3, "steps[1]", SUBMIT, Answer(Status.UNKNOWN, problem=NO_ANSWER))
    told.does(20.3, 20.4, "steps[1]", LOOKUP, Answer(Status.ABSENT))
    told.does(20.4, 24.4, "steps[1]", Sleep(at(24.4)), Answer(Status.OK))


def stop_safely(told: Told) -> None:
    """The safe stop cancels the order and sees it cancelled."""
    told.does(13, 13.1, "", Cancel(ORDER_ID), Answer(Status.OK))
    told.does(13.1, 13.4, "", awaits(73), seen("canceled"))


def result(status: str = "completed", exit_code: int = 0, **data: Any) -> Result:
    """What the machine returns, with one order filled unless told otherwise."""
    sent = {"client_order_id": CLIENT_ID, "order_id": ORDER_ID, "symbol": "AAPL", "side": "buy",
            "qty": "1", "notional": None, "type": "limit", "status": "filled", "filled_qty": "1",
            "filled_avg_price": "179.99", "kept": False}  # fmt: skip
    sent |= data.pop("order", {})
    whole: dict[str, Any] = {
        "status": status,
        "exit_code": exit_code,
        "steps": [],
        "orders": [sent],
        "positions": [{"symbol": "AAPL", "run_qty": "0", "protected_qty": "0"}],
        "error": None,
        "open_orders": [],
    }
    return Result(status, exit_code, {**whole, **data})


def plain(parts: Iterable[Any], text: str = PLAN, *, color: bool = False) -> str:
    """What the plain view prints when it is told these parts."""
    stream = io.StringIO()
    view = PlainView(about(text), stream, color=color)
    view.start()
    for part in parts:
        part(Told(view))
    return stream.getvalue()
