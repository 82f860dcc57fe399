"""The story of a log says what went wrong, and what a resume found, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from runner.audit.records import Record
from runner.audit.story import tell

BROKER = {"reason": "quantity_held", "message": "insufficient qty available", "status": 403,
          "code": 40310000, "extra": {"related_orders": ["5f0c2c9e"]}}  # fmt: skip


def told(kind: str, data: dict[str, Any]) -> str:
    record = Record(seq=1, ts="t", run="r", type=kind, step="steps[0]", data=data, prev="", hash="")
    (line,) = tell([record])
    return line.text


def test_a_failed_step_is_told_with_its_message_and_the_brokers_words() -> None:
    error = {"cause": "failed", "message": "the broker refused sell 5 AAPL", "broker": BROKER}
    assert told("step.finished", {"status": "failed", "error": error}) == (
        "failed: the broker refused sell 5 AAPL. The broker said: insufficient qty available "
        "(HTTP 403, code 40310000, related_orders [5f0c2c9e])"
    )


def test_the_brokers_words_are_not_told_twice() -> None:
    words = f"the broker refused sell 5 AAPL: {BROKER['message']}"
    error = {"cause": "failed", "message": words, "broker": {**BROKER, "extra": {}}}
    assert told("step.finished", {"status": "failed", "error": error}) == (
        f"failed: {words}. The broker said: (HTTP 403, code 40310000)"
    )


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"problems": [], "goes_on": True}, "the run goes on"),
        ({"problems": ["too late"], "goes_on": True}, "the run goes on although too late"),
        ({"problems": ["too late"], "goes_on": False}, "the steps do not go on: too late"),
    ],
)
def test_what_a_resume_found_is_told_in_words(data: dict[str, Any], line: str) -> None:
    orders = [{"client_order_id": "rb-x", "status": "filled", "filled_qty": "1"}]
    assert told("effect.reconciled", {"orders": orders, **data}) == (
        f"orders read again: rb-x filled, filled 1; {line}"
    )
