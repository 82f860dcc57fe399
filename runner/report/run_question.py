"""A question to the person at the terminal, with what that person must know to answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from runner.effects import AskPerson
from runner.machine.own_orders import OwnOrder, Sent
from runner.report.diagnostics import visible
from runner.report.run_text import NEW_YORK, spoken, wrap
from runner.report.run_words import order_in_words, order_state

PROMPT = "Approve? [y/N] "
MOST_COMING = 5


def question_text(asked: AskPerson, live: Sequence[OwnOrder], at: datetime, *, width: int) -> str:
    """The question, what is about to be sent, this run's open orders, and how long it stands; it
    ends with the prompt. `at` is the run's time.

    No line is wider than `width` columns.
    """
    until = asked.until.astimezone(NEW_YORK)
    stands = f"{spoken(asked.until - at)}, until {until:%H:%M:%S} New York"
    paragraphs = (
        f"? {visible(asked.question)}",
        *(f"  To be sent: {visible(one)}" for one in asked.coming[:MOST_COMING]),
        *_more(len(asked.coming) - MOST_COMING),
        f"  Live now, as last read: {_live(live)}",
        f"  Stands for {stands}. y and Enter approves, anything else refuses.",
    )
    lines = [line for one in paragraphs for line in _wrapped(one, width)]
    return "\n".join(["", *lines, PROMPT])


def _more(left_out: int) -> Iterator[str]:
    if left_out > 0:
        yield f"  and {left_out} more: `runbook plan` shows all of them."


def _wrapped(paragraph: str, width: int) -> Iterator[str]:
    first, *rest = wrap(paragraph[2:], width - 2)
    yield f"{paragraph[:2]}{first}"
    yield from (f"  {line}" for line in rest)


def _live(orders: Sequence[OwnOrder]) -> str:
    if not orders:
        return "no open order of this run."
    return "; ".join(_order(own) for own in orders) + "."


def _order(own: OwnOrder) -> str:
    words = order_in_words(own.body) or f"{own.side} {own.symbol}".strip()
    state = "may be live" if own.sent is Sent.UNKNOWN else order_state(own.order)
    return f"{visible(words)}, {state} ({visible(own.client_order_id)})"
