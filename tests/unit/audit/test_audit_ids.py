"""Run ids and client order ids: readable, unique, derived the same way every time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.audit.ids import is_run_id, run_id
from runner.identity import MAX_LENGTH, client_order_id, run_prefix

AT = datetime(2026, 11, 23, 14, 30, 1, tzinfo=UTC)


def test_a_run_id_tells_its_start_in_utc_and_carries_all_random_bits() -> None:
    new_york = AT.astimezone(timezone(timedelta(hours=-5)))
    assert run_id(new_york, bytes(range(10))) == "20261123T143001Z-aaaqeayeaudaocaj"
    assert is_run_id(run_id(AT, bytes(10)))
    tags = {run_id(AT, bytes(10 - 1 - at) + b"\1" + bytes(at)) for at in range(10)}
    assert len(tags) == 10


def test_run_ids_sort_by_start_time() -> None:
    later = run_id(AT + timedelta(seconds=1), bytes(10))
    assert run_id(AT, b"\xff" * 10) < later


def test_a_run_id_needs_its_random_bits_and_a_time_zone() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        run_id(AT, b"short")
    with pytest.raises(ValueError, match="time zone"):
        run_id(AT.replace(tzinfo=None), bytes(10))


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "ledger", "20261123T143001Z-AAAA"])
def test_other_text_is_no_run_id(text: str) -> None:
    assert not is_run_id(text)


def test_a_client_order_id_is_recognisable_and_stable() -> None:
    run = run_id(AT, bytes(range(10)))
    # The literal holds the derivation still: an id that changed would orphan the orders of
    # every run that is resumed with a newer version.
    expected = "rb-aaaqeayeaudaocaj-ylgcjygdnpiwvivrlsm5"
    assert client_order_id(run, "steps[2].for_each[1].steps[0]", 1) == expected
    assert expected.startswith(run_prefix(run))


@given(st.text(), st.text(), st.integers(0, 10**6))
def test_a_client_order_id_fits_the_broker(run: str, path: str, attempt: int) -> None:
    identity = client_order_id(run, path, attempt)
    assert len(identity) <= MAX_LENGTH
    assert re.fullmatch(r"[A-Za-z0-9_-]+", identity)


def test_run_step_iteration_and_attempt_each_make_another_id() -> None:
    runs = [run_id(AT, bytes([seed]) * 10) for seed in range(5)]
    paths = [f"steps[2].for_each[{item}].steps[{at}]" for item in range(12) for at in range(12)]
    ids = {client_order_id(r, p, attempt) for r in runs for p in paths for attempt in range(3)}
    assert len(ids) == len(runs) * len(paths) * 3
