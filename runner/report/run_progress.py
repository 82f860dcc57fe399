"""How far a run is: what the views show, built from what an observer is told.

It knows no terminal and no clock. Each call returns the notes that are worth a line of their own;
the rows hold the state of every step. It is tolerant on purpose: told something that it does not
expect, it shows less, and does not fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from runner.effects import (
    AskPerson,
    AwaitChange,
    Cancel,
    Command,
    Effect,
    Event,
    Notify,
    Outcome,
    ReadOrder,
    ReadOrderByClientId,
    Replace,
    Sleep,
    Status,
    Submit,
    Suspend,
)
from runner.language.runbook import Runbook
from runner.report.diagnostics import visible
from runner.report.run_orders import SentOrders, news, orders_in
from runner.report.run_resumed import Resumed, found_in_words
from runner.report.run_rows import Note, Row, Rows
from runner.report.run_text import new_york, spoken
from runner.report.run_words import LOUD, broker_in_words, outputs_in_words
from runner.world import unfamiliar

LOCAL = (Sleep, AskPerson, Notify, Suspend)
"""Effects that no broker answers."""

ABOUT_OWN = (Submit, Replace, AwaitChange, ReadOrder, ReadOrderByClientId)
"""Effects that are answered with orders of this run, and no others."""

SHORT = timedelta(seconds=2)
"""A pause that is not worth showing."""


class Progress:
    """The rows of one run, the orders it sent, and where it is. `at` is the run's time.

    Of a run that was `resumed` the log is told first; `past` is true until its end.
    """

    def __init__(self, runbook: Runbook, resumed: Resumed | None = None) -> None:
        self.rows = Rows(runbook)
        self.orders = SentOrders()
        self.at: datetime | None = None
        self.current: Row | None = None
        self.stopping = ""  # the signal that came, such as SIGINT
        self.over = False
        self.past = resumed is not None  # whether what is told comes from the log
        self.settled: Note | None = None  # what a resume found
        self._resumptions = -resumed.earlier if resumed is not None else 0
        self._died: dict[str, str] = {}  # where the orders stood when the run was cut short
        self._outage = False
        self._warned: set[str] = set()

    def command(self, command: Command, at: datetime) -> list[Note]:
        """An effect is about to be performed."""
        self.at = at
        row = self._row_of(command, at)
        if row is None:
            return []
        notes = _refusal(row) if isinstance(command.effect, Submit | Replace | Sleep) else []
        match command.effect:
            case Submit(client_order_id, body):
                notes += self._submitting(row, client_order_id, body)
            case AwaitChange(orders, until=until):
                notes += _wait(row, self.orders.states(orders), until, at)
            case Sleep(until) if until - at > SHORT:
                notes += _pause(row, until, at)
            case Cancel(order_id):
                known = self.orders.known_as(order_id)
                row.detail = f"cancelling {known.words if known else f'order {visible(order_id)}'}"
                row.cancelled.append(order_id)
                if row.path == "":
                    notes.append(Note(row, "cancel", row.detail))
            case Replace(order_id, client_order_id):
                notes += self._changing(row, order_id, client_order_id)
            case AskPerson(question, until):
                row.state, row.until, row.detail = "waiting", until, "for an answer"
                row.message = visible(question)
                notes.append(Note(row, "asks", row.message))
            case Notify(message):
                row.message = visible(message)
                notes.append(Note(row, "message", row.message))
            case Suspend(client_order_ids):
                row.detail = f"still not known: order {', '.join(client_order_ids)}"
                notes.append(_end(row, "unknown", at))
        return notes

    def outcome(self, command: Command, outcome: Outcome) -> list[Note]:
        """An effect has come back."""
        self.at = outcome.at
        if outcome.resumed:
            self._taken_up()
        row = self.rows.get(command.step)
        notes = self._answered(row, command.effect, outcome) if row is not None else []
        notes += self._unfamiliar(row, command.effect, outcome)
        self.orders.fold(outcome.data)
        return notes

    def event(self, event: Event, at: datetime) -> list[Note]:
        """The machine decided or finished something."""
        self.at = at
        data = event.data
        match event.type:
            case "run.bound":
                words = f"{data.get('account_number')} · {data.get('status')}"
                return [Note(None, "account", visible(words))]
            case "step.started":
                self.current = self.rows.of(event.step, data)
                self.current.begin(at, data)
            case "step.skipped":
                row = self.rows.of(event.step, data)
                reason = visible(str(data.get("reason", "")))
                row.detail = f"{row.condition} is false" if row.condition else reason
                return [_end(row, "skipped", at)]
            case "step.finished":
                return [self._finished(self.rows.of(event.step, data), data, at)]
            case "effect.reconciled":
                return [self._settled(event)]
            case "decision" if data.get("about") == "when":
                row = self.rows.of(event.step, {})
                row.condition = visible(str(data.get("expression", "")))
        return []

    def notice(self, command: Command, text: str, at: datetime) -> list[Note]:
        """Something a person should know while an effect lasts."""
        self.at = at
        return [Note(self._row_of(command, at), "notice", visible(text))]

    def polled(self, at: datetime) -> None:
        """Time has passed."""
        self.at = at

    def finish(self) -> list[Note]:
        """The run is over: a step that was left in the middle is shown as such."""
        self.over = True
        left = [row for row in self.rows.all if row.running]
        for row in left:
            settled = row.path == "" and not self.orders.any_working
            row.state = "done" if settled else "left"
            row.ended, row.until = self.at, None
            if settled:
                row.detail = self.orders.states(row.cancelled, named=True)
            else:
                row.detail = f"left while {row.detail}" if row.detail else "left before its end"
        return [Note(row, row.state, row.detail, row.state in LOUD) for row in left]

    # ------------------------------------------------------------------------- the parts

    def _row_of(self, command: Command, at: datetime) -> Row | None:
        """The row that an effect belongs to; the safe stop gets one when it has something to do."""
        row = self.rows.get(command.step)
        if row is None and command.step:
            row = self.rows.of(command.step, {})
        stops = isinstance(command.effect, Cancel | AwaitChange | ReadOrderByClientId | Suspend)
        if row is None and stops:
            row = self.rows.safe_stop()
        if row is not None:
            self.current = row
            if row.began is None:
                row.begin(at, {})
        return row

    def _submitting(self, row: Row, client_order_id: str, body: Mapping[str, Any]) -> list[Note]:
        order = self.orders.send(client_order_id, body)
        row.detail = f"sending {order.words}"
        if client_order_id in row.sent:
            return [_again(row, order.words, client_order_id)]
        row.sent.append(client_order_id)
        row.tried.add(client_order_id)
        return []

    def _changing(self, row: Row, order_id: str, client_order_id: str) -> list[Note]:
        known = self.orders.known_as(order_id)
        words = known.words if known is not None else "an order"
        row.detail = f"changing {words}, as {client_order_id}"
        if client_order_id in row.tried:
            return [_again(row, f"the change of {words}", client_order_id)]
        row.tried.add(client_order_id)
        return []

    def _taken_up(self) -> None:
        """The process that had begun died here; a new one told the machine so."""
        self._died = self.orders.snapshot()
        self._resumptions += 1
        if self.past and self._resumptions > 0:
            self.past = False
            for row in self.rows.all:
                row.logged = row.over

    def _settled(self, event: Event) -> Note:
        """What a resume found, and whether the run goes on."""
        since = [one.told for one in self.orders.changed_since(self._died)]
        note = Note(None, "resumed", *found_in_words(event, since))
        self.settled = None if self.past else note
        return note

    def _answered(self, row: Row, effect: Effect, outcome: Outcome) -> list[Note]:
        if row.state == "waiting":
            row.state, row.until = "running", None
        problem = broker_in_words(outcome.problem.to_data()) if outcome.problem else ""
        if effect.writes and outcome.status is Status.UNKNOWN:
            return [self._lost(row, effect, problem)]
        if isinstance(effect, Submit | Replace) and outcome.status is Status.REFUSED:
            row.refusal = problem
        if outcome.status is Status.UNAVAILABLE and not self._outage:
            self._outage = True
            what = effect.name.replace("_", " ")
            return [Note(row, "offline", f"the broker cannot be asked ({what}): {problem}", True)]
        notes = []
        asked = not isinstance(effect, LOCAL)
        if self._outage and asked and outcome.status in (Status.OK, Status.ABSENT):
            self._outage = False
            notes.append(Note(row, "online", "the broker answers again"))
        if isinstance(effect, ReadOrderByClientId) and outcome.status is Status.OK:
            notes += self._found(row, effect.client_order_id, outcome.data)
        if isinstance(effect, Notify) and outcome.data.get("delivered") is not True:
            why = f"not delivered: {visible(str(outcome.data.get('why', '')))}"
            row.message = f"{row.message} ({why})"
            notes.append(Note(row, "message", why, loud=True))
        return notes

    def _unfamiliar(self, row: Row | None, effect: Effect, outcome: Outcome) -> list[Note]:
        """An order of this run whose status is no known word; said once of each."""
        if not isinstance(effect, ABOUT_OWN):
            return []
        said = [words for order in orders_in(outcome.data) for words in unfamiliar(order)]
        new = [words for words in said if words not in self._warned]
        self._warned.update(new)
        return [Note(row, "notice", visible(words), loud=True) for words in new]

    def _lost(self, row: Row, effect: Effect, problem: str) -> Note:
        """A write without a clear answer: the one thing that must be seen at once."""
        order = self.orders.get(getattr(effect, "client_order_id", ""))
        if order is None:
            return Note(row, "unknown", f"no clear answer to {effect.name}: {problem}", loud=True)
        order.unknown = True
        row.detail = f"looking up {order.client_order_id}"
        text = (
            f"no clear answer to {order.words}: {problem}. It may be live; looking it up as "
            f"{order.client_order_id}"
        )
        return Note(row, "unknown", text, loud=True)

    def _found(self, row: Row, client_order_id: str, data: Mapping[str, Any]) -> list[Note]:
        order = self.orders.get(client_order_id)
        if order is None or not order.unknown:
            return []
        self.orders.fold(data)
        return [Note(row, "found", f"order {client_order_id}: {order.state}")]

    def _finished(self, row: Row, data: Mapping[str, Any], at: datetime) -> Note:
        state = visible(str(data.get("status", "done")))
        error, outputs = data.get("error"), data.get("outputs")
        row.refusal = ""
        if isinstance(error, Mapping):
            row.detail = visible(str(error.get("message", "")))
            return _end(row, state, at)
        sent = self.orders.of(row.sent)
        if state == "done" and sent and _told_by_its_orders(row):
            row.detail = "; ".join(
                f"{one.words} · order {one.client_order_id} {one.order.status}"
                for one in sent
                if one.order is not None
            )
            return _end(row, "sent", at)
        action = str(data.get("action", ""))
        found = outputs_in_words(
            row.action, action, outputs if isinstance(outputs, Mapping) else {}
        )
        row.detail = found or (row.condition if action == "assert" else "")
        return _end(row, state, at)


def _end(row: Row, state: str, at: datetime) -> Note:
    row.state, row.ended, row.until = state, at, None
    row.began = row.began or at
    return Note(row, state, row.detail, state in LOUD)


def _told_by_its_orders(row: Row) -> bool:
    """Whether a step that sent orders is about them; others say what these came to."""
    return row.action is None or "order_id" in row.action.outputs


def _refusal(row: Row) -> list[Note]:
    """The broker's words to an order, said once the step waits or tries again; one that ends says
    them itself."""
    refusal, row.refusal = row.refusal, ""
    return [Note(row, "refused", f"the broker refused: {refusal}", loud=True)] if refusal else []


def _again(row: Row, words: str, client_order_id: str) -> Note:
    return Note(row, "retrying", f"{words} again, under the same id {client_order_id}")


def _wait(row: Row, text: str, until: datetime, at: datetime) -> list[Note]:
    row.state, row.until, row.detail = "waiting", until, text
    if row.said == news(text):
        return []
    row.said = news(text)
    return [Note(row, "waiting", f"{text}, {spoken(until - at)} left")]


def _pause(row: Row, until: datetime, at: datetime) -> list[Note]:
    """A `wait` is what its step is for; any other pause only comes before another try."""
    if not row.purpose:
        row.state, row.until = "waiting", until
        return []
    if not row.polls:
        return _wait(row, f"{row.purpose} ({new_york(until)})", until, at)
    row.state, row.detail = "waiting", row.purpose
    if row.said == row.purpose:
        return []
    row.said = row.purpose
    return [Note(row, "waiting", row.purpose)]
