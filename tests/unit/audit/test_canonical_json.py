"""Canonical bytes are those of RFC 8785, and what would break that is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from runner.audit.canonical import canonical_bytes, digest, sha256_hex
from runner.audit.errors import CanonicalError

LARGEST = 2**53 - 1

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
keys = st.text(st.characters(max_codepoint=127))
records = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20
)


@given(records)
def test_canonical_bytes_equal_those_of_the_rfc(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


class Side(StrEnum):
    BUY = "buy"


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        0.0,
        float("nan"),
        2**53,
        -(2**53),
        Decimal("100.10"),
        datetime(2026, 11, 23, tzinfo=UTC),
        b"bytes",
        (1, 2),
        {1, 2},
        Side.BUY,
        "\ud800",
        {"ü": 1},
        {1: "one"},
        {"deep": [{"er": 0.1}]},
        {"deep": [{"größe": 1}]},
    ],
    ids=repr,
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError, match=r"\.$"):
        canonical_bytes(value)


def test_a_cycle_is_refused() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(CanonicalError):
        canonical_bytes(cycle)


def test_key_order_does_not_change_the_digest() -> None:
    assert digest({"b": 1, "a": [True, None]}) == digest({"a": [True, None], "b": 1})
    assert digest({}) == sha256_hex(b"{}")
