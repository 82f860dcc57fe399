"""Lists that may be longer than one answer of the broker: all of it, or an honest failure.

A list that is cut short without a word would hide an open order, so what cannot be shown to be
complete is unavailable.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from runner.broker.reading import Unreadable
from runner.broker.shapes import moment
from runner.effects import Answer, Json, Problem, Reason, Status

ORDERS_PAGE = 500
"""Orders in one answer; Alpaca's maximum."""

ACTIVITIES_PAGE = 100
"""Activities in one answer; Alpaca's maximum."""

MOST_PAGES = 50

_MICROSECOND = timedelta(microseconds=1)


def all_orders(page_after: Callable[[datetime | None], Answer]) -> Answer:
    """Every order, oldest first, from pages of those submitted after a moment (exclusive).

    Several orders may bear the same time, and times are cut to microseconds, so each page begins
    just before the end of the one before it, and what is repeated is left out.
    """
    found: dict[str, Json] = {}
    after: datetime | None = None
    for _ in range(MOST_PAGES):
        answer = page_after(after)
        if answer.status is not Status.OK:
            return answer
        page = _items(answer, "orders")
        known = len(found)
        if not all(order.get("id") for order in page):
            break
        found |= {str(order["id"]): order for order in page}
        if len(page) < ORDERS_PAGE:
            return Answer(Status.OK, {"orders": list(found.values())})
        try:
            last = moment(page[-1].get("submitted_at") or page[-1].get("created_at"))
        except Unreadable:
            break
        if len(found) == known:
            break
        after = last - _MICROSECOND
    return _incomplete("open orders")


def all_activities(page_from: Callable[[str | None], Answer]) -> Answer:
    """Every activity, from pages that follow the one with an id (exclusive)."""
    found: dict[str, Json] = {}
    token: str | None = None
    for _ in range(MOST_PAGES):
        answer = page_from(token)
        if answer.status is not Status.OK:
            return answer
        page = _items(answer, "activities")
        known = len(found)
        found |= {str(activity.get("id")): activity for activity in page}
        if len(found) != known + len(page):
            break
        if len(page) < ACTIVITIES_PAGE:
            return Answer(Status.OK, {"activities": list(found.values())})
        token = str(page[-1].get("id"))
    return _incomplete("activities")


def _items(answer: Answer, key: str) -> list[dict[str, Json]]:
    items = answer.data[key]
    assert isinstance(items, list)
    return [item for item in items if isinstance(item, dict)]


def _incomplete(what: str) -> Answer:
    problem = Problem(
        Reason.UNREADABLE, f"the broker's list of {what} could not be read to its end"
    )
    return Answer(Status.UNAVAILABLE, problem=problem)
