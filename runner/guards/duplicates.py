"""An order like one that another run sent a moment ago is most likely the same one again.

A runbook that two schedulers start reckons its prices anew each time, so two of its runs rarely
name the same price: of the same runbook (the digest of its text) an order counts as the same
whatever its prices are. An order of another runbook must be equal in its prices too. A row that
does not say its runbook counts as one of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from runner.guards.draft import Bounds, Draft, Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard, Scope
from runner.guards.past import PastOrder, some_order
from runner.world import same_symbol

CODE = "duplicates"
WINDOW = timedelta(seconds=30)
SIZE = ("qty", "notional")
PRICES = ("limit_price", "stop_price")


def judge(one: Judged) -> Verdict | None:
    """Refuses an order equal in symbol, side, type and size, or when none can be told.

    Orders of this run are never its duplicates: each of its steps sends at most once. A trail is
    not compared, so that in doubt trailing stops count as equal.
    """
    return _among(one.bounds, lambda past: _is_equal(past, one.draft, one.bounds.runbook))


def judge_legs(draft: Draft, legs: Sequence[Judged]) -> Verdict | None:
    """Refuses an order of several legs where a run of the same runbook sent one as large.

    The history does not hold the legs, so those of another runbook cannot be compared.
    """
    bounds = legs[0].bounds
    return _among(
        bounds,
        lambda past: (
            not past.symbol and past.runbook in ("", bounds.runbook) and past.qty == draft.qty
        ),
    )


def _among(bounds: Bounds, is_same: Callable[[PastOrder], bool]) -> Verdict:
    window = bounds.rules.limits.duplicate_window
    window = WINDOW if window is None else window
    values = {"duplicate_window": f"{window.total_seconds():.0f}s"}
    if bounds.history is None:
        words = "whether another run sent the same cannot be told: the logs cannot be read"
        return refuse(CODE, words, **values)
    begun = bounds.at - window
    for past in reversed(bounds.history):
        if (past.at is None or past.at > begun) and is_same(past):
            when = "at an unknown time" if past.at is None else f"at {past.at:%H:%M:%S} UTC"
            return refuse(CODE, f"run {past.run} sent the same order {when}", **values)
    return let_pass(CODE, "no other run sent the same", **values)


def _is_equal(past: PastOrder, draft: Draft, runbook: str) -> bool:
    compared = SIZE if past.runbook in ("", runbook) else (*SIZE, *PRICES)
    return (
        same_symbol(past.symbol, draft.symbol)
        and past.side == draft.side
        and past.type == draft.type
        and all(getattr(past, name) == draft.number(name) for name in compared)
    )


def known_bad(one: Judged) -> Judged:
    """The same order just after another run has sent it."""
    draft = one.draft
    numbers = {name: draft.number(name) for name in SIZE + PRICES}
    sent = replace(some_order(one.bounds.at), symbol=draft.symbol, side=draft.side,
                   type=draft.type, **numbers)  # fmt: skip
    return replace(one, bounds=replace(one.bounds, history=(sent,)))


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="another run of the log directory sent an order equal in symbol, side, type and size "
    "within the window: of the same runbook whatever its prices, of another one equal in prices "
    "too; or that cannot be told. Of several legs: one of the same runbook and quantity",
    default="30 s",
    reason="A command that is started twice, or by two schedulers, buys twice.",
    source="house rule; SEC Rule 15c3-5(c)(1)(ii): duplicative orders",
    limit="duplicate_window",
    scope=Scope.SINGLE,
    judge_legs=judge_legs,
)
