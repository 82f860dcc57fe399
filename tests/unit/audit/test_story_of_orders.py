"""The story of a log tells orders, changes and cancels in words."""

from __future__ import annotations

from typing import Any

import pytest
from unit.audit.audit_sample import AT, ORDER

from runner.audit.records import Record
from runner.audit.story import tell

NEW = "70aa11bb-0000-4000-8000-000000000002"
LIMIT = {
    "id": NEW, "side": "buy", "symbol": "AAPL", "status": "new", "qty": "10", "filled_qty": "0",
    "filled_avg_price": None, "replaces": ORDER, "replaced_by": None, "legs": None,
}  # fmt: skip


def told(kind: str, data: dict[str, Any], effect: dict[str, Any]) -> str:
    intent = {"n": 1, "effect": effect, "digest": ""}
    shown = [("effect.intent", intent)] + ([(kind, data)] if kind != "effect.intent" else [])
    records: list[Record] = [
        record_of(number, one, content) for number, (one, content) in enumerate(shown)
    ]
    return [*tell(records)][-1].text


def record_of(number: int, kind: str, data: dict[str, Any]) -> Record:
    return Record(
        seq=number, ts=AT, run="r", type=kind, step="steps[0]", data=data, prev="", hash=""
    )


def test_a_change_is_told_in_words() -> None:
    effect = {
        "effect": "replace", "order_id": ORDER, "client_order_id": "rb-x",
        "body": {"limit_price": "101.50", "qty": "10", "client_order_id": "rb-x"},
    }  # fmt: skip
    words = "intends to change order 5f0c2c9e to limit_price 101.50, qty 10 as rb-x"
    assert told("effect.intent", {}, effect) == words
    outcome = {"n": 1, "at": AT, "status": "ok", "data": LIMIT}
    assert told("effect.outcome", outcome, effect) == (
        "replace: ok, order 70aa11bb buy AAPL new, filled 0 of 10, in place of 5f0c2c9e"
    )


def test_a_cancel_is_told_in_words() -> None:
    effect = {"effect": "cancel", "order_id": ORDER}
    assert told("effect.intent", {}, effect) == "intends to cancel order 5f0c2c9e"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"status": "replaced", "replaced_by": ORDER, "replaces": None},
         "order 70aa11bb buy AAPL replaced, filled 0 of 10, goes on as 5f0c2c9e"),
        ({"qty": None, "notional": "500", "replaces": None},
         "order 70aa11bb buy AAPL new, filled 0 of $500"),
        ({"symbol": "", "side": "", "replaces": None,
          "legs": [{**LIMIT, "id": ORDER, "replaces": None}]},
         "order 70aa11bb new, filled 0 of 10 [order 5f0c2c9e buy AAPL new, filled 0 of 10]"),
    ],
)  # fmt: skip
def test_an_order_is_told_with_what_it_became_and_its_legs(
    order: dict[str, Any], words: str
) -> None:
    outcome = {"n": 1, "at": AT, "status": "ok", "data": {**LIMIT, **order}}
    read = {"effect": "read_order", "order_id": NEW}
    assert told("effect.outcome", outcome, read) == f"read_order: ok, {words}"


@pytest.mark.parametrize(
    ("rows", "words"),
    [([], "none"), ([{"symbol": "AAPL", "side": "buy", "qty": "5", "worth": "500"}] * 2, "2")],
)
def test_the_houses_history_is_told_as_a_count(rows: list[dict[str, str]], words: str) -> None:
    outcome = {"n": 1, "at": AT, "status": "ok", "data": {"orders": rows}}
    text = told("effect.outcome", outcome, {"effect": "read_history"})
    assert text == f"read_history: ok, orders of other runs: {words}"


def test_a_history_that_cannot_be_told_is_told_with_its_reason() -> None:
    problem = {"reason": "unreadable", "message": "a.jsonl cannot be read"}
    outcome = {"n": 1, "at": AT, "status": "unavailable", "problem": problem}
    text = told("effect.outcome", outcome, {"effect": "read_history"})
    assert text == "read_history: unavailable, unreadable: a.jsonl cannot be read"
